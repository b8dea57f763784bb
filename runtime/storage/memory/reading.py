"""Reading: what a batch asks for, all from one state of the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.memory.batch import Batch, Name
from trunkline.runtime.storage.memory.items import Scope, StoredItem, find, namespaces
from trunkline.runtime.storage.memory.search import search


@dataclass(slots=True)
class Answers:
    """What was found for the operations that read."""

    results: dict[int, Any] = field(default_factory=dict[int, Any])
    """Under the operations' places in the batch."""

    refreshed: dict[Name, float] = field(default_factory=dict[Name, float])
    """The items that live on because they were read, and for how many seconds."""

    def refresh(self, item: StoredItem) -> None:
        """Note that the item lives on, if it does not live for ever."""
        if item.ttl is not None:
            self.refreshed[item.namespace, item.key] = item.ttl


async def read(connection: AsyncConnection, scope: Scope, batch: Batch, vectors: Mapping[str, bytes]) -> Answers:
    """Answer what the batch asks; `vectors` are those of its searches' queries."""
    answers = Answers()
    items = await find(connection, scope, [(op.namespace, op.key) for op in batch.gets.values()])
    for place, get in batch.gets.items():
        if item := items.get((get.namespace, get.key)):
            answers.results[place] = item.item()
            if get.refresh_ttl:
                answers.refresh(item)
    for place, asked in batch.searches.items():
        found = await search(connection, scope, asked, vectors.get(asked.query or ""))
        answers.results[place] = [item.found(score) for item, score in found]
        for item, _ in found if asked.refresh_ttl else ():
            answers.refresh(item)
    for place, listing in batch.lists.items():
        answers.results[place] = await namespaces(connection, scope, listing)
    return answers
