"""S15, Monday at ten: 450 contacts in an hour, over a narrow model and a narrow CRM, in virtual time.

These are minutes in which twice as many come as on average: the model is asked for 94 % of what it can do.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.messages import AnyMessage
from langchain_core.rate_limiters import BaseRateLimiter

from trunkline import ScriptedModel, Trunkline
from trunkline.examples.call_center.backend import Backend, Faults
from trunkline.examples.call_center.day import Contact, generate_day
from trunkline.examples.call_center.graphs import after_call, live_contact
from trunkline.examples.call_center.queued_shift import QueuedShift
from trunkline.examples.call_center.script import answer
from trunkline.examples.call_center.shift import Served
from trunkline.examples.call_center.world import generate_world
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.scenarios.virtual_time import VirtualClock, in_virtual_time
from trunkline.tools.rate import Rate, RateGate

CONTACTS, BETWEEN = 40, 3600 / 450 / 2
"""How many of the hour's contacts are served here, and the seconds between two of them."""

SLO = 6.0
"""Seconds within which 95 of 100 turns are answered."""

PATIENCE = 30.0
"""Seconds after which the work after a contact is done at the latest."""


class TwoASecond(BaseRateLimiter):
    """The limit of the model's endpoint: calls wait for their turn in the order of asking."""

    def __init__(self) -> None:
        self._gate = RateGate(Rate(2))
        self.calls = list[float]()

    def acquire(self, *, blocking: bool = True) -> bool:
        raise NotImplementedError

    async def aacquire(self, *, blocking: bool = True) -> bool:
        await self._gate.turn()
        self.calls.append(asyncio.get_running_loop().time())
        return True


class MondayShift(QueuedShift):
    """Contacts come one by one; how long each turn and the work after each contact took is written down."""

    turns: list[float]
    follow_ups: list[float]

    async def _arrived(self, place: float) -> None:
        await asyncio.sleep(place * CONTACTS * BETWEEN)

    async def _turn(self, contact: Contact, number: int, turn: dict[str, Any]) -> list[AnyMessage]:
        begun = asyncio.get_running_loop().time()
        messages = await super()._turn(contact, number, turn)
        self.turns.append(asyncio.get_running_loop().time() - begun)
        return messages

    async def _wrap_up(self, contact: Contact, messages: Sequence[AnyMessage]) -> bool:
        begun = asyncio.get_running_loop().time()
        noted = await super()._wrap_up(contact, messages)
        self.follow_ups.append(asyncio.get_running_loop().time() - begun)
        return noted


@dataclass(frozen=True, slots=True, kw_only=True)
class Monday:
    """What came of it."""

    served: Sequence[Served]
    turns: Sequence[float]
    follow_ups: Sequence[float]
    model_calls: Sequence[float]
    crm_at_once: int
    runs: dict[RunStatus, int]
    noted: Counter[object]


async def _monday(url: str) -> Monday:
    world, limit = generate_world(7), TwoASecond()
    backend = Backend(world, faults=Faults(failed=0.02, lost=0.01))
    model = ScriptedModel(answer, latency=0.4, rate_limiter=limit)
    graphs = {"live_contact": live_contact(backend, model=model), "after_call": after_call(backend, model=model)}
    async with Trunkline(url, graphs=graphs, clock=VirtualClock()) as line:
        shift = MondayShift(
            line, backend, model=model, live="live", after="after", seats=CONTACTS, served=lambda _: None
        )
        shift.turns, shift.follow_ups = [], []
        async with line.worker(queues=["live", "after"], concurrency=2):
            served = await shift.serve(generate_day(world)[:CONTACTS])
        runs = (await line.report()).runs
    noted = (effect.arguments["contact_id"] for effect in backend.effects if effect.operation == "crm_upsert_contact")
    return Monday(
        served=served,
        turns=sorted(shift.turns),
        follow_ups=sorted(shift.follow_ups),
        model_calls=limit.calls,
        crm_at_once=backend.peaks["crm"],
        runs=dict(runs),
        noted=Counter(noted),
    )


@pytest.fixture(scope="module")
def monday(tmp_path_factory: pytest.TempPathFactory) -> Monday:
    """Monday, served by one worker."""
    return in_virtual_time(_monday(f"sqlite:///{tmp_path_factory.mktemp('monday')}/line.db"))


def test_nobody_is_lost_and_the_queue_drains(monday: Monday) -> None:
    """Every contact is served and noted once, and no run is left."""
    assert [served.failure for served in monday.served if served.failure] == []
    assert set(monday.runs) == {RunStatus.SUCCEEDED}
    assert monday.noted == Counter({served.contact.id: 1 for served in monday.served})


def test_turns_are_answered_in_time(monday: Monday) -> None:
    """95 of 100 turns keep to the objective, although the work after contacts wants the same model."""
    assert len(monday.turns) > 2 * CONTACTS
    assert monday.turns[len(monday.turns) * 95 // 100] <= SLO


def test_the_work_after_contacts_never_starves(monday: Monday) -> None:
    """Whatever the load of turns, which go first, it is done within half a minute."""
    assert len(monday.follow_ups) == CONTACTS
    assert monday.follow_ups[-1] <= PATIENCE


def test_no_limit_is_exceeded(monday: Monday) -> None:
    """Two model calls a second, five requests of the CRM at once."""
    pairs = zip(monday.model_calls, monday.model_calls[2:], strict=False)
    assert [third - first for first, third in pairs if third - first < 1 - 1e-6] == []
    assert monday.crm_at_once <= 5
