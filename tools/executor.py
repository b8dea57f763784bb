"""Runs the calls of one turn side by side: one task a call, results in the order of the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from trunkline.tools.batch import Batch, raise_if_needed
from trunkline.tools.binding import bind
from trunkline.tools.call import CallId, CallResult, Origin, ToolCall, ToolRequest
from trunkline.tools.deadline import Deadline
from trunkline.tools.engine import Engine
from trunkline.tools.known_tools import KnownTools
from trunkline.tools.outcome import Outcome
from trunkline.tools.service import Service
from trunkline.tools.shielding import to_its_end
from trunkline.tools.toolbox import Toolbox
from trunkline.tools.trust import untrusted_arguments
from trunkline.tools.watcher import Unwatched, Watcher


class CallExecutor:
    """Runs batches of calls under shared limits and records them in a ledger. Belongs to one event loop.

    A call that fails is a result like any other; its siblings go on. When a batch is cancelled, calls that have not
    started and running reads are dropped; an effect that is running is waited for and recorded first.
    """

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = engine or Engine()
        self.known = KnownTools()
        self._late: set[asyncio.Task[CallResult]] = set()
        """Calls whose turn has gone on without them, and calls that people have approved."""

    async def run(
        self,
        toolbox: Toolbox,
        requests: Sequence[ToolRequest],
        *,
        origin: Origin,
        watcher: Watcher,
        fresh: bool = False,
        deadline: Deadline | None = None,
        quorum: int | None = None,
    ) -> list[CallResult]:
        """Run the requests side by side where nothing conflicts, and return their results in the same order.

        What an earlier run of the same batch has finished is taken from the ledger; `fresh` says that there was none.
        `quorum` is how many results are enough: the other reads are cancelled then, and with fewer `QuorumError` is
        raised. A failed request that is `required` or `fail_fast` raises `CallFailedError`.
        """
        self.known.learn(toolbox, thread_id=origin.thread_id)
        bound = [bind(toolbox, request, origin, position) for position, request in enumerate(requests)]
        refused = [item for item in bound if isinstance(item, CallResult)]
        for result in refused:
            await watcher.refused(result)
        for result in refused:
            if result.request.on_failure == "fail_fast":
                raise_if_needed(result)
        calls = await self._traced([item for item in bound if isinstance(item, ToolCall)])
        known: Mapping[CallId, Outcome] = {}
        if calls and not fresh:
            known = await self.engine.ledger.recall([call.call_id for call in calls])
        batch = Batch(self.engine, calls, watcher, deadline=deadline, quorum=quorum)
        try:
            results = {result.call_id: result for result in await batch.run(known)}
        finally:
            self._keep([task for task in batch.tasks if not task.done()])
        for result in refused:
            raise_if_needed(result)
        return [item if isinstance(item, CallResult) else results[item.call_id] for item in bound]

    async def carry_out(self, call: ToolCall, watcher: Watcher | None = None) -> CallResult:
        """Run one call that people have decided on, outside of any turn; the conversation is told of its end.

        Cancelled before it began it stays ready; while it runs, its end is awaited and recorded.
        """
        service = Service(self.engine, call, watcher or Unwatched(), late=True)
        task = asyncio.create_task(service.run(None, (), None), name=f"decided {call.tool.name} {call.call_id}")
        self._keep([task])
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Cancel what goes on without a turn, and wait for the effects that run."""
        for task in self._late:
            task.cancel()
        if self._late:
            await to_its_end(_all_ended(list(self._late)), name="late calls")

    def _keep(self, tasks: Sequence[asyncio.Task[CallResult]]) -> None:
        for task in tasks:
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    async def _traced(self, calls: Sequence[ToolCall]) -> list[ToolCall]:
        """Tell the calls which of their arguments come from untrusted texts on their thread, where a rule may ask."""
        gated = [call for call in calls if callable(call.tool.requires) or call.tool.confirm or call.tool.approve]
        if not gated:
            return list(calls)
        texts = await self.engine.ledger.untrusted_texts(gated[0].origin.thread_id)
        return [
            replace(call, untrusted=untrusted_arguments(call.arguments, texts, call.origin.heard)) if texts else call
            for call in calls
        ]


async def _all_ended(tasks: Sequence[asyncio.Task[CallResult]]) -> None:
    await asyncio.wait(tasks)
