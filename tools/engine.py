"""What all calls of a process share: ledger, limits, threads, the health of tools, the cache of reads, the clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from trunkline.tools.clock import Clock, SystemClock
from trunkline.tools.health import Health
from trunkline.tools.ledger import Ledger
from trunkline.tools.limits import Limits
from trunkline.tools.memory_ledger import MemoryLedger
from trunkline.tools.read_cache import ReadCache
from trunkline.tools.threads import ToolThreads


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What calls are served with. Belongs to one event loop."""

    ledger: Ledger = field(default_factory=MemoryLedger)
    limits: Limits = field(default_factory=Limits)
    threads: ToolThreads = field(default_factory=ToolThreads)
    health: Health = field(default_factory=Health)
    cache: ReadCache = field(default_factory=ReadCache)
    clock: Clock = field(default_factory=SystemClock)
    tenant: str = ""
