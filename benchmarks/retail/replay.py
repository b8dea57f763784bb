"""Ways to run a task's actions, and what came of each: one by one, all at once, under Trunkline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter

from langchain_core.messages import BaseMessage, ToolMessage

from retail.desk import Answer, Desk
from retail.tasks import Task
from trunkline import Agent, ScriptedModel, Trunkline
from trunkline.agents import Step, call


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How a task ended."""

    state: str
    """Everything that was written to the shop, as canonical JSON."""

    answers: tuple[Answer, ...]
    """In the order of the task's actions."""

    tool_seconds: float
    """From the first call to the last answer, taken in the shop."""

    turn_seconds: float
    """From the model's request to the moment when it is given the results."""

    def differences(self, reference: Replay, task: Task) -> Iterator[str]:
        """Tell in words where this replay ended otherwise than the reference."""
        if len(self.answers) != len(reference.answers):
            yield f"{len(self.answers)} answers instead of {len(reference.answers)}"
        for action, mine, other in zip(task.actions, self.answers, reference.answers, strict=False):
            if mine != other:
                yield f"{action.name} {dict(action.arguments)} answered {mine} instead of {other}"
        if self.state != reference.state:
            yield f"the shop ended as {self.state} instead of {reference.state}"


async def one_by_one(desk: Desk, task: Task) -> Replay:
    """Run each action after the one before: the reference."""
    desk.clear()
    began = perf_counter()
    answers = [await desk.serve(action) for action in task.actions]
    return _replay(desk, answers, turn_seconds=perf_counter() - began)


async def all_at_once(desk: Desk, task: Task) -> Replay:
    """Run all actions side by side in a free order, as a plain `asyncio.gather` does: the control."""
    desk.clear()
    began = perf_counter()
    answers = await asyncio.gather(*(desk.serve(action) for action in task.actions))
    return _replay(desk, answers, turn_seconds=perf_counter() - began)


async def under_trunkline(line: Trunkline, desk: Desk, task: Task, *, thread: str) -> Replay:
    """Let a scripted model ask for all actions in one turn, and Trunkline serve them.

    The order of the calls, the ledger and the checkpoints are within the seconds of the turn.
    """
    desk.clear()
    script = OneTurn(task)
    agent = Agent("retail", model=ScriptedModel(script), tools=desk.toolbox)
    reply = await line.run(agent, "serve this customer", thread=thread)
    return _replay(desk, answers_in(reply.messages), turn_seconds=script.seconds)


def answers_in(messages: Iterable[BaseMessage]) -> Iterator[Answer]:
    """Return what the model read as the results of its calls."""
    return (_read(message) for message in messages if isinstance(message, ToolMessage))


class OneTurn:
    """The script of a model that asks for all actions of a task at once, and ends when it has read the results."""

    def __init__(self, task: Task) -> None:
        self._calls = [call(action.name, **action.arguments) for action in task.actions]
        self._asked: float | None = None
        self.seconds = 0.0
        """From the request to its results."""

    def __call__(self, messages: list[BaseMessage]) -> Step:
        """Return the next answer of the model."""
        del messages
        if self._asked is not None:
            self.seconds = perf_counter() - self._asked
        elif self._calls:
            self._asked = perf_counter()
            return self._calls
        return "done"


def _replay(desk: Desk, answers: Iterable[Answer], *, turn_seconds: float) -> Replay:
    return Replay(
        state=desk.shop.state(),
        answers=tuple(answers),
        tool_seconds=desk.pace.seconds,
        turn_seconds=turn_seconds,
    )


def _read(message: ToolMessage) -> Answer:
    content = message.text
    if message.status == "error":
        failure = json.loads(content)
        return Answer(refused=True, value=failure["message"] if failure["error"] == "rejected" else failure)
    return Answer(refused=False, value=_value(content))


def _value(content: str) -> object:
    """Return what the text stands for: JSON, or itself when the tool returned a plain text."""
    try:
        return json.loads(content)
    except json.JSONDecodeError:
        return content
