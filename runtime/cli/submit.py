"""`trunkline submit`: leaves a run to the workers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trunkline.runtime.cli.deciding import parsed
from trunkline.runtime.cli.options import DEFAULT_DATABASE, Bus, Database, Verbose
from trunkline.runtime.cli.streams import say

if TYPE_CHECKING:
    from trunkline.runtime.graph_book import GraphBook

Graph = Annotated[str, typer.Argument(help="A name that the workers know, package.module:name or path.py:name.")]
Input = Annotated[
    str, typer.Argument(metavar="INPUT", help="What to say to it, or the graph's input as JSON: {…} or […].")
]
Thread = Annotated[str | None, typer.Option(metavar="T", help="The conversation; left out, a new one.")]
Key = Annotated[str | None, typer.Option(metavar="K", help="The same key twice is the same run.")]
Queue = Annotated[str, typer.Option(metavar="Q", help="The queue that it goes to.")]
Priority = Annotated[int, typer.Option(metavar="N", help="Higher comes first.")]
Delay = Annotated[float, typer.Option(min=0, metavar="S", help="Seconds before it may begin.")]
Tenant = Annotated[str, typer.Option(metavar="NAME", help="For whom it is.", show_default=False)]


def submit(
    graph: Graph,
    given: Input,
    thread: Thread = None,
    key: Key = None,
    queue: Queue = "default",
    priority: Priority = 0,
    delay: Delay = 0.0,
    tenant: Tenant = "",
    database: Database = DEFAULT_DATABASE,
    bus: Bus = None,
    verbose: Verbose = False,
) -> None:
    """Leave a run to the workers, and print its id."""
    del verbose
    options = {"thread": thread, "key": key, "queue": queue, "priority": priority, "delay": delay}
    typer.echo(asyncio.run(_submitted(graph, _input(given), database, bus, tenant, options)))


async def _submitted(
    graph: str, given: Any, database: str, bus: str | None, tenant: str, options: dict[str, Any]
) -> str:
    from trunkline.runtime.line import Trunkline

    async with Trunkline(database, tenant=tenant, bus=bus, graphs=_book(graph)) as line:
        return await line.submit(graph, given, **options)


def _book(graph: str) -> GraphBook:
    """Return a book in which the graph's name stands: not we must be able to load it, but the workers."""
    from trunkline.runtime.graph_book import GraphBook

    book = GraphBook()
    if ":" in graph or graph in book.names:
        return book
    say(f"{graph} is not among the graphs of this folder; a worker must know it by this name")
    return GraphBook({graph: graph})


def _input(text: str) -> Any:
    return parsed(text, "INPUT") if text.lstrip().startswith(("{", "[")) else text
