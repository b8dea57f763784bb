"""How a run ends that does not succeed."""

from __future__ import annotations

import random
from typing import Protocol

from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.queue.finishing import AttemptFailed, Crashed, End, Ended, HandedBack, Interrupted

_FIRST_DELAY, _LONGEST_DELAY = 1.0, 60.0


class Ending(Protocol):
    """Decides what becomes of a run that failed or was stopped."""

    @property
    def rolls_back(self) -> bool:
        """Whether a run that was stopped takes its checkpoints with it."""
        ...

    def failed(self, error: Exception) -> End:
        """Return what becomes of a run that failed."""
        ...

    def stopped(self) -> End:
        """Return what becomes of a run that was cancelled."""
        ...


class EndsAtOnce:
    """The ending of a run in the process that asked for it: whoever asked decides what to do next."""

    rolls_back = False

    def failed(self, error: Exception) -> End:
        """It has failed."""
        return Ended(status=RunStatus.FAILED, error=described(error))

    def stopped(self) -> End:
        """It is cancelled."""
        return Ended(status=RunStatus.CANCELLED)


class EndsInTheQueue:
    """The ending of a queued run: it is tried again, cancelled as somebody wished, or left to another worker."""

    def __init__(self, *, attempt: int) -> None:
        """`attempt` is how many attempts have failed before."""
        self._attempt = attempt
        self._how: str | None = None
        """What was asked of its worker: `cancel`, `rollback`, or None where the worker itself stops."""

    @property
    def rolls_back(self) -> bool:
        """Whether somebody wished the state to be as it was before."""
        return self._how == "rollback"

    def wish(self, how: str) -> None:
        """Note how somebody wishes it to end, before it is cancelled."""
        self._how = how

    def failed(self, error: Exception) -> End:
        """It is tried again after a pause that doubles each time, with full jitter."""
        longest = min(_FIRST_DELAY * 2**self._attempt, _LONGEST_DELAY)
        return AttemptFailed(error=described(error), delay=random.uniform(longest / 2, longest))

    def stopped(self) -> End:
        """It is cancelled, or handed back."""
        return Ended(status=RunStatus.CANCELLED) if self._how else HandedBack()


def described(error: BaseException) -> str:
    """Return an error as a run's row tells it."""
    return f"{type(error).__name__}: {error}"


def event_of(end: End) -> str:
    """Return what happened to the run, as a log line names it."""
    match end:
        case Ended():
            return end.status.value
        case Interrupted():
            return "interrupted"
        case HandedBack():
            return "handed_back"
        case AttemptFailed():
            return "attempt_failed"
        case Crashed():
            return "crashed"
