"""Puts a run into the mail of its thread with one statement of PostgreSQL's, where nothing stands in its way."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Double,
    String,
    bindparam,
    case,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.queue.submission import Policy, Submission
from trunkline.runtime.queue.topics import queue_topic
from trunkline.runtime.storage.queue.clock import SECOND, SERVER_NOW
from trunkline.runtime.storage.queue.submitting import QUANTUM, row_of, share_columns
from trunkline.runtime.storage.ringing import channel_of
from trunkline.runtime.storage.sealed import seal_of
from trunkline.runtime.storage.tables import RunRow, ThreadRow

_KNOWN_THEN = frozenset({"seq", "vtime", "not_before", "started_at", "queued_at"})
"""Columns of a run that the statement itself finds out."""


def is_plain(wanted: Submission) -> bool:
    """Whether the run may be submitted so: one with a key, or that makes way for itself, has more to look at."""
    return wanted.key is None and wanted.policy is Policy.ENQUEUE


async def submit_at_once(connection: AsyncConnection, wanted: Submission, now: int | None, *, rings: bool) -> bool:
    """Do as `submitting.submit` does where the thread is new or has nothing to do.

    Returns whether it is on record, as it also is when it was sent again because the answer was lost. Else nothing was
    written: the thread is busy or another tenant's, or the tenant has a limit.
    `now` is None for the database's clock; with `rings` whoever listens to the queue hears of it.
    """
    row = row_of(wanted, seq=0, now=0, seal=seal_of(connection))
    given = {name: value for name, value in row.items() if name not in _KNOWN_THEN}
    more = {"now": now, "delay": round(wanted.delay * SECOND), "rings": rings and wanted.delay <= 0}
    topic = {"topic": queue_topic(wanted.queue)}
    made = await connection.execute(_statement(tuple(given)), {**given, **more, **topic})
    return made.first() is not None


@cache
def _statement(given: tuple[str, ...]) -> Any:
    """Return the statement for runs of which these columns are given."""
    of_run = {name: bindparam(name, type_=RunRow.__table__.c[name].type) for name in given}
    clock = select(func.coalesce(bindparam("now", type_=BigInteger), SERVER_NOW).label("now")).cte("clock")
    share = select(clock.c.now, *share_columns(clock.c.now)).cte("share")
    mailed = _mailed(of_run, share)
    at = func.to_timestamp(cast(clock.c.now, Double) / SECOND)
    found = {"seq": mailed.c.seq, "vtime": mailed.c.vtime, "not_before": mailed.c.ready_at}
    row = {**of_run, **found, "started_at": at, "queued_at": at}
    made = insert(RunRow).from_select(list(row), select(*row.values()).join_from(mailed, clock, literal(True)))
    run = made.returning(RunRow.id).cte("made")
    ring = cast(func.pg_notify(channel_of(bindparam("topic", type_=String)), ""), String)
    submitted = select(run.c.id, case((bindparam("rings", type_=Boolean), ring)).label("ring"))
    before = select(RunRow.id, cast(null(), String).label("ring")).where(RunRow.id == of_run["id"])
    return union_all(submitted, before)


def _mailed(of_run: dict[str, Any], share: Any) -> Any:
    """Make the thread ready for the run, which is the only one that it has."""
    turn, weight = func.coalesce(share.c.turn, share.c.now), func.coalesce(share.c.weight, 1.0)
    place = func.greatest(turn, share.c.last + cast(func.round(QUANTUM / weight), BigInteger))
    fresh = {
        "sched": literal("ready"),
        "queue": of_run["queue"],
        "rank": -of_run["priority"],
        "vtime": place,
        "ready_at": share.c.now + bindparam("delay", type_=BigInteger),
    }
    row = {
        "id": of_run["thread_id"],
        "tenant": of_run["tenant"],
        "created_at": func.to_timestamp(cast(share.c.now, Double) / SECOND),
        "next_seq": literal(2),
        **fresh,
    }
    made = insert(ThreadRow).from_select(list(row), select(*row.values()).where(share.c.max_queued.is_(None)))
    again = {name: made.excluded[name] for name in fresh} | {"next_seq": ThreadRow.next_seq + 1}
    idle = (ThreadRow.sched == "idle") & (ThreadRow.tenant == made.excluded.tenant)
    mailed = made.on_conflict_do_update(index_elements=["id"], set_=again, where=idle)
    seq = (ThreadRow.next_seq - 1).label("seq")
    return mailed.returning(seq, ThreadRow.vtime, ThreadRow.ready_at).cte("mailed")
