"""Frames: a serialised value as bytes that say how to read them.

A plain frame is a byte for the serialiser's type, then its bytes; its digest is the value's identity. A stored frame is
a byte for what was done to the plain one (nothing, or zstd with a dictionary), then the result. `SEALED` begins one
that is encrypted besides.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from threading import local

import zstandard

from trunkline.errors import StateFormatError
from trunkline.runtime.storage.checkpoints.dictionary import DICTIONARY_1

_TYPES = ("null", "msgpack", "bytes", "bytearray", "json", "pickle")
_MSGPACK = _TYPES.index("msgpack")
_OTHER_TYPE = 255
_AS_IS, _ZSTD_1 = b"\x00", b"\x01"
SEALED = b"\x02"
_WORTH_PACKING = 80
"""Bytes. Below, zstd's own few bytes eat what it saves."""


def frame(typed: tuple[str, bytes]) -> bytes:
    """Return the plain frame of what a serialiser made."""
    kind, data = typed
    if kind in _TYPES:
        return bytes((_TYPES.index(kind),)) + data
    name = kind.encode()
    return bytes((_OTHER_TYPE, len(name))) + name + data


def unframe(plain: bytes) -> tuple[str, bytes]:
    """Return what the serialiser made."""
    if plain[0] != _OTHER_TYPE:
        return _TYPES[plain[0]], plain[1:]
    end = 2 + plain[1]
    return plain[2:end].decode(), plain[end:]


def msgpack_in(plain: bytes) -> bytes:
    """Return the msgpack in a plain frame, nothing when it was serialised otherwise."""
    return plain[1:] if plain[0] == _MSGPACK else b""


def digest(plain: bytes) -> bytes:
    """Return the identity of a value: equal for equal frames, and for no others."""
    return blake2b(plain, digest_size=16).digest()


def pack(plain: bytes) -> bytes:
    """Return the stored frame, compressed where that pays."""
    if len(plain) >= _WORTH_PACKING:
        packed = _codecs.compressor.compress(plain)
        if len(packed) < len(plain):
            return _ZSTD_1 + packed
    return _AS_IS + plain


def unpack(stored: bytes) -> bytes:
    """Return the plain frame."""
    match stored[:1]:
        case b"\x00":
            return stored[1:]
        case b"\x01":
            return _codecs.decompressor.decompress(stored[1:])
        case other:
            raise StateFormatError(found=other)


@cache
def _dictionary() -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(DICTIONARY_1, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


class _Codecs(local):
    """One of each per thread: they are not safe to share."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=3, dict_data=_dictionary(), write_checksum=False)
        self.decompressor = zstandard.ZstdDecompressor(dict_data=_dictionary())


_codecs = _Codecs()
