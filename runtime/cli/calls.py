"""`trunkline calls`: the ledger of calls, and what people settle in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.runtime.cli.deciding import By, Reason, WhichCall, decide, parsed
from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import console, say, write_object

if TYPE_CHECKING:
    from trunkline.runtime.calls.record import CallRecord, DecisionRecord
    from trunkline.tools.call import CallState

calls = typer.Typer(help="The ledger of tool calls: list, show, resolve.", no_args_is_help=True)

Thread = Annotated[str | None, typer.Option(metavar="T", help="Only the calls of this thread.")]
States = Annotated[
    list[str] | None, typer.Option("--state", metavar="S", help="Only calls in this state; may be repeated.")
]
Limit = Annotated[int, typer.Option(min=1, metavar="N", help="How many calls to list.")]
Happened = Annotated[bool, typer.Option("--happened/--did-not-happen", help="What was found out about it.")]
Output = Annotated[str | None, typer.Option(metavar="JSON", help="What it gave, if it happened.")]


@calls.command("list")
def list_calls(
    thread: Thread = None,
    state: States = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """List the newest calls, whatever became of them."""
    del verbose
    found, where = asyncio.run(_newest(database, thread, _states(state), limit))
    if not found:
        say(_nothing(where, thread, state))
    elif as_json:
        from trunkline.runtime.cli.call_words import call_object

        for record in found:
            write_object(call_object(record))
    else:
        from trunkline.runtime.cli.calls_table import calls_table

        out = console()
        out.print(calls_table(found, width=out.width))


@calls.command()
def show(
    call: WhichCall, as_json: AsJson = False, database: Database = DEFAULT_DATABASE, verbose: Verbose = False
) -> None:
    """Show everything about a call: what was asked, why it waited, who decided what, and how it ended."""
    del verbose
    from dataclasses import asdict

    from trunkline.runtime.cli.call_sheet import call_sheet
    from trunkline.runtime.cli.call_words import call_object

    record, decisions = asyncio.run(_kept(database, call))
    if as_json:
        write_object({**call_object(record), "decisions": [asdict(decision) for decision in decisions]})
    else:
        console().print(call_sheet(record, decisions), soft_wrap=True)


@calls.command()
def resolve(
    call: WhichCall,
    happened: Happened,
    by: By = "",
    output: Output = None,
    reason: Reason = "",
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Settle a call whose outcome is unknown, once a person has looked; the conversation is told at its next turn."""
    del verbose
    if output is not None and not happened:
        message = "--output goes with --happened: what did not happen gave nothing"
        raise typer.BadParameter(message)
    given = None if output is None else parsed(output, "--output")
    decide(
        database,
        call,
        lambda desk, call_id: desk.settle(call_id, by=by, happened=happened, output=given, reason=reason),
    )


async def _newest(
    database: str, thread: str | None, states: list[CallState] | None, limit: int
) -> tuple[list[CallRecord], str]:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database) as opened:
        book = opened.book.of_all_tenants()
        return (await book.calls(thread_id=thread, states=states, limit=limit))[::-1], opened.url.shown


async def _kept(database: str, call: str) -> tuple[CallRecord, list[DecisionRecord]]:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database) as opened:
        book = opened.book.of_all_tenants()
        record = await book.call(call)
        return record, await book.decisions(record.call_id)


def _states(names: list[str] | None) -> list[CallState] | None:
    from trunkline.tools.call import CallState

    known = [state.value for state in CallState]
    for name in names or []:
        if name not in known:
            message = f"--state {name!r} is none of {', '.join(known)}"
            raise typer.BadParameter(message)
    return [CallState(name) for name in names] if names else None


def _nothing(where: str, thread: str | None, states: list[str] | None) -> str:
    on = f" on thread {thread!r}" if thread is not None else ""
    if states:
        return f"no calls{on} in {where} are {' or '.join(states)}; leave --state out to see all"
    return f"no calls{on} in {where}{'; leave --thread out to see all' if on else ' yet'}"
