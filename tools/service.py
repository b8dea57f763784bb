"""The life of one call, from its turn among its siblings to its record."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import replace

from trunkline.tools.attempt import Attempt, attempt
from trunkline.tools.backoff import Backoff
from trunkline.tools.binding import broken_declaration
from trunkline.tools.call import CallResult, ToolCall
from trunkline.tools.current import inside_call
from trunkline.tools.engine import Engine
from trunkline.tools.gates import Asked, Denied, gate_before
from trunkline.tools.intent import intent, proposal
from trunkline.tools.late_news import record_settled
from trunkline.tools.outcome import Done, Failed, FailureKind, Outcome, StillRunning, Unknown
from trunkline.tools.permit import permitted
from trunkline.tools.shielding import is_cancelled, to_its_end
from trunkline.tools.status import status_of
from trunkline.tools.watcher import Watcher

log = logging.getLogger("trunkline.tools")

PATIENCE = 30.0
"""Seconds that the other side may ask to wait; who asks for more is not waited for."""

_BACKOFF = Backoff()


class Service:
    """Serves one call: gates, slots, intent, attempts, record. Run it once."""

    def __init__(self, engine: Engine, call: ToolCall, watcher: Watcher, *, late: bool = False) -> None:
        self.call = call
        self.late = late
        """Whether the conversation has gone on without the result, and must be told of it."""

        self.stopped = "the run was stopped"
        """Why the call is cancelled, if it is."""

        self.result: CallResult | None = None
        """How the call has ended: on record, or about to be."""

        self._engine, self._watcher = engine, watcher
        self._nested = inside_call()
        self._health = engine.health.of(call.tool)
        self._asked = engine.clock.monotonic()
        self._waited = self._seconds = 0.0
        self._attempts = 0
        self._last: Outcome | None = None
        self._doubt: Unknown | None = None
        """What an attempt of this effect may have done, whatever later ones say but that they did it."""

        self._begun = False
        """Whether an earlier run of the batch was cut off in the middle of this effect."""

        self._started = self._recorded = self._told = self._reported = False

    async def run(
        self, known: Outcome | None, before: Sequence[asyncio.Task[CallResult]], same: asyncio.Task[CallResult] | None
    ) -> CallResult:
        """Return how the call ended; `before` are the calls that it waits for, `same` an equal read that serves both.

        Cancelled, a running effect ends first, and what is known then is recorded.
        """
        try:
            return await self._served(known, before, same)
        except asyncio.CancelledError:
            await to_its_end(self._close(), name=f"close {self.call.call_id}")
            raise

    async def _served(
        self, known: Outcome | None, before: Sequence[asyncio.Task[CallResult]], same: asyncio.Task[CallResult] | None
    ) -> CallResult:
        self._begun = isinstance(known, StillRunning)
        if before:
            await asyncio.wait(before)
        if known is not None and not self._begun:
            return await self._settled(known)
        if same is not None and (shared := await _shared(same)) is not None:
            return await (self._ended if isinstance(shared, Done | Failed) else self._settled)(shared)
        if not self._begun and (stopped := await self._gated()) is not None:
            return stopped
        if (cached := self._engine.cache.find(self.call, self._engine.clock.monotonic())) is not None:
            return await self._ended(replace(cached, replayed=True))
        return await self._carried_out()

    async def _gated(self) -> CallResult | None:
        """Return how the call stands if something is before it; None when it may run.

        What is asked for again under its key is no new effect: policy that looks at what was done would refuse it.
        """
        if (
            self.call.key
            and self.call.is_gated
            and not self.call.decided
            and await self._engine.ledger.passed(self.call)
        ):
            return None
        try:
            gate = await gate_before(self.call)
        except (Exception, asyncio.CancelledError) as error:  # the edge: a rule is foreign code
            if is_cancelled():
                raise
            return await self._ended(broken_declaration(self.call.tool, self.call.call_id, error))
        match gate:
            case None:
                return None
            case Denied(reason=reason):
                return await self._ended(Failed(kind=FailureKind.DENIED, message=reason))
            case Asked():
                return await self._settled(await proposal(self.call, gate, self._engine))

    async def _carried_out(self) -> CallResult:
        self._health.retries.deposit()
        while True:
            if (refusal := self._broken_circuit()) is not None:
                return await self._concluded(self._last or refusal)
            self._reported = False
            try:
                result, attempted = await self._one_attempt()
            finally:
                if not self._reported:
                    self._health.breaker.given_up(self._engine.clock.monotonic())
            if result is not None:
                return result
            await self._pause(attempted)

    async def _one_attempt(self) -> tuple[CallResult | None, Attempt | None]:
        """Try once, holding a slot; give the result, or None with the attempt after which another should follow."""
        if self._health.rate:
            await self._health.rate.turn()
        async with self._engine.limits.slot(self.call, tenant=self._engine.tenant, nested=self._nested):
            if not self._started:
                self._waited = self._engine.clock.monotonic() - self._asked
                await self._start()
            await permitted()
            if self.call.effect.is_read:
                return await self._read()
            return await to_its_end(self._effect(), name=f"effect {self.call.call_id}")

    async def _read(self) -> tuple[CallResult | None, Attempt | None]:
        reading = self._engine.cache.begin(self.call)
        attempted = await self._attempted()
        if reading and isinstance(attempted.outcome, Done):
            self._engine.cache.keep(self.call, reading, attempted.outcome, self._engine.clock.monotonic())
        return await self._after(attempted)

    async def _effect(self) -> tuple[CallResult | None, Attempt | None]:
        if self._attempts == 0 and (settled := await intent(self.call, self._engine)) is not None:
            return await self._settled(settled), None
        with self._engine.cache.changing(self.call.access):
            attempted = await self._attempted()
        return await self._after(attempted)

    async def _attempted(self) -> Attempt:
        self._attempts += 1
        began = self._engine.clock.monotonic()
        attempted = await attempt(self.call, self._engine.threads, number=self._attempts)
        now = self._engine.clock.monotonic()
        self._seconds += now - began
        if isinstance(attempted.outcome, Unknown):
            self._doubt = attempted.outcome
        self._last = attempted.outcome if isinstance(attempted.outcome, Done) else self._doubt or attempted.outcome
        (self._health.breaker.succeeded if attempted.answered else self._health.breaker.failed)(now)
        self._reported = True
        return attempted

    async def _after(self, attempted: Attempt) -> tuple[CallResult | None, Attempt | None]:
        again = attempted.again and self._attempts <= self.call.tool.retries
        if again and (attempted.retry_after or 0.0) <= PATIENCE and self._health.retries.withdraw():
            return None, attempted
        return await self._concluded(self._last or attempted.outcome), None

    async def _pause(self, attempted: Attempt | None) -> None:
        after = attempted.retry_after if attempted else None
        seconds = _BACKOFF.seconds(self._attempts, draw=random.random(), retry_after=after)
        why = self._last.message if isinstance(self._last, Failed | Unknown) else ""
        await self._watcher.retried(self.call, attempt=self._attempts, why=why, seconds=seconds)
        await self._engine.clock.sleep(seconds)

    def _broken_circuit(self) -> Failed | None:
        if self._begun and self._attempts == 0:
            return None  # what it may have done is not to be forgotten over this
        seconds = self._health.breaker.refusal(self._engine.clock.monotonic())
        if seconds is None:
            return None
        name = self.call.tool.name
        message = f"{name} gave no answer several times in a row; its circuit is open for another {seconds:.0f} s"
        return Failed(kind=FailureKind.RETRYABLE, message=message)

    async def _concluded(self, outcome: Outcome) -> CallResult:
        """End the call after its last attempt; the other side is asked what became of an effect without an answer."""
        if isinstance(outcome, Unknown):
            outcome = await status_of(self.call, self._engine.threads) or outcome
        return await self._ended(outcome)

    async def _ended(self, outcome: Outcome) -> CallResult:
        """Record the outcome, and tell it."""
        self.result = self._result(outcome)
        await self._engine.ledger.record(self.call, self.result, news=self.late)
        if self.call.undoes and isinstance(outcome, Done):
            await self._engine.ledger.undo(self.call.undoes, by=self.call.call_id)
        self._recorded = True
        return await self._tell(self.result)

    async def _settled(self, outcome: Outcome) -> CallResult:
        """Tell an outcome that is on record already: of this call, or of another that settles it."""
        self.result, self._recorded = self._result(outcome), True
        if self.late and not self.call.decided:
            await record_settled(self.call, self.result, self._engine.ledger)
        return await self._tell(self.result)

    async def _tell(self, result: CallResult) -> CallResult:
        if not self._started:
            await self._start()
        self._told = True
        await self._watcher.finished(self.call, result)
        return result

    async def _start(self) -> None:
        self._started = True
        await self._watcher.started(self.call, waited=self._waited)

    async def _close(self) -> None:
        """Record what is known of a call that was cancelled. One that people have approved stays ready to run."""
        try:
            if not self._recorded:
                await self._stopped()
            elif self.result and not self._told:
                await self._tell(self.result)
        except Exception:
            log.exception("call.close_failed tool=%s call_id=%s", self.call.tool.name, self.call.call_id)

    async def _stopped(self) -> None:
        if self._attempts == 0 and self._begun:
            message = f"call {self.call.call_id} was interrupted and may have taken effect; {self.stopped}"
            self.result = self._result(Unknown(message=message))
        elif self._attempts or not self.call.decided:
            ending = self.result.outcome if self.result else self._last
            await self._ended(ending or Failed(kind=FailureKind.CANCELLED, message=self.stopped))

    def _result(self, outcome: Outcome) -> CallResult:
        return CallResult(
            call_id=self.call.call_id,
            request=self.call.request,
            outcome=outcome,
            waited=self._waited,
            seconds=self._seconds,
            attempts=self._attempts,
        )


async def _shared(same: asyncio.Task[CallResult]) -> Outcome | None:
    """Return what an equal read gave; None when it was cancelled or fell, and each must read for itself."""
    await asyncio.wait([same])
    if same.cancelled() or same.exception() is not None:
        return None
    outcome = same.result().outcome
    return replace(outcome, replayed=True) if isinstance(outcome, Done) else outcome
