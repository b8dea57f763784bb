"""`Outfit`: what a process needs to serve runs as another one does."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from trunkline.runtime.queue.lease import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Outfit:
    """The database, the graphs and the models of a worker, in words that another process understands."""

    database: str
    """The URL, its password in it."""

    bus: str | None
    folder: str
    graphs: dict[str, str]
    """References, by name."""

    models: dict[str, Any]
    threads: int
    calls: int
    calls_per_run: int | None
    wait_for_database: float
    path: tuple[str, ...]
    """Where modules are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run to be served under the lease of another process."""

    outfit: Outfit
    tenant: str
    lease: Lease

    def dumps(self) -> str:
        """Return one line of text."""
        lease = {name: getattr(self.lease, name) for name in _LEASE}
        return json.dumps({"outfit": asdict(self.outfit), "tenant": self.tenant, "lease": lease})

    @classmethod
    def loads(cls, text: str) -> Self:
        """Return the order that the line tells."""
        told = json.loads(text)
        return cls(outfit=Outfit(**told["outfit"]), tenant=told["tenant"], lease=Lease(**told["lease"]))


_LEASE = ("thread_id", "run_id", "worker_id", "fence", "lease_id")
