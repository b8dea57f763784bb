"""Durations, counts, money and texts of others as they are shown to people."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal


def seconds_text(seconds: float) -> str:
    """Return a duration with its unit: `3 ms`, `0.41 s`, `12.3 s`, `2 min 05 s`, `1 h 02 min`."""
    if seconds < 0.00095:
        return f"{seconds * 1000:.1f} ms" if seconds >= 0.00005 else "0 ms"
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def rough_text(seconds: float) -> str:
    """Return a duration as people say it: `45 s`, `12 min`, `5 h`, `3 days`."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= (2 * size if unit == "days" else size):
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def time_text(at: datetime, now: datetime) -> str:
    """Return a point in time in the zone of `now`: of this day the time, of this year the day too, else the date."""
    at = at.astimezone(now.tzinfo)
    if at.date() == now.date():
        return f"{at:%H:%M:%S}"
    return f"{at:%d %b %H:%M}" if at.year == now.year else f"{at:%Y-%m-%d}"


def count_text(count: int) -> str:
    """Return a count in at most five characters: `85`, `1.2k`, `123k`, `4.5M`."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            scaled = count / size
            return f"{scaled:.1f}{unit}" if scaled < 9.95 else f"{scaled:.0f}{unit}"
    return str(count)


def dollars_text(micro_usd: int | None) -> str:
    """Return millionths of a dollar as dollars, with two significant digits at least; None is `unpriced`."""
    if micro_usd is None:
        return "unpriced"
    dollars = Decimal(micro_usd) / 1_000_000
    if not dollars:
        return "$0"
    places = min(max(2, 1 - dollars.adjusted()), 6)
    return f"${dollars:,.{places}f}"


def plural(count: int, noun: str) -> str:
    """Return the count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def one_line(text: str) -> str:
    """Return a text of others as one line that can do nothing to a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))


def shortened(text: str, cells: int) -> str:
    """Return the text in that many cells of a terminal at most, with an ellipsis where something is left out."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= cells else f"{set_cell_size(text, cells - 1).rstrip()}…"
