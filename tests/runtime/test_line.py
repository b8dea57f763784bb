"""Turns on a line: what goes in, what comes out, and what stands in the database afterwards."""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypedDict, cast

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, StreamWriter, interrupt

from stand_ins.calls import Crowd
from stand_ins.keys import NEW
from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import Models, Script, call
from trunkline.errors import ForeignThreadError, NotOpenError, RunFailedError, ScriptError, UnknownModelError
from trunkline.graphs import agent_graph
from trunkline.runtime.events import (
    CustomEmitted,
    Event,
    MessageFinished,
    RunFinished,
    RunStarted,
    StepFinished,
    TextStreamed,
)
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.database import Database
from trunkline.tools import CallState, Done, ToolCallFinished, ToolCallStarted


class Count(TypedDict):
    """The state of a graph that has no messages."""

    count: int


@tool(effect="read", reads=())
async def look_up(word: str) -> str:
    """Look a word up."""
    return f"{word}: found"


def desk(*script: Any, name: str = "desk") -> Agent:
    return Agent(name, model=ScriptedModel(script), tools=[look_up])


def speaker(script: Script) -> Agent:
    return Agent("speaker", model=ScriptedModel(script))


def heard(messages: list[BaseMessage]) -> str:
    """A script that tells how much it was told."""
    return f"heard {sum(isinstance(message, HumanMessage) for message in messages)}"


def counting() -> StateGraph[Count, None, Count, Count]:
    def add(state: Count) -> Count:
        return {"count": state["count"] + 1}

    graph = StateGraph(Count)
    graph.add_node("add", add)
    graph.add_edge(START, "add")
    return graph


def asking() -> StateGraph[MessagesState, None, MessagesState, MessagesState]:
    """A graph that asks a person in its only node."""

    def ask(state: MessagesState) -> dict[str, list[AIMessage]]:
        return {"messages": [AIMessage(f"you said {interrupt('sure?')}")]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    return graph


async def statuses(database: Database) -> list[RunStatus]:
    """How all runs stand, oldest first."""
    return [summary.run.status for summary in reversed(await database.runs.latest(limit=100))]


async def test_a_run_gives_the_reply_and_leaves_a_row(line: Trunkline, database: Database) -> None:
    """What was asked and answered, by which graph, on which thread."""
    reply = await line.run(desk([call("look_up", word="gauge")], "it is here"), "where is it?", thread="t1")

    [summary] = await database.runs.latest(limit=10)
    run = summary.run
    assert (reply.text, reply.run_id, reply.thread_id, reply.interrupts) == ("it is here", run.id, "t1", ())
    assert [message.text for message in reply.messages] == ["where is it?", "", "gauge: found", "it is here"]
    assert (run.thread_id, run.graph, run.status) == ("t1", "desk", RunStatus.SUCCEEDED)
    assert (run.asked, run.answer, run.error, summary.calls) == ("where is it?", "it is here", None, 1)
    assert run.seconds is not None


async def test_a_stream_tells_what_happens_in_order(line: Trunkline) -> None:
    """From the start of the run through steps, calls and words to its reply."""
    agent = desk([call("look_up", word="gauge")], "it is here")
    events = [event async for event in line.stream(agent, "where is it?", thread="t1")]

    assert [type(event) for event in events if not isinstance(event, TextStreamed)] == [
        *[RunStarted, StepFinished, ToolCallStarted, ToolCallFinished, StepFinished, StepFinished],
        *[MessageFinished, RunFinished],
    ]
    assert [event.node for event in events if isinstance(event, StepFinished)] == ["model", "tools", "model"]
    assert [event.outcome for event in events if isinstance(event, ToolCallFinished)] == [Done(output="gauge: found")]
    assert {event.node for event in events if isinstance(event, TextStreamed)} == {"model"}
    assert said(events) == reply_of(events) == "it is here"


def said(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextStreamed))


def reply_of(events: Sequence[Event]) -> str:
    [*_, last] = events
    assert isinstance(last, RunFinished)
    return last.reply.text


def by_hand() -> StateGraph[MessagesState, None, MessagesState, MessagesState]:
    def say(state: MessagesState) -> dict[str, list[AIMessage]]:
        return {"messages": [AIMessage("said without a model")]}

    graph = StateGraph(MessagesState)
    graph.add_node("say", say)
    graph.add_edge(START, "say")
    return graph


def below() -> StateGraph[MessagesState, None, MessagesState, MessagesState]:
    graph = StateGraph(MessagesState)
    graph.add_node("team", agent_graph(speaker(["said in a graph below"])).compile())
    graph.add_edge(START, "team")
    return graph


UNSTREAMED = FakeListChatModel(responses=["said all at once"], disable_streaming=True)


@pytest.mark.parametrize("graph", [Agent("all_at_once", model=UNSTREAMED), by_hand(), below()])
async def test_streamed_text_is_the_reply_wherever_it_was_said(line: Trunkline, graph: Any) -> None:
    """By a model that does not stream, by a node's own code, in a subgraph."""
    events = [event async for event in line.stream(graph, "speak")]

    assert said(events) == reply_of(events)
    assert said(events).startswith("said ")


async def test_what_a_node_writes_to_the_stream_is_passed_on(line: Trunkline) -> None:
    """LangGraph's custom stream goes through."""

    async def tell(given: object, *, writer: StreamWriter) -> str:
        writer({"halfway": given})
        return "done"

    graph = cast("Any", entrypoint()(tell))
    events = [event async for event in line.stream(graph, {"any": "thing"})]
    assert [event for event in events if isinstance(event, CustomEmitted)] == [
        CustomEmitted(data={"halfway": {"any": "thing"}})
    ]
    [*_, last] = events
    assert isinstance(last, RunFinished)
    assert last.reply.state == {"output": "done"}


async def test_a_thread_keeps_its_conversation(line: Trunkline) -> None:
    """The next turn hears what was said before; another thread does not."""
    agent = speaker(heard)
    replies = [await line.run(agent, "hello", thread=thread) for thread in ("t1", "t1", "t2")]

    assert [reply.text for reply in replies] == ["heard 1", "heard 2", "heard 1"]


async def test_a_turn_without_a_thread_begins_one_that_can_go_on(line: Trunkline) -> None:
    """The reply says under which name."""
    agent = speaker(heard)
    first = await line.run(agent, "hello")
    second = await line.run(agent, "hello", thread=first.thread_id)

    assert (second.text, second.thread_id) == ("heard 2", first.thread_id)


async def test_a_conversation_outlives_its_line(url: str) -> None:
    """Another line on the same database goes on with it."""
    async with Trunkline(url) as line:
        await line.run(speaker(heard), "hello", thread="t1")
    async with Trunkline(url) as line:
        assert (await line.run(speaker(heard), "hello", thread="t1")).text == "heard 2"


async def test_a_lines_keys_encrypt_its_conversations(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given, or from the environment; a line without them cannot go on with the conversation, and says why."""
    monkeypatch.delenv("TRUNKLINE_KEYS", raising=False)
    agent = Agent("a", model=ScriptedModel(["one", "two"]))
    async with Trunkline(url, keys=NEW) as line:
        await line.run(agent, "first", thread="t")
    async with Trunkline(url) as line:
        with pytest.raises(RunFailedError, match="is encrypted with key '2026-11', and no keys were given"):
            await line.run(agent, "without keys", thread="t")
    monkeypatch.setenv("TRUNKLINE_KEYS", f"2026-11:{b64encode(NEW.keys['2026-11']).decode()}")
    async with Trunkline(url) as line:
        assert (await line.run(agent, "second", thread="t")).text == "two"


async def test_a_line_can_be_opened_again(url: str) -> None:
    """With the agents that it has run before."""
    line, agent = Trunkline(url), speaker(heard)
    async with line:
        await line.run(agent, "hello", thread="t1")
    async with line:
        assert (await line.run(agent, "hello", thread="t1")).text == "heard 2"


async def test_turns_of_one_thread_are_served_one_after_another(line: Trunkline) -> None:
    """Of eight at once none is lost, and no two are under way together."""
    crowd = Crowd()

    @tool(effect="read")
    async def enter() -> None:
        """Be there for a moment."""
        with crowd:
            await asyncio.sleep(0)

    def script(messages: list[BaseMessage]) -> Any:
        return heard(messages) if isinstance(messages[-1], ToolMessage) else [call("enter")]

    agent = Agent("desk", model=ScriptedModel(script), tools=[enter])
    replies = await asyncio.gather(*(line.run(agent, f"turn {n}", thread="t1") for n in range(8)))
    assert {reply.text for reply in replies} == {f"heard {n}" for n in range(1, 9)}
    assert crowd.peak == 1


async def test_turns_of_different_threads_are_under_way_together(line: Trunkline) -> None:
    """Each waits here for the other."""
    both = asyncio.Barrier(2)

    @tool(effect="read")
    async def meet() -> None:
        """Wait for the other."""
        await both.wait()

    agent = Agent("desk", model=ScriptedModel([[call("meet")], "met"]), tools=[meet])
    replies = await asyncio.gather(*(line.run(agent, "go", thread=thread) for thread in ("t1", "t2")))
    assert [reply.text for reply in replies] == ["met", "met"]


@pytest.mark.parametrize(
    "given",
    [
        "hello",
        HumanMessage("hello"),
        [HumanMessage("hello")],
        [{"role": "user", "content": "hello"}],
        {"messages": [HumanMessage("hello")]},
        {"messages": [{"role": "user", "content": "hello"}]},
    ],
)
async def test_a_turn_can_be_given_in_many_ways(line: Trunkline, database: Database, given: Any) -> None:
    """As a text, a message, several, or as the graph's own input; a list of runs shows it."""
    reply = await line.run(speaker(["hi"]), given)

    assert [(message.type, message.text) for message in reply.messages] == [("human", "hello"), ("ai", "hi")]
    [summary] = await database.runs.latest(limit=1)
    assert summary.run.asked == "hello"


async def test_nothing_in_a_text_breaks_a_run(line: Trunkline, database: Database) -> None:
    """Not even what PostgreSQL or UTF-8 do not know; the row shows a question mark."""
    reply = await line.run(speaker(["a\0b"]), "a\0b\ud800c")

    [summary] = await database.runs.latest(limit=1)
    assert (reply.messages[0].content, reply.text) == ("a\0b\ud800c", "a\0b")
    assert (summary.run.asked, summary.run.answer) == ("a?b?c", "a?b")


@pytest.mark.parametrize("graph", [counting(), counting().compile()])
async def test_any_langgraph_graph_runs(line: Trunkline, graph: Any) -> None:
    """Compiled or not, with a state of its own, which its thread keeps."""
    first = await line.run(graph, {"count": 1}, thread="t1")

    assert (first.state, first.messages, first.text) == ({"count": 2}, [], "")
    assert (await line.run(graph, None, thread="t1")).state == {"count": 2}


async def test_a_graph_keeps_its_own_checkpointer(line: Trunkline) -> None:
    """Its conversations are where its author put them."""
    saver = InMemorySaver()
    graph = agent_graph(speaker(heard)).compile(checkpointer=saver)
    replies = [await line.run(graph, "hello", thread="t1") for _ in range(2)]

    assert [reply.text for reply in replies] == ["heard 1", "heard 2"]
    assert saver.get({"configurable": {"thread_id": "t1"}}) is not None


async def test_an_interrupted_graph_waits_and_goes_on(line: Trunkline, database: Database) -> None:
    """The reply says what it waits for; the answer to that is the next turn's input."""
    graph = asking()
    waiting = await line.run(graph, "hello", thread="t1")
    done = await line.run(graph, Command(resume="yes"), thread="t1")

    assert (waiting.interrupts, waiting.text) == (("sure?",), "")
    assert (done.interrupts, done.text) == ((), "you said yes")
    assert await statuses(database) == [RunStatus.SUCCEEDED, RunStatus.SUCCEEDED]


async def test_a_failing_run_raises_its_cause(line: Trunkline, database: Database) -> None:
    """The row says so too, and what was said before is kept."""
    agent = speaker([ScriptError("no more words"), "better"])
    with pytest.raises(RunFailedError, match=r"run r-.* on thread 't1' failed: ScriptError: no more words") as raised:
        await line.run(agent, "hello", thread="t1")

    [summary] = await database.runs.latest(limit=10)
    assert isinstance(raised.value.__cause__, ScriptError)
    assert (raised.value.run, raised.value.thread) == (summary.run.id, "t1")
    assert (summary.run.status, summary.run.error) == (RunStatus.FAILED, "ScriptError: no more words")
    assert summary.run.ended_at is not None


async def test_none_goes_on_where_a_run_failed(line: Trunkline, database: Database) -> None:
    """The step that failed runs again, and those before it do not."""
    ran: list[str] = []

    def first(state: Count) -> Count:
        ran.append("first")
        return {"count": state["count"] + 1}

    def second(state: Count) -> Count:
        ran.append("second")
        if len(ran) == 2:
            raise ConnectionError
        return {"count": state["count"] * 10}

    graph = StateGraph(Count).add_sequence([first, second]).add_edge(START, "first")
    with pytest.raises(RunFailedError):
        await line.run(graph, {"count": 1}, thread="t1")
    assert (await line.run(graph, None, thread="t1")).state == {"count": 20}
    assert ran == ["first", "second", "second"]
    assert await statuses(database) == [RunStatus.FAILED, RunStatus.SUCCEEDED]


class Till:
    """A tool whose effect is under way until it may end."""

    def __init__(self) -> None:
        self._begun, self.may_end = asyncio.Event(), asyncio.Event()
        self.pay = tool(effect="write", key="pay:{order_id}", writes="order:{order_id}", name="pay")(self._pay)
        script = [[call("pay", order_id="A"), call("look_up", word="gauge")], heard, heard]
        self.agent = Agent("desk", model=ScriptedModel(self._answer(script)), tools=[self.pay, look_up])

    async def under_way(self) -> None:
        await asyncio.wait_for(self._begun.wait(), 10.0)

    async def _pay(self, order_id: str) -> str:
        """Pay."""
        self._begun.set()
        await self.may_end.wait()
        return f"{order_id} paid"

    def _answer(self, script: Any) -> Script:
        def answer(messages: list[BaseMessage]) -> Any:
            step = script[sum(isinstance(message, AIMessage) for message in messages)]
            return step(messages) if callable(step) else step

        return answer


async def test_a_cancelled_run_ends_its_effect_and_is_recorded(line: Trunkline, database: Database) -> None:
    """Calls are left open in the conversation, and the next turn works all the same."""
    till = Till()
    running = asyncio.create_task(line.run(till.agent, "pay", thread="t1"))
    await till.under_way()
    running.cancel()
    till.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await running

    tallies = {(tally.tool, tally.state) for tally in await database.book.tally()}
    assert ("pay", CallState.DONE) in tallies
    assert (await line.run(till.agent, "and now?", thread="t1")).text == "heard 2"
    assert await statuses(database) == [RunStatus.CANCELLED, RunStatus.SUCCEEDED]


async def test_a_run_that_is_cancelled_again_and_again_still_ends_well(line: Trunkline, database: Database) -> None:
    """Whoever cancelled it gets it back when its end is on record, not before."""
    till = Till()
    running = asyncio.create_task(line.run(till.agent, "pay", thread="t1"))
    await till.under_way()
    for _ in range(3):
        running.cancel()
        await asyncio.sleep(0)
    till.may_end.set()
    await asyncio.wait([running])

    assert running.cancelled()
    assert await statuses(database) == [RunStatus.CANCELLED]
    assert {tally.state for tally in await database.book.tally() if tally.tool == "pay"} == {CallState.DONE}


async def test_a_turn_that_is_cancelled_while_it_waits_leaves_nothing(line: Trunkline, database: Database) -> None:
    """It has not begun."""
    till = Till()
    first = asyncio.create_task(line.run(till.agent, "pay", thread="t1"))
    await till.under_way()
    second = asyncio.create_task(line.run(till.agent, "again", thread="t1"))
    await asyncio.sleep(0)
    second.cancel()
    till.may_end.set()

    with pytest.raises(asyncio.CancelledError):
        await second
    assert (await first).text == "heard 1"
    assert await statuses(database) == [RunStatus.SUCCEEDED]


async def first_words(line: Trunkline, agent: Agent) -> str:
    """Listen until the first words and then no longer, without closing the stream."""
    async for event in line.stream(agent, "hello", thread="t1"):
        if isinstance(event, TextStreamed):
            return event.text
    raise AssertionError("nothing was said")


async def test_a_stream_that_is_closed_early_cancels_its_run(line: Trunkline, database: Database) -> None:
    """When it is closed, the run has ended and the thread is free."""
    agent = speaker(heard)
    async with aclosing(line.stream(agent, "hello", thread="t1")) as events:
        async for event in events:
            if isinstance(event, TextStreamed):
                break
    assert await statuses(database) == [RunStatus.CANCELLED]
    assert (await line.run(agent, "hello", thread="t1")).text == "heard 2"


async def test_a_stream_that_nobody_closes_ends_with_the_line(url: str, database: Database) -> None:
    """Its run does not stay on record as running, and closing it later does not hang."""
    async with Trunkline(url) as line:
        await first_words(line, speaker(heard))
        kept = line.stream(speaker(heard), "hello", thread="t2")
        assert isinstance(await anext(kept), RunStarted)
    await kept.aclose()

    assert await statuses(database) == [RunStatus.CANCELLED, RunStatus.CANCELLED]


async def test_a_run_that_nobody_awaits_ends_with_the_line(url: str, database: Database) -> None:
    """The effect that was under way is waited for and recorded."""
    till = Till()
    async with Trunkline(url) as line:
        running = asyncio.create_task(line.run(till.agent, "pay"))
        await till.under_way()
        asyncio.get_running_loop().call_soon(till.may_end.set)

    assert await statuses(database) == [RunStatus.CANCELLED]
    assert [tally.state for tally in await database.book.tally() if tally.tool == "pay"] == [CallState.DONE]
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_line_must_be_open(url: str) -> None:
    """Before and after its block it says how to use it."""
    line = Trunkline(url)
    with pytest.raises(NotOpenError, match="use it inside 'async with"):
        await line.run(speaker(["hi"]), "hello")
    async with line:
        pass
    with pytest.raises(NotOpenError):
        await anext(line.stream(speaker(["hi"]), "hello"))
    with pytest.raises(NotOpenError):
        await line.report()


async def test_tenants_have_threads_of_their_own(url: str, database: Database) -> None:
    """Under the same names; a reply gives the name as the tenant writes it."""
    agent, replies = speaker(heard), list[tuple[str, str]]()
    for tenant in ("acme", "bolt", "acme"):
        async with Trunkline(url, tenant=tenant) as line:
            reply = await line.run(agent, "hello", thread="t1")
            replies.append((reply.text, reply.thread_id))

    assert replies == [("heard 1", "t1"), ("heard 1", "t1"), ("heard 2", "t1")]
    assert len(await database.runs.latest(limit=10, tenant="acme")) == 2


async def test_no_name_leads_to_another_tenants_thread(url: str) -> None:
    """However it is written; nothing of the conversation is seen or changed."""
    async with Trunkline(url, tenant="acme") as line:
        await line.run(speaker(heard), "a secret", thread="t1")
    async with Trunkline(url) as line:
        with pytest.raises(RunFailedError) as raised:
            await line.run(speaker(heard), "tell me", thread="acme/t1")
    assert isinstance(raised.value.__cause__, ForeignThreadError)
    async with Trunkline(url, tenant="acme") as line:
        assert (await line.run(speaker(heard), "go on", thread="t1")).text == "heard 2"


async def test_a_key_holds_within_its_tenant(url: str) -> None:
    """What one tenant did is not done for another, and not done twice for itself."""
    paid: list[str] = []

    @tool(effect="write", key="pay:{order_id}")
    async def pay(order_id: str) -> str:
        """Pay."""
        paid.append(order_id)
        return f"payment {len(paid)}"

    agent = Agent("desk", model=ScriptedModel([[call("pay", order_id="A")], "done"]), tools=[pay])
    results: list[str] = []
    for tenant in ("acme", "bolt", "acme"):
        async with Trunkline(url, tenant=tenant) as line:
            results.append((await line.run(agent, "pay")).messages[-2].text)
    assert results == ["payment 1", "payment 2", "payment 1"]


async def test_a_tool_may_run_an_agent(line: Trunkline, database: Database) -> None:
    """As a run of its own, beside the one that it serves."""

    @tool(effect="read")
    async def consult(question: str) -> str:
        """Ask a colleague."""
        return (await line.run(speaker([f"about {question}: no"]), question)).text

    agent = Agent("desk", model=ScriptedModel([[call("consult", question="it")], "sorry"]), tools=[consult])
    reply = await line.run(agent, "may I?")
    assert [message.text for message in reply.messages] == ["may I?", "", "about it: no", "sorry"]
    runs = [summary.run for summary in await database.runs.latest(limit=10)]
    assert [(run.graph, run.status) for run in runs] == [
        *[("speaker", RunStatus.SUCCEEDED), ("desk", RunStatus.SUCCEEDED)]
    ]


MODELS = "models:\n  small: {kind: scripted, script: 'test_line_script:answer'}\n"


@pytest.fixture
def models_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models.yaml that names one scripted model, whose script can be imported."""
    (tmp_path / "test_line_script.py").write_text("def answer(messages):\n    return 'from the file'\n")
    (tmp_path / "models.yaml").write_text(MODELS)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "models.yaml"


@pytest.mark.parametrize("named", ["argument", "environment", "folder"])
async def test_agents_name_models_of_a_file(
    url: str, models_file: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is given, named by TRUNKLINE_MODELS, or lies in the working folder."""
    monkeypatch.delenv("TRUNKLINE_MODELS", raising=False)
    if named == "environment":
        monkeypatch.setenv("TRUNKLINE_MODELS", str(models_file))
    elif named == "folder":
        monkeypatch.chdir(models_file.parent)
    async with Trunkline(url, models=models_file if named == "argument" else None) as line:
        assert (await line.run(Agent("desk", model="small"), "hello")).text == "from the file"


async def test_a_model_that_nobody_knows_fails_the_run(line: Trunkline) -> None:
    """The cause tells the name."""
    with pytest.raises(RunFailedError) as raised:
        await line.run(Agent("desk", model="large"), "hello")

    assert isinstance(raised.value.__cause__, UnknownModelError)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_database_comes_from_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """TRUNKLINE_DATABASE holds where no URL is given."""
    monkeypatch.setenv("TRUNKLINE_DATABASE", url)
    async with Trunkline() as line:
        await line.run(speaker(["hi"]), "hello")
    async with Trunkline(url, models=Models({})) as line:
        assert (await line.report()).runs == {RunStatus.SUCCEEDED: 1}


async def test_a_report_adds_up_what_was_done(line: Trunkline) -> None:
    """Runs, calls and tokens of the line's tenant."""
    await line.run(desk([call("look_up", word="a"), call("look_up", word="b")], "both are here"), "where?")
    with pytest.raises(RunFailedError):
        await line.run(speaker([]), "hello")

    report = await line.report()
    assert report.runs == {RunStatus.SUCCEEDED: 1, RunStatus.FAILED: 1}
    assert (report.total_calls, report.count(CallState.DONE, tool="look_up"), report.waiting) == (2, 2, [])
    assert (report.model_calls, report.micro_usd) == (3, None)
    assert report.input_tokens > 0
