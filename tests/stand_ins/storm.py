"""Worker processes in a storm: killed, frozen for longer than their lease, and drained, at random moments."""

import asyncio
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any

from trunkline.runtime.cli.app import execute

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(
    [
        "trunkline.runtime.cli.app",
        "trunkline.runtime.cli.logs",
        "trunkline.runtime.cli.stop_signals",
        "trunkline.runtime.line",
        "trunkline.runtime.storage.checkpoints.saver",
        "trunkline.runtime.storage.upgrade",
        "sqlalchemy.dialects.sqlite.aiosqlite",
        "sqlalchemy.dialects.postgresql.psycopg",
    ]
)


class StormyWorker:
    """One `trunkline worker` and its successors, forked from a process that has the imports done."""

    def __init__(self, options: Sequence[str], environment: Mapping[str, str], *, log: Path) -> None:
        self._options, self._environment, self._log = options, environment, log
        self.frozen_until: float | None = None
        self._said = 0
        self.process = self._started()

    @property
    def serves(self) -> bool:
        """Whether it has come so far."""
        return b" serves " in self._log.read_bytes()[self._said :]

    def kill(self) -> None:
        """Kill it and start its successor."""
        self.process.kill()
        self._succeed()

    def freeze(self, seconds: float) -> None:
        """Stop it, to go on so many seconds later."""
        self._send(signal.SIGSTOP)
        self.frozen_until = time.monotonic() + seconds

    def thaw(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)
        self.frozen_until = None

    def drain(self) -> None:
        """Ask it to end, and start its successor when it has."""
        self._send(signal.SIGTERM)
        self._succeed()

    def replace_if_ended(self) -> None:
        """Start a successor for one that others gave up: it ends by itself."""
        if not self.process.is_alive():
            self._succeed()

    def end(self) -> None:
        """Drain it for good."""
        self.thaw()
        self._send(signal.SIGTERM)
        self.process.join(60)
        self.process.kill()
        self.process.join()

    def _succeed(self) -> None:
        self.process.join()
        self.process = self._started()

    def _send(self, number: signal.Signals) -> None:
        if self.process.pid and self.process.is_alive():
            os.kill(self.process.pid, number)

    def _started(self) -> BaseProcess:
        self._log.touch()
        self._said = self._log.stat().st_size
        process = _PROCESSES.Process(target=_work, args=(self._options, self._environment, self._log))
        process.start()
        return process


class Storm:
    """Strikes one worker after another, until told to calm down."""

    def __init__(
        self,
        workers: Sequence[StormyWorker],
        *,
        strikes: Sequence[str],
        freeze: float,
        seed: int,
    ) -> None:
        """`strikes` are what may happen, one after another from the front; `freeze` the seconds of a freeze."""
        self.workers, self.struck = workers, Counter[str]()
        self._strikes, self._freeze = strikes, freeze
        self._dice = Random(seed)

    async def rage(self, done: Callable[[], Coroutine[Any, Any, int | None]], *, every: int, until: int) -> None:
        """Strike once each time that `every` more is done, until so much is; then thaw everybody.

        There is no strike while `done` says None.
        """
        strikes = 0
        while (count := await done()) is None or count < until:
            self._thaw(time.monotonic())
            await asyncio.sleep(self._dice.uniform(0.05, 0.2))
            if count is not None and count >= strikes * every and await self._struck():
                strikes += 1
        await asyncio.sleep(max([0.0, *(until - time.monotonic() for _, until in self._frozen())]))
        self._thaw(float("inf"))

    async def _struck(self) -> bool:
        """Strike a worker, and thaw others meanwhile: one that is drained may wait for what a frozen one has locked."""
        striking = asyncio.create_task(asyncio.to_thread(self._strike), name="strike")
        while not striking.done():
            self._thaw(time.monotonic())
            await asyncio.wait([striking], timeout=0.1)
        return striking.result()

    def _strike(self) -> bool:
        """Strike a worker; return whether there was one to strike."""
        strike = self._strikes[self.struck.total() % len(self._strikes)]
        worker = self._dice.choice(self.workers)
        worker.replace_if_ended()
        if worker.frozen_until is not None or not worker.serves:
            return False
        match strike:
            case "kill":
                worker.kill()
            case "drain":
                worker.drain()
            case _:
                worker.freeze(self._freeze)
        self.struck[strike] += 1
        return True

    def _frozen(self) -> list[tuple[StormyWorker, float]]:
        return [(worker, worker.frozen_until) for worker in self.workers if worker.frozen_until is not None]

    def _thaw(self, now: float) -> None:
        for worker, until in self._frozen():
            if until <= now:
                worker.thaw()


def _work(options: Sequence[str], environment: Mapping[str, str], path: Path) -> None:
    os.environ.update(environment)
    with path.open("a", buffering=1) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        sys.exit(execute(["worker", *options]))
