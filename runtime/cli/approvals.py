"""`trunkline approvals`: lists what waits for somebody's decision."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import console, say, write_object

if TYPE_CHECKING:
    from datetime import datetime

    from trunkline.runtime.calls.record import CallRecord

Thread = Annotated[str | None, typer.Option(metavar="T", help="Only the requests of this thread.")]


def approvals(
    thread: Thread = None,
    as_json: AsJson = False,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """List the calls on which somebody must decide, the most urgent first."""
    del verbose
    from datetime import UTC, datetime

    from trunkline.runtime.calls.decision import is_due

    found, where = asyncio.run(_waiting(database, thread))
    now = datetime.now(UTC)
    open_ = sorted((record for record in found if not is_due(record, now)), key=_urgency)
    if not open_:
        say(f"nothing waits for a decision {f'on thread {thread!r} ' if thread is not None else ''}in {where}")
    elif as_json:
        _write(open_)
    else:
        from trunkline.runtime.cli.requests_list import requests_list

        out = console()
        out.print(requests_list(open_, now=now.astimezone(), width=out.width), soft_wrap=True)
    if expired := len(found) - len(open_):
        say(f"{expired} more expired before anybody decided")


async def _waiting(database: str, thread: str | None) -> tuple[list[CallRecord], str]:
    from trunkline.runtime.cli.existing import existing_database
    from trunkline.tools.ledger import WAITING

    async with existing_database(database) as opened:
        return await opened.book.of_all_tenants().calls(thread_id=thread, states=WAITING), opened.url.shown


def _urgency(record: CallRecord) -> tuple[bool, datetime, datetime]:
    """By the deadline; those without one come last, the oldest first."""
    asked = record.asked_at or record.recorded_at
    return record.expires_at is None, record.expires_at or asked, asked


def _write(found: list[CallRecord]) -> None:
    from trunkline.runtime.cli.call_words import call_object

    for record in found:
        write_object(call_object(record))
