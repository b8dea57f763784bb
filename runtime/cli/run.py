"""`trunkline run`: one turn of an agent or graph, from the command line."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, Database, Verbose
from trunkline.runtime.cli.streams import say


def run(
    agent: Annotated[
        str, typer.Argument(help="The agent or graph: a name in langgraph.json, package.module:name or path.py:name.")
    ],
    message: Annotated[str, typer.Argument(help="What to say to it.")],
    thread: Annotated[str | None, typer.Option(help="The conversation; left out, a new one.")] = None,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Run one turn and print the reply as it is spoken; tool calls are told on stderr."""
    del verbose
    asyncio.run(_run(agent, message, thread, database))


async def _run(agent: str, message: str, thread: str | None, database: str) -> None:
    from contextlib import aclosing
    from uuid import uuid4

    from trunkline.runtime.events import RunFinished, TextStreamed
    from trunkline.runtime.graph_book import GraphBook
    from trunkline.runtime.line import Trunkline
    from trunkline.tools.call import state_of
    from trunkline.tools.events import ToolCallFinished

    thread = thread or uuid4().hex
    book = GraphBook()
    if book.project:
        say(book.project.summary)
    async with (
        book.opened(agent, {"configurable": {"thread_id": thread}}) as graph,
        Trunkline(database) as line,
        aclosing(line.stream(graph, message, thread=thread)) as events,
    ):
        async for event in events:
            match event:
                case TextStreamed(text=text):
                    typer.echo(text, nl=False)
                case ToolCallFinished():
                    state = state_of(event.outcome).value
                    say(f"  {event.tool}: {state} ({event.seconds:.2f} s)")
                case RunFinished(reply=reply):
                    typer.echo()
                    say(f"run {reply.run_id} on thread {reply.thread_id}")
                case _:
                    pass
