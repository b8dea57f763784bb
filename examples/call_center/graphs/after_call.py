"""The work after a contact: summary, disposition and commitments side by side, then one note in the CRM."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from trunkline import Agent, FanOut
from trunkline.examples.call_center.backend import Desks
from trunkline.examples.call_center.graphs.live_contact import PROMPTS
from trunkline.examples.call_center.tools import after_call_toolbox
from trunkline.graphs import ModelStep
from trunkline.tools import Done, ToolRequest

TRIES = 3
DISPOSITIONS = ("resolved", "refund_declined", "handed_over", "callback", "abandoned")


class FinishedContact(TypedDict):
    """What is known of a finished contact."""

    contact_id: str
    customer_id: str
    channel: str
    transcript: str
    actions: str
    """What really happened, one a line."""

    pending: NotRequired[str]
    """What still waited for a colleague when the caller was gone, one a line: somebody must tell them."""


class AfterCall(FinishedContact):
    """A finished contact, and what is made of it."""

    summary: str
    disposition: str
    commitments: str
    noted: bool


Graph = CompiledStateGraph[AfterCall, None, FinishedContact, AfterCall]


def after_call(backend: Desks, *, model: BaseChatModel | str) -> Graph:
    """Return the graph that does the work after one contact."""
    graph = StateGraph(AfterCall, input_schema=FinishedContact)
    for name in ("summary", "disposition", "commitments"):
        graph.add_node(f"write_{name}", Writer(name, model).write)
        graph.add_edge(START, f"write_{name}")
    graph.add_node("note", Noter(backend).note)
    graph.add_edge(["write_summary", "write_disposition", "write_commitments"], "note")
    graph.add_edge("note", END)
    return graph.compile(name="after_call")


class Writer:
    """Lets an agent read the transcript and write one thing about it."""

    def __init__(self, name: str, model: BaseChatModel | str) -> None:
        self._name = name
        self._step = ModelStep(Agent(name, model=model, prompt=PROMPTS / f"{name}.md"))

    async def write(self, state: FinishedContact, config: RunnableConfig) -> dict[str, Any]:
        """Return what the agent wrote, under its name."""
        answer = await self._step.ask([HumanMessage(state["transcript"])], config, values=state)
        return {self._name: answer.text.strip()}


class Noter:
    """Writes the note of a contact into the CRM, once."""

    def __init__(self, backend: Desks) -> None:
        self._fan_out = FanOut(after_call_toolbox(backend))

    async def note(self, state: AfterCall, config: RunnableConfig) -> dict[str, Any]:
        """Write the note; where the answer is lost, ask again: the key makes it one note."""
        asked = ToolRequest(name="crm_upsert_contact", arguments=_note(state), tool_call_id="note")
        for attempt in range(TRIES):
            [result] = await self._fan_out.run([asked], config, batch=f"note {state['contact_id']} {attempt}")
            if isinstance(result.outcome, Done):
                return {"noted": True}
        return {"noted": False}


def _note(state: AfterCall) -> dict[str, Any]:
    said = f"{state['commitments']}\n{state.get('pending', '')}"
    owed = [line for line in said.splitlines() if line and line != "none"]
    disposition = state["disposition"] if state["disposition"] in DISPOSITIONS else "resolved"
    return {
        "contact_id": state["contact_id"],
        "customer_id": state["customer_id"],
        "channel": state["channel"],
        "wrapup": {"summary": state["summary"], "disposition": disposition, "commitments": owed},
    }
