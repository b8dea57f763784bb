"""With LANGSMITH_TRACING on, every step arrives at LangSmith too, through the unmodified client."""

import json

import pytest

from stand_ins.langsmith_env import langsmith_environment
from stand_ins.langsmith_server import LangSmithServer, Run
from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import Models, call
from trunkline.runtime.storage.database import open_database
from trunkline.runtime.storage.runs import Run as OurRun
from trunkline.runtime.storage.runs import RunStatus
from trunkline.tools import ToolRejectedError

pytestmark = pytest.mark.parametrize("backend", ["sqlite"])


@tool(effect="read", reads="order:{order}")
async def find(order: int) -> str:
    """Say where an order is."""
    if order == 0:
        message = "there is no order 0"
        raise ToolRejectedError(message)
    return f"order {order} is on its way"


def desk() -> Agent:
    return Agent("desk", model=ScriptedModel([[call("find", order=17), call("find", order=0)], "done"]), tools=[find])


def of(runs: list[Run], kind: str) -> list[Run]:
    return [run for run in runs if run.run_type == kind]


async def served(url: str) -> OurRun:
    """Run the desk once and return the row of the run."""
    async with Trunkline(url, models=Models({})) as line:
        reply = await line.run(desk(), "where is order 17?", thread="t")
    async with open_database(url) as database:
        [run] = await database.runs.find(reply.run_id)
    return run


async def traced(url: str, monkeypatch: pytest.MonkeyPatch) -> tuple[LangSmithServer, str]:
    """Run the desk once while LangSmith listens; return what it heard, and the trace id in our own database."""
    with LangSmithServer() as server, langsmith_environment(monkeypatch, server):
        run = await served(url)
    return server, run.trace_id


async def test_every_step_of_a_run_arrives_as_one_tree(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent, its steps, the model's calls and each tool call, under the trace id that our own row has."""
    server, trace_id = await traced(url, monkeypatch)
    seen = set(server.tree(trace_id))

    assert {"desk", "desk/model", "desk/tools", "desk/tools/find"} <= seen
    assert {run.trace_id for run in server.runs()} == {trace_id}
    assert len(of(server.runs(), "tool")) == 2
    assert len(of(server.runs(), "llm")) == 2


async def test_a_tool_call_arrives_with_its_input_and_its_result(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked, what came back, and what was refused."""
    server, _ = await traced(url, monkeypatch)
    found, refused = sorted(of(server.runs(), "tool"), key=lambda run: run.error or "")

    assert found.inputs == {"order": 17}
    assert "order 17 is on its way" in json.dumps(found.outputs)
    assert "there is no order 0" in (refused.error or "")


@pytest.mark.parametrize("mode", ["refused", 500, "hang"])
async def test_a_langsmith_that_is_down_breaks_no_run(url: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is served and on our own record."""
    with LangSmithServer(mode) as server, langsmith_environment(monkeypatch, server):  # pyright: ignore[reportArgumentType]
        run = await served(url)

    assert (run.status, run.answer) == (RunStatus.SUCCEEDED, "done")
