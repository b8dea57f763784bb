"""`trunkline demo`: a generated call-center day, served before your eyes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import say

if TYPE_CHECKING:
    from trunkline.agents.models import Models
    from trunkline.examples.call_center.shift import Served
    from trunkline.runtime.cli.demo_summary import Outcome

INTERRUPTED = 130


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

    outcome = asyncio.run(_demo(contacts, seed, model, seats, database))
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
    from trunkline.runtime.cli.demo_summary import Outcome, contacts_bar
    from trunkline.runtime.line import Trunkline

    models = _models(model)
    models.chat_model(model)  # a missing key is told before anything starts
    world = generate_world(seed)
    day = generate_day(world, seed)[:count]
    faults = Faults(failed=0.02, lost=0.01, first={"refund_order": ("lost",)})
    backend = Backend(world, seed=seed, faults=faults)
    tenant = f"demo-{datetime.now().astimezone():%m%d-%H%M%S}"
    say(f"serving {count} contacts of a generated day, {seats} at once; model: {_described(model)}")
    async with Trunkline(database, models=models, tenant=tenant) as line:
        served: list[Served] = []
        started = time.monotonic()
        with contacts_bar(len(day), served) as advance:
            shift = Shift(line, backend, model=model, seats=seats, served=advance)
            interrupted = await _until_interrupted(shift.serve(day))
        return Outcome(
            contacts=day,
            served=served,
            backend=backend,
            report=await line.report(),
            seconds=time.monotonic() - started,
            tenant=tenant,
            interrupted=interrupted,
        )


async def _until_interrupted(work: Coroutine[Any, Any, object]) -> bool:
    """Await the work; return True where Ctrl-C stopped it. What was running has been recorded then."""
    try:
        await work
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
        return True
    return False


def _models(model: str) -> Models:
    """The example's models; where an OpenAI-compatible endpoint is set in the environment, also any of its models."""
    from importlib.resources import files

    from trunkline.agents.models import Models, OpenAISetting

    models = Models.from_file(str(files("trunkline.examples.call_center") / "models.yaml"))
    if model not in models.names and (os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL")):
        return Models({model: OpenAISetting(kind="openai", model=model)})
    return models


def _described(model: str) -> str:
    if model == "scripted":
        return "scripted (rules instead of a language model: no key, no network; --model NAME takes a real one)"
    return model
