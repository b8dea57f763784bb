"""Asks the ledger whether an effect may run, and the other side where only that knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from trunkline.tools.call import CallId, ToolCall
from trunkline.tools.engine import Engine
from trunkline.tools.gates import Asked
from trunkline.tools.outcome import Done, Outcome, Unknown
from trunkline.tools.status import status_of

Answer = TypeVar("Answer", bound=Outcome | None)


async def intent(call: ToolCall, engine: Engine) -> Outcome | None:
    """Record the intent; return None to go on, or what an earlier call with this id or key has settled."""
    settled = await engine.ledger.intend(call)
    return await _resolved(settled, call, engine, lambda: engine.ledger.intend(call, cleared=True))


async def proposal(call: ToolCall, asked: Asked, engine: Engine) -> Outcome:
    """Record that the call waits for a decision, or return what an earlier call with this id or key has settled."""
    settled = await engine.ledger.propose(call, asked.ask, asked.of)
    return await _resolved(settled, call, engine, lambda: engine.ledger.propose(call, asked.ask, asked.of))


async def _resolved(
    settled: Answer, call: ToolCall, engine: Engine, ask_again: Callable[[], Awaitable[Answer]]
) -> Answer | Done:
    """Put an end to not knowing, where `status=` can: the effect has happened, or the ledger is asked once more."""
    if not isinstance(settled, Unknown):
        return settled
    status = await status_of(call, engine.threads)
    if status is None:
        return settled
    await engine.ledger.settle(CallId(settled.call_id or call.call_id), status)
    return replace(status, replayed=True) if isinstance(status, Done) else await ask_again()
