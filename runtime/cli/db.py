"""`trunkline db`: where the database's tables stand, and bringing them to this version."""

from __future__ import annotations

import asyncio

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, Database, Verbose
from trunkline.runtime.cli.streams import say

db = typer.Typer(help="The database's tables: upgrade, current, check.", no_args_is_help=True)


@db.command()
def upgrade(database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """Bring the tables to this version of Trunkline; nothing is lost, and running it twice does nothing."""
    del verbose
    from trunkline.runtime.storage.database import upgrade_database
    from trunkline.runtime.storage.url import parse_url

    revision = asyncio.run(upgrade_database(database))
    say(f"{parse_url(database).shown} is at revision {revision}")


@db.command()
def current(database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """Print the revision of the database's tables, or `none`."""
    del verbose
    from trunkline.runtime.storage.database import revision_of

    typer.echo(asyncio.run(revision_of(database)) or "none")


@db.command()
def check(database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """Say whether the tables are those of this version; exit with 3 if they are not."""
    del verbose
    from trunkline.runtime.storage.database import check_database
    from trunkline.runtime.storage.url import parse_url

    revision = asyncio.run(check_database(database))
    say(f"{parse_url(database).shown} is at revision {revision}, which is what this version needs")
