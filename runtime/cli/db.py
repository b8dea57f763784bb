"""`trunkline db`: where the database's tables stand, bringing them to this version, and the keys of state."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, Database, Verbose
from trunkline.runtime.cli.streams import say

if TYPE_CHECKING:
    from trunkline.runtime.storage.checkpoints.keyring import Keyring

db = typer.Typer(
    help="The database's tables: upgrade, current, check; and the keys of its state.", no_args_is_help=True
)


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


@db.command()
def new_key(
    name: Annotated[str | None, typer.Argument(help="The key's id; left out, today's date.")] = None,
    verbose: Verbose = False,
) -> None:
    """Print a new key to encrypt state with, as TRUNKLINE_KEYS takes it: the current key first, older ones after it."""
    del verbose
    from trunkline.runtime.storage.checkpoints.keyring import new_key as made

    typer.echo(made(name or datetime.now(UTC).date().isoformat()))


@db.command()
def reencrypt(
    database: Database = DEFAULT_DATABASE,
    clear: Annotated[
        bool, typer.Option("--clear", help="Trust state that is not encrypted yet, and encrypt it too.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Encrypt state with the first key of TRUNKLINE_KEYS, so that the others can be taken away; runs may go on."""
    del verbose
    from trunkline.runtime.storage.checkpoints.keyring import Keyring

    keys = Keyring.from_environment()
    rows = asyncio.run(_reencrypt(database, keys, clear=clear))
    say(f"{rows} rows were encrypted anew with key {keys.current if keys else None!r}; all others had been before")


async def _reencrypt(url: str, keys: Keyring | None, *, clear: bool) -> int:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(url, keys=keys) as database:
        return await database.saver.reencrypt(clear=clear)
