"""`trunkline db`: where the database's tables stand, bringing them to this version and back, and the keys of state."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.runtime.cli.db_import import import_threads
from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import say, write_object

if TYPE_CHECKING:
    from trunkline.runtime.storage.standing import Standing

db = typer.Typer(
    help="The database: status, upgrade, downgrade, current, check; the keys of its state; import of others' threads.",
    no_args_is_help=True,
)
db.command("import")(import_threads)

ExpandOnly = Annotated[
    bool,
    typer.Option("--expand-only", help="Stop before the first migration that the release before cannot run beside."),
]
Sql = Annotated[bool, typer.Option("--sql", help="Change nothing; write the SQL that would.")]
Earlier = Annotated[str, typer.Argument(metavar="REVISION", help="The revision to go back to: see status.")]


@db.command()
def status(database: Database = DEFAULT_DATABASE, as_json: AsJson = False, verbose: Verbose = False) -> None:
    """Show where the tables stand, and what each migration would do that is still to come."""
    del verbose
    from trunkline.runtime.storage.database import standing_of_database
    from trunkline.runtime.storage.url import parse_url

    standing = asyncio.run(standing_of_database(database))
    if as_json:
        write_object(_values(standing))
    else:
        _show(parse_url(database).shown, standing)


@db.command()
def upgrade(
    database: Database = DEFAULT_DATABASE, expand_only: ExpandOnly = False, sql: Sql = False, verbose: Verbose = False
) -> None:
    """Bring the tables to this version of Trunkline; nothing is lost, and running it twice does nothing."""
    del verbose
    from trunkline.runtime.storage.database import upgrade_database, upgrade_script_of
    from trunkline.runtime.storage.url import parse_url

    if sql:
        sys.stdout.write(asyncio.run(upgrade_script_of(database, expand_only=expand_only)))
        return
    revision = asyncio.run(upgrade_database(database, expand_only=expand_only))
    say(f"{parse_url(database).shown} is at revision {revision}")


@db.command()
def downgrade(revision: Earlier, database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """Take migrations back, with all that was written into what they had added. Stop every process before."""
    del verbose
    from trunkline.runtime.storage.database import downgrade_database
    from trunkline.runtime.storage.url import parse_url

    asyncio.run(downgrade_database(database, revision))
    say(f"{parse_url(database).shown} is at revision {revision}")


@db.command()
def current(database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """Print the revision of the database's tables, or `none`."""
    del verbose
    from trunkline.runtime.storage.database import revision_of

    typer.echo(asyncio.run(revision_of(database)) or "none")


@db.command()
def check(database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """Say whether this version can work on the tables; exit with 3 if it cannot."""
    del verbose
    from trunkline.runtime.storage.database import check_database
    from trunkline.runtime.storage.url import parse_url

    revision = asyncio.run(check_database(database))
    say(f"{parse_url(database).shown} is at revision {revision}, which is what this version needs")


def _values(standing: Standing) -> dict[str, object]:
    return {
        "current": standing.current,
        "wanted": standing.wanted,
        "pending": [
            {"revision": one.revision, "phase": one.phase, "sentence": one.sentence} for one in standing.pending
        ],
    }


def _show(database: str, standing: Standing) -> None:
    typer.echo(f"database  {database}")
    typer.echo(f"current   {standing.current or 'none'}")
    typer.echo(f"wanted    {standing.wanted}")
    for one in standing.pending:
        typer.echo(f"pending   {one.revision}  {one.phase:8}  {one.sentence}")
    if not standing.known:
        say("the tables were made by a newer Trunkline, which this one cannot work on")


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
    rows = asyncio.run(_reencrypt(database, clear=clear))
    say(f"{rows} rows were encrypted anew with key {keys.current if keys else None!r}; all others had been before")


async def _reencrypt(url: str, *, clear: bool) -> int:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(url) as database:
        return await database.reencrypt(clear=clear)
