"""The call center's day on worker processes: the systems, the workers and the line that submits to them."""

from __future__ import annotations

import math
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from trunkline.examples.call_center.backend import Faults
from trunkline.examples.call_center.backend.remote import RemoteDesks
from trunkline.examples.call_center.company import company_process
from trunkline.examples.call_center.served import GRAPHS, environment
from trunkline.examples.call_center.tools import contact_toolbox
from trunkline.examples.call_center.world import generate_world
from trunkline.runtime.cli.demo_models import models_file
from trunkline.runtime.cli.fleet import Post, WorkerProcess, fleet
from trunkline.runtime.line import Trunkline


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffedDay:
    """A day that can be submitted to."""

    line: Trunkline
    desks: RemoteDesks
    workers: Sequence[WorkerProcess]
    live: str
    """The queue of turns of contacts."""

    after: str
    """The queue of the work after contacts."""


@asynccontextmanager
async def staffed_day(
    database: str,
    *,
    tenant: str,
    seed: int,
    model: str,
    workers: int,
    seats: int,
    faults: Faults,
    options: Sequence[str] = (),
) -> AsyncGenerator[StaffedDay]:
    """Start the company's systems and so many workers, all of which end with the block.

    The queues are the tenant's own, so that nobody else's runs are served here. `options` go to each worker.
    """
    live, after = f"{tenant}-live", f"{tenant}-after"
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trunkline-")))
        line = await stack.enter_async_context(Trunkline(database, tenant=tenant, graphs=GRAPHS))
        url = await stack.enter_async_context(company_process(seed=seed, faults=faults))
        desks = await stack.enter_async_context(RemoteDesks(url, generate_world(seed)))
        line.know(contact_toolbox(desks))
        told = environment(systems=url, seed=seed, model=model)
        told |= {"TRUNKLINE_DATABASE": database, "TRUNKLINE_MODELS": str(models_file(model, folder))}
        posts = [
            Post(options=[*_options(queues, slots), *options], environment=told)
            for queues, slots in _shares(workers, seats, live, after)
        ]
        processes = await stack.enter_async_context(fleet(posts, folder=folder))
        yield StaffedDay(line=line, desks=desks, workers=processes, live=live, after=after)


def _shares(workers: int, seats: int, live: str, after: str) -> list[tuple[str, int]]:
    """Return queues and slots of each worker. Only the last one does the work after contacts.

    The others have a slot for every seat, so that no turn ever waits for that work; a single worker takes turns first.
    """
    if workers == 1:
        return [(f"{live},{after}", seats)]
    slots = math.ceil(seats / (workers - 1))
    return [(live, slots)] * (workers - 1) + [(f"{live},{after}", slots)]


def _options(queues: str, slots: int) -> list[str]:
    graphs = [part for name, reference in GRAPHS.items() for part in ("--graph", f"{name}={reference}")]
    return ["--queues", queues, "--concurrency", str(slots), *graphs]
