"""The process that serves one run alone: `python -m trunkline.runtime.workers.alone_process`, for a worker to start.

Its first line of stdin is an `Order`; each later one a wish (`drain`, `stop`, `cancel`, `rollback`). When stdin ends
the worker is dead, and so is the lease: the process ends at once.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
from pathlib import Path
from threading import Thread

from trunkline.agents.models import Models
from trunkline.runtime.graph_book import GraphBook
from trunkline.runtime.office import Office, open_office
from trunkline.runtime.storage.checkpoints.keyring import Keyring
from trunkline.runtime.storage.database import open_database
from trunkline.runtime.workers.outfit import Order
from trunkline.runtime.workers.served import Served, ServedHere
from trunkline.tools.clock import SystemClock
from trunkline.tools.limits import Limits


def main() -> None:
    """Serve the run that stdin tells of. Exits with 0 when its end is on record."""
    faulthandler.enable(all_threads=False)
    order = Order.loads(sys.stdin.readline())
    sys.path[:] = order.outfit.path
    asyncio.run(_serve(order))


async def _serve(order: Order) -> None:
    outfit, clock = order.outfit, SystemClock()
    async with (
        open_database(
            outfit.database,
            tenant=order.tenant,
            bus=outfit.bus,
            clock=clock,
            keys=Keyring.from_environment(),
            wait_for_database=outfit.wait_for_database,
        ) as database,
        open_office(
            database,
            tenant=order.tenant,
            models=Models.from_settings(outfit.models),
            limits=Limits(calls=outfit.calls, per_run=outfit.calls_per_run),
            threads=outfit.threads,
            clock=clock,
        ) as office,
    ):

        async def office_of(tenant: str) -> Office:
            del tenant
            return office

        claimed = await database.queue.take_over(order.lease)
        graphs = GraphBook(outfit.graphs, folder=Path(outfit.folder))
        served = ServedHere(claimed, queue=database.queue, graphs=graphs, office_of=office_of)
        task = served.start()
        _hear(served)
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()  # raises where its end could not be recorded


def _hear(served: Served) -> None:
    loop = asyncio.get_running_loop()

    def obey(wish: str) -> None:
        match wish:
            case "drain":
                served.drain()
            case "stop":
                served.cancel()
            case how:
                served.stop(how)

    def listen() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(obey, line.strip())
        os._exit(1)

    Thread(target=listen, name="wishes", daemon=True).start()


if __name__ == "__main__":
    main()
