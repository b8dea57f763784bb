"""How many calls may run at once: on a lane, of a tool, of a tenant, in a run, in the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Hashable, Iterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from trunkline.tools.call import ToolCall

DEFAULT_CALLS = 256


class Limits:
    """Slots for running calls, handed out in the order of asking. Belongs to one event loop.

    `calls` is for the whole process, `per_run` for each run and `per_tenant` for each tenant; lanes and tools declare
    their own. A call takes the narrowest slot first, so that calls queueing for a busy tool hold up no other tool.
    """

    def __init__(
        self, *, calls: int = DEFAULT_CALLS, per_run: int | None = None, per_tenant: int | None = None
    ) -> None:
        for name, limit in {"calls": calls, "per_run": per_run, "per_tenant": per_tenant}.items():
            if limit is not None and limit < 1:
                message = f"{name} must be at least 1, got {limit}"
                raise ValueError(message)
        self._calls, self._per_run, self._per_tenant = calls, per_run, per_tenant
        self._slots: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()
        self._all = asyncio.Semaphore(calls)

    @asynccontextmanager
    async def slot(self, call: ToolCall, *, tenant: str = "", nested: bool = False) -> AsyncGenerator[None]:
        """Hold a slot of each kind for one attempt. Cancelled while waiting, it leaves nothing held.

        A `nested` call, which a tool waits for, takes only those of its lane and its tool: the waiting call holds the
        others already, and would wait for ever where all were held by such as itself.
        """
        held: list[asyncio.Semaphore] = []
        try:
            for slots in self._narrowest_first(call, tenant, nested=nested):
                await slots.acquire()
                held.append(slots)
            yield
        finally:
            for slots in reversed(held):
                slots.release()

    def _narrowest_first(self, call: ToolCall, tenant: str, *, nested: bool) -> Iterator[asyncio.Semaphore]:
        if call.lane:
            yield self._shared(("lane", call.lane.name), call.lane.limit)
        if call.tool.limit:
            # not the object: a toolbox may be built anew for each conversation
            yield self._shared(("tool", call.tool.source, call.tool.name), call.tool.limit)
        if nested:
            return
        if self._per_tenant:
            yield self._shared(("tenant", tenant), self._per_tenant)
        if self._per_run:
            yield self._shared(("run", call.origin.run_id), self._per_run)
        yield self._all

    def _shared(self, key: Hashable, limit: int) -> asyncio.Semaphore:
        """Return the semaphore of this key; it is forgotten when nobody holds or awaits it."""
        found = self._slots.get(key)
        if found is None:
            found = self._slots[key] = asyncio.Semaphore(limit)
        return found
