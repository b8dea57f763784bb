"""`trunkline db`: where the database's tables stand, and bringing them to this version."""

from __future__ import annotations

import asyncio

import typer

from trunkline.runtime.cli.options import DatabaseOption
from trunkline.runtime.defaults import DEFAULT_DATABASE

db = typer.Typer(help="The database's tables: upgrade, current, check.", no_args_is_help=True)


@db.command()
def upgrade(database: DatabaseOption = DEFAULT_DATABASE) -> None:
    """Bring the tables to this version of Trunkline; nothing is lost, and running it twice does nothing."""
    from trunkline.runtime.storage.database import upgrade_database

    revision = asyncio.run(upgrade_database(database))
    typer.echo(f"{database} is at revision {revision}", err=True)


@db.command()
def current(database: DatabaseOption = DEFAULT_DATABASE) -> None:
    """Print the revision of the database's tables, or `none`."""
    from trunkline.runtime.storage.database import revision_of

    typer.echo(asyncio.run(revision_of(database)) or "none")


@db.command()
def check(database: DatabaseOption = DEFAULT_DATABASE) -> None:
    """Say whether the tables are those of this version; exit with 3 if they are not."""
    from trunkline.runtime.storage.database import check_database

    revision = asyncio.run(check_database(database))
    typer.echo(f"{database} is at revision {revision}, which is what this version needs", err=True)
