"""What the commands that decide on a call share: their options, the desk that they go to, and the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trunkline.errors import NobodyError, ReferenceNotFoundError
from trunkline.runtime.cli.streams import say

if TYPE_CHECKING:
    from trunkline.runtime.calls.deciding import Deciding
    from trunkline.runtime.calls.desk import Decided
    from trunkline.runtime.calls.record import CallRecord
    from trunkline.tools.toolbox import Toolbox


def _name(given: str) -> str:
    """Return who decides: as it was said, else the login name."""
    import getpass

    if given.strip():
        return given.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise NobodyError from error


def parsed(text: str, option: str) -> Any:
    """Return the JSON that an option was given. Raises `typer.BadParameter`."""
    import json

    try:
        return json.loads(text)
    except ValueError as error:
        message = f"{option} is not JSON: {error}"
        raise typer.BadParameter(message) from error


WhichCall = Annotated[str, typer.Argument(metavar="CALL", help="The id of a call, or the beginning of one.")]
By = Annotated[
    str,
    typer.Option(
        envvar="TRUNKLINE_USER",
        metavar="NAME",
        callback=_name,
        show_default=False,
        help="Who decides; left out, the login name.",
    ),
]
Reason = Annotated[str, typer.Option(metavar="TEXT", show_default=False, help="Why, for the customer.")]
Note = Annotated[str, typer.Option(metavar="TEXT", show_default=False, help="Why, for colleagues only.")]
With = Annotated[
    str | None,
    typer.Option(
        "--with",
        metavar="REF",
        help="The agent, graph or toolbox that has the tool, package.module:name or path.py:name: "
        "the call is carried out at once, in this process.",
    ),
]

Act = Callable[["Deciding", str], "Awaitable[Decided]"]
"""Decides on the call with this id."""


def decide(database: str, call: str, act: Act, *, with_: str | None = None) -> Decided:
    """Go to the desk of the call's own tenant, decide there, and print the answer.

    Raises what the decision raises, and `ReferenceNotFoundError` where `with_` has no such tool; nothing is
    decided then.
    """
    from trunkline.runtime.cli.call_words import answer_text
    from trunkline.tools.call import CallState

    record, decided = asyncio.run(_decided(database, call, act, with_))
    typer.echo(answer_text(decided))
    if decided.state is CallState.READY:
        say(f"the next process that knows {record.tool} carries it out: a running line looks each second")
    return decided


def require_done(decided: Decided) -> None:
    """Exit with 1 where a call that was agreed on has ended without a result."""
    from trunkline.tools.outcome import is_error

    if decided.outcome is not None and is_error(decided.outcome):
        raise typer.Exit(1)


async def _decided(database: str, call: str, act: Act, with_: str | None) -> tuple[CallRecord, Decided]:
    from trunkline.agents.models import Models
    from trunkline.runtime.cli.existing import existing_database
    from trunkline.runtime.line import Trunkline

    async with existing_database(database) as opened:
        record = await opened.book.of_all_tenants().call(call)
    toolboxes = _tools(with_, record) if with_ else []
    async with Trunkline(database, tenant=record.tenant, models=Models({})) as line:
        for toolbox in toolboxes:
            line.know(toolbox)
        return record, await act(line, record.call_id)


def _tools(reference: str, record: CallRecord) -> list[Toolbox]:
    from trunkline.runtime.references import resolve_tools

    toolboxes = resolve_tools(reference)
    homes = [found.home for toolbox in toolboxes if (found := toolbox.get(record.tool))]
    if record.home in homes:
        return toolboxes
    other = f"; its tool of that name is {' and '.join(homes)}" if homes else ""
    problem = f"does not have the tool of the call, {record.tool!r} from {record.home}{other}"
    raise ReferenceNotFoundError(reference=reference, problem=problem, wanted="an agent, a graph or a toolbox")
