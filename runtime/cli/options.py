"""The options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from trunkline.runtime.defaults import DEFAULT_DATABASE as DEFAULT_DATABASE


class Verbosity:
    """Whether tracebacks are wanted: the object of the typer context, set by `-v` wherever it stands."""

    tracebacks: bool = False


def _set_verbosity(context: typer.Context, wanted: bool) -> bool:
    if wanted:
        context.ensure_object(Verbosity).tracebacks = True
    return wanted


Database = Annotated[
    str,
    typer.Option(
        envvar="TRUNKLINE_DATABASE", metavar="URL", help="Where the runs are: sqlite:///file.db or postgresql://…"
    ),
]
Bus = Annotated[
    str | None,
    typer.Option(
        envvar="TRUNKLINE_BUS", metavar="URL", help="What wakes other processes; left out, the database itself."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON object a line instead.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", callback=_set_verbosity, help="Show tracebacks of what goes wrong.")
]
