"""The door between a process and the world outside it, where the process can be killed."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

from retail.backend import BackEnd, Request
from retail.desk import Answer
from retail.tasks import Task


class Moment(StrEnum):
    """Where in the life of a request the process that asks is killed."""

    ARRIVED = "arrived"
    """Nothing was done, and nothing will be."""

    SERVED = "served"
    """All was done, and nobody is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """The point at which a process is killed: at its request of this number, from 1, of the model or of a tool."""

    request: int
    moment: Moment

    @classmethod
    def drawn(cls, task: Task, seed: int) -> Blow:
        """Draw one of the points of a task: its model asks before the first call and after the last one."""
        dice = Random(f"{seed}/{task.task_id}")
        calls = len({json.dumps([action.name, action.arguments], sort_keys=True) for action in task.actions})
        return cls(request=dice.randint(1, calls + 2 if calls else 1), moment=dice.choice(list(Moment)))


class Door:
    """Has the requests served that arrive, and strikes once. What is under way then is served to its end."""

    def __init__(self, backend: BackEnd, blow: Blow) -> None:
        self._backend, self._blow = backend, blow
        self._serving: set[asyncio.Task[None]] = set()
        self._arrived = 0
        self.kill: Callable[[], None] = lambda: None
        """Kills the process that asks."""

        self._answered: set[str] = set()
        self.answered_at_blow: frozenset[str] | None = None
        """The calls that had their answers when the process was killed; None until then."""

    @asynccontextmanager
    async def opened(self, path: Path) -> AsyncGenerator[None]:
        """Take requests at a Unix socket; at the end, wait until all are served."""
        async with await asyncio.start_unix_server(self._take, path):
            yield
            while self._serving:
                await asyncio.wait(self._serving)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            if asked := await reader.read():
                self._arrived += 1
                serving = asyncio.create_task(self._serve(self._arrived, json.loads(asked), writer))
                self._serving.add(serving)
                serving.add_done_callback(self._serving.discard)
                await serving

    async def _serve(self, number: int, asked: dict[str, Any] | None, writer: asyncio.StreamWriter) -> None:
        if self._struck(number, Moment.ARRIVED):
            return
        request = Request(**asked) if asked else None
        answer = await self._backend.answer(request) if request else None
        if self._struck(number, Moment.SERVED):
            return
        writer.write(json.dumps(asdict(answer) if answer else None).encode())
        if request:
            self._answered.add(request.call_id)

    def _struck(self, number: int, moment: Moment) -> bool:
        if self._blow != Blow(request=number, moment=moment):
            return False
        self.kill()
        self.answered_at_blow = frozenset(self._answered)
        return True


def ask_back_end(path: Path, request: Request) -> Answer:
    """Ask from another process, and wait for the answer."""
    return Answer(**json.loads(_asked(path, asdict(request))))


def tell_door(path: Path) -> None:
    """Let the door know that the model is asked."""
    _asked(path, None)


def _asked(path: Path, request: object) -> bytes:
    with socket.socket(socket.AF_UNIX) as door, door.makefile("rwb") as line:
        door.connect(str(path))
        line.write(json.dumps(request).encode())
        line.flush()
        door.shutdown(socket.SHUT_WR)
        return line.read()
