"""What a tenant may use of the queue and the workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A tenant's limits, and what it has at the moment."""

    id: str
    weight: float = 1.0
    """Its share where tenants compete: twice the weight is served twice as often."""

    max_running: int | None = None
    """Threads of it that workers serve at once. None: as many as there are slots."""

    max_queued: int | None = None
    """Runs of it that may wait; more are refused. None: any number."""

    paused: bool = False
    """Whether its queued runs wait until it is resumed. Those under way go on."""

    queued: int = 0
    running: int = 0


class TenantChanges(TypedDict, total=False):
    """What is changed of a tenant's limits; what is left out stays."""

    weight: float
    max_running: int | None
    max_queued: int | None
    paused: bool
