"""A store under any sequence of requests, beside LangGraph's store in memory."""

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from langgraph.store.base import Item, MatchCondition, PutOp
from langgraph.store.memory import InMemoryStore

from stand_ins.embeddings import LETTERS, cosine, index
from trunkline import ManualClock, SQLAlchemyStore

LABELS = st.sampled_from(["a", "b", "B", "a-", "a/", "*", "ü"])
SPACES = st.lists(LABELS, min_size=1, max_size=3).map(tuple)
PATHS = st.lists(LABELS, max_size=2).map(tuple)
KEYS = st.sampled_from(["k", "K", "k%", ""])
TEXTS = st.text(LETTERS + "x", max_size=4)
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | st.sampled_from(["a", "1", "%"])
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner))
VALUES = st.fixed_dictionaries({"text": TEXTS}, optional={"x": JSON, "y": JSON})
NUMBERS = st.fixed_dictionaries({"n": st.integers(-3, 3) | st.floats(-3, 3), "text": TEXTS})
OPERATORS = st.sampled_from(["$gt", "$gte", "$lt", "$lte"])
MATCHES = st.builds(MatchCondition, st.sampled_from(["prefix", "suffix"]), PATHS)
PUTS = st.builds(PutOp, SPACES, KEYS, st.none() | VALUES | NUMBERS, index=st.none(), ttl=st.none())


def told(items: list[Any]) -> list[tuple[Any, ...]]:
    return sorted(((item.namespace, item.key, repr(item.value)) for item in items), key=repr)


class StoreMachine(RuleBasedStateMachine):
    """Two stores on one database, used in turns."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.reference = InMemoryStore()
        self.clock = ManualClock()
        self.turn = 0

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def open(self) -> None:
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        url = f"sqlite:///{Path(folder) / 'memory.db'}"
        self.stores = [
            self.run(
                self.stack.enter_async_context(
                    SQLAlchemyStore.from_conn_string(url, index=index("text"), clock=self.clock)
                )
            )
            for _ in range(2)
        ]
        self.run(self.stores[0].setup())

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.loop.close()

    @property
    def store(self) -> SQLAlchemyStore:
        self.turn += 1
        return self.stores[self.turn % 2]

    def known(self, namespace: tuple[str, ...] = ()) -> list[Item]:
        """What the reference has under the namespace."""
        return [*self.reference.search(namespace, limit=1000)]

    @rule(ops=st.lists(PUTS, min_size=1, max_size=4))
    def write(self, ops: list[PutOp]) -> None:
        self.reference.batch(ops)
        self.run(self.store.abatch(ops))

    @rule(namespace=SPACES, key=KEYS)
    def get(self, namespace: tuple[str, ...], key: str) -> None:
        expected, found = self.reference.get(namespace, key), self.run(self.store.aget(namespace, key))
        assert (found and found.value) == (expected and expected.value)

    @rule(namespace=PATHS, wanted=st.dictionaries(st.sampled_from(["text", "x", "y"]), JSON | TEXTS, max_size=2))
    def search(self, namespace: tuple[str, ...], wanted: dict[str, Any]) -> None:
        found = self.run(self.store.asearch(namespace, filter=wanted, limit=1000))
        assert told(found) == told(self.reference.search(namespace, filter=wanted, limit=1000))

    @rule(namespace=PATHS, operator=OPERATORS, bound=st.integers(-3, 3) | st.floats(-3, 3))
    def compare(self, namespace: tuple[str, ...], operator: str, bound: float) -> None:
        """The reference cannot compare what is not there, so it gets to see only what is."""
        numbered = InMemoryStore()
        numbered.batch([PutOp(one.namespace, one.key, one.value) for one in self.known() if "n" in one.value])
        found = self.run(self.store.asearch(namespace, filter={"n": {operator: bound}}, limit=1000))
        assert told(found) == told(numbered.search(namespace, filter={"n": {operator: bound}}, limit=1000))

    @rule(namespace=PATHS, query=TEXTS.filter(bool), limit=st.integers(0, 4), offset=st.integers(0, 2))
    def search_by_meaning(self, namespace: tuple[str, ...], query: str, limit: int, offset: int) -> None:
        found = self.run(self.store.asearch(namespace, query=query, limit=limit, offset=offset))
        scores = sorted((cosine(query, item.value["text"]) for item in self.known(namespace)), reverse=True)
        expected = scores[offset : offset + limit]
        assert [round(item.score, 5) for item in found] == [round(score, 5) + 0.0 for score in expected]

    @rule(matches=st.lists(MATCHES, max_size=2), depth=st.none() | st.integers(1, 3), page=st.integers(0, 3))
    def list_namespaces(self, matches: list[MatchCondition], depth: int | None, page: int) -> None:
        """The reference keeps namespaces that have become empty, so it gets to see only what is not."""
        filled = InMemoryStore()
        filled.batch([PutOp(one.namespace, one.key, one.value) for one in self.known()])
        asked: dict[str, Any] = {"max_depth": depth, "limit": 3, "offset": page}
        for one in matches:
            asked[one.match_type] = one.path
        assert self.run(self.store.alist_namespaces(**asked)) == filled.list_namespaces(**asked)

    @invariant()
    def the_newest_comes_first(self) -> None:
        if not hasattr(self, "stores"):
            return
        self.run(self.clock.advance(1))
        found = self.run(self.store.asearch((), limit=1000))
        times = [item.updated_at for item in found]
        assert times == sorted(times, reverse=True)
        assert told(found) == told(self.known())


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(
    max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
