"""What is wrong with a file that a person wrote, in one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "model_attributes_type": "expected a mapping",
}


def unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Return why the file gave no text."""
    return f"cannot be read: {error.strerror if isinstance(error, OSError) else 'it is not UTF-8'}"


def one_line(error: Exception) -> str:
    """Return the error's text with its lines joined."""
    return " ".join(str(error).split())


def place(location: Iterable[object]) -> str:
    """Return where something is, as a path through the file."""
    return ".".join(str(part) for part in location if part != "[key]") or "the file"


def wrong(item: Any) -> str:
    """Return what an item of `ValidationError.errors()` found and expected."""
    if known := _WORDS.get(item["type"]):
        return known
    expected = str(item["msg"]).split(", unable to")[0]
    return f"{expected[:1].lower()}{expected[1:]}, got {item['input']!r}"
