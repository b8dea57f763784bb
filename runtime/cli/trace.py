"""`trunkline trace`: draws one run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import console, say, write_object
from trunkline.runtime.cli.which_run import WhichRun, run_named

if TYPE_CHECKING:
    from trunkline.runtime.storage.run_rows import Run
    from trunkline.runtime.tracing.span import Span


def trace(
    run: WhichRun,
    as_json: AsJson = False,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Draw a run: every step, model call and tool call on one time axis."""
    del verbose
    found, spans = asyncio.run(_recorded(database, run))
    if as_json:
        for span in spans:
            _write(span)
    else:
        _draw(found, spans)


async def _recorded(database: str, wanted: str) -> tuple[Run, list[Span]]:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database) as opened:
        run = await run_named(opened, wanted)
        return run, await opened.spans.of_run(run.id)


def _draw(run: Run, spans: list[Span]) -> None:
    from trunkline.runtime.cli.summary import footer, heading
    from trunkline.runtime.cli.waterfall import waterfall
    from trunkline.runtime.tracing.critical_path import critical_path
    from trunkline.runtime.tracing.tree import SpanTree

    tree = SpanTree(spans)
    path = critical_path(tree)
    out = console()
    out.print(heading(run, width=out.width))
    if not spans:
        say("nothing is on record of it yet; spans come with the next commit after they end")
        return
    out.print("", waterfall(tree, path, width=out.width), "", footer(run, tree, path, width=out.width), sep="\n")


def _write(span: Span) -> None:
    from dataclasses import asdict

    write_object({**asdict(span), "seconds": span.seconds})
