"""Runs as they are named on the command line: by the beginning of their id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.errors import AmbiguousRunError, UnknownRunError

if TYPE_CHECKING:
    from trunkline.runtime.storage.database import Database
    from trunkline.runtime.storage.run_rows import Run

WhichRun = Annotated[str, typer.Argument(metavar="RUN", help="The id of a run, the beginning of one, or 'last'.")]


async def run_named(opened: Database, wanted: str) -> Run:
    """Return the run that is meant. Raises `UnknownRunError` and `AmbiguousRunError`."""
    match await opened.runs.find(wanted):
        case []:
            raise UnknownRunError(run=wanted, database=opened.url.shown)
        case [run]:
            return run
        case several:
            raise AmbiguousRunError(run=wanted, matches=[each.id for each in several])
