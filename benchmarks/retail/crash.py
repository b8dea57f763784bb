"""A task that is killed in the middle of it, and goes on in a second process: the side that lives on."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from retail.backend import BackEnd
from retail.desk import Desk
from retail.door import Blow, Door
from retail.remote import Ending, RemoteRun, remote_toolbox
from retail.replay import Replay
from retail.tasks import Task

DEADLINE = 60.0
"""Seconds after which a process that still runs is killed, which then shows in its exit code."""

_PROCESSES = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How a task ended that was killed once."""

    replay: Replay
    door: Door
    backend: BackEnd
    exits: tuple[int | None, int | None]
    """The exit codes of both processes; that of a killed one is below zero."""

    recorded: frozenset[str]
    """The calls whose end was in the ledger when the first process had died."""

    began_again: bool
    """Whether the second process found nothing to go on from."""


class CrashSite:
    """Serves tasks in processes that it kills and replaces; the shop lives here, and outlives them.

    All tasks are on one database, each with a tenant of its own.
    """

    def __init__(self, desk: Desk, folder: Path) -> None:
        self._desk = desk
        self._door, self._ending = folder / "door", folder / "ending.json"
        self._database = folder / "crash.db"
        self._tools = remote_toolbox(desk.toolbox, self._door)

    async def serve(self, task: Task, blow: Blow, *, tenant: str) -> Recovery:
        """Begin the task in a process that dies at the blow, finish it in another one, and return how it ended."""
        self._desk.clear()
        backend = BackEnd(self._desk)
        door = Door(backend, blow)
        database = f"sqlite:///{self._database}"
        run = RemoteRun(task=task, tools=self._tools, door=self._door, database=database, tenant=tenant)
        began = perf_counter()
        async with door.opened(self._door):
            first = await self._lived(door, run.begin)
            recorded = self._recorded(tenant)
            second = await self._lived(door, run.go_on)
        ending = Ending.read(self._ending) if second == 0 else Ending(began_again=False, answers=[])
        replay = Replay(
            state=self._desk.shop.state(),
            answers=tuple(ending.answers),
            tool_seconds=self._desk.pace.seconds,
            turn_seconds=perf_counter() - began,
        )
        return Recovery(
            replay=replay,
            door=door,
            backend=backend,
            exits=(first, second),
            recorded=recorded,
            began_again=ending.began_again,
        )

    def _recorded(self, tenant: str) -> frozenset[str]:
        """Look into the ledger as the dead process left it: only reading, so that the next one has to recover it."""
        ended = "SELECT id FROM calls WHERE tenant = ? AND state IN ('done', 'failed')"
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as connection:
            return frozenset(call_id for (call_id,) in connection.execute(ended, (tenant,)))

    async def _lived(self, door: Door, life: Callable[[], Awaitable[Ending]]) -> int | None:
        """Start a process for this life, wait until it is over, and return its exit code."""
        process = _PROCESSES.Process(target=_live, args=(life, self._ending))
        process.start()
        door.kill = process.kill
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(process.sentinel, over.set)
        deadline = loop.call_later(DEADLINE, process.kill)
        try:
            await over.wait()
        finally:
            deadline.cancel()
            loop.remove_reader(process.sentinel)
            process.kill()
            process.join()
        return process.exitcode


def _live(life: Callable[[], Awaitable[Ending]], left: Path) -> None:
    asyncio.run(_to_its_end(life, left))


async def _to_its_end(life: Callable[[], Awaitable[Ending]], left: Path) -> None:
    (await life()).write(left)
