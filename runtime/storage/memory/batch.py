"""What a store is asked to do at once: what reads comes first, and of several writes to one key the last one counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from langgraph.store.base import GetOp, ListNamespacesOp, Op, PutOp, Result, SearchOp, validate_op_namespace

from trunkline.runtime.storage.memory.namespace import Namespace

Name = tuple[Namespace, str]
"""An item's namespace and key."""


@dataclass(slots=True)
class Batch:
    """Operations by kind, those that read under their places in the batch."""

    gets: dict[int, GetOp] = field(default_factory=dict[int, GetOp])
    searches: dict[int, SearchOp] = field(default_factory=dict[int, SearchOp])
    lists: dict[int, ListNamespacesOp] = field(default_factory=dict[int, ListNamespacesOp])
    puts: dict[Name, PutOp] = field(default_factory=dict[Name, PutOp])
    size: int = 0

    @classmethod
    def of(cls, ops: Iterable[Op]) -> Batch:
        """Sort operations. Raises LangGraph's `InvalidNamespaceError`."""
        batch = cls()
        for place, op in enumerate(ops):
            validate_op_namespace(op)
            batch._add(place, op)
            batch.size += 1
        return batch

    @property
    def reads(self) -> bool:
        """Whether there is something to read."""
        return bool(self.gets or self.searches or self.lists)

    def results(self, found: Mapping[int, Any]) -> list[Result]:
        """Return the results in the order of the operations."""
        return [cast("Result", found.get(place)) for place in range(self.size)]

    def _add(self, place: int, op: Op) -> None:
        match op:
            case GetOp():
                self.gets[place] = op
            case SearchOp():
                self.searches[place] = op
            case ListNamespacesOp():
                self.lists[place] = op
            case PutOp():
                self.puts[op.namespace, op.key] = op
