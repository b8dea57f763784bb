"""`trunkline chaos`: a call-center day on worker processes that are killed, frozen and drained, and what came of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import say, write_object

if TYPE_CHECKING:
    from trunkline.examples.call_center.shift import Served
    from trunkline.runtime.cli.verdict import Verdict

_LEASE = 3.0


def chaos(
    seconds: Annotated[float, typer.Option(min=1, metavar="S", help="How long to wreak havoc.")] = 60.0,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="How many worker processes; left out, 4, or 1 on an embedded database."),
    ] = None,
    contacts: Annotated[
        int, typer.Option(min=1, max=3000, help="How many contacts get in touch, spread over that time.")
    ] = 60,
    seed: Annotated[int, typer.Option(help="Of the company, of its day and of the havoc.")] = 7,
    as_json: AsJson = False,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Serve a generated day while workers are killed, frozen and drained, answers get lost and turns come twice.

    Ends with a verdict, and with exit code 1 where a promise was broken.
    """
    del verbose
    from trunkline.runtime.cli.demo import require_server
    from trunkline.runtime.storage.url import parse_url

    count = workers or (1 if parse_url(database).embedded else 4)
    require_server(count, database)
    judged = asyncio.run(_chaos(seconds, count, contacts, seed, database))
    if as_json:
        write_object({**judged.figures, "unknown": judged.unknown, "broken": judged.broken})
    else:
        _print(judged)
    if judged.broken:
        raise typer.Exit(1)


async def _chaos(seconds: float, workers: int, contacts: int, seed: int, database: str) -> Verdict:
    from random import Random

    from trunkline.examples.call_center.backend import Faults
    from trunkline.examples.call_center.day import generate_day
    from trunkline.examples.call_center.doubled_shift import DoubledShift
    from trunkline.examples.call_center.world import generate_world
    from trunkline.runtime.cli.demo import FAULTS, tenant_now
    from trunkline.runtime.cli.demo_summary import contacts_bar
    from trunkline.runtime.cli.figures import plural
    from trunkline.runtime.cli.havoc import Havoc
    from trunkline.runtime.cli.staffed_day import staffed_day
    from trunkline.runtime.cli.verdict import Evidence, verdict

    day_contacts = generate_day(generate_world(seed), seed)[:contacts]
    faults, tenant = Faults(**FAULTS), tenant_now("chaos")
    served: list[Served] = []
    say(f"starting {plural(workers, 'worker')} and the company's systems")
    refused_before = await _refused(database)
    async with staffed_day(
        database,
        tenant=tenant,
        seed=seed,
        model="scripted",
        workers=workers,
        seats=contacts,
        faults=faults,
        options=["--lease", str(_LEASE), "--drain-grace", "5"],
    ) as day:
        havoc = Havoc(day, lease=_LEASE, faults=faults, dice=Random(seed))
        say(f"serving {plural(contacts, 'contact')}; havoc for {seconds:g} s")
        with contacts_bar(contacts, served) as advance:
            shift = DoubledShift(
                day.line, day.desks, model="scripted", live=day.live, after=day.after, within=seconds, served=advance
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(havoc.rage(seconds), name="havoc")
                serving = group.create_task(shift.serve(day_contacts), name="shift")
        return verdict(
            Evidence(
                served=serving.result(),
                accepted=shift.accepted,
                runs=(await day.line.report()).runs,
                calls=await day.line.calls(),
                effects=await day.desks.effects(),
                refused=await _refused(database) - refused_before,
                struck=havoc.struck,
            )
        )


async def _refused(database: str) -> int:
    """Return how many writes of workers that had lost their lease were refused so far."""
    from trunkline.runtime.storage.database import open_database

    async with open_database(database) as opened:
        return sum(worker.refused for worker in await opened.workers.all())


def _print(judged: Verdict) -> None:
    from trunkline.runtime.cli.figures import one_line
    from trunkline.runtime.cli.streams import console

    out = console()
    of = judged.figures
    strikes = ", ".join(f"{name} {count}" for name, count in sorted(of["strikes"].items()))
    waiting = f", {of['runs_waiting']} waiting" if of["runs_waiting"] else ""
    for figure, words in (
        (of["contacts"], f"contacts served, {of['contacts_noted_in_crm']} noted in the CRM; strikes: {strikes}"),
        (of["runs_accepted"], f"runs accepted in {of['deliveries']} deliveries; {of['runs_finished']} over{waiting}"),
        (of["effects"], f"effects, {of['effects_done_twice']} of them done twice"),
        (of["calls_unknown"], "calls with an unknown outcome"),
        (of["stale_writes_refused"], "stale writes refused"),
    ):
        out.print(f"{figure:>6}  {words}", soft_wrap=True)
    for line in judged.unknown:
        out.print(f"        unknown: {one_line(line)}", soft_wrap=True)
    for line in judged.broken:
        out.print(f"broken: {one_line(line)}", soft_wrap=True)
    if not judged.broken:
        out.print("every promise was kept: nothing lost, nothing done twice", soft_wrap=True)
