"""`trunkline runs`: what runs there are, and what people do about them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.run_actions import answer, cancel, retry
from trunkline.runtime.cli.run_sheet import dead, show
from trunkline.runtime.cli.streams import console, say, write_object

if TYPE_CHECKING:
    from trunkline.runtime.queue.status import RunStatus
    from trunkline.runtime.storage.runs import RunSummary

Limit = Annotated[int, typer.Option(min=1, metavar="N", help="How many runs to list.")]
Thread = Annotated[str | None, typer.Option(metavar="T", help="Only the runs of this thread.")]
Status = Annotated[str | None, typer.Option(metavar="S", help="Only runs with this status.")]
Queue = Annotated[str | None, typer.Option(metavar="Q", help="Only runs of this queue.")]

runs = typer.Typer(
    help="Runs: list (also without a command), show, retry, cancel, dead, answer.", invoke_without_command=True
)


@runs.callback()
def newest(
    context: typer.Context,
    limit: Limit = 20,
    thread: Thread = None,
    status: Status = None,
    queue: Queue = None,
    as_json: AsJson = False,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """List the newest runs, or do what the command says."""
    if context.invoked_subcommand is None:
        list_runs(limit, thread, status, queue, as_json, database, verbose)
    elif given := [name for name in context.params if _was_given(context, name)]:
        message = f"options come after the command, got --{given[0].replace('_', '-')} before it"
        raise typer.BadParameter(message)


@runs.command("list")
def list_runs(
    limit: Limit = 20,
    thread: Thread = None,
    status: Status = None,
    queue: Queue = None,
    as_json: AsJson = False,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """List the newest runs: how each stands, and what it took."""
    del verbose
    found, where = asyncio.run(_latest(database, limit, thread, _status(status), queue))
    if not found:
        say(_nothing(where, thread, status, queue))
    elif as_json:
        for summary in found:
            _write(summary)
    else:
        from trunkline.runtime.cli.runs_table import runs_table

        out = console()
        out.print(runs_table(found, width=out.width))


runs.command("show")(show)
runs.command("dead")(dead)
runs.command("retry")(retry)
runs.command("cancel")(cancel)
runs.command("answer")(answer)


async def _latest(
    database: str, limit: int, thread: str | None, status: RunStatus | None, queue: str | None
) -> tuple[list[RunSummary], str]:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database) as opened:
        found = await opened.runs.latest(limit=limit, thread=thread, status=status, queue=queue)
        return found, opened.url.shown


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE" and name != "verbose"


def _status(name: str | None) -> RunStatus | None:
    from trunkline.runtime.queue.status import RunStatus

    if name is None:
        return None
    known = [status.value for status in RunStatus]
    if name not in known:
        message = f"--status {name!r} is none of {', '.join(known)}"
        raise typer.BadParameter(message)
    return RunStatus(name)


def _nothing(where: str, thread: str | None, status: str | None, queue: str | None) -> str:
    if status is not None or queue is not None:
        return f"no such runs in {where}; leave --status and --queue out to see others"
    if thread is not None:
        return f"no runs on thread {thread!r} in {where}; leave --thread out to see all"
    return f"no runs yet in {where}; 'trunkline demo' makes some"


def _write(summary: RunSummary) -> None:
    from dataclasses import asdict

    values = asdict(summary)
    write_object({**values.pop("run"), "seconds": summary.run.seconds, **values})
