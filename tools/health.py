"""How each tool fares in this process: its rate, its circuit breaker, its budget for retries."""

from __future__ import annotations

from dataclasses import dataclass, field

from trunkline.tools.backoff import RetryBudget
from trunkline.tools.breaker import CircuitBreaker
from trunkline.tools.rate import RateGate
from trunkline.tools.tool import Tool


@dataclass(slots=True, kw_only=True)
class ToolHealth:
    """What is shared by all calls of a tool."""

    rate: RateGate | None
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    retries: RetryBudget = field(default_factory=RetryBudget)


class Health:
    """The health of the tools that were called so far. Belongs to one event loop."""

    def __init__(self) -> None:
        self._of_tool: dict[tuple[str, str], ToolHealth] = {}

    def of(self, tool: Tool) -> ToolHealth:
        """Return the health of a tool; tools built anew from the same declaration share it."""
        declared = (tool.source, tool.name)
        found = self._of_tool.get(declared)
        if found is None:
            found = self._of_tool[declared] = ToolHealth(rate=RateGate(tool.rate) if tool.rate else None)
        return found
