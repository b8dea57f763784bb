"""What is told of calls as they go on."""

from __future__ import annotations

from typing import Protocol

from trunkline.tools.call import CallResult, ToolCall


class Watcher(Protocol):
    """Is told of each request: of a call as it starts and ends, inside the task that runs it. Must not raise."""

    async def refused(self, result: CallResult) -> None:
        """The request means no call: there is no such tool, or its arguments are not valid."""
        ...

    async def started(self, call: ToolCall, *, waited: float) -> None:
        """The call has its slot, and runs now. `waited` is in seconds."""
        ...

    async def retried(self, call: ToolCall, *, attempt: int, why: str, seconds: float) -> None:
        """Attempt number `attempt` gave no answer; another follows in so many seconds."""
        ...

    async def finished(self, call: ToolCall, result: CallResult) -> None:
        """The call has ended, or was settled without running."""
        ...


class Unwatched:
    """Tells nobody."""

    async def refused(self, result: CallResult) -> None:
        """Ignore it."""

    async def started(self, call: ToolCall, *, waited: float) -> None:
        """Ignore it."""

    async def retried(self, call: ToolCall, *, attempt: int, why: str, seconds: float) -> None:
        """Ignore it."""

    async def finished(self, call: ToolCall, result: CallResult) -> None:
        """Ignore it."""
