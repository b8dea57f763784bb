"""`trunkline worker`: serves the runs that wait in the queue, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, Bus, Database, Verbose
from trunkline.runtime.cli.streams import say

if TYPE_CHECKING:
    from trunkline.runtime.graph_book import GraphBook
    from trunkline.runtime.workers.worker import Worker

Concurrency = Annotated[
    int, typer.Option(min=1, envvar="TRUNKLINE_CONCURRENCY", metavar="N", help="How many runs to serve at once.")
]
Queues = Annotated[str, typer.Option(envvar="TRUNKLINE_QUEUES", metavar="A,B", help="Which queues to serve.")]
Lease = Annotated[
    float, typer.Option(min=1, metavar="S", help="Seconds after which others give up a worker that is not heard of.")
]
DrainGrace = Annotated[
    float, typer.Option(min=0, metavar="S", help="Seconds that a stop leaves runs to come to the end of a step.")
]
Graphs = Annotated[
    list[str] | None,
    typer.Option(
        "--graph",
        metavar="NAME=REF",
        help="A graph by name: package.module:name or path.py:name, beside those of langgraph.json; may be repeated.",
    ),
]


def worker(
    concurrency: Concurrency = 10,
    queues: Queues = "default",
    graph: Graphs = None,
    lease: Lease = 30.0,
    drain_grace: DrainGrace = 25.0,
    database: Database = DEFAULT_DATABASE,
    bus: Bus = None,
    verbose: Verbose = False,
) -> None:
    """Serve queued runs until SIGTERM or SIGINT: each run is then handed back at the end of its step.

    What is not there after --drain-grace seconds is cancelled and handed back; a second signal does so at once, a third
    ends the process. Exits with 0 when drained, 128 and the signal's number after a second one, 1 when other workers
    gave this one up.
    """
    del verbose
    # Imported before the loop starts: there a signal would have to wait for the end of the imports.
    from trunkline.runtime import line as line
    from trunkline.runtime.cli.logs import log_to_stderr

    log_to_stderr()
    book = _book(graph or [])
    names = [name.strip() for name in queues.split(",") if name.strip()]
    if not names:
        message = "--queues names no queue"
        raise typer.BadParameter(message)
    code = asyncio.run(_serve(book, database, bus, names, concurrency, lease=lease, drain_grace=drain_grace))
    if code:
        raise typer.Exit(code)


async def _serve(
    book: GraphBook,
    database: str,
    bus: str | None,
    queues: Sequence[str],
    concurrency: int,
    *,
    lease: float,
    drain_grace: float,
) -> int:
    """Serve until told to stop, and return the code to exit with."""
    from trunkline.runtime.cli.stop_signals import StopSignals
    from trunkline.runtime.line import Trunkline

    with StopSignals() as signals:
        async with (
            Trunkline(database, graphs=book, bus=bus) as line,
            line.worker(queues=queues, concurrency=concurrency, lease=lease, drain_grace=drain_grace) as serving,
        ):
            gc.freeze()  # what is loaded by now stays: the collector need not look through it again and again
            say(_described(serving, database, queues, concurrency, book))
            signals.tell(first=serving.stop, second=serving.stop_at_once)
            await serving.until_over()
    say(f"worker {serving.presence.id} has stopped")
    return signals.exit_code


def _described(worker: Worker, database: str, queues: Sequence[str], concurrency: int, book: GraphBook) -> str:
    from trunkline.runtime.cli.figures import plural
    from trunkline.runtime.storage.url import parse_url

    where = f"{plural(len(queues), 'queue')} {', '.join(queues)} of {parse_url(database).shown}".removeprefix("1 ")
    graphs = ", ".join(book.names) or "none by name, others by reference"
    return f"worker {worker.presence.id} serves {where}, {plural(concurrency, 'run')} at once; graphs: {graphs}"


def _book(given: Sequence[str]) -> GraphBook:
    from trunkline.runtime.graph_book import GraphBook

    graphs: dict[str, str] = {}
    for one in given:
        name, sign, reference = one.partition("=")
        if not sign or not name or not reference:
            message = f"--graph {one!r} is not NAME=REF"
            raise typer.BadParameter(message)
        graphs[name] = reference
    book = GraphBook(graphs)
    if book.project:
        say(book.project.summary)
    return book
