"""`trunkline approve`: agrees to a call that waits."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from trunkline.runtime.cli.deciding import By, Note, WhichCall, With, decide, parsed, require_done
from trunkline.runtime.cli.options import DEFAULT_DATABASE, Database, Verbose

Arguments = Annotated[
    str | None,
    typer.Option(metavar="JSON", help="An object that takes the place of the call's arguments; needs --with."),
]


def approve(
    call: WhichCall,
    by: By = "",
    arguments: Arguments = None,
    note: Note = "",
    with_: With = None,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Agree to a call; with --with it is carried out at once. Exits with 1 if it then gives no result."""
    del verbose
    edited = _edited(arguments, with_)
    decided = decide(
        database,
        call,
        lambda desk, call_id: desk.approve(call_id, by=by, arguments=edited, note=note),
        with_=with_,
    )
    require_done(decided)


def _edited(arguments: str | None, with_: str | None) -> dict[str, Any] | None:
    if arguments is None:
        return None
    if with_ is None:
        message = "--arguments needs --with: only the tool itself can say whether they are valid"
        raise typer.BadParameter(message)
    edited = parsed(arguments, "--arguments")
    if not isinstance(edited, dict):
        message = f"--arguments must be a JSON object, got {arguments}"
        raise typer.BadParameter(message)
    return cast("dict[str, Any]", edited)
