"""Our own record of a run: spans, their tree, what they cost."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import Models, call
from trunkline.runtime.storage.database import Database
from trunkline.runtime.tracing.span import Span, SpanKind, SpanStatus
from trunkline.tools import ToolRejectedError

PRICES = """
models:
  own: {kind: scripted, script: "scripts_of_test:answer", price: {input: 1000, output: 2000}}
  listed: {kind: scripted, script: "scripts_of_test:answer", priced_as: gpt-4o}
  unpriced: {kind: scripted, script: "scripts_of_test:answer"}
"""


@tool(effect="read", reads=(), limit=1)
async def look_up(word: str) -> str:
    """Look a word up."""
    await asyncio.sleep(0.01)
    if word == "refused":
        message = "that word is not said here"
        raise ToolRejectedError(message)
    return word


@tool(effect="read", reads=())
async def ask_another(question: str) -> str:
    """Ask another model."""
    return (await ScriptedModel(["42"], name="inner").ainvoke(question)).text


def desk(*script: object) -> Agent:
    return Agent("desk", model=ScriptedModel(script, name="outer"), tools=[look_up, ask_another])  # type: ignore[arg-type]


async def spans_of(line: Trunkline, database: Database, agent: Agent, said: str = "hello") -> list[Span]:
    reply = await line.run(agent, said, thread="t")
    return await database.spans.of_run(reply.run_id)


def parent(span: Span, spans: list[Span]) -> str | None:
    return next((other.name for other in spans if other.id == span.parent_id), None)


async def test_a_run_is_a_tree_of_steps_models_and_tools(line: Trunkline, database: Database) -> None:
    """The run holds the steps; a step holds the model's call or the tools'."""
    spans = await spans_of(line, database, desk([call("look_up", word="a"), call("look_up", word="b")], "done"))
    tree = [(span.kind, span.name, parent(span, spans)) for span in spans]

    assert sorted(tree) == sorted(
        [
            (SpanKind.RUN, "desk", None),
            (SpanKind.STEP, "model", "desk"),
            (SpanKind.MODEL, "outer", "model"),
            (SpanKind.STEP, "tools", "desk"),
            (SpanKind.TOOL, "look_up", "tools"),
            (SpanKind.TOOL, "look_up", "tools"),
            (SpanKind.STEP, "model", "desk"),
            (SpanKind.MODEL, "outer", "model"),
        ]
    )


async def test_a_call_that_waited_for_a_slot_says_how_long(line: Trunkline, database: Database) -> None:
    """Of two calls of a tool with one slot, the second waited for the first."""
    spans = await spans_of(line, database, desk([call("look_up", word="a"), call("look_up", word="b")], "done"))
    first, second = (span for span in spans if span.kind is SpanKind.TOOL)

    assert second.attributes["waited"] > first.attributes["waited"]
    assert second.attributes["batch"] == first.attributes["batch"]


async def test_a_refused_call_is_an_error_with_its_reason(line: Trunkline, database: Database) -> None:
    """The step around it is not."""
    spans = await spans_of(line, database, desk([call("look_up", word="refused")], "sorry"))
    [refused] = [span for span in spans if span.status is SpanStatus.ERROR]

    assert refused.name == "look_up"
    assert "that word is not said here" in (refused.error or "")


async def test_a_model_that_a_tool_calls_is_traced_below_the_tool(line: Trunkline, database: Database) -> None:
    """Who spent the tokens can be seen."""
    spans = await spans_of(line, database, desk([call("ask_another", question="6 x 7")], "done"))
    [inner] = [span for span in spans if span.name == "inner"]

    assert parent(inner, spans) == "ask_another"


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(("model", "priced"), [("own", True), ("listed", True), ("unpriced", False)])
async def test_each_model_call_is_booked_with_its_price(
    url: str, model: str, priced: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An own price, a list price, or None: a price that nobody knows is not zero."""
    (tmp_path / "scripts_of_test.py").write_text("def answer(messages):\n    return 'a' * 40\n")
    (tmp_path / "models.yaml").write_text(PRICES)
    monkeypatch.syspath_prepend(tmp_path)
    async with Trunkline(url, models=Models.from_file(tmp_path / "models.yaml")) as line:
        await line.run(Agent("desk", model=model), "b" * 40, thread="t")
        report = await line.report()

    assert (report.input_tokens, report.output_tokens) == (10, 10)
    assert (report.micro_usd is not None) == priced
    if model == "own":
        assert report.micro_usd == (10 * Decimal(1000) + 10 * Decimal(2000))
