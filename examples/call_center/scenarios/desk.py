"""The desk as a stage for scenarios: the generated world, its flaky systems, and the graph of a live contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from trunkline import Toolbox, Trunkline
from trunkline.examples.call_center.backend import Backend, Effect, Faults
from trunkline.examples.call_center.graphs import live_contact
from trunkline.examples.call_center.graphs.live_contact import Graph
from trunkline.examples.call_center.records import ContactId
from trunkline.examples.call_center.scenarios.given import Given, set_records
from trunkline.examples.call_center.tools import contact_toolbox
from trunkline.examples.call_center.turns import turn_of
from trunkline.examples.call_center.world import World, generate_world
from trunkline.runtime.scenarios import Happened, Reply, Setting, Stage

CONTACT = ContactId("K0001")


class Desk(Stage):
    """One contact at the desk. What the desk can be set with is `Given`; another channel can change any record."""

    def __init__(self, setting: Setting) -> None:
        self._given = Given.read(setting.given)
        self._model, self._clock = setting.model, setting.clock
        faults = Faults(first=self._given.faults, slow=self._given.slow)
        self.backend, self._toolbox = _systems()
        self.backend.start_again(_world(), seed=setting.seed, faults=faults)
        set_records(self.backend.books, self._given.records)
        self.backend.books.prove(self._given.caller, self._given.verified)
        customer = self.backend.books.customer(self._given.caller)
        self._caller = customer.phone if self._given.channel == "voice" else customer.email

    def agent(self) -> Graph:
        """Return the graph of a live contact."""
        return live_contact(self._toolbox, model=self._model)

    async def hear(self, said: str, line: Trunkline, thread: str) -> Any:
        """Return a turn of the contact."""
        return await self._turn(line, thread, said)

    async def news(self, line: Trunkline, thread: str) -> Any:
        """Return a turn in which nobody speaks."""
        return await self._turn(line, thread, None)

    def told(self, reply: Reply) -> str:
        """Return what the caller hears."""
        return str(reply.state["said"])

    def state(self) -> Mapping[str, object]:
        """Return every record of the company."""
        return self.backend.books.by_name()

    def happened(self) -> Sequence[Happened]:
        """Return what the company's systems did."""
        return [_happened(effect) for effect in self.backend.effects]

    def asked(self) -> Mapping[str, int]:
        """Return how many requests for each operation the systems got."""
        return self.backend.wire.asked

    def change(self, what: Mapping[str, Any]) -> None:
        """Let another channel change fields of records."""
        set_records(self.backend.books, what)

    async def _turn(self, line: Trunkline, thread: str, said: str | None) -> dict[str, Any]:
        return await turn_of(
            line,
            thread,
            contact=CONTACT,
            channel=self._given.channel,
            caller=self._caller,
            now=self._clock.now(),
            said=said,
        )


def desk(setting: Setting) -> Desk:
    """Set the desk for one run of a scenario."""
    return Desk(setting)


@cache
def _world() -> World:
    return generate_world()


@cache
def _systems() -> tuple[Backend, Toolbox]:
    """The systems and the tools over them: to declare twenty tools takes a good part of the time of a run."""
    backend = Backend(_world())
    return backend, contact_toolbox(backend)


def _happened(effect: Effect) -> Happened:
    kinds = frozenset({"money_out"}) if effect.cents > 0 else frozenset[str]()
    return Happened(operation=effect.operation, arguments=effect.arguments, kinds=kinds)
