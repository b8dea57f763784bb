"""The side of a process that may be killed: a run whose tools ask a back end that outlives it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langgraph.errors import EmptyInputError

from retail.backend import Request
from retail.desk import Answer
from retail.door import ask_back_end, tell_door
from retail.replay import answers_in
from retail.tasks import Task
from trunkline import Agent, ScriptedModel, Toolbox, Trunkline
from trunkline.agents import Step, call
from trunkline.errors import RunFailedError
from trunkline.runtime.reply import Reply
from trunkline.tools import Tool, ToolRejectedError, current_call, tool


def remote_toolbox(tools: Toolbox, door: Path) -> Toolbox:
    """Return tools that ask the back end behind the door.

    They read and write what the given tools do, and each effect has a key, of all its arguments, for the back end.
    """
    return Toolbox(_remote(each, door) for each in tools)


def _remote(local: Tool, door: Path) -> Tool:
    @wraps(local.function)
    def asked(**arguments: Any) -> object:
        serving = current_call()
        request = Request(call_id=serving.call_id, tool=local.name, arguments=arguments, key=serving.key)
        answer = ask_back_end(door, request)
        if answer.refused:
            raise ToolRejectedError(str(answer.value))
        return answer.value

    if local.effect.is_read:
        made = tool(effect="read")(asked)
    else:
        key = ":".join([local.name, *(f"{{{name}}}" for name in signature(local.function).parameters)])
        made = tool(effect="write", key=key)(asked)
    return replace(made, access=local.access)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a process leaves behind that was not killed."""

    began_again: bool
    """Whether it found nothing to go on from."""

    answers: list[Answer]

    def write(self, file: Path) -> None:
        """Leave it in a file."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> Ending:
        """Read what was left in a file."""
        left = json.loads(file.read_text(encoding="utf-8"))
        return cls(began_again=left["began_again"], answers=[Answer(**answer) for answer in left["answers"]])


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRun:
    """A task as a process of its own serves it."""

    task: Task
    tools: Toolbox
    door: Path
    database: str
    tenant: str

    async def begin(self) -> Ending:
        """Serve the task from its beginning."""
        async with self._line() as line:
            return _ending(await line.run(self._agent(), "serve this customer", thread="t1"), began_again=True)

    async def go_on(self) -> Ending:
        """Go on where an earlier process was killed; begin again if it left nothing in the database."""
        async with self._line() as line:
            try:
                return _ending(await line.run(self._agent(), None, thread="t1"), began_again=False)
            except RunFailedError as failure:
                if not isinstance(failure.__cause__, EmptyInputError):
                    raise
        return await self.begin()

    def _line(self) -> Trunkline:
        return Trunkline(self.database, tenant=self.tenant)

    def _agent(self) -> Agent:
        return Agent("retail", model=ScriptedModel(self._answer), tools=self.tools)

    def _answer(self, messages: list[BaseMessage]) -> Step:
        tell_door(self.door)
        spoke = any(isinstance(message, AIMessage) for message in messages)
        calls = [call(action.name, **action.arguments) for action in self.task.actions]
        return "done" if spoke or not calls else calls


def _ending(reply: Reply, *, began_again: bool) -> Ending:
    return Ending(began_again=began_again, answers=list(answers_in(reply.messages)))
