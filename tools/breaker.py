"""A circuit breaker: calls to a back end that gives no answers are refused at once."""

from __future__ import annotations


class CircuitBreaker:
    """Opens after some failures in a row; then lets a single call through now and then, to see whether it may close.

    Every call asks `refusal` first and, unless refused, reports one of `succeeded`, `failed` and `given_up` when it
    ends; while a probe is out, any report is taken for the probe's. All take `now`, seconds on one clock that never
    goes back. Source: M. Nygard, "Release It!", chapter "Stability Patterns".
    """

    def __init__(self, *, failures: int = 5, seconds: float = 30.0) -> None:
        """`failures` in a row, at least 1, open it; `seconds`, above 0, lie between two probes."""
        if failures < 1 or not seconds > 0:
            message = f"failures must be at least 1 and seconds above 0, got failures={failures} seconds={seconds:g}"
            raise ValueError(message)
        self._limit, self._seconds = failures, seconds
        self._failures = 0  # in a row
        self._next_probe: float | None = None  # None: closed
        self._probing = False

    def refusal(self, now: float) -> float | None:
        """Return the seconds until a call may go through, above 0; `None`: go ahead.

        While it is open, who is told to go ahead is the probe, and all others are refused until the probe has reported,
        or for `seconds`, should it never do so.
        """
        if self._next_probe is None:
            return None
        if now < self._next_probe:
            return self._next_probe - now
        self._probing, self._next_probe = True, now + self._seconds
        return None

    def succeeded(self, now: float) -> None:
        """Report that the other side answered, whatever it said. Closes it, also if the call began before it opened."""
        self._failures, self._next_probe, self._probing = 0, None, False

    def failed(self, now: float) -> None:
        """Report that no answer came."""
        self._failures += 1
        if self._next_probe is not None and not self._probing:
            return  # it began before the breaker opened: nothing new, and no reason to put off the next probe
        if self._failures >= self._limit:
            self._probing, self._next_probe = False, now + self._seconds

    def given_up(self, now: float) -> None:
        """Report that the call was cancelled and nothing was learned. If it was the probe, the next call is one."""
        if self._probing:
            self._probing, self._next_probe = False, now
