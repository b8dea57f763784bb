"""Durations as they are written on the command line."""

from __future__ import annotations

import re

import typer

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


def seconds_of(text: str | None) -> float | None:
    """Return the seconds in `45s`, `90min`, `12h`, `30d` or `2w`. Raises `typer.BadParameter`."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|w)", text.strip())
    if found is None:
        message = f"{text!r} is no duration; write a number and a unit, like 12h, 30d or 2w"
        raise typer.BadParameter(message)
    return float(found[1]) * _UNITS[found[2]]
