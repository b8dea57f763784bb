"""What tracers and callbacks see of tool calls."""

from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph

from trunkline.agents import ScriptedModel
from trunkline.graphs import FanOut
from trunkline.tools import Tool, ToolRejectedError, current_call, tool

MODEL = ScriptedModel(["thought about it"])


@tool(effect="read")
async def think(about: str) -> str:
    """Ask a model."""
    return f"{(await MODEL.ainvoke(about)).text} {current_call().call_id}"


@tool(effect="read")
def think_hard(about: str) -> str:
    """Ask a model from a thread."""
    return MODEL.invoke(about).text


@tool(effect="write", key="think:{about}")
async def decide(about: str) -> str:
    """Ask a model within an effect."""
    return (await MODEL.ainvoke(about)).text


@tool(effect="write", key="refuse", approve=lambda given: "sure?" if given["about"] == "much" else None)
async def refuse(about: str) -> str:
    """Refuse."""
    raise ToolRejectedError(f"not {about}")


class Ear(BaseCallbackHandler):
    """Keeps what it hears of tools, and below which run each model was called."""

    run_inline = True

    def __init__(self) -> None:
        self.tools = dict[Any, dict[str, Any]]()
        self.models = list[str | None]()

    def on_tool_start(self, serialized: dict[str, Any], input_str: str, **given: Any) -> None:
        self.tools[given["run_id"]] = {"name": given["name"], "input": input_str, **given["trunkline"]}

    def on_tool_end(self, output: Any, **given: Any) -> None:
        self.tools[given["run_id"]] |= {"output": output.text, **given["trunkline"]}

    def on_tool_error(self, error: BaseException, **given: Any) -> None:
        self.tools[given["run_id"]] |= {"error": str(error), **given["trunkline"]}

    def on_chat_model_start(self, *_: Any, **given: Any) -> None:
        self.models.append(self.tools.get(given["parent_run_id"], {}).get("name"))


async def heard(*calls: tuple[Tool, str]) -> Ear:
    """What an ear hears of a graph that runs these calls."""
    builder: Any = StateGraph(MessagesState)
    builder.add_node("tools", FanOut([think, think_hard, decide, refuse]))
    builder.add_edge(START, "tools")
    asked: list[Any] = [{"name": made.name, "args": {"about": about}, "id": about} for made, about in calls]
    ear = Ear()
    await builder.compile().ainvoke({"messages": [AIMessage("", id="m", tool_calls=asked)]}, {"callbacks": [ear]})
    return ear


async def test_a_call_is_a_tool_run_with_its_facts() -> None:
    """Arguments, effect, batch, and how long it waited."""
    [run] = (await heard((think, "x"))).tools.values()

    assert (run["name"], run["input"], run["effect"], run["batch"]) == ("think", '{"about":"x"}', "read", "m")
    assert run["output"] == f"thought about it {run['call_id']}"
    assert (run["outcome"], run["waited"] >= 0) == ("done", True)


@pytest.mark.parametrize("made", [think, think_hard, decide])
async def test_a_model_that_a_tool_calls_is_traced_below_the_tool(made: Tool) -> None:
    """On the loop, in a thread, and in an effect, which has a task of its own."""
    assert (await heard((made, "x"))).models == [made.name]


async def test_what_a_call_did_not_do_is_an_error_to_tracers() -> None:
    """With the words that the model reads; waiting for a person is no error, nor is a result that was there before."""
    ear = await heard((refuse, "that"), (refuse, "much"), (decide, "x"), (decide, "x"))
    failed, waiting, done, replayed = ear.tools.values()

    assert failed["error"] == '{"error":"rejected","message":"not that"}'
    assert (waiting["outcome"], done["outcome"], replayed["outcome"]) == ("pending", "done", "replayed")
