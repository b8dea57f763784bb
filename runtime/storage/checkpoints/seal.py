"""How rows keep their bytes: in clear, or sealed to the place where they belong.

A seal turns a plain frame into what is stored, and back. A row's identity is everything that says where it belongs; in
a sealed row it is bound to the bytes, so that they open nowhere else.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Protocol

from trunkline.errors import MissingExtraError, StateKeyError
from trunkline.runtime.storage.checkpoints.frame import SEALED, pack, unpack
from trunkline.runtime.storage.checkpoints.identity import Identity, item_identity
from trunkline.runtime.storage.checkpoints.keyring import Keyring

ItemRow = tuple[int, bytes, bytes]
"""An item's number, its digest as it is stored, and its bytes."""


def is_sealed(stored: bytes) -> bool:
    """Whether the bytes are those of a sealed row."""
    return stored[:1] == SEALED


def header(key: str) -> bytes:
    """Return what rows that are sealed with the key begin with."""
    return SEALED + bytes((len(key),)) + key.encode()


def key_of(stored: bytes) -> str:
    """Return the id of the key that a row was sealed with. The row itself says so, and may lie."""
    return stored[2 : 2 + stored[1]].decode(errors="replace") if len(stored) > 1 else ""


class Seal(Protocol):
    """How rows are kept."""

    @property
    def key(self) -> str | None:
        """The id of the key with which rows are sealed, None when they are kept in clear."""

    def close(self, plain: bytes, identity: Identity) -> bytes:
        """Return what is stored for a plain frame."""
        ...

    def open(self, stored: bytes, identity: Identity) -> bytes:
        """Return the plain frame of what is stored.

        Raises `StateKeyError`, `StateNotEncryptedError`, `StateForgedError` and `StateFormatError`.
        """
        ...

    def open_items(self, thread: str, rows: Sequence[ItemRow]) -> list[bytes]:
        """Return the plain frames of items of the thread. Raises what `open` does."""
        ...

    def stored_digest(self, digest: bytes, thread: str) -> bytes:
        """Return the digest that is stored for an item of the thread."""
        ...

    def digest(self, stored_digest: bytes, plain: bytes) -> bytes:
        """Return an item's own digest, given the stored one and the plain frame."""
        ...


class Clear:
    """No seal: rows are compressed, no more."""

    key = None

    def close(self, plain: bytes, identity: Identity) -> bytes:
        """Return the stored frame."""
        del identity
        return pack(plain)

    def open(self, stored: bytes, identity: Identity) -> bytes:
        """Return the plain frame. Raises `StateKeyError` for a sealed row."""
        if is_sealed(stored):
            raise StateKeyError(row=identity, key=key_of(stored), known=())
        return unpack(stored)

    def open_items(self, thread: str, rows: Sequence[ItemRow]) -> list[bytes]:
        """Return the plain frames. Where they belong matters only for what is sealed."""
        stored = [data for _, _, data in rows]
        if any(map(is_sealed, stored)):
            return [self.open(data, item_identity(thread, number, digest)) for number, digest, data in rows]
        return list(map(unpack, stored))

    def stored_digest(self, digest: bytes, thread: str) -> bytes:
        """Return the digest itself."""
        del thread
        return digest

    def digest(self, stored_digest: bytes, plain: bytes) -> bytes:
        """Return the stored digest."""
        del plain
        return stored_digest


def sealing(keys: Keyring | None) -> Seal:
    """Return the seal that the keys make. Raises `MissingExtraError`."""
    if keys is None:
        return Clear()
    if importlib.util.find_spec("cryptography") is None:
        raise MissingExtraError(feature="encryption of state", extra="crypto")
    from trunkline.runtime.storage.checkpoints.aes_gcm import AesGcm

    return AesGcm(keys)
