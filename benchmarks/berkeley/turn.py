"""Serves a task in one turn under Trunkline, and tells where the turn was not what the reference answer asks for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from berkeley.functions import name_of, parameters_of, tool_of
from berkeley.meeting import Meeting
from berkeley.tasks import ParallelTask
from trunkline import Agent, ScriptedModel, Trunkline
from trunkline.agents import call


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call as its tool sees it: with the defaults of what was left out."""

    tool: str
    arguments: Mapping[str, Any]

    @property
    def identity(self) -> Hashable:
        """Equal for calls that ask for the same."""
        return self.tool, _frozen(self.arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What came of a task."""

    messages: Sequence[BaseMessage]
    attended: Mapping[Hashable, int]
    """How often each call was run."""

    peak: int
    """How many different calls ran at once at most."""

    def differences(self, task: ParallelTask) -> Iterator[str]:
        """Tell in words what is not as the reference answer asks for it."""
        expected = expected_calls(task)
        asked = Counter(each.identity for each in expected)
        if self.attended.keys() != asked.keys():
            yield f"it ran {set(self.attended)} instead of {set(asked)}"
        if often := {identity for identity, times in self.attended.items() if times > asked[identity]}:
            yield f"it ran {often} more often than asked for"
        if self.peak != len(asked):
            yield f"at most {self.peak} calls ran at once instead of {len(asked)}"
        yield from _misaligned(self.messages, expected)


async def serve_turn(line: Trunkline, task: ParallelTask) -> Turn:
    """Let a scripted model ask for the reference calls in one turn; each tool echoes what it was called with."""
    meeting = Meeting(len({each.identity for each in expected_calls(task)}))

    async def echo(tool: str, arguments: Mapping[str, Any]) -> object:
        await meeting.attend(Call(tool=tool, arguments=arguments).identity)
        return _echo(tool, arguments)

    asked = [call(name_of(each.function), **each.arguments) for each in task.calls]
    tools = [tool_of(description, echo) for description in task.functions]
    agent = Agent("leaderboard", model=ScriptedModel([asked, "done"]), tools=tools)
    reply = await line.run(agent, task.question, thread=task.task_id)
    return Turn(messages=reply.messages, attended=meeting.attended, peak=meeting.peak)


def expected_calls(task: ParallelTask) -> list[Call]:
    """Return the reference calls in order, as the tools should see them."""
    defaults = {description["name"]: _defaults(description) for description in task.functions}
    return [
        Call(tool=name_of(each.function), arguments={**defaults[each.function], **each.arguments})
        for each in task.calls
    ]


def _defaults(description: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: each.default for each in parameters_of(description) if each.default is not each.empty}


def _misaligned(messages: Sequence[BaseMessage], expected: Sequence[Call]) -> Iterator[str]:
    requests = [request for message in messages if isinstance(message, AIMessage) for request in message.tool_calls]
    answers = [message for message in messages if isinstance(message, ToolMessage)]
    if not len(requests) == len(answers) == len(expected):
        yield f"{len(requests)} requests have {len(answers)} answers, and the reference has {len(expected)} calls"
    for position, (request, answer, meant) in enumerate(zip(requests, answers, expected, strict=False)):
        if answer.tool_call_id != request["id"]:
            yield f"answer {position} is to {answer.tool_call_id!r} instead of {request['id']!r}"
        echo = _echo(meant.tool, meant.arguments)
        if _read(answer) != echo:
            yield f"answer {position} is {answer.text!r} instead of {echo}"


def _echo(tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"tool": tool, "arguments": dict(arguments)}


def _read(answer: ToolMessage) -> object:
    try:
        return json.loads(answer.text)
    except json.JSONDecodeError:
        return answer.text


def _frozen(value: object) -> Hashable:
    match value:
        case Mapping():
            return frozenset((name, _frozen(item)) for name, item in value.items())  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
        case list() | tuple():
            return tuple(_frozen(item) for item in value)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
        case _:
            return type(value) is bool, value
