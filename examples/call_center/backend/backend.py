"""The company's systems as one flaky remote: a world that effects change, behind a wire that loses answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trunkline.examples.call_center.backend.books import Books
from trunkline.examples.call_center.backend.desks import Desks
from trunkline.examples.call_center.backend.luck import Faults, System
from trunkline.examples.call_center.backend.wire import Effect, Wire
from trunkline.examples.call_center.world import DEFAULT_SEED, World

CALM = Faults()
ROUGH = Faults(failed=0.02, lost=0.01)


class Backend(Desks):
    """CRM, orders, shipping, payments, tickets, knowledge, messaging and loyalty of one company.

    `latency` multiplies the time that a request takes (a median of 60 to 180 ms); 0 takes none. Belongs to one event
    loop. A customer who has proved who they are stays verified for the day.
    """

    def __init__(self, world: World, *, seed: int = DEFAULT_SEED, latency: float = 1.0, faults: Faults = CALM) -> None:
        self.books = Books(world)
        self.wire = Wire(seed=seed, latency=latency, faults=faults)
        super().__init__(self.wire, self.books)

    def start_again(self, world: World, *, seed: int, faults: Faults) -> None:
        """Begin another day, as if made anew: tools that were made of these systems stay good."""
        fresh = Backend(world, seed=seed, faults=faults)
        vars(self.books).update(vars(fresh.books))
        vars(self.wire).update(vars(fresh.wire))

    @property
    def effects(self) -> Sequence[Effect]:
        """What the systems really did, in the order in which they did it."""
        return self.wire.effects

    @property
    def peaks(self) -> Mapping[System, int]:
        """How many requests each system worked on at once, at most."""
        return self.wire.peaks
