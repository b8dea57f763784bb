"""The worker of a scenario: a line on a database file that can be killed, and started anew from what the file holds."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Coroutine
from contextlib import AsyncExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from trunkline.runtime.line import Trunkline
from trunkline.runtime.scenarios.virtual_time import Life, VirtualClock, VirtualLoop

Result = TypeVar("Result")


class Worker:
    """Opens lines on files in `folder`, the first on a copy of `template`: a database with all tables and no rows.

    Runs on a `VirtualLoop`. What a killed worker was doing stands still from that moment on; it is only cleared away at
    the end of the `async with`, when everything has been looked at.
    """

    def __init__(self, *, template: Path, folder: Path, clock: VirtualClock) -> None:
        self._file, self._folder, self._clock = template, folder, clock
        self._started = 0
        self._lives = AsyncExitStack()
        self._life: Life | None = None
        self._line: Trunkline | None = None

    @property
    def line(self) -> Trunkline:
        """The line of the worker that is alive."""
        if self._line is None:
            raise RuntimeError("a worker is used inside 'async with'")
        return self._line

    async def __aenter__(self) -> Self:
        await self._start(shutil.copyfile(self._file, self._next_file()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _loop().thaw()
        self._line = None
        await self._lives.aclose()

    def begin(self, work: Coroutine[Any, Any, Result], *, name: str) -> asyncio.Task[Result]:
        """Let the worker that is alive do something, which stands still when it is killed."""
        return asyncio.create_task(work, name=name, context=self._life.context if self._life else None)

    async def kill(self) -> None:
        """Kill the worker, and start another one from what the database holds at this moment."""
        left = self._next_file()
        with closing(sqlite3.connect(self._file)) as alive, closing(sqlite3.connect(left)) as dead:
            alive.backup(dead)
        if self._life:
            _loop().freeze(self._life)
        await self._start(left)

    async def _start(self, file: Path) -> None:
        self._file, self._life = file, Life()
        line = Trunkline(f"sqlite:///{file}", clock=self._clock)
        self._line = await self.begin(self._lives.enter_async_context(line), name=f"open {file.name}")

    def _next_file(self) -> Path:
        self._started += 1
        return self._folder / f"worker-{self._started}.db"


def _loop() -> VirtualLoop:
    return cast("VirtualLoop", asyncio.get_running_loop())
