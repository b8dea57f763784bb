"""A schedule: a run that is submitted again and again, at the moments of a cron expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from trunkline.errors import ScheduleError

ON_TIME = 60.0
"""Seconds within which a moment counts as met."""

MOST_AT_ONCE = 100
"""Missed moments for which runs are submitted in one go."""


class Misfire(StrEnum):
    """What happens to moments that passed while nobody kept the schedule."""

    SKIP = "skip"
    """Nothing; a moment that is no more than a minute ago still counts as met."""

    ONCE = "once"
    """One run for all of them."""

    ALL = "all"
    """A run for each, a hundred at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A run that is submitted again and again."""

    name: str
    tenant: str
    cron: str
    """Debian's: minute, hour, day of the month, month, day of the week; with six fields the first one is seconds."""

    zone: str
    """An IANA time zone. Where its clocks are changed, what Debian's cron does is done."""

    misfire: Misfire
    thread_id: str | None
    """None: each run has a thread of its own."""

    graph: str
    """The graph's name, for people."""

    reference: str
    given: bytes
    queue: str
    priority: int
    paused: bool = False
    next_at: datetime | None = None
    """When it is due; None until it is on record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What a schedule has to do."""

    moments: Sequence[datetime]
    """Those for which a run is to be submitted."""

    next_at: datetime
    """The first one after what was dealt with."""


def next_moment(cron: str, zone: str, after: datetime) -> datetime:
    """Return the first moment after this one. Raises `ScheduleError`."""
    try:
        return next(CronSim(cron, after.astimezone(ZoneInfo(zone)))).astimezone(UTC)
    except CronSimError as error:
        raise ScheduleError(cron=cron, zone=zone, problem=str(error).lower()) from error
    except (LookupError, OSError, ValueError) as error:
        raise ScheduleError(cron=cron, zone=zone, problem="there is no such time zone") from error
    except StopIteration:
        raise ScheduleError(cron=cron, zone=zone, problem="no moment of the next 50 years fits it") from None


def due(cron: str, zone: str, misfire: Misfire, first: datetime, now: datetime) -> Due:
    """Return what is to be done now about a schedule that was due at `first`."""
    match misfire:
        case Misfire.SKIP:
            met = (now - first).total_seconds() <= ON_TIME
            return Due(moments=[first] if met else [], next_at=next_moment(cron, zone, now))
        case Misfire.ONCE:
            return Due(moments=[first], next_at=next_moment(cron, zone, now))
        case Misfire.ALL:
            moments = [first]
            while (next_at := next_moment(cron, zone, moments[-1])) <= now and len(moments) < MOST_AT_ONCE:
                moments.append(next_at)
            return Due(moments=moments, next_at=next_at)
