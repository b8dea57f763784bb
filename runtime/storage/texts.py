"""Texts as rows keep them."""

from __future__ import annotations

_SHOWN = 200
"""Characters of what was asked and answered that a run's row keeps, for lists."""


def shortened(text: str | None) -> str | None:
    """Return the beginning of a text, for lists."""
    return text if text is None or len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
