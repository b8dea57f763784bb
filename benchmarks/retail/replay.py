"""Ways to run a task's actions over a fresh shop, and what came of each: one by one, all at once, under Trunkline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

from langchain_core.messages import BaseMessage, ToolMessage

from retail.pace import Delay
from retail.shop import Shop
from retail.tasks import Action, Task
from retail.tools import retail_toolbox
from trunkline import Agent, ScriptedModel, Toolbox, Trunkline
from trunkline.agents import Step, call
from trunkline.tools import ToolRejectedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model reads as the result of one call."""

    refused: bool
    value: object
    """The output as JSON gives it back, or the text of the refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How a task ended."""

    state: str
    """Everything that was written to the shop, as canonical JSON."""

    answers: tuple[Answer, ...]
    """In the order of the task's actions."""

    seconds: float
    """Wall time of the tool phase."""

    def differences(self, reference: Replay, task: Task) -> Iterator[str]:
        """Tell in words where this replay ended otherwise than the reference."""
        if len(self.answers) != len(reference.answers):
            yield f"{len(self.answers)} answers instead of {len(reference.answers)}"
        for action, mine, other in zip(task.actions, self.answers, reference.answers, strict=False):
            if mine != other:
                yield f"{action.name} {dict(action.arguments)} answered {mine} instead of {other}"
        if self.state != reference.state:
            yield f"the shop ended as {self.state} instead of {reference.state}"


async def answer_of(toolbox: Toolbox, action: Action) -> Answer:
    """Run one action by the bare function of its tool."""
    made = toolbox.get(action.name)
    if made is None:
        raise LookupError(f"the retail agent has no tool {action.name!r}, which a task names")
    try:
        output = await made.function(**action.arguments)
    except ToolRejectedError as refusal:
        return Answer(refused=True, value=str(refusal))
    return Answer(refused=False, value=output if isinstance(output, str) else json.loads(json.dumps(output)))


async def one_by_one(shop: Shop, task: Task, delay: Delay) -> Replay:
    """Run each action after the one before: the reference."""
    own = shop.fresh()
    toolbox = retail_toolbox(own, delay)
    began = perf_counter()
    answers = [await answer_of(toolbox, action) for action in task.actions]
    return Replay(state=own.state(), answers=tuple(answers), seconds=perf_counter() - began)


async def all_at_once(shop: Shop, task: Task, delay: Delay) -> Replay:
    """Run all actions side by side in a free order, as a plain `asyncio.gather` does: the control."""
    own = shop.fresh()
    toolbox = retail_toolbox(own, delay)
    began = perf_counter()
    answers = await asyncio.gather(*(answer_of(toolbox, action) for action in task.actions))
    return Replay(state=own.state(), answers=tuple(answers), seconds=perf_counter() - began)


async def under_trunkline(line: Trunkline, shop: Shop, task: Task, delay: Delay, *, thread: str) -> Replay:
    """Let a scripted model ask for all actions in one turn, and Trunkline serve them.

    The tool phase lasts from the model's request to the moment when the model is given the results: the order of the
    calls, the ledger and the checkpoints are in it.
    """
    own = shop.fresh()
    script = OneTurn(task)
    agent = Agent("retail", model=ScriptedModel(script), tools=retail_toolbox(own, delay))
    reply = await line.run(agent, "serve this customer", thread=thread)
    answers = tuple(_read(message) for message in reply.messages if isinstance(message, ToolMessage))
    return Replay(state=own.state(), answers=answers, seconds=script.seconds)


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
