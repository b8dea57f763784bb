"""The desk serves what callers mean: graphs, scripted model, tools and back end together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from trunkline import Trunkline
from trunkline.agents import Models
from trunkline.agents.models import ScriptedSetting
from trunkline.examples.call_center.backend import Backend, Faults
from trunkline.examples.call_center.day import Contact, generate_day
from trunkline.examples.call_center.shift import Served, Shift
from trunkline.examples.call_center.world import generate_world
from trunkline.runtime.report import WorkReport

SCRIPT = "trunkline.examples.call_center.script:answer"
DONE_BY = {
    "refund_small": "refund_order",
    "reschedule_delivery": "reschedule_delivery",
    "change_address": "update_address",
    "wants_human": "transfer_to_human",
}
"""The effect that each of these intents ends in, without anybody's approval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day that was served."""

    contacts: Sequence[Contact]
    served: Sequence[Served]
    backend: Backend
    report: WorkReport

    def of(self, intent: str) -> list[Contact]:
        """The contacts with this intent."""
        return [contact for contact in self.contacts if contact.intent == intent]

    def done(self, operation: str) -> list[object]:
        """The values of the arguments with which an operation took effect."""
        effects = (effect for effect in self.backend.effects if effect.operation == operation)
        return [value for effect in effects for value in effect.arguments.values()]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """The first forty contacts, with every first answer to a refund lost."""
    return asyncio.run(_served(tmp_path_factory.mktemp("day") / "day.db"))


async def _served(database: Path) -> Day:
    world = generate_world(7)
    contacts = generate_day(world)[:40]
    backend = Backend(world, latency=0, faults=Faults(first={"refund_order": ("lost",)}))
    models = Models({"scripted": ScriptedSetting(kind="scripted", script=SCRIPT)})
    async with Trunkline(f"sqlite:///{database}", models=models) as line:
        served = await Shift(line, backend, model="scripted", served=lambda _: None).serve(contacts)
        return Day(contacts=contacts, served=served, backend=backend, report=await line.report())


def test_every_contact_is_served_and_noted(day: Day) -> None:
    """Nobody is forgotten, and the CRM has one note of each."""
    assert [served.failure for served in day.served if served.failure] == []
    assert all(served.noted for served in day.served)
    assert [contact.id for contact in day.contacts if contact.id not in day.done("crm_upsert_contact")] == []


@pytest.mark.parametrize(("intent", "operation"), DONE_BY.items())
def test_what_a_caller_asks_for_happens(day: Day, intent: str, operation: str) -> None:
    """The words lead to the very record that the caller means."""
    done = day.done(operation)
    meant = [contact.id if intent == "wants_human" else contact.about.order_ids[0] for contact in day.of(intent)]

    assert meant
    assert [identity for identity in meant if identity not in done] == []


def test_a_large_refund_waits_for_a_person_and_moves_no_money(day: Day) -> None:
    """It stands on the ledger as waiting, and the back end never heard of it."""
    waiting = {call.arguments["order_id"] for call in day.report.waiting if call.tool == "refund_order"}
    meant = {contact.about.order_ids[0] for contact in day.of("refund_large")}

    assert waiting == meant
    assert [order for order in meant if order in day.done("refund_order")] == []


def test_a_refund_whose_answer_was_lost_is_paid_once(day: Day) -> None:
    """Each was asked for again under its key, and no money moved twice."""
    keys = [effect.key for effect in day.backend.effects if effect.operation == "refund_order"]

    assert len(keys) == len(set(keys)) == len(day.of("refund_small"))
    assert day.report.attempts_repeated(tool="refund_order") >= len(keys)


def test_of_two_orders_only_the_one_that_was_meant_is_cancelled(day: Day) -> None:
    """`Where is A, and cancel B`: A is told, B is cancelled."""
    [contact] = day.of("two_orders")
    awaited, cancelled = contact.about.order_ids

    assert cancelled in day.done("cancel_order")
    assert awaited not in day.done("cancel_order")
