"""One text for equal values: the ground for digests that agree between processes."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import date


def canonical_json(value: object) -> str:
    """Return the value as JSON with sorted keys and no spaces; dataclasses and dates included."""
    return json.dumps(value, default=_plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, date):
        return value.isoformat()
    message = f"a {type(value).__name__} has no canonical JSON; make it a dataclass, a date or a plain value"
    raise TypeError(message)
