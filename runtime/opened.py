"""What an open line has."""

from __future__ import annotations

from dataclasses import dataclass

from trunkline.errors import GraphLoadError, ReferenceNotFoundError, UnknownGraphError
from trunkline.runtime.graph_book import GraphBook
from trunkline.runtime.office import Office
from trunkline.runtime.run_watch import RunWatch
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
    watch: RunWatch

    @property
    def payloads(self) -> Payloads:
        """Values to bytes and back, with the line's own serialiser."""
        return Payloads(self.database.saver.serde)

    async def payloads_by(self, reference: str | None) -> Payloads:
        """Values to bytes and back, as the graph's state may hold them; as the line's may where it knows no graph."""
        try:
            async with self.graphs.opened(reference or "") as graph:
                return payloads_of(self.office.compiled(graph))
        except (UnknownGraphError, ReferenceNotFoundError, GraphLoadError):
            return self.payloads

    def payloads_for(self, graph: Runnable | str) -> Payloads:
        """Values to bytes and back, as the graph's state may hold them."""
        return self.payloads if isinstance(graph, str) else payloads_of(self.office.compiled(graph))
