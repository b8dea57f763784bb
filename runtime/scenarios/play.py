"""Plays a scenario once, step by step, in virtual time."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from typing import Any

from trunkline.agents import ScriptedModel
from trunkline.errors import RunFailedError
from trunkline.runtime.events import RunFinished
from trunkline.runtime.runnable import Runnable
from trunkline.runtime.scenarios.checks import faults_of_all, faults_of_turn
from trunkline.runtime.scenarios.decisions import decide
from trunkline.runtime.scenarios.scenario import Scenario
from trunkline.runtime.scenarios.script import TurnScript
from trunkline.runtime.scenarios.sighting import Played, SeenCall, SeenTurn
from trunkline.runtime.scenarios.so_far import SoFar, final_state, look
from trunkline.runtime.scenarios.stage import SetStage, Setting, Stage
from trunkline.runtime.scenarios.steps import Advance, Check, Crash, Decision, Interrupt, Meanwhile, Moment, Step, Turn
from trunkline.runtime.scenarios.virtual_time import VirtualClock, VirtualLoop
from trunkline.runtime.scenarios.worker import Worker
from trunkline.tools.call import state_of
from trunkline.tools.events import ToolCallFinished, ToolCallStarted

THREAD = "contact"
LONGEST = 30 * 24 * 3600.0
"""Virtual seconds after which a step is given up."""

TICK = 0.001


class Play:
    """One run of a scenario. Everything that is not as expected becomes a fault, and the run goes on."""

    def __init__(
        self, scenario: Scenario, *, seed: int, worker: Worker, set_stage: SetStage, clock: VirtualClock
    ) -> None:
        self._scenario, self._seed, self._worker = scenario, seed, worker
        self._script = TurnScript()
        model = ScriptedModel(self._script)
        self._stage: Stage = set_stage(Setting(given=scenario.given, seed=seed, model=model, clock=clock))
        self._agent: Runnable = self._stage.agent()
        self._start = dict(self._stage.state())
        self._turns: list[SeenTurn] = []
        self._faults: list[str] = []
        self._under_way: asyncio.Task[None] | None = None
        self._killed = asyncio.Event()

    async def run(self) -> Played:
        """Play all steps and return what was seen."""
        random.seed(self._seed)  # for the pauses before retries, which the engine draws
        for number, step in enumerate(self._scenario.steps):
            try:
                async with asyncio.timeout(LONGEST):
                    await self._step(step, f"steps[{number}]")
            except TimeoutError:
                self._faults.append(f"steps[{number}]: it waits for something that never comes")
                break
        seen = await self._look()
        self._faults += faults_of_all(self._scenario.expect, seen, place="expect")
        return Played(
            seed=self._seed,
            faults=[*self._faults, *self._script.faults],
            final=final_state(seen),
            turn_seconds=[turn.seconds for turn in self._turns],
        )

    async def _step(self, step: Step, place: str) -> None:
        match step:
            case Turn():
                await self._turn(step, place)
            case Interrupt():
                self._cancel_turn()
            case Crash():
                await self._crash()
            case Advance():
                await _pass(step.advance, busy=self._under_way is not None)
            case Check():
                self._faults += faults_of_all(step.expect, await self._look(), place=f"{place}.expect")
            case Decision():
                deciding = decide(self._worker.line, THREAD, step, place=place)
                self._faults += await self._worker.begin(deciding, name=f"decision {place}")
            case _:
                self._stage.change(step.world)

    async def _turn(self, turn: Turn, place: str) -> None:
        self._script.begin(place, turn.model)
        seen = SeenTurn(place=place, started=_now())
        self._turns.append(seen)
        self._under_way = self._worker.begin(self._converse(turn, seen), name=f"turn {place}")
        deeds = [asyncio.create_task(self._meanwhile(deed, place)) for deed in turn.meanwhile]
        await self._ended(self._under_way)
        seen.ended = _now()
        self._under_way = None
        self._script.end()
        await asyncio.gather(*deeds)
        self._faults += faults_of_turn(turn.expect, seen, place=f"{place}.expect")

    async def _ended(self, turn: asyncio.Task[None]) -> None:
        """Wait until the turn ends, or stands still because its worker was killed."""
        killed = asyncio.create_task(self._killed.wait())
        await asyncio.wait([turn, killed], return_when=asyncio.FIRST_COMPLETED)
        killed.cancel()
        self._killed.clear()
        if turn.done() and not turn.cancelled():
            turn.result()  # what the stage itself raises is no fault of the run, but a mistake

    async def _converse(self, turn: Turn, seen: SeenTurn) -> None:
        line = self._worker.line
        try:
            async with aclosing(line.stream(self._agent, await self._given(turn), thread=THREAD)) as events:
                async for event in events:
                    self._note(event, seen)
        except RunFailedError as failure:
            self._faults.append(f"{seen.place}: {failure}")

    async def _given(self, turn: Turn) -> Any:
        if turn.resumes:
            return None
        if turn.caller is None:
            return await self._stage.news(self._worker.line, THREAD)
        return await self._stage.hear(turn.caller, self._worker.line, THREAD)

    def _note(self, event: object, seen: SeenTurn) -> None:
        match event:
            case ToolCallStarted():
                seen.calls[event.call_id] = SeenCall(tool=event.tool, arguments=event.arguments, started=_now())
            case ToolCallFinished() if event.call_id in seen.calls:
                seen.calls[event.call_id].ended = _now()
                seen.calls[event.call_id].state = state_of(event.outcome).value
            case RunFinished():
                seen.told = self._stage.told(event.reply)
            case _:
                pass

    async def _meanwhile(self, deed: Meanwhile, place: str) -> None:
        if not await self._came(deed.when):
            self._faults.append(f"{place}.meanwhile: the moment never came: {deed.when}")
            return
        for step in deed.do:
            await self._step(step, f"{place}.meanwhile")

    async def _came(self, moment: Moment) -> bool:
        """Wait for the moment; False when the turn ends before it."""
        asked, happened = self._count_asked(moment.asked), self._count_happened(moment.happened)
        while self._under_way:
            if self._count_asked(moment.asked) > asked or self._count_happened(moment.happened) > happened:
                break
            if moment.asked is None and moment.happened is None:
                break
            await asyncio.sleep(TICK)
        await asyncio.sleep(moment.after)
        return self._under_way is not None

    def _count_asked(self, operation: str | None) -> int:
        return self._stage.asked().get(operation, 0) if operation else 0

    def _count_happened(self, operation: str | None) -> int:
        return sum(happened.operation == operation for happened in self._stage.happened())

    def _cancel_turn(self) -> None:
        if self._under_way:
            self._under_way.cancel()

    async def _crash(self) -> None:
        if self._under_way:
            self._killed.set()
        await self._worker.kill()
        self._agent = self._stage.agent()

    async def _look(self) -> SoFar:
        return await look(self._worker.line, self._stage, THREAD, start=self._start, turns=self._turns)


async def _pass(seconds: float, *, busy: bool) -> None:
    loop = asyncio.get_running_loop()
    if busy or not isinstance(loop, VirtualLoop):
        await asyncio.sleep(seconds)
    else:
        await loop.pass_over(seconds)


def _now() -> float:
    return asyncio.get_running_loop().time()
