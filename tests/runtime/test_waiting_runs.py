"""Runs that wait for an answer keep what they ask."""

from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Interrupt, interrupt
from sqlalchemy import select

from trunkline import Trunkline
from trunkline.runtime.questions import interrupts_of
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.payloads import Payloads
from trunkline.runtime.storage.tables import RunRow


def asking() -> StateGraph[MessagesState, None, MessagesState, MessagesState]:
    def ask(state: MessagesState) -> None:
        interrupt({"refund": state["messages"][-1].text})

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    return graph


async def test_what_a_waiting_run_asks_is_on_record(line: Trunkline, database: Database) -> None:
    """Its row has the interrupts with their values, for those who did not see it stop."""
    reply = await line.run(asking(), "order 7")

    row = select(RunRow.interrupts).where(RunRow.id == reply.run_id)
    stored = await database.writer.write(lambda connection: connection.scalar(row))
    assert stored
    [kept] = interrupts_of(stored, Payloads(database.saver.serde))
    assert isinstance(kept, Interrupt)
    assert (kept.id, kept.value) == (reply.interrupt_ids[0], {"refund": "order 7"})
