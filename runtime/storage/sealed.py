"""Columns beside the state that are sealed as it is: of runs, events, schedules, the store's items, the cache.

An engine carries the seal to all its connections, so that whoever has a connection can seal and open. Without keys
columns are what they would be without all this.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.errors import TrunklineError
from trunkline.runtime.storage.checkpoints.identity import Identity
from trunkline.runtime.storage.checkpoints.seal import Clear, Seal, is_sealed
from trunkline.runtime.storage.engine import with_options

_OPTION = "trunkline_seal"
_CLEAR = Clear()
TEXT = "sealed:"
"""Begins a text that is sealed; the key's id and a colon follow, so that rows with another key can be found."""


def with_seal(engine: AsyncEngine, seal: Seal) -> AsyncEngine:
    """Return the engine, whose connections know the seal."""
    return with_options(engine, **{_OPTION: seal})


async def lend_seal(connection: AsyncConnection, seal: Seal) -> None:
    """Let a connection of somebody else's engine know the seal; nothing else about it changes."""
    await connection.execution_options(**{_OPTION: seal})


def seal_of(where: AsyncConnection | AsyncEngine) -> Seal:
    """Return the seal that the engine has."""
    known: Any = where if isinstance(where, AsyncEngine) else where.sync_connection
    seal: Seal = known.get_execution_options().get(_OPTION, _CLEAR)
    return seal


def run_place(thread_id: str, run_id: str, column: str) -> Identity:
    """Return where a column of a run belongs."""
    return "run", thread_id, run_id, column


def event_place(thread_id: str, seq: int, run_id: str, kind: str) -> Identity:
    """Return where an event belongs."""
    return "event", thread_id, seq, run_id, kind


def schedule_place(tenant: str, name: str) -> Identity:
    """Return where the input of a schedule's runs belongs."""
    return "schedule", tenant, name


def item_place(tenant: str, ns: str, key: str) -> Identity:
    """Return where an item of the store belongs."""
    return "store item", ns, key, tenant


def entry_place(tenant: str, ns: str, key: str) -> Identity:
    """Return where an entry of the cache belongs."""
    return "cache entry", ns, key, tenant


def closed(seal: Seal, data: bytes, place: Identity) -> bytes:
    """Return what is stored for these bytes, which begin as a stored frame does."""
    return seal.close(data, place) if seal.key else data


def opened(seal: Seal, stored: bytes, place: Identity) -> bytes:
    """Return the bytes. See `Seal.open` for what it raises."""
    return seal.open(stored, place) if seal.key or is_sealed(stored) else stored


def closed_text(seal: Seal, text: str, place: Identity) -> str:
    """Return what is stored for a text."""
    if not seal.key:
        return text
    return text_header(seal.key) + b64encode(seal.close(text.encode(errors="replace"), place)).decode()


def opened_text(seal: Seal, stored: str, place: Identity) -> str:
    """Return the text. See `Seal.open` for what it raises."""
    if not seal.key and not stored.startswith(TEXT):
        return stored
    return seal.open(_bytes(stored), place).decode()


def shown_text(seal: Seal, stored: str | None, place: Identity) -> str | None:
    """Return a text to look at: one in clear as it is, for the queue has words of its own, and a mark if it is shut."""
    if stored is None or not stored.startswith(TEXT):
        return stored
    try:
        return opened_text(seal, stored, place)
    except TrunklineError:
        return "(encrypted)"


def text_header(key: str) -> str:
    """Return what texts begin with that are sealed with the key."""
    return f"{TEXT}{key}:"


def _bytes(stored: str) -> bytes:
    if not stored.startswith(TEXT):
        return stored.encode()
    try:
        return b64decode(stored.rpartition(":")[2], validate=True)
    except ValueError:
        return b""
