"""What a run waits for at LangGraph's interrupts, and how each answer reaches its question once.

LangGraph adds the answers that a `Command` brings to those that a task has on record. Brought twice, because a worker
died in between or an attempt failed, an answer would go to the task's *next* question. So a run that waits remembers
how many answers each of its tasks had, and what is on record already is not brought again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, cast

from langgraph.pregel import Pregel
from langgraph.types import Interrupt

from trunkline.errors import AnswerError
from trunkline.runtime.storage.checkpoints.asking import AskingTask, TaskPlace
from trunkline.runtime.storage.checkpoints.saver import SQLAlchemySaver
from trunkline.runtime.storage.payloads import Payloads, payloads_of
from trunkline.runtime.storage.queue.finishing import Interrupted

Graph = Pregel[Any, Any, Any, Any]
_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An interrupt at which a run waits."""

    id: str
    place: TaskPlace | None
    """The task that asks. None where the graph's checkpoints are not kept here."""

    answers: int
    """How many answers the task had when it asked."""


async def asked(graph: Graph, thread_id: str, interrupts: Sequence[Interrupt], *, answer: str) -> Interrupted:
    """Return the end of a run that waits at the interrupts. Its questions are kept apart from their values."""
    tasks = await _asking(graph, thread_id)
    questions = [astuple(_question(interrupt.id, tasks)) for interrupt in interrupts]
    payloads = payloads_of(graph)
    values = payloads.dumps(list(interrupts))
    kept = payloads.dumps({"questions": questions, "interrupts": values})
    return Interrupted(interrupts=values, questions=kept, answer=answer)


def questions_of(kept: bytes, payloads: Payloads) -> list[Question]:
    """Return the questions of what `asked` made. The payloads need not know the types of the values."""
    rows = payloads.loads(kept)["questions"]
    return [Question(id=id_, place=tuple(place) if place else None, answers=had) for id_, place, had in rows]


def interrupts_of(kept: bytes, payloads: Payloads) -> list[Interrupt]:
    """Return the interrupts of what `asked` made. Raises `TypeNotAllowedError`."""
    interrupts: list[Interrupt] = payloads.loads(payloads.loads(kept)["interrupts"])
    return interrupts


def answers_by_id(run: str, questions: Iterable[Question], answer: Any) -> dict[str, Any]:
    """Return an answer as a mapping by the ids of the questions. Raises `AnswerError`."""
    ids = [question.id for question in questions]
    by_id = _by_id(answer)
    if by_id:
        if unknown := sorted(by_id.keys() - set(ids)):
            raise AnswerError(run=run, waits_for=ids, unknown=unknown)
        return by_id
    if len(ids) != 1:
        raise AnswerError(run=run, waits_for=ids)
    return {ids[0]: answer}


async def unanswered(
    graph: Graph, thread_id: str, questions: Iterable[Question], answers: Mapping[str, Any]
) -> dict[str, Any]:
    """Return those of the answers that no task has on record yet."""
    tasks = await _asking(graph, thread_id)
    open_ = {question.id for question in questions if _waits(question, tasks)}
    return {id_: answer for id_, answer in answers.items() if id_ in open_}


async def _asking(graph: Graph, thread_id: str) -> Mapping[TaskPlace, AskingTask]:
    saver = cast("object", graph.checkpointer)
    return await saver.asking(thread_id) if isinstance(saver, SQLAlchemySaver) else {}


def _question(id_: str, tasks: Mapping[TaskPlace, AskingTask]) -> Question:
    """Find the task that asks: of those that have the interrupt, the one in the innermost graph."""
    places = [place for place, task in tasks.items() if id_ in task.interrupts]
    innermost = max(places, key=lambda place: len(place[0]), default=None)
    return Question(id=id_, place=innermost, answers=tasks[innermost].answers if innermost else 0)


def _waits(question: Question, tasks: Mapping[TaskPlace, AskingTask]) -> bool:
    if question.place is None:
        return True
    task = tasks.get(question.place)
    return task is not None and task.answers <= question.answers


def _by_id(answer: Any) -> dict[str, Any]:
    """Return an answer that is a mapping from ids, else nothing."""
    if not isinstance(answer, Mapping):
        return {}
    by_id: dict[Any, Any] = {**answer}
    return by_id if all(isinstance(key, str) and _ID.fullmatch(key) for key in by_id) else {}
