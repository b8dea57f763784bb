"""Where the commands write: data to stdout, words to stderr."""

from __future__ import annotations

import codecs
import io
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_PLAIN = str.maketrans("█▒░▏├┤│┌└─✓✗⊘▸…→", "#=.|||||`-+x/>~>")


def use_plain_signs() -> None:
    """Let stdout and stderr write plain signs for those that their encoding does not know, instead of failing."""
    codecs.register_error("trunkline_plain", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="trunkline_plain")


def console() -> Console:
    """Return stdout as rich knows it: as wide as the terminal, without colour in a pipe or under NO_COLOR."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def say(text: str) -> None:
    """Write a line of words to stderr."""
    sys.stderr.write(f"{text}\n")


def write_object(values: Mapping[str, Any], file: TextIO | None = None) -> None:
    """Write one JSON object as a line of the file, or of stdout; times as ISO 8601."""
    (file or sys.stdout).write(f"{json.dumps(values, default=_as_json, ensure_ascii=False)}\n")


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end].translate(_PLAIN)
    return signs.encode("ascii", "replace").decode(), error.end
