"""`trunkline tenants`: what each tenant may use, and what it has."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import console, say, write_object

if TYPE_CHECKING:
    from trunkline.runtime.queue.tenant import Tenant, TenantChanges

tenants = typer.Typer(help="Tenants: list, set, pause, resume.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant; '' is the one without a name.")]
Weight = Annotated[float | None, typer.Option(metavar="W", help="Its share where tenants compete; 1 unless set.")]
MaxRunning = Annotated[str | None, typer.Option(metavar="N", help="Threads served at once, or 'none' for no limit.")]
MaxQueued = Annotated[str | None, typer.Option(metavar="N", help="Runs that may wait, or 'none' for no limit.")]


@tenants.command("list")
def list_tenants(as_json: AsJson = False, database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """List the tenants: their limits, and what is queued and running."""
    del verbose
    found = asyncio.run(_found(database))
    if not found:
        say("no tenants yet")
    elif as_json:
        for each in found:
            write_object(asdict(each))
    else:
        _print_table(found)


@tenants.command("set")
def set_tenant(
    name: Name,
    weight: Weight = None,
    max_running: MaxRunning = None,
    max_queued: MaxQueued = None,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Change a tenant's limits; what is left out stays."""
    del verbose
    changes: TenantChanges = {}
    if weight is not None:
        changes["weight"] = weight
    if max_running is not None:
        changes["max_running"] = _limit(max_running, "--max-running")
    if max_queued is not None:
        changes["max_queued"] = _limit(max_queued, "--max-queued")
    asyncio.run(_change(database, name, changes))


@tenants.command()
def pause(name: Name, database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """Let a tenant's queued runs wait. Those under way go on."""
    del verbose
    asyncio.run(_change(database, name, {"paused": True}))


@tenants.command()
def resume(name: Name, database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """Serve a tenant's runs again."""
    del verbose
    asyncio.run(_change(database, name, {"paused": False}))


async def _found(database: str) -> list[Tenant]:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database) as opened:
        return await opened.tenants.all()


async def _change(database: str, name: str, changes: TenantChanges) -> None:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database) as opened:
        await opened.tenants.change(name, **changes)


def _limit(text: str, option: str) -> int | None:
    if text == "none":
        return None
    if not text.isdecimal():
        raise typer.BadParameter(f"expected a number or 'none', got {text!r}", param_hint=option)
    return int(text)


def _print_table(found: list[Tenant]) -> None:
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, header_style="bright_black")
    drawn.add_column("tenant", no_wrap=True)
    for column in ("weight", "queued", "running", "max queued", "max running", "paused"):
        drawn.add_column(column, justify="right", no_wrap=True)
    for each in found:
        most = ["-" if limit is None else str(limit) for limit in (each.max_queued, each.max_running)]
        drawn.add_row(
            each.id or "''",
            f"{each.weight:g}",
            str(each.queued),
            str(each.running),
            *most,
            "yes" if each.paused else "no",
        )
    console().print(drawn)
