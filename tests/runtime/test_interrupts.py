"""Runs that wait at LangGraph's interrupts: what they ask, who answers, and what ends their wait."""

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from stand_ins.interviews import Interview, alone, interviewing
from stand_ins.manual_time import ManualTime
from trunkline import Trunkline
from trunkline.errors import AnswerError, ResumeError, RunStateError, UnknownRunError
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.queue.queue import RunQueue

NOTHING: Interview = {"heard": []}
WITHOUT = "the conversation went on without an answer"


@pytest.fixture
async def line(url: str) -> AsyncGenerator[Trunkline]:
    """A line that knows graphs which ask, and serves one run at a time."""
    async with interviewing(url) as opened, opened.worker(concurrency=1):
        yield opened


async def asking(line: Trunkline, graph: str, *, thread: str | None = None, within: float | None = None) -> str:
    """Return the id of a run that waits."""
    run_id = await line.submit(graph, NOTHING, thread=thread, answer_within=within, max_attempts=2)
    assert (await line.wait(run_id, within=30)).status is RunStatus.WAITING
    return run_id


async def asked(line: Trunkline, run_id: str) -> dict[str, str]:
    """Return the ids of what a run asks."""
    return {question.value: question.id for question in await line.interrupts(run_id)}


async def test_a_run_tells_what_it_waits_for(line: Trunkline) -> None:
    """Until it is answered; another question follows."""
    run_id = await asking(line, "alone")
    first = await asked(line, run_id)
    await line.answer(run_id, {"any": "value"})
    await line.wait(run_id, within=30)

    assert (list(first), list(await asked(line, run_id))) == (["a 1?"], ["a 2?"])


async def test_a_waiting_run_holds_no_slot(line: Trunkline) -> None:
    """The worker's only slot serves others meanwhile."""
    run_id = await asking(line, "alone")
    others = [await line.submit("chat", "hello") for _ in range(3)]

    assert {(await line.wait(other, within=30)).status for other in others} == {RunStatus.SUCCEEDED}
    assert (await line.found(run_id)).status is RunStatus.WAITING


async def test_of_several_answers_one_wins(line: Trunkline) -> None:
    """The others are told so, and the question after it has not been answered by them."""
    run_id = await asking(line, "alone")
    first = (await asked(line, run_id))["a 1?"]
    outcomes = await asyncio.gather(*[line.answer(run_id, {first: n}) for n in range(5)], return_exceptions=True)
    await line.wait(run_id, within=30)

    assert [type(outcome) for outcome in outcomes if outcome] == [RunStateError] * 4
    assert list(await asked(line, run_id)) == ["a 2?"]


async def test_a_late_answer_by_id_is_refused(line: Trunkline) -> None:
    """It does not go to the question that the run asks by now."""
    run_id = await asking(line, "alone")
    first = (await asked(line, run_id))["a 1?"]
    await line.answer(run_id, "A1")
    await line.wait(run_id, within=30)

    with pytest.raises(AnswerError, match=f"got an answer to {first}; give a mapping"):
        await line.answer(run_id, {first: "late"})


async def test_several_questions_are_answered_one_at_a_time(line: Trunkline) -> None:
    """By their ids. The run waits again for the rest."""
    run_id = await asking(line, "side_by_side")
    seen = [set(await asked(line, run_id))]
    for question in ("l 1?", "r 1?", "r 2?", "l 2?"):
        await line.answer(run_id, {(await asked(line, run_id))[question]: question})
        await line.wait(run_id, within=30)
        seen.append(set(await asked(line, run_id)))

    assert seen == [{"l 1?", "r 1?"}, {"l 2?", "r 1?"}, {"l 2?", "r 2?"}, {"l 2?"}, set()]
    assert (await line.found(run_id)).status is RunStatus.SUCCEEDED


async def test_one_answer_does_not_do_for_several_questions(line: Trunkline) -> None:
    """The error names them all, and the run still waits."""
    run_id = await asking(line, "side_by_side")

    with pytest.raises(AnswerError, match="got one answer for all of them; give a mapping from their ids"):
        await line.answer(run_id, "yes")
    assert (await line.found(run_id)).status is RunStatus.WAITING


async def test_a_run_that_does_not_wait_takes_no_answer(line: Trunkline) -> None:
    """It asks nothing either."""
    run_id = await line.submit("chat", "hello")
    await line.wait(run_id, within=30)

    assert await line.interrupts(run_id) == []
    with pytest.raises(RunStateError, match="is succeeded; it would have to be waiting for an answer"):
        await line.answer(run_id, "yes")
    with pytest.raises(UnknownRunError):
        await line.interrupts("r-none")


async def test_a_new_message_ends_the_wait(line: Trunkline) -> None:
    """The run that waited is cancelled, and says why."""
    run_id = await asking(line, "alone", thread="t")
    newer = await asking(line, "alone", thread="t")
    run = await line.found(run_id)

    assert (run.status, run.error) == (RunStatus.CANCELLED, WITHOUT)
    assert (await line.found(newer)).status is RunStatus.WAITING


async def test_a_turn_begun_here_ends_the_wait_too(line: Trunkline) -> None:
    """With another message it is cancelled; with the answer it has succeeded."""
    graph = alone()
    runs = [(await line.run(graph, given, thread="t")).run_id for given in (NOTHING, NOTHING, Command(resume="A1"))]

    found = [await line.found(run_id) for run_id in runs]
    assert [run.status for run in found] == [RunStatus.CANCELLED, RunStatus.SUCCEEDED, RunStatus.WAITING]
    assert [run.error for run in found] == [WITHOUT, None, None]


async def test_an_answer_is_not_submitted_as_a_run(line: Trunkline) -> None:
    """Nobody could say which question it was for, should it be delivered twice."""
    with pytest.raises(ResumeError, match=r"answer the run that waits with line.answer\(run_id, value\)"):
        await line.submit("alone", Command(resume="yes"))


async def test_nobody_waits_longer_than_told(line: Trunkline, database: Database) -> None:
    """Of the answer and the end of the time one wins."""
    clock = ManualTime(time.time_ns() // 1000)
    queue = RunQueue(writer=database.writer, clock=clock)
    patient, hasty = await asking(line, "alone"), await asking(line, "alone", within=600)
    early = await queue.give_up_waiting()
    clock.move(700)
    late = await queue.give_up_waiting()

    assert (list(early), list(late), (await line.found(patient)).status) == ([], [hasty], RunStatus.WAITING)
    assert (await line.found(hasty)).error == "nobody answered in time"
    with pytest.raises(RunStateError, match="is cancelled"):
        await line.answer(hasty, "too late")


async def test_an_attempt_that_fails_does_not_spend_the_answer_twice(url: str) -> None:
    """The next attempt hears the same answer to the same question, and asks the next one."""
    failures = [ConnectionError("once")]

    def ask(state: Interview) -> Interview:
        first = interrupt("first?")
        if failures:
            raise failures.pop()
        return {"heard": [*state["heard"], first, interrupt("second?")]}

    graph = StateGraph(Interview)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    async with Trunkline(url, graphs={"flaky": graph}) as line, line.worker():
        run_id = await asking(line, "flaky")
        await line.answer(run_id, "one")
        run = await line.wait(run_id, within=30)

        assert (run.status, run.attempt, list(await asked(line, run_id))) == (RunStatus.WAITING, 1, ["second?"])
