"""What becomes of a request on its way: how long it takes, and whether it or its answer is lost.

It is drawn from a hash of the seed, the operation, its arguments and how many times these were asked before. It never
depends on the order of the requests, so every interleaving of a day meets the same luck.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal

System = Literal["crm", "orders", "shipping", "payments", "tickets", "knowledge", "messaging", "loyalty"]
Fate = Literal["answered", "failed", "lost"]

MEDIAN_SECONDS: Mapping[System, float] = {
    "crm": 0.09,
    "orders": 0.12,
    "shipping": 0.18,
    "payments": 0.15,
    "tickets": 0.10,
    "knowledge": 0.06,
    "messaging": 0.08,
    "loyalty": 0.16,
}
SPREAD = 0.45
"""The standard deviation of the logarithm of the seconds."""

SLOWEST_SECONDS = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often requests go wrong. The default is never."""

    failed: float = 0.0
    """Share of requests that the system turns away: nothing happens."""

    lost: float = 0.0
    """Share of requests whose answer is lost: what was asked for happens."""

    first: Mapping[str, tuple[Fate, ...]] = field(default_factory=dict[str, tuple[Fate, ...]])
    """By operation: what becomes of the first requests with the same arguments, whatever the shares say."""

    slow: Mapping[str, float] = field(default_factory=dict[str, float])
    """By operation: how many times as long as usual its requests take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """What becomes of one request."""

    fate: Fate
    seconds: float


def luck(*, seed: int, faults: Faults, system: System, operation: str, asked: str, times: int) -> Luck:
    """Return what becomes of the request `asked`, which was made so many times before."""
    rng = Random(f"{seed}:{times}:{asked}")  # a text seeds through SHA-512, in every process alike
    seconds = min(rng.lognormvariate(math.log(MEDIAN_SECONDS[system]), SPREAD), SLOWEST_SECONDS)
    seconds *= faults.slow.get(operation, 1.0)
    foreseen = faults.first.get(operation, ())
    fate = foreseen[times] if times < len(foreseen) else _fate(faults, rng.random())
    return Luck(fate=fate, seconds=seconds)


def _fate(faults: Faults, draw: float) -> Fate:
    if draw < faults.failed:
        return "failed"
    return "lost" if draw < faults.failed + faults.lost else "answered"
