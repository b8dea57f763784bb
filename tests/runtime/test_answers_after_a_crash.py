"""A worker may be killed at any commit: each answer reaches its question once, and no message is said twice."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from stand_ins.interviews import interviewing, serve_until_commit
from stand_ins.processes import dies
from trunkline import Trunkline
from trunkline.runtime.queue.status import RunStatus

COMMITS = range(1, 11)
"""At each of these commits for a run a worker dies, up to the first that its run does not have."""

FEWEST = 3
"""How many commits each of these runs has at least: its claim, one for its thread, its end."""

QUEUES = [f"q{commit}" for commit in COMMITS]


async def submit_all(line: Trunkline, graph: str, given: Any) -> list[str]:
    """Submit a run for each commit, in a queue of its own."""
    return [await line.submit(graph, given, queue=queue) for queue in QUEUES]


async def serve(line: Trunkline, runs: Sequence[str]) -> set[RunStatus]:
    """Serve the runs until they rest, and return how they stand."""
    async with line.worker(queues=QUEUES, concurrency=5):
        return {(await line.wait(run, within=60)).status for run in runs}


async def serve_with_deaths(url: str, runs: Sequence[str]) -> list[str]:
    """Let a process serve each run that dies at its commit, and return those runs: the last process came through."""
    for run, queue, commit in zip(runs, QUEUES, COMMITS, strict=True):
        if not await asyncio.to_thread(dies, serve_until_commit, url, run, queue, commit):
            assert commit > FEWEST
            return list(runs[:commit])
    raise AssertionError("each process died: a run has more commits than were tried")


async def answer_all(line: Trunkline, runs: Sequence[str], answers: Mapping[str, str]) -> None:
    """Answer the questions of each run, which must be these, by their ids."""
    for run in runs:
        ids = {interrupt.value: interrupt.id for interrupt in await line.interrupts(run)}
        assert sorted(ids) == sorted(answers)
        await line.answer(run, {ids[question]: answer for question, answer in answers.items()})


async def state_of(line: Trunkline, graph: str, run_id: str) -> dict[str, Any]:
    """Return the state of a run's thread."""
    opened = line._require_open()  # pyright: ignore[reportPrivateUsage]
    compiled: Any = opened.office.compiled(opened.graphs.load(graph))  # type: ignore[arg-type]
    thread = (await line.found(run_id)).thread_id
    return (await compiled.aget_state({"configurable": {"thread_id": thread}})).values


async def test_an_answer_is_heard_once(url: str) -> None:
    """By the question that it was given for, wherever the worker dies that brings it."""
    async with interviewing(url) as line:
        runs = await submit_all(line, "alone", {"heard": []})
        await serve(line, runs)
        await answer_all(line, runs, {"a 1?": "A1"})
        runs = await serve_with_deaths(url, runs)
        again = await serve(line, runs)
        for question, answer in {"a 2?": "A2", "b 1?": "B1"}.items():
            await answer_all(line, runs, {question: answer})
            await serve(line, runs)
        heard = [(await state_of(line, "alone", run))["heard"] for run in runs]

        assert again == {RunStatus.WAITING}
        assert heard == [["a A1, A2", "b B1"]] * len(runs)


async def test_the_answer_to_a_second_question_is_heard_once(url: str) -> None:
    """The question of the next step does not hear it."""
    async with interviewing(url) as line:
        runs = await submit_all(line, "alone", {"heard": []})
        await serve(line, runs)
        await answer_all(line, runs, {"a 1?": "A1"})
        await serve(line, runs)
        await answer_all(line, runs, {"a 2?": "A2"})
        runs = await serve_with_deaths(url, runs)
        await serve(line, runs)
        await answer_all(line, runs, {"b 1?": "B1"})
        await serve(line, runs)
        heard = [(await state_of(line, "alone", run))["heard"] for run in runs]

        assert heard == [["a A1, A2", "b B1"]] * len(runs)


async def test_answers_side_by_side_are_heard_once(url: str) -> None:
    """Each is for the task that asked, one of them in a subgraph, and none is lost when only one task has come on."""
    async with interviewing(url) as line:
        runs = await submit_all(line, "side_by_side", {"heard": []})
        await serve(line, runs)
        await answer_all(line, runs, {"l 1?": "L1", "r 1?": "R1"})
        runs = await serve_with_deaths(url, runs)
        again = await serve(line, runs)
        await answer_all(line, runs, {"l 2?": "L2", "r 2?": "R2"})
        ended = await serve(line, runs)
        heard = [(await state_of(line, "side_by_side", run))["heard"] for run in runs]

        assert (again, ended) == ({RunStatus.WAITING}, {RunStatus.SUCCEEDED})
        assert [sorted(each) for each in heard] == [["l L1, L2", "r R1, R2"]] * len(runs)


async def test_a_message_is_said_once(url: str) -> None:
    """Wherever the worker dies that brings it: before its checkpoint it is brought again, afterwards not."""
    async with interviewing(url) as line:
        runs = await submit_all(line, "chat", "hello")
        runs = await serve_with_deaths(url, runs)
        ended = await serve(line, runs)
        states = [await state_of(line, "chat", run) for run in runs]
        said = [[message.text for message in state["messages"]] for state in states]

        assert ended == {RunStatus.SUCCEEDED}
        assert said == [["hello", "one", "two"]] * len(runs)
