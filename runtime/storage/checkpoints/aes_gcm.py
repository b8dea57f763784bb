"""Rows sealed with AES-256-GCM.

A sealed row is a byte that says so, the key's id with its length before it, a nonce, and the encrypted stored frame
(compressed first) with its tag of 16 bytes. Key id and identity are associated data. From each key of the ring HKDF
(RFC 5869) derives one to encrypt with and one for digests.

Nonces are 96 random bits per row. NIST SP 800-38D allows 2^32 rows under one key then, which keeps the chance that any
two share a nonce below 2^-32: bring in a new key before four thousand million rows have been written with one.

What is not hidden: the names of threads, namespaces, tasks and written channels, the ids of checkpoints and runs, how
many rows there are and how long each is. What is not noticed: rows that are taken away, checkpoints whose order of
saving (`seq`) is changed, and an old copy of a row that is put back in its own place.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import ormsgpack
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trunkline.errors import StateForgedError, StateKeyError, StateNotEncryptedError
from trunkline.runtime.storage.checkpoints.frame import digest, pack, unpack
from trunkline.runtime.storage.checkpoints.identity import Identity, item_identity
from trunkline.runtime.storage.checkpoints.keyring import KEY_BYTES, Keyring
from trunkline.runtime.storage.checkpoints.seal import ItemRow, header, is_sealed, key_of

_NONCE = 12
_DIGEST = 16


@dataclass(frozen=True, slots=True)
class _Key:
    header: bytes
    cipher: AESGCM
    digests: bytes


class AesGcm:
    """The seal that a key ring makes."""

    def __init__(self, keyring: Keyring) -> None:
        self._keys = {name: _derived(name, key) for name, key in keyring.keys.items()}
        self._current = self._keys[keyring.current]
        self.key = keyring.current

    def close(self, plain: bytes, identity: Identity) -> bytes:
        """Return the sealed row of a plain frame."""
        current, nonce = self._current, os.urandom(_NONCE)
        bound = ormsgpack.packb((current.header, *identity))
        return current.header + nonce + current.cipher.encrypt(nonce, pack(plain), bound)

    def open(self, stored: bytes, identity: Identity) -> bytes:
        """Return the plain frame of a sealed row. See `Seal.open` for what it raises."""
        if not is_sealed(stored):
            raise StateNotEncryptedError(row=identity)
        name = key_of(stored)
        key = self._keys.get(name)
        if key is None:
            raise StateKeyError(row=identity, key=name, known=sorted(self._keys))
        start = len(key.header)
        nonce, sealed = stored[start : start + _NONCE], stored[start + _NONCE :]
        try:
            packed = key.cipher.decrypt(nonce, sealed, ormsgpack.packb((key.header, *identity)))
        except (InvalidTag, ValueError) as error:  # ValueError: cut off within the nonce
            raise StateForgedError(row=identity, key=name) from error
        return unpack(packed)

    def open_items(self, thread: str, rows: Sequence[ItemRow]) -> list[bytes]:
        """Return the plain frames of sealed rows. See `Seal.open` for what it raises."""
        return [self.open(data, item_identity(thread, number, digest)) for number, digest, data in rows]

    def stored_digest(self, digest: bytes, thread: str) -> bytes:
        """Return a digest that tells nothing without the key, nor that two threads hold the same."""
        return blake2b(ormsgpack.packb((thread, digest)), key=self._current.digests, digest_size=_DIGEST).digest()

    def digest(self, stored_digest: bytes, plain: bytes) -> bytes:
        """Return the digest of the plain frame: the stored one cannot be turned back."""
        del stored_digest
        return digest(plain)


def _derived(name: str, key: bytes) -> _Key:
    def derive(purpose: str) -> bytes:
        info = f"trunkline state {purpose} {name}".encode()
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(key)

    return _Key(header(name), AESGCM(derive("rows")), derive("digests"))
