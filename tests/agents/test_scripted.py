"""The scripted model."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage

from trunkline.agents import ScriptedModel, Step, Turn, call
from trunkline.errors import ScriptError
from trunkline.tools import Toolbox, tool


@tool(effect="read")
async def look(order_id: str) -> str:
    """Look."""
    return order_id


TOOLS = Toolbox([look]).specifications()
ANSWERS = st.one_of(
    st.text(max_size=20),
    st.lists(st.builds(call, st.just("look"), order_id=st.text(max_size=5)), min_size=1, max_size=3),
    st.builds(
        Turn, say=st.text(alphabet="ab \n\t", max_size=9), calls=st.lists(st.builds(call, st.just("look")), max_size=2)
    ),
)


def asked_for(message: AIMessage) -> list[tuple[str, dict[str, Any], str | None]]:
    return [(asked["name"], asked["args"], asked["id"]) for asked in message.tool_calls]


def whole(chunks: Iterable[AIMessage]) -> AIMessage:
    """The message that the chunks add up to."""
    message = AIMessageChunk(content="")
    for chunk in chunks:
        assert isinstance(chunk, AIMessageChunk)
        message += chunk
    return message


@settings(deadline=None)
@given(ANSWERS)
def test_streaming_says_the_same_as_answering_at_once(answer: Step) -> None:
    """Text to the last blank, tool calls with their ids, usage, and the model's name."""
    model = ScriptedModel([answer]).bind_tools(TOOLS)
    at_once, streamed = model.invoke("Hi there"), whole(model.stream("Hi there"))

    assert (streamed.content, asked_for(streamed)) == (at_once.content, asked_for(at_once))
    assert streamed.usage_metadata == at_once.usage_metadata
    assert streamed.response_metadata["model_name"] == at_once.response_metadata["model_name"] == "scripted"


async def test_the_four_ways_of_asking_are_one() -> None:
    """Sync and async, streamed and whole."""
    model = ScriptedModel(["Good  morning \n to you"])
    chunks = [chunk async for chunk in model.astream("Hi")]
    texts = {"".join(chunk.text for chunk in chunks), "".join(chunk.text for chunk in model.stream("Hi"))}

    assert texts | {(await model.ainvoke("Hi")).text, model.invoke("Hi").text} == {"Good  morning \n to you"}
    assert len([chunk for chunk in chunks if chunk.text]) == 4


async def test_one_list_serves_many_conversations() -> None:
    """Each conversation is at its own place, given by how often the model has spoken in it."""
    model = ScriptedModel(["first", "second"])
    fresh: list[BaseMessage] = [HumanMessage("Hi")]
    later = [*fresh, AIMessage("first"), HumanMessage("And now?")]
    answers = await asyncio.gather(*(model.ainvoke(talk) for talk in (fresh, later, fresh, later)))

    assert [answer.text for answer in answers] == ["first", "second", "first", "second"]


def test_a_function_reads_the_conversation() -> None:
    """It sees every message so far and answers with any step."""

    def script(messages: list[BaseMessage]) -> Step:
        last = messages[-1]
        return f"It is {last.text}" if isinstance(last, ToolMessage) else [call("look", order_id=last.text)]

    model = ScriptedModel(script).bind_tools(TOOLS)
    asked = model.invoke("A1")
    said = model.invoke([HumanMessage("A1"), asked, ToolMessage("on its way", tool_call_id="call_0_0")])

    assert asked_for(asked) == [("look", {"order_id": "A1"}, "call_0_0")]
    assert said.text == "It is on its way"


def test_an_answer_may_be_text_and_calls_or_a_single_call() -> None:
    """The ids of calls tell the answer and the place in it."""
    turn = Turn(say="One moment", calls=[call("look", order_id="A"), call("look", order_id="B")])
    model = ScriptedModel([turn, call("look", order_id="C")]).bind_tools(TOOLS)
    first = model.invoke("Hi")
    second = model.invoke([HumanMessage("Hi"), first])

    assert first.text == "One moment"
    assert asked_for(first) == [("look", {"order_id": "A"}, "call_0_0"), ("look", {"order_id": "B"}, "call_0_1")]
    assert asked_for(second) == [("look", {"order_id": "C"}, "call_1_0")]


def test_calls_of_different_tools_can_be_arguments_by_name() -> None:
    """For scripts that are data."""
    answer: Step = {"look": {"order_id": "A"}, "find": {}}
    model = ScriptedModel([answer]).bind_tools([*TOOLS, {"name": "find", "description": "", "parameters": {}}])

    assert asked_for(model.invoke("Hi")) == [("look", {"order_id": "A"}, "call_0_0"), ("find", {}, "call_0_1")]


def test_a_script_may_begin_again_at_its_end() -> None:
    """Every call still has an id of its own."""
    model = ScriptedModel([call("look", order_id="A"), "found"], repeat=True).bind_tools(TOOLS)
    talk: list[BaseMessage] = [HumanMessage("Hi")]
    for _ in range(4):
        talk.append(model.invoke(talk))

    assert [(message.text, asked_for(message)) for message in talk if isinstance(message, AIMessage)] == [
        ("", [("look", {"order_id": "A"}, "call_0_0")]),
        ("found", []),
        ("", [("look", {"order_id": "A"}, "call_2_0")]),
        ("found", []),
    ]
    with pytest.raises(ScriptError, match="the script has 0 answers"):
        ScriptedModel([], repeat=True).invoke("Hi")


def test_an_error_in_the_script_is_raised() -> None:
    """That is how an endpoint that fails is played."""
    model = ScriptedModel([ConnectionError("the line is dead")])

    with pytest.raises(ConnectionError, match="the line is dead"):
        model.invoke("Hi")


def test_usage_is_reported() -> None:
    """A quarter of the characters of what was read and of what was said or asked for."""
    said = ScriptedModel(["x" * 9]).invoke([HumanMessage("y" * 8), HumanMessage("z")])
    asked = ScriptedModel([[call("look", order_id="A" * 40)]]).bind_tools(TOOLS).invoke("Hi")

    assert said.usage_metadata == {"input_tokens": 3, "output_tokens": 3, "total_tokens": 6}
    assert asked.usage_metadata is not None
    assert asked.usage_metadata["output_tokens"] > 10


def test_callbacks_see_the_model_its_tokens_and_its_name() -> None:
    """Tracers and streams get what they get of any chat model."""

    class Listener(BaseCallbackHandler):
        def __init__(self) -> None:
            self.tokens = list[str]()
            self.named: object = None

        def on_chat_model_start(self, *_: Any, metadata: dict[str, Any] | None = None, **__: Any) -> None:
            self.named = (metadata or {}).get("ls_model_name")

        def on_llm_new_token(self, token: Any, **_: Any) -> None:
            self.tokens.append(token)

    listener = Listener()
    list(ScriptedModel(["Good morning"], name="play").stream("Hi", {"callbacks": [listener]}))
    assert ("".join(listener.tokens), listener.named) == ("Good morning", "play")


def nothing(_: list[BaseMessage]) -> Any:
    """A script that forgot to return."""


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ([], "the script has 0 answers and was asked for number 1, after 'Hi'"),
        ([[call("look")]], "the script calls 'look', and the model was given no tools"),
        ([{"say": "Hi"}], "the script's answer is {'say': 'Hi'}; write a text, calls, a Turn or an exception"),
        (nothing, "the script's answer is None; write a text, calls, a Turn or an exception"),
        ([["look"]], "the script asks for 'look'; write call('look', ...)"),
    ],
)
def test_a_script_that_does_not_fit_says_why(script: Any, problem: str) -> None:
    """The error names what was asked and what is there."""
    with pytest.raises(ScriptError) as raised:
        ScriptedModel(script).invoke("Hi")

    assert str(raised.value) == problem


def test_a_tool_that_the_model_was_not_given_is_a_mistake_in_the_script() -> None:
    """A misspelled name is found at once."""
    model = ScriptedModel([[call("look", order_id="A"), call("lok", order_id="A")]]).bind_tools(TOOLS)

    with pytest.raises(ScriptError) as raised:
        model.invoke("Hi")
    assert str(raised.value) == "the script calls 'lok', and the model was given only: look"


def test_a_text_is_no_script() -> None:
    """It would be read letter by letter."""
    with pytest.raises(ScriptError, match=r"a script is a list of answers or a function, got the text 'Hello'"):
        ScriptedModel("Hello")


def test_it_takes_tools_as_any_chat_model_does() -> None:
    """Functions and schemas, with a choice that it does not look at."""

    def find(word: str) -> str:
        """Find."""
        return word

    model = ScriptedModel([[call("find", word="x"), call("look", order_id="A")]])
    bound = model.bind_tools([find, *TOOLS], tool_choice="any")

    assert [name for name, _, _ in asked_for(bound.invoke("Hi"))] == ["find", "look"]
