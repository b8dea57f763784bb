"""Graphs that ask people, and processes that serve them and die at one of their commits."""

import itertools
import operator
from typing import Annotated, Any, TypedDict
from weakref import WeakSet

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from sqlalchemy import Connection, Engine, event

from stand_ins.processes import die
from trunkline import Trunkline
from trunkline.runtime.storage.engine import WRITES


class Interview(TypedDict):
    """What was heard so far."""

    heard: Annotated[list[str], operator.add]


def two_questions(name: str) -> Any:
    """Return a node that asks twice."""

    def ask(state: Interview) -> Interview:
        del state
        first = interrupt(f"{name} 1?")
        second = interrupt(f"{name} 2?")
        return {"heard": [f"{name} {first}, {second}"]}

    return ask


def alone() -> Any:
    """Return a graph that asks two questions in one node, and a third one in the next."""
    graph = StateGraph(Interview)
    graph.add_node("a", two_questions("a"))
    graph.add_node("b", lambda state: {"heard": [f"b {interrupt('b 1?')}"]})
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    return graph


def side_by_side() -> Any:
    """Return a graph whose two nodes ask at the same time, one of them in a subgraph."""
    inner = StateGraph(Interview)
    inner.add_node("r", two_questions("r"))
    inner.add_edge(START, "r")
    graph = StateGraph(Interview)
    graph.add_node("l", two_questions("l"))
    graph.add_node("inner", inner.compile())
    for name in ("l", "inner"):
        graph.add_edge(START, name)
    return graph


def chat() -> Any:
    """Return a graph whose two nodes say something each, and ask nobody."""
    graph = StateGraph(MessagesState)
    graph.add_node("one", lambda state: {"messages": [AIMessage("one")]})
    graph.add_node("two", lambda state: {"messages": [AIMessage("two")]})
    graph.add_edge(START, "one")
    graph.add_edge("one", "two")
    return graph


GRAPHS = {"alone": alone, "side_by_side": side_by_side, "chat": chat}


def interviewing(url: str) -> Trunkline:
    """Return a line that knows the graphs."""
    return Trunkline(url, graphs={name: graph() for name, graph in GRAPHS.items()})


async def serve_until_commit(url: str, run_id: str, queue: str, last: int) -> None:
    """Serve the run of the queue, and die when its worker is about to commit for the run for the time with this number.

    What duties of the worker commit meanwhile, which depends on how long it takes, does not count.
    """
    async with interviewing(url) as line:
        counted, concerned = itertools.count(1), WeakSet[Connection]()
        thread = (await line.found(run_id)).thread_id

        def sending(connection: Connection, _: object, __: str, parameters: object, *___: object) -> None:
            if WRITES.items() <= connection.get_execution_options().items() and thread in str(parameters):
                concerned.add(connection)

        def committing(connection: Connection) -> None:
            if connection in concerned and next(counted) == last:
                die()

        event.listen(Engine, "before_cursor_execute", sending)
        event.listen(Engine, "commit", committing)
        async with line.worker(queues=[queue]):
            await line.wait(run_id, within=30)
