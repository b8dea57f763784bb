"""What `trunkline chaos` does to a day: strikes at its workers and systems, at random moments."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random

from trunkline.examples.call_center.backend import Faults
from trunkline.runtime.cli.fleet import WorkerProcess
from trunkline.runtime.cli.staffed_day import StaffedDay

_LOSES = 0.3
_LOSS_LASTS = 2.0


class Havoc:
    """Kills, freezes and drains workers, and starts new ones; lets the systems lose answers."""

    def __init__(self, day: StaffedDay, *, lease: float, faults: Faults, dice: Random) -> None:
        """`faults` are those of an ordinary hour; `lease` is the workers': a freeze lasts longer."""
        self._day, self._lease, self._faults, self._dice = day, lease, faults, dice
        self.struck: Counter[str] = Counter()
        """How often each strike was made."""

    async def rage(self, seconds: float) -> None:
        """Strike for so long. Afterwards every worker serves again."""
        strikes: list[Callable[[WorkerProcess], Awaitable[None]]] = [self.kill, self.freeze, self.drain, self.lose]
        pause = 6.0 / len(self._day.workers)
        clock = asyncio.get_running_loop()
        until = clock.time() + seconds
        async with asyncio.TaskGroup() as group:
            while clock.time() < until:
                await asyncio.sleep(self._dice.uniform(pause / 2, 3 * pause / 2))
                strike, worker = self._dice.choice(strikes), self._dice.choice(self._day.workers)
                if worker.at_work:
                    worker.at_work = False
                    group.create_task(self._struck(strike, worker), name=f"strike {worker.name}")

    async def _struck(self, strike: Callable[[WorkerProcess], Awaitable[None]], worker: WorkerProcess) -> None:
        self.struck[strike.__name__] += 1
        await strike(worker)
        if not worker.alive:
            await worker.start()
        worker.at_work = True

    async def kill(self, worker: WorkerProcess) -> None:
        """`kill -9`."""
        await worker.kill()

    async def freeze(self, worker: WorkerProcess) -> None:
        """Stop it for longer than its lease. What it wants to write afterwards is refused."""
        worker.send(signal.SIGSTOP)
        await asyncio.sleep(1.75 * self._lease)
        worker.send(signal.SIGCONT)
        await asyncio.sleep(1.0)  # one that was given up ends by itself

    async def drain(self, worker: WorkerProcess) -> None:
        """Ask it to hand back what it serves and end."""
        await worker.drain()

    async def lose(self, worker: WorkerProcess) -> None:
        """Let the company's systems lose every third answer for a while."""
        del worker
        await self._day.desks.suffer(replace(self._faults, lost=_LOSES))
        await asyncio.sleep(_LOSS_LASTS)
        await self._day.desks.suffer(self._faults)
