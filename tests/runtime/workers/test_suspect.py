"""A worker that must doubt its leases starts nothing new, and goes on when it is sure again."""

import asyncio
from typing import Any

import psycopg
import pytest
from langgraph.graph import START, MessagesState, StateGraph

from trunkline import Trunkline
from trunkline.agents import Models
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.workers.worker import Worker


class Doubtful:
    """A graph of two steps; the first one ends when the worker has come to doubt its leases."""

    def __init__(self) -> None:
        self.worker: Worker | None = None
        self.begun = asyncio.Event()
        self.suspect: list[bool] = []
        self.graph = StateGraph(MessagesState).add_node("first", self._first).add_node("second", self._second)
        self.graph.add_edge(START, "first").add_edge("first", "second")

    @property
    def doubts(self) -> bool:
        assert self.worker
        return self.worker.presence.suspect

    async def _first(self, state: MessagesState) -> dict[str, Any]:
        self.suspect.append(self.doubts)
        self.begun.set()
        while not self.doubts:  # noqa: ASYNC110 - it is a matter of time alone
            await asyncio.sleep(0.02)
        return {}

    async def _second(self, state: MessagesState) -> dict[str, Any]:
        self.suspect.append(self.doubts)
        return {}


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_no_step_begins_while_the_lease_is_in_doubt(url: str) -> None:
    """The lease cannot be renewed for a while; the step under way ends, the next one begins when it is renewed."""
    doubtful = Doubtful()
    async with Trunkline(url, models=Models({}), graphs={"doubtful": doubtful.graph}) as line:
        run = await line.submit("doubtful", "x")
        async with line.worker(lease=2.0) as doubtful.worker:
            await doubtful.begun.wait()
            async with await psycopg.AsyncConnection.connect(url) as other:
                await other.execute("SELECT 1 FROM workers FOR UPDATE")  # no renewal comes through
                while not doubtful.doubts:  # noqa: ASYNC110 - it is a matter of time alone
                    await asyncio.sleep(0.02)
                await asyncio.sleep(0.3)  # in which the second step would begin
            ended = await line.wait(run, within=20)

    assert (ended.status, doubtful.suspect) == (RunStatus.SUCCEEDED, [False, False])
