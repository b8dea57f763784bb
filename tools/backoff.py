"""How long to wait before the next attempt, and whether a tool may have one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

_DOUBLINGS = 64  # beyond any cap: more would only overflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that double from attempt to attempt, with full jitter.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    base: float = 0.2
    """Seconds, above 0: the longest wait after the first attempt."""

    cap: float = 5.0
    """Seconds, at least `base`: the longest wait after any attempt."""

    def __post_init__(self) -> None:
        if not 0 < self.base <= self.cap:
            message = f"base must be above 0 and at most cap, got base={self.base:g} cap={self.cap:g}"
            raise ValueError(message)

    def seconds(self, attempt: int, *, draw: float, retry_after: float | None) -> float:
        """Return how long to wait after the attempt (the first is 1) failed.

        `draw` is a random number from 0 to 1. `retry_after`, the seconds that the other side asked for, is the least,
        also beyond `cap`; the jitter comes on top, so that those who were told the same do not return together.
        """
        if attempt < 1:
            message = f"attempt must be at least 1, got {attempt}"
            raise ValueError(message)
        longest = min(self.cap, self.base * 2.0 ** min(attempt - 1, _DOUBLINGS))
        return (retry_after or 0.0) + draw * longest


class RetryBudget:
    """How many retries a tool has, so that they never multiply the load on a back end that is down.

    Over any time there are at most `reserve` retries and `ratio` for each first attempt. A token bucket after Finagle's
    `RetryBudget`; see also "Site Reliability Engineering", chapter 22, on retry budgets.
    """

    def __init__(self, *, ratio: float = 0.2, reserve: int = 10) -> None:
        if ratio < 0 or reserve < 0:
            message = f"ratio and reserve must be at least 0, got ratio={ratio:g} reserve={reserve}"
            raise ValueError(message)
        self._ratio = Fraction(str(ratio))  # exact: five deposits of 0.2 are one retry
        self._reserve = self._left = Fraction(reserve)

    def deposit(self) -> None:
        """Pay in for a first attempt."""
        self._left = min(self._left + self._ratio, self._reserve)

    def withdraw(self) -> bool:
        """Pay for a retry. False, and nothing is paid, if there is not enough left: then do not retry."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
