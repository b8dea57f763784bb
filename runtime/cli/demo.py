"""`trunkline demo`: a generated call-center day, served before your eyes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import say

if TYPE_CHECKING:
    from trunkline.examples.call_center.queued_shift import QueuedShift
    from trunkline.examples.call_center.shift import Served
    from trunkline.runtime.cli.demo_summary import Outcome
    from trunkline.runtime.waits import Waits

INTERRUPTED = 130
FAULTS: dict[str, Any] = {"failed": 0.02, "lost": 0.01, "first": {"refund_order": ("lost",)}}
"""How the company's systems fail: a few requests, and the first answer to each refund."""


def demo(
    contacts: Annotated[int, typer.Option(min=1, max=3000, help="How many contacts of the day to serve.")] = 40,
    seed: Annotated[int, typer.Option(help="Another seed makes another company and another day.")] = 7,
    model: Annotated[
        str,
        typer.Option(
            envvar="TRUNKLINE_DEMO_MODEL",
            help="A model of the example's models.yaml; with OPENAI_API_KEY or OPENAI_BASE_URL set, any other.",
        ),
    ] = "scripted",
    seats: Annotated[int, typer.Option(min=1, help="How many contacts are served at once.")] = 20,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Serve the day with so many worker processes and the company's systems in another; "
            "more than one need postgresql://…",
        ),
    ] = None,
    as_json: AsJson = False,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Serve contacts of a generated call-center day side by side, and say what became of them."""
    del verbose
    # Imported before the loop starts: there Ctrl-C would have to wait for the end of the imports.
    from trunkline.examples.call_center import shift as shift
    from trunkline.runtime import line as line
    from trunkline.runtime.cli.demo_summary import print_json, print_summary

    if workers is None:
        work = _demo(contacts, seed, model, seats, database)
    else:
        require_server(workers, database)
        work = _staffed_demo(contacts, seed, model, seats, database, workers)
    outcome = asyncio.run(work)
    if as_json:
        print_json(outcome)
    else:
        print_summary(outcome, model=model, database=database)
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    if any(served.failure for served in outcome.served):
        raise typer.Exit(1)


async def _demo(count: int, seed: int, model: str, seats: int, database: str) -> Outcome:
    from trunkline.examples.call_center.backend import Backend, Faults
    from trunkline.examples.call_center.day import generate_day
    from trunkline.examples.call_center.shift import Shift
    from trunkline.examples.call_center.world import generate_world
    from trunkline.runtime.cli.demo_models import described, models_of
    from trunkline.runtime.cli.demo_summary import Outcome, contacts_bar
    from trunkline.runtime.line import Trunkline

    models = models_of(model)
    models.chat_model(model)  # a missing key is told before anything starts
    world = generate_world(seed)
    day = generate_day(world, seed)[:count]
    backend = Backend(world, seed=seed, faults=Faults(**FAULTS))
    tenant = tenant_now("demo")
    say(f"serving {count} contacts of a generated day, {seats} at once; model: {described(model)}")
    async with Trunkline(database, models=models, tenant=tenant) as line:
        served: list[Served] = []
        started = time.monotonic()
        with contacts_bar(len(day), served) as advance:
            shift = Shift(line, backend, model=model, seats=seats, served=advance)
            interrupted = await _until_interrupted(shift.serve(day))
        return Outcome(
            contacts=day,
            served=served,
            effects=backend.effects,
            report=await line.report(),
            seconds=time.monotonic() - started,
            tenant=tenant,
            interrupted=interrupted,
        )


async def _staffed_demo(count: int, seed: int, model: str, seats: int, database: str, workers: int) -> Outcome:
    from trunkline.examples.call_center.backend import Faults
    from trunkline.examples.call_center.day import generate_day
    from trunkline.examples.call_center.queued_shift import QueuedShift
    from trunkline.examples.call_center.world import generate_world
    from trunkline.runtime.cli.demo_models import described, models_of
    from trunkline.runtime.cli.demo_summary import Outcome, Staff, contacts_bar
    from trunkline.runtime.cli.figures import plural
    from trunkline.runtime.cli.staffed_day import staffed_day

    models_of(model).chat_model(model)
    contacts = generate_day(generate_world(seed), seed)[:count]
    tenant = tenant_now("demo")
    say(f"starting {plural(workers, 'worker')} and the company's systems")
    async with staffed_day(
        database,
        tenant=tenant,
        seed=seed,
        model=model,
        workers=workers,
        seats=seats,
        faults=Faults(**FAULTS),
    ) as day:
        say(f"serving {count} contacts of a generated day, {seats} at once; model: {described(model)}")
        served: list[Served] = []
        started = time.monotonic()
        with contacts_bar(count, served) as advance:
            shift = QueuedShift(
                day.line, day.desks, model=model, live=day.live, after=day.after, seats=seats, served=advance
            )
            interrupted = await _until_interrupted(shift.serve(contacts))
        return Outcome(
            contacts=contacts,
            served=served,
            effects=await day.desks.effects(),
            report=await day.line.report(),
            seconds=time.monotonic() - started,
            tenant=tenant,
            interrupted=interrupted,
            staff=Staff(workers=workers, live=_waits(shift, day.live), after=_waits(shift, day.after)),
        )


def _waits(shift: QueuedShift, queue: str) -> Waits:
    from trunkline.runtime.waits import Waits

    return Waits.of(run for run in shift.runs if run.queue == queue)


async def _until_interrupted(work: Coroutine[Any, Any, object]) -> bool:
    """Await the work; return True where Ctrl-C stopped it. What was running has been recorded then."""
    try:
        await work
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
        return True
    return False


def tenant_now(command: str) -> str:
    """Return a tenant of its own for what this command does."""
    return f"{command}-{datetime.now().astimezone():%m%d-%H%M%S}"


def require_server(workers: int, database: str) -> None:
    """Refuse several worker processes on a database that one process serves."""
    from trunkline.runtime.storage.url import parse_url

    if workers > 1 and parse_url(database).embedded:
        message = f"--workers {workers} needs a database server: an embedded database is served by one worker process"
        raise typer.BadParameter(message)
