"""How long a turn waits for its calls."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Seconds from the start of the batch. Calls without a result by then are answered as `still_running`.

    At `soft` the turn goes on and the calls do too; their results reach the conversation at its next turn. At `hard`
    reads and calls that have not begun are cancelled; effects that run go on to their end.
    """

    soft: float | None = None
    hard: float | None = None

    def __post_init__(self) -> None:
        for name, seconds in {"soft": self.soft, "hard": self.hard}.items():
            if seconds is not None and seconds <= 0:
                message = f"{name} must be more than 0 seconds, got {seconds:g}"
                raise ValueError(message)
        if self.soft is not None and self.hard is not None and self.soft > self.hard:
            message = f"soft must be at most hard, got soft={self.soft:g} hard={self.hard:g}"
            raise ValueError(message)
