"""A lease: the right of one claim to write to a thread."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False, kw_only=True)
class Lease:
    """The right to write to a thread, from its claim to the end of the run. Each write names it and is checked.

    `fence` orders the claims of a thread; `lease_id` is random, because a replica that was promoted with a lost tail
    may hand out a number again.
    """

    thread_id: str
    run_id: str
    worker_id: str
    fence: int
    lease_id: str
    next_event: int = 1
    """The number of the thread's next event, which its holder counts on."""

    released: bool = False
    """Whether the run has ended. What still comes of it (calls that outlive their turn) is checked against the life of
    its worker instead."""

    lent: bool = False
    """Whether another process writes under it, too, and so numbers events."""

    refused: int = 0
    """Writes that were refused because the lease was lost."""

    on_loss: list[Callable[[], object]] = field(default_factory=list[Callable[[], object]])
    """Called at the first refused write."""

    def release(self) -> None:
        """Note that the run has ended, and that this is on record."""
        self.released = True

    def refuse(self) -> None:
        """Count a refused write, and tell whoever holds the lease."""
        self.refused += 1
        if self.refused == 1:
            for told in self.on_loss:
                told()


_HELD: ContextVar[Lease | None] = ContextVar("trunkline_lease", default=None)


def held_lease() -> Lease | None:
    """Return the lease under which this task writes, or None where it writes for no run."""
    return _HELD.get()


def hold(lease: Lease) -> None:
    """Let this task, and those that it starts from now on, write under the lease."""
    _HELD.set(lease)


def context_without_lease() -> Context:
    """Return a copy of this task's context for work that is not part of its run, whoever has asked for it."""
    context = copy_context()
    context.run(_HELD.set, None)
    return context
