"""A contact, turn by turn: guard, facts fetched side by side, an agent with tools, and what the caller hears.

START -> guard -> prefetch -> resolver <-> calls
               -> resolver -> reply -> END
               -> handoff -> reply
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NotRequired

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

from trunkline import Agent, FanOut, Toolbox
from trunkline.examples.call_center.backend import Desks
from trunkline.examples.call_center.tools import contact_toolbox
from trunkline.graphs import ModelStep, wants_tools
from trunkline.tools import CallResult, Deadline, Done, StillRunning, ToolRequest

ON_THE_LINE = Deadline(soft=0.35, hard=3.0)
"""A caller notices a pause that is longer."""

PROMPTS = Path(__file__).parent.parent / "prompts"
DISCLOSURE = "You are talking to Larkfield's assistant, which is software; this contact is recorded. "

_ASKS_FOR_PERSON = re.compile(r"\b(human|person|someone|somebody|colleague)\b", re.IGNORECASE)


class Turn(MessagesState):
    """What the caller just said, and through which channel."""

    contact_id: str
    channel: str
    caller: str
    """The phone number or e-mail address that the channel shows."""

    waiting: str
    """The calls that wait for a colleague, as JSON."""

    recap: NotRequired[str]
    """What a caller who was cut off hears first."""


class ContactState(Turn):
    """What is known of a contact."""

    contact: str
    """Id and channel as JSON, for the prompt."""

    facts: str
    """What was fetched before the first answer, as JSON."""

    customer_id: str | None
    said: str
    """What the caller hears in this turn."""

    greeted: bool
    """Whether the caller knows who is speaking."""


Graph = CompiledStateGraph[ContactState, None, Turn, ContactState]


def live_contact(tools: Desks | Toolbox, *, model: BaseChatModel | str, patience: Deadline = ON_THE_LINE) -> Graph:
    """Return the graph that serves one turn of a contact. The thread is the contact.

    `patience` is how long the first answer waits for what the desk wants to see; what comes later is told later.
    """
    toolbox = tools if isinstance(tools, Toolbox) else contact_toolbox(tools)
    resolver = Agent("resolver", model=model, prompt=PROMPTS / "resolver.md", tools=toolbox, rounds=12)
    systems = Systems(FanOut(toolbox), patience)

    graph = StateGraph(ContactState, input_schema=Turn)
    graph.add_node("guard", guard)
    graph.add_node("prefetch", systems.prefetch)
    graph.add_node("resolver", ModelStep(resolver))
    graph.add_node("calls", FanOut(toolbox))
    graph.add_node("handoff", systems.hand_off)
    graph.add_node("reply", reply)
    graph.add_edge(START, "guard")
    graph.add_conditional_edges("guard", way_on, ["prefetch", "resolver", "handoff"])
    graph.add_edge("prefetch", "resolver")
    graph.add_conditional_edges("resolver", wants_tools, {"tools": "calls", "answer": "reply"})
    graph.add_edge("calls", "resolver")
    graph.add_edge("handoff", "reply")
    graph.add_edge("reply", END)
    return graph.compile(name="live_contact")


def guard(state: Turn) -> dict[str, Any]:
    """Open the turn: nothing of the last one is said again."""
    contact = {"id": state["contact_id"], "channel": state["channel"]}
    return {"said": "", "contact": json.dumps(contact), "recap": state.get("recap", "")}


def way_on(state: ContactState) -> Literal["prefetch", "resolver", "handoff"]:
    """Hand over who asked for a person twice; fetch the facts once."""
    if _requests_for_person(state["messages"]) >= 2:
        return "handoff"
    return "resolver" if state.get("facts") else "prefetch"


def reply(state: ContactState) -> dict[str, Any]:
    """Say the answer, and in the first turn who is speaking."""
    opening = ("" if state.get("greeted") else DISCLOSURE) + state.get("recap", "")
    return {"said": opening + state["messages"][-1].text, "greeted": True}


class Systems:
    """The nodes that ask the company's systems on the graph's own account."""

    def __init__(self, fan_out: FanOut, patience: Deadline) -> None:
        self._fan_out, self._patience = fan_out, patience

    async def prefetch(self, state: ContactState, config: RunnableConfig) -> dict[str, Any]:
        """Find the customer by what the channel shows, then fetch all that a desk wants to see, side by side."""
        by = "email" if "@" in state["caller"] else "phone"
        [found] = await self._fan_out.run([_request("find_customer", {by: state["caller"]})], config)
        customers: list[dict[str, str]] = _output(found) or []
        customer_id = customers[0]["customer_id"] if customers else None
        question = {"query": state["messages"][-1].text}
        requests = [_request("search_kb", question)]
        if customer_id:
            reads = ("get_profile", "get_orders", "get_tickets", "get_contacts")
            requests += [_request(name, {"customer_id": customer_id}) for name in reads]
        results = await self._fan_out.run(requests, config, state=state, deadline=self._patience)
        facts = {result.request.name: _output(result) for result in results}
        return {"customer_id": customer_id, "facts": json.dumps(facts, ensure_ascii=False)}

    async def hand_off(self, state: ContactState, config: RunnableConfig) -> dict[str, Any]:
        """Put the caller through to a person, with a brief."""
        heard = [message.text for message in state["messages"] if isinstance(message, HumanMessage)]
        brief = {
            "customer_id": state.get("customer_id") or "unknown",
            "reason": "asked for a person",
            "summary": " / ".join(heard),
        }
        request = {"contact_id": state["contact_id"], "queue": "general", "brief": brief}
        [result] = await self._fan_out.run([_request("transfer_to_human", request)], config)
        through = isinstance(result.outcome, Done)
        text = "I am putting you through to a colleague now." if through else "A colleague will call you back shortly."
        return {"messages": [AIMessage(text)]}


def _request(name: str, arguments: Mapping[str, Any]) -> ToolRequest:
    return ToolRequest(name=name, arguments=arguments, tool_call_id=name)


def _output(result: CallResult) -> Any:
    """What the system said, `pending` where it is still at it, or None where it gave no answer."""
    match result.outcome:
        case Done(output=output):
            return output
        case StillRunning():
            return "pending"
        case _:
            return None


def _requests_for_person(messages: Sequence[AnyMessage]) -> int:
    heard = (message.text for message in messages if isinstance(message, HumanMessage))
    return sum(bool(_ASKS_FOR_PERSON.search(text)) for text in heard)
