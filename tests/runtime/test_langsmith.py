"""What arrives at LangSmith, through its own client, of a run."""

import asyncio
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from stand_ins.langsmith_env import API_KEY, langsmith_environment
from stand_ins.langsmith_server import LangSmithServer, Run
from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import call
from trunkline.errors import RunFailedError
from trunkline.runtime.storage.database import Database
from trunkline.tools import ToolRejectedError

pytestmark = pytest.mark.parametrize("backend", ["sqlite"])


@tool(effect="read", reads=())
async def look_up(word: str) -> dict[str, str]:
    """Look a word up."""
    if word == "secret":
        raise ToolRejectedError("not for you")
    return {"found": word}


def desk(*script: Any) -> Agent:
    return Agent("desk", model=ScriptedModel(script), tools=[look_up])


@pytest.fixture
def langsmith(monkeypatch: pytest.MonkeyPatch) -> Generator[LangSmithServer]:
    """A LangSmith to which this process sends its traces."""
    with LangSmithServer() as server, langsmith_environment(monkeypatch, server):
        yield server


def named(server: LangSmithServer, name: str) -> list[Run]:
    return [run for run in server.runs() if run.name == name]


async def test_every_step_of_a_run_arrives_when_the_line_closes(
    langsmith: LangSmithServer, url: str, database: Database
) -> None:
    """As one tree under the run's trace id: agent, steps, model calls, tool calls."""
    async with Trunkline(url) as line:
        await line.run(desk([call("look_up", word="a"), call("look_up", word="b")], "found"), "where?")

    [summary] = await database.runs.latest(limit=1)
    model = ["desk/model", "desk/model/scripted"]
    assert [path for path in langsmith.tree(summary.run.trace_id) if "wants_tools" not in path] == [
        *["desk", *model, "desk/tools", "desk/tools/look_up", "desk/tools/look_up", *model]
    ]
    assert {run.trace_id for run in langsmith.runs()} == {summary.run.trace_id}
    assert all(run.end_time for run in langsmith.runs())


async def test_the_steps_are_of_the_kinds_that_langsmith_knows(langsmith: LangSmithServer, url: str) -> None:
    """And the model call carries its tokens."""
    async with Trunkline(url) as line:
        await line.run(desk([call("look_up", word="a")], "found"), "where?")

    kinds = {run.name: run.run_type for run in langsmith.runs()}
    expected = {"desk": "chain", "model": "chain", "tools": "chain", "scripted": "llm", "look_up": "tool"}
    assert {name: kinds[name] for name in expected} == expected
    message = (named(langsmith, "scripted")[0].outputs or {})["generations"][0][0]["message"]
    assert message["kwargs"]["usage_metadata"]["total_tokens"] > 0


async def test_a_tool_call_arrives_with_what_went_in_and_came_out(langsmith: LangSmithServer, url: str) -> None:
    """A refusal is an error with the text that the model reads."""
    async with Trunkline(url) as line:
        await line.run(desk([call("look_up", word="a"), call("look_up", word="secret")], "found"), "where?")

    good, refused = named(langsmith, "look_up")
    assert (good.inputs, good.error) == ({"word": "a"}, None)
    output = (good.outputs or {})["output"]
    assert (output["content"], output["tool_call_id"], output["status"]) == ('{"found":"a"}', "call_0_0", "success")
    assert refused.inputs == {"word": "secret"}
    assert '{"error":"rejected","message":"not for you"}' in str(refused.error)


async def test_a_failing_run_arrives_with_its_error(langsmith: LangSmithServer, url: str) -> None:
    """On each step down to the one that failed."""
    async with Trunkline(url) as line:
        with pytest.raises(RunFailedError):
            await line.run(desk(ConnectionError("model is away")), "where?")

    assert [(run.name, "model is away" in (run.error or "")) for run in langsmith.runs()] == [
        *[("desk", True), ("model", True), ("scripted", True)]
    ]


async def test_nothing_of_the_machinery_is_sent(langsmith: LangSmithServer, url: str) -> None:
    """Neither the executor nor the models nor the ledger's objects: only the run's name."""
    async with Trunkline(url) as line:
        reply = await line.run(desk([call("look_up", word="a")], "found"), "where?", thread="t1")

    [root] = named(langsmith, "desk")
    assert (root.extra["metadata"]["trunkline_run"], root.extra["metadata"]["thread_id"]) == (reply.run_id, "t1")
    assert not any("Scope" in str(run.extra) or "__trunkline" in str(run.extra) for run in langsmith.runs())


async def test_a_run_in_a_run_hangs_below_the_tool_that_made_it(langsmith: LangSmithServer, url: str) -> None:
    """LangSmith shows both in one tree."""

    @tool(effect="read")
    async def delegate() -> str:
        """Ask another agent."""
        return (await line.run(Agent("colleague", model=ScriptedModel(["no"])), "what?")).text

    agent = Agent("boss", model=ScriptedModel([[call("delegate")], "done"]), tools=[delegate])
    async with Trunkline(url) as line:
        await line.run(agent, "go")

    assert "boss/tools/delegate/colleague/model/scripted" in langsmith.tree()


@pytest.mark.parametrize("mode", ["refused", 500, "hang"])
async def test_a_langsmith_that_is_down_breaks_no_run(
    url: str, mode: Any, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    """The run ends, its own trace is complete, and closing the line waits no longer than it says."""
    monkeypatch.setattr("trunkline.runtime.tracing.langsmith.FLUSH_SECONDS", 0.1)
    with LangSmithServer(mode) as server, langsmith_environment(monkeypatch, server):
        async with Trunkline(url) as line:
            reply = await line.run(desk([call("look_up", word="a")], "found"), "where?")

    assert reply.text == "found"
    assert len(await database.spans.of_run(reply.run_id)) == 7


PROGRAM = """
import asyncio, sys
from trunkline import Agent, ScriptedModel, Trunkline
from trunkline.runtime.tracing import langsmith

langsmith.FLUSH_SECONDS = 0.1

async def main(url):
    async with Trunkline(url) as line:
        print(await line.run(Agent("desk", model=ScriptedModel(["found"])), "where?"))

asyncio.run(main(sys.argv[1]))
"""


async def test_a_program_ends_although_langsmith_hangs(url: str, tmp_path: Path) -> None:
    """Nothing of ours waits for what cannot be delivered; the client's own threads do unless they are daemons."""
    with LangSmithServer("hang") as server:
        environment = {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": server.url, "LANGSMITH_API_KEY": API_KEY}
        environment["LANGSMITH_USE_DAEMON"] = "true"
        child = await asyncio.create_subprocess_exec(
            *[sys.executable, "-c", PROGRAM, url], env=environment, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await asyncio.wait_for(child.communicate(), 60.0)

    assert (child.returncode, said.decode().strip()) == (0, "found")
