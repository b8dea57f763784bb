"""The model step."""

from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from pydantic import BaseModel

from trunkline.agents import Agent, Models, ScriptedModel, Step, call
from trunkline.agents.models import ScriptedSetting
from trunkline.errors import PromptError, RoundLimitError, ScriptError, UnknownModelError
from trunkline.graphs import ModelStep
from trunkline.graphs.scope import Scope, with_scope
from trunkline.tools import CallExecutor, tool


@tool(effect="read")
async def look(order_id: str = "A") -> str:
    """Look."""
    return order_id


class Ear:
    """A script that repeats what it heard, and keeps it."""

    def __init__(self) -> None:
        self.heard: list[BaseMessage] = []

    def __call__(self, messages: list[BaseMessage]) -> Step:
        self.heard = messages
        return " | ".join(message.text for message in messages)


class DictState(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    customer: str


class PydanticState(BaseModel):
    messages: Annotated[list[AnyMessage], add_messages]
    customer: str


@dataclass
class DataclassState:
    messages: Annotated[list[AnyMessage], add_messages] = field(default_factory=list[AnyMessage])
    customer: str = ""


class Talk(TypedDict):
    items: Annotated[list[AnyMessage], add_messages]
    customer: str


@pytest.mark.parametrize(
    ("state", "key"),
    [(DictState, "messages"), (PydanticState, "messages"), (DataclassState, "messages"), (Talk, "items")],
)
async def test_the_prompt_is_filled_from_the_state_and_comes_first(state: type[Any], key: str) -> None:
    """Whatever kind of state it is; it is not kept in the conversation."""
    agent = Agent("desk", model=ScriptedModel(Ear()), prompt="You talk to {{ customer }}.")
    builder: Any = StateGraph(state)
    builder.add_node("model", ModelStep(agent, messages_key=key))
    builder.add_edge(START, "model")
    ended = await builder.compile().ainvoke({key: [HumanMessage("Hi")], "customer": "Ann"})

    assert [message.text for message in ended[key]] == ["Hi", "You talk to Ann. | Hi"]


async def answer(agent: Agent, *messages: AnyMessage, config: RunnableConfig | None = None, **values: Any) -> AIMessage:
    """What the agent says next."""
    ended = await ModelStep(agent)({"messages": messages, **values}, config or {})
    return ended["messages"][0]


async def test_an_agent_without_instructions_hears_the_conversation_alone() -> None:
    """No empty system message is sent."""
    ear = Ear()
    await answer(Agent("desk", model=ScriptedModel(ear)), HumanMessage("Hi"))
    assert [message.type for message in ear.heard] == ["human"]

    await answer(Agent("desk", model=ScriptedModel(ear), prompt="Be kind."), HumanMessage("Hi"))
    assert ear.heard == [SystemMessage("Be kind."), HumanMessage("Hi")]


async def test_a_value_that_the_state_lacks_is_named() -> None:
    """Before the model is asked."""
    ear = Ear()
    with pytest.raises(PromptError, match="has no value for customer"):
        await answer(Agent("desk", model=ScriptedModel(ear), prompt="{{ customer }}"), HumanMessage("Hi"))

    assert ear.heard == []


async def test_the_model_is_given_the_agents_tools() -> None:
    """An agent without tools binds none."""
    script: list[Step] = [[call("look")]]
    asked = await answer(Agent("desk", model=ScriptedModel(script), tools=[look]), HumanMessage("Hi"))
    assert [each["name"] for each in asked.tool_calls] == ["look"]

    with pytest.raises(ScriptError, match="the model was given no tools"):
        await answer(Agent("desk", model=ScriptedModel(script)), HumanMessage("Hi"))


async def test_calls_that_were_left_open_are_closed_for_the_model() -> None:
    """The conversation itself is not changed."""
    ear, asked = Ear(), AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "a", "type": "tool_call"}])
    said = await answer(Agent("desk", model=ScriptedModel(ear)), HumanMessage("Hi"), asked, HumanMessage("Hello?"))

    assert [message.type for message in ear.heard] == ["human", "ai", "tool", "human"]
    assert "interrupted" in said.text


def rounds(number: int) -> list[AnyMessage]:
    """A conversation in which tools were asked for so often since the human spoke."""
    asked = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "a", "type": "tool_call"}])
    return [HumanMessage("Before"), asked, HumanMessage("Hi"), *[asked, ToolMessage("x", tool_call_id="a")] * number]


async def test_an_agent_may_answer_after_its_last_round() -> None:
    """The rounds before the human spoke do not count."""
    agent = Agent("desk", model=ScriptedModel(lambda _: "Done"), tools=[look], rounds=2)

    assert [(await answer(agent, *rounds(number))).text for number in (0, 1, 2)] == ["Done"] * 3


async def test_an_agent_that_goes_in_circles_is_stopped() -> None:
    """Asking once more than it may is an error that says what to do."""
    agent = Agent("desk", model=ScriptedModel(lambda _: [call("look")]), tools=[look], rounds=2)
    for number in (0, 1):
        await answer(agent, *rounds(number))

    with pytest.raises(RoundLimitError) as raised:
        await answer(agent, *rounds(2))
    assert str(raised.value) == (
        "agent 'desk' asked for tools more often than its rounds=2 in one run; raise rounds= or mend its prompt"
    )


def script(messages: list[BaseMessage]) -> Step:
    return f"by name: {messages[-1].text}"


async def test_a_model_can_be_named() -> None:
    """The run knows the models; without a run there are none."""
    agent = Agent("desk", model="fast")
    models = Models({"fast": ScriptedSetting(kind="scripted", script=f"{__name__}:script")})
    scope = Scope(run_id="r", thread_id="t", executor=CallExecutor(), models=models)

    said = await answer(agent, HumanMessage("Hi"), config={"configurable": with_scope({}, scope)})
    assert said.text == "by name: Hi"
    with pytest.raises(UnknownModelError, match="model 'fast'"):
        await answer(agent, HumanMessage("Hi"))


async def test_errors_that_are_not_the_endpoints_are_left_alone() -> None:
    """What a model raises on its own goes on as it is."""
    agent = Agent("desk", model=ScriptedModel([KeyError("x")]))

    with pytest.raises(KeyError, match="x"):
        await answer(agent, HumanMessage("Hi"))


async def test_a_node_of_ones_own_can_ask() -> None:
    """With messages that need not be in the state, and no limit of rounds."""
    agent = Agent("desk", model=ScriptedModel(Ear()), prompt="Judge {{ what }}.", rounds=1)
    said = await ModelStep(agent).ask([HumanMessage("Hi")], {}, values={"what": "this"})

    assert said.text == "Judge this. | Hi"
