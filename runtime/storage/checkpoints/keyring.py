"""The keys with which state is encrypted: one to write with, and older ones to read with."""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from trunkline.errors import KeyringError

KEYS_VARIABLE = "TRUNKLINE_KEYS"
KEY_BYTES = 32
_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
"""Too short for a key, so that one which stands where an id belongs is not taken for it, and never shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Keys by their ids: `Keyring(current="2026-11", keys={"2026-11": new, "2026-05": old})`, 32 random bytes each.

    What is written is encrypted with the current key; what was written with any of them can be read. To replace a key,
    give every process the new one beside the old, make it the current one, call `SQLAlchemySaver.reencrypt` (or
    `trunkline db reencrypt`), and then take the old one away. Raises `KeyringError`.
    """

    current: str
    """The id of the key to write with. Ids are stored beside what is encrypted, in clear."""

    keys: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        for name, key in self.keys.items():
            _require_id(name)
            if len(key) != KEY_BYTES:
                raise KeyringError(problem=f"key {name!r} must have {KEY_BYTES} bytes, got {len(key)}")
        _require_id(self.current)
        if self.current not in self.keys:
            raise KeyringError(problem=f"the current key {self.current!r} is not among the keys {sorted(self.keys)}")
        object.__setattr__(self, "keys", MappingProxyType(dict(self.keys)))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the key ring of `id:key,id:key`: keys in base64, the current one first."""
        keys: dict[str, bytes] = {}
        for part in text.split(","):
            name, colon, encoded = part.strip().partition(":")
            if not (name and colon):
                raise KeyringError(problem="every key is written as id:base64, with a comma between two")
            _require_id(name)
            if name in keys:
                raise KeyringError(problem=f"key id {name!r} is there twice")
            keys[name] = _decoded(name, encoded)
        return cls(current=next(iter(keys)), keys=keys)

    @classmethod
    def from_environment(cls) -> Self | None:
        """Return the key ring in TRUNKLINE_KEYS, written as for `from_text`; None when that is not set."""
        text = os.environ.get(KEYS_VARIABLE)
        return cls.from_text(text) if text else None


def new_key(name: str) -> str:
    """Return a new random key under this id, written as `Keyring.from_text` reads it."""
    key = secrets.token_bytes(KEY_BYTES)
    Keyring(current=name, keys={name: key})
    return f"{name}:{base64.b64encode(key).decode()}"


def _require_id(name: str) -> None:
    if not _ID.fullmatch(name):
        raise KeyringError(problem="a key's id has 1 to 32 letters, digits, '.', '_' and '-'")


def _decoded(name: str, encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        # Not chained: the error's text may hold a part of the key.
        raise KeyringError(problem=f"key {name!r} is not written in base64") from None
