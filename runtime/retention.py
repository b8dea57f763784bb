"""How long a graph's threads are kept, and how much of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from trunkline.errors import RetentionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is kept of a thread. None keeps everything."""

    keep_last: int | None = None
    """How many checkpoints: states to which one can go back."""

    ttl: float | timedelta | None = None
    """How long after its last activity the thread is erased, in seconds when it is a number."""

    def __post_init__(self) -> None:
        """Refuse what would keep nothing."""
        if self.keep_last is not None and self.keep_last < 1:
            raise RetentionError(problem=f"keep_last must be at least 1, got {self.keep_last}")
        if self.seconds is not None and self.seconds <= 0:
            raise RetentionError(problem=f"ttl must be greater than 0, got {self.seconds:g} s")

    @property
    def seconds(self) -> float | None:
        """The time to live in seconds."""
        return self.ttl.total_seconds() if isinstance(self.ttl, timedelta) else self.ttl
