"""Opens databases to look at them: one that does not exist yet is not created."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from trunkline.errors import NoDatabaseError
from trunkline.runtime.storage.checkpoints.keyring import Keyring
from trunkline.runtime.storage.database import Database, open_database, revision_of
from trunkline.runtime.storage.url import parse_url


@asynccontextmanager
async def existing_database(text: str, *, bus: str | None = None) -> AsyncGenerator[Database]:
    """Open the database at this URL, with the keys of TRUNKLINE_KEYS.

    Raises what `open_database` raises, `KeyringError` and `NoDatabaseError`.
    """
    url = parse_url(text)
    if url.embedded and await revision_of(text) is None:
        raise NoDatabaseError(url=url.shown)
    async with open_database(text, keys=Keyring.from_environment(), bus=bus) as database:
        yield database
