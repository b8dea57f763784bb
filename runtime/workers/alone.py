"""`ServedAlone`: a run in a process of its own, because others have died with it."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque

from trunkline.runtime.storage.queue.claiming import Claimed
from trunkline.runtime.storage.queue.finishing import Crashed
from trunkline.runtime.storage.queue.queue import RunQueue
from trunkline.runtime.workers.outfit import Order, Outfit
from trunkline.runtime.workers.served import Served
from trunkline.tools.shielding import to_its_end

log = logging.getLogger("trunkline.workers")

_LAST_LINES = 30
_PATIENCE = 30.0
"""Seconds in which a process that is told to end may bring its effects to their end."""


class ServedAlone(Served):
    """A run that a process of its own serves under this worker's lease. If that dies, only this run pays.

    The process opens the database itself and records how the run ends; this one keeps the lease alive, and records the
    death of the process. It reads what the process writes to stderr and passes it on.
    """

    def __init__(self, claimed: Claimed, *, queue: RunQueue, outfit: Outfit) -> None:
        super().__init__(claimed, queue=queue)
        self._outfit = outfit
        self._process: Process | None = None
        self._wishes: list[str] = []
        """What was wished before the process was there to hear it."""

        self._last = deque[str](maxlen=_LAST_LINES)

    def stop(self, how: str) -> None:
        """Let it end as somebody wishes."""
        self.ending.wish(how)
        self._tell(how)

    def drain(self) -> None:
        """Let it be handed back at the end of its step."""
        self._tell("drain")

    async def _conduct(self) -> None:
        task = asyncio.current_task()
        assert task, "a run is a task"
        self.claimed.lease.on_loss.append(task.cancel)
        self.claimed.lease.lent = True
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "trunkline.runtime.workers.alone_process",
            stdin=PIPE,
            stderr=PIPE,
            cwd=self._outfit.folder,
        )
        log.info("run.alone run_id=%s pid=%d", self.claimed.run.id, self._process.pid)
        ending = asyncio.create_task(self._end_of(self._process), name=f"process of {self.claimed.run.id}")
        self._tell(self._order())
        for wish in self._wishes:
            self._tell(wish)
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await to_its_end(self._let_end(self._process, ending), name=f"end of {self.claimed.run.id}")
            raise
        await self._record(self._process)

    def _order(self) -> str:
        return Order(outfit=self._outfit, tenant=self.claimed.run.tenant, lease=self.claimed.lease).dumps()

    def _tell(self, line: str) -> None:
        if self._process is None:
            self._wishes.append(line)
        elif self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.write(f"{line}\n".encode())

    async def _end_of(self, process: Process) -> None:
        assert process.stderr, "it is a pipe"
        async for line in process.stderr:
            text = line.decode(errors="replace")
            sys.stderr.write(text)
            self._last.append(text)
        await process.wait()

    async def _let_end(self, process: Process, ending: asyncio.Task[None]) -> None:
        """Cancel the run in its process, and kill that if it does not end. Without the lease nothing can be saved."""
        self._tell("stop")
        await asyncio.wait([ending], timeout=0.0 if self.claimed.lease.refused else _PATIENCE)
        if not ending.done():
            process.kill()
            await asyncio.wait([ending])
        elif process.returncode == 0:
            self.claimed.lease.release()

    async def _record(self, process: Process) -> None:
        code = process.returncode
        if code == 0:
            self.claimed.lease.release()
            return
        error = f"its own process {_cause(code)}"
        if said := "".join(self._last).strip():
            error += f"; the last that it wrote:\n{said}"
        log.error("run.crashed run_id=%s pid=%d cause=%s", self.claimed.run.id, process.pid, _cause(code))
        await to_its_end(self._finish(Crashed(error=error)), name=f"finish {self.claimed.run.id}")


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed by signal {-code} ({signal.Signals(-code).name})"
    return f"ended with exit code {code}"
