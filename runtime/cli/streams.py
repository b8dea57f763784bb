"""Where the commands write: data to stdout, words to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Return stdout as rich knows it: as wide as the terminal, without colour in a pipe or under NO_COLOR."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def say(text: str) -> None:
    """Write a line of words to stderr."""
    sys.stderr.write(f"{text}\n")


def write_object(values: Mapping[str, Any]) -> None:
    """Write one JSON object as a line of stdout; times as ISO 8601."""
    sys.stdout.write(f"{json.dumps(values, default=_as_json, ensure_ascii=False)}\n")


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
