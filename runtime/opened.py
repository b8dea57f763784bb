"""What an open line has."""

from __future__ import annotations

from dataclasses import dataclass

from trunkline.runtime.graph_book import GraphBook
from trunkline.runtime.office import Office
from trunkline.runtime.runnable import Runnable
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.payloads import Payloads, payloads_of
from trunkline.runtime.workers.presence import Presence


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What an open line has."""

    database: Database
    office: Office
    presence: Presence
    graphs: GraphBook

    @property
    def payloads(self) -> Payloads:
        """Values to bytes and back, with the line's own serialiser."""
        return Payloads(self.database.saver.serde)

    def payloads_for(self, graph: Runnable | str) -> Payloads:
        """Values to bytes and back, as the graph's state may hold them."""
        return self.payloads if isinstance(graph, str) else payloads_of(self.office.compiled(graph))
