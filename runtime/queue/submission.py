"""What is handed to the queue."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum

DEFAULT_QUEUE = "default"


def new_run_id() -> str:
    """Return an id that no run has."""
    return f"r-{secrets.token_hex(8)}"


class Policy(StrEnum):
    """What a new run does when its thread is busy."""

    ENQUEUE = "enqueue"
    """It waits for its turn."""

    REJECT = "reject"
    """It is refused."""

    INTERRUPT = "interrupt"
    """It cancels what the thread has, keeps what that has done, and comes next."""

    ROLLBACK = "rollback"
    """As `interrupt`, and the state goes back to before the run that was cancelled. Effects of its calls stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A run to be queued."""

    run_id: str
    thread_id: str
    tenant: str
    graph: str
    """The graph's name, for people."""

    reference: str
    """How a worker finds the graph."""

    given: bytes
    """The input, serialised."""

    asked: str | None
    trace_id: str
    queue: str = DEFAULT_QUEUE
    key: str | None = None
    """The idempotency key: a tenant's second submission with it is the first one."""

    priority: int = 0
    """Higher comes first."""

    delay: float = 0.0
    """Seconds before it may start."""

    policy: Policy = Policy.ENQUEUE
    max_attempts: int = 3
    answer_within: float | None = None
    """Seconds for which it waits for an answer at an interrupt, each time, before it is cancelled."""
