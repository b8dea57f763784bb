"""The spans and the spend that a run leaves."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from trunkline import Agent, FanOut, ScriptedModel, Trunkline, tool
from trunkline.agents import call
from trunkline.errors import RunFailedError
from trunkline.graphs import agent_graph
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.runs import RunSummary
from trunkline.runtime.tracing.span import Span, SpanKind, SpanStatus
from trunkline.runtime.tracing.tree import SpanTree
from trunkline.tools import Tool, ToolRejectedError

Traced = Callable[[], Awaitable[list[Span]]]
Graph = StateGraph[MessagesState, None, MessagesState, MessagesState]


@pytest.fixture
def traced(line: Trunkline, database: Database) -> Traced:
    """Gives the spans of the newest run, earliest first."""

    async def spans() -> list[Span]:
        await line.report()  # what is posted, is committed by then
        return await database.spans.of_run((await newest(database)).run.id)

    return spans


async def newest(database: Database) -> RunSummary:
    [summary] = await database.runs.latest(limit=1)
    return summary


def tree(spans: list[Span]) -> list[str]:
    """The spans as lines, indented below their parents."""
    return [f"{'  ' * each.depth}{each.span.kind} {each.span.name}" for each in SpanTree(spans).branches()]


def states(spans: list[Span]) -> dict[str, SpanStatus]:
    return {span.name: span.status for span in spans}


@tool(effect="read", reads=())
async def look_up(word: str) -> str:
    """Look a word up."""
    if word == "secret":
        raise ToolRejectedError("not for you")
    return f"{word}: found"


def desk(*script: Any, tools: Sequence[Tool] = (look_up,)) -> Agent:
    return Agent("desk", model=ScriptedModel(script, name="scripted"), tools=tools)


async def test_a_run_is_a_tree_of_steps_models_and_tools(line: Trunkline, traced: Traced, database: Database) -> None:
    """Each below what it belongs to, within its time; the root has the run's trace id."""
    await line.run(desk([call("look_up", word="a"), call("look_up", word="b")], "found"), "where?")

    spans = await traced()
    tools = ["  step tools", "    tool look_up", "    tool look_up"]
    model = ["  step model", "    model scripted"]
    assert tree(spans) == ["run desk", *model, *tools, *model]
    assert spans[0].id == (await newest(database)).run.trace_id
    by_id = {span.id: span for span in spans}
    for span in spans[1:]:
        assert span.parent_id is not None
        above = by_id[span.parent_id]
        assert above.started_at <= span.started_at <= span.ended_at <= above.ended_at
    assert set(states(spans).values()) == {SpanStatus.OK}


async def test_a_tool_span_tells_what_the_call_was(line: Trunkline, traced: Traced) -> None:
    """Its batch, its effect, its outcome, and how long it waited for its turn."""
    await line.run(desk([call("look_up", word="a"), call("look_up", word="b")], "found"), "where?")

    first, second = (span.attributes for span in await traced() if span.kind is SpanKind.TOOL)
    assert first.keys() == {"call_id", "batch", "effect", "waited", "outcome", "attempts"}
    assert (first["effect"], first["outcome"], first["batch"]) == ("read", "done", second["batch"])
    assert first["call_id"] != second["call_id"]
    assert first["waited"] >= 0.0


async def test_a_tool_span_begins_when_the_call_has_its_slot(line: Trunkline, traced: Traced) -> None:
    """With one slot each waits longer than the one before."""

    @tool(effect="read", limit=1)
    async def slow(n: int) -> int:
        """Give others a chance."""
        await asyncio.sleep(0)
        return n

    await line.run(desk([call("slow", n=n) for n in range(3)], "done", tools=[slow]), "go")

    first, second, third = (span for span in await traced() if span.kind is SpanKind.TOOL)
    assert first.started_at < second.started_at < third.started_at
    assert first.attributes["waited"] < second.attributes["waited"] < third.attributes["waited"]


async def test_a_refused_call_is_an_error_in_a_run_that_went_well(line: Trunkline, traced: Traced) -> None:
    """The span tells what the model reads."""
    await line.run(desk([call("look_up", word="secret")], "sorry"), "where?")

    spans = await traced()
    [refused] = [span for span in spans if span.status is not SpanStatus.OK]
    assert (refused.name, refused.status) == ("look_up", SpanStatus.ERROR)
    assert refused.error == '{"error":"rejected","message":"not for you"}'


async def test_what_fails_a_run_is_on_each_span_above(line: Trunkline, traced: Traced, database: Database) -> None:
    """Down to the model call, whose cost nobody knows."""
    with pytest.raises(RunFailedError):
        await line.run(desk(ConnectionError("model is away")), "where?")

    spans = await traced()
    assert {(span.kind, span.status, span.error and span.error.split("\n")[0]) for span in spans} == {
        (kind, SpanStatus.ERROR, "model is away") for kind in (SpanKind.RUN, SpanKind.STEP, SpanKind.MODEL)
    }
    summary = await newest(database)
    assert (summary.tokens, summary.micro_usd) == (0, None)


async def test_a_cancelled_run_leaves_no_span_open(line: Trunkline, traced: Traced) -> None:
    """All are there, and say so."""
    begun = asyncio.Event()

    @tool(effect="read")
    async def wait() -> None:
        """Wait for ever."""
        begun.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(line.run(desk([call("wait")], tools=[wait]), "go"))
    await asyncio.wait_for(begun.wait(), 10.0)
    running.cancel()
    await asyncio.wait([running])

    spans = await traced()
    model = ["  step model", "    model scripted"]
    assert tree(spans) == ["run desk", *model, "  step tools", "    tool wait"]
    cancelled = dict.fromkeys(("desk", "tools", "wait"), SpanStatus.CANCELLED)
    assert states(spans) == {"model": SpanStatus.OK, "scripted": SpanStatus.OK, **cancelled}


async def test_an_interrupt_is_no_error(line: Trunkline, traced: Traced) -> None:
    """The run waits, and so does the step that asked."""

    def ask(state: MessagesState) -> dict[str, list[AnyMessage]]:
        return {"messages": [AIMessage(interrupt("sure?"))]}

    await line.run(StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask"), "go")
    assert {span.kind: (span.status, span.error) for span in await traced()}[SpanKind.STEP] == (
        SpanStatus.WAITING,
        None,
    )


INNER = ScriptedModel(lambda _: "an answer", name="inner")


@tool(effect="read", name="consult")
async def consult() -> str:
    """Ask a model."""
    return (await INNER.ainvoke("what?")).text


@tool(effect="read", name="consult")
def consult_in_a_thread() -> str:
    """Ask a model in a thread."""
    return INNER.invoke("what?").text


@pytest.mark.parametrize("made", [consult, consult_in_a_thread])
async def test_a_model_that_a_tool_asks_hangs_below_the_tool(
    line: Trunkline, traced: Traced, database: Database, made: Any
) -> None:
    """Also where the tool runs in a thread; its tokens count."""
    await line.run(desk([call("consult")], "done", tools=[made]), "go")

    spans = await traced()
    assert tree(spans)[3:6] == ["  step tools", "    tool consult", "      model inner"]
    used = sum(
        span.attributes["input_tokens"] + span.attributes["output_tokens"] for span in spans if span.kind == "model"
    )
    assert (await newest(database)).tokens == used > 0


async def test_a_model_in_a_blocking_node_hangs_below_it(line: Trunkline, traced: Traced) -> None:
    """LangGraph runs such a node in a thread."""

    def answer(state: MessagesState) -> dict[str, list[AIMessage]]:
        return {"messages": [INNER.invoke(state["messages"])]}

    graph: Graph = StateGraph(MessagesState)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    await line.run(graph, "what?")

    assert tree(await traced()) == ["run LangGraph", "  step answer", "    model inner"]


async def test_a_graph_in_a_graph_is_a_tree_in_a_tree(line: Trunkline, traced: Traced) -> None:
    """Its steps hang below the node that it is; its calls are on the ledger of the line."""
    graph: Graph = StateGraph(MessagesState)
    graph.add_node("team", agent_graph(desk([call("look_up", word="a")], "found")).compile())
    graph.add_edge(START, "team")
    await line.run(graph, "where?")

    model = ["    step model", "      model scripted"]
    tools = ["    step tools", "      tool look_up"]
    assert tree(await traced()) == ["run LangGraph", "  step team", *model, *tools, *model]
    assert (await line.report()).total_calls == 1


async def test_a_run_in_a_run_is_a_trace_of_its_own(line: Trunkline, database: Database) -> None:
    """What a tool runs on the line is in one trace, not in both."""

    @tool(effect="read")
    async def delegate() -> str:
        """Ask another agent."""
        return (await line.run(Agent("colleague", model=INNER), "what?")).text

    await line.run(desk([call("delegate")], "done", tools=[delegate]), "go")
    await line.report()
    inner, outer = [summary.run for summary in await database.runs.latest(limit=2)]
    assert tree(await database.spans.of_run(inner.id)) == ["run colleague", "  step model", "    model inner"]
    assert tree(await database.spans.of_run(outer.id))[3:5] == ["  step tools", "    tool delegate"]
    assert inner.trace_id != outer.trace_id


async def test_a_fan_out_in_any_graph_is_traced(line: Trunkline, traced: Traced) -> None:
    """As the node that it is, under the name that the graph gives it."""
    asked = AIMessage("", tool_calls=[{"name": "look_up", "args": {"word": "a"}, "id": "1"}], id="m1")
    graph: Graph = StateGraph(MessagesState)
    graph.add_node("do", FanOut([look_up]))
    graph.add_edge(START, "do")
    await line.run(graph, [asked])

    assert tree(await traced()) == ["run LangGraph", "  step do", "    tool look_up"]


MODELS = """
models:
  own: {kind: scripted, script: "test_tracing_script:answer", price: {input: 1, output: 1000000}}
  listed: {kind: scripted, script: "test_tracing_script:answer", priced_as: gpt-4o-mini}
  unlisted: {kind: scripted, script: "test_tracing_script:answer", priced_as: nobody-knows-this}
  unpriced: {kind: scripted, script: "test_tracing_script:answer"}
"""


@pytest.fixture
def models_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "test_tracing_script.py").write_text("def answer(messages):\n    return 'four'\n")
    (tmp_path / "models.yaml").write_text(MODELS)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "models.yaml"


@pytest.mark.parametrize(
    ("name", "micro_usd"), [("own", 1_000_250), ("listed", 38), ("unlisted", None), ("unpriced", None)]
)
async def test_a_model_call_costs_what_its_price_says(
    url: str, models_file: Path, database: Database, name: str, micro_usd: int | None
) -> None:
    """An own price, a list price; and None, never zero, where nobody knows it."""
    async with Trunkline(url, models=models_file) as line:
        await line.run(Agent("desk", model=name), "x" * 1000)

    summary = await newest(database)
    assert (summary.tokens, summary.micro_usd) == (251, micro_usd)
    [span] = [span for span in await database.spans.of_run(summary.run.id) if span.kind is SpanKind.MODEL]
    usage = {"input_tokens": 250, "cached_tokens": 0, "output_tokens": 1}
    assert (span.name, span.attributes) == (name, {"model": name, **usage, "micro_usd": micro_usd})
