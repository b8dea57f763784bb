"""Manifests: which items a list holds, in a few bytes however long it is.

A list that only grows holds elements 1 to n, and `[[1, n]]` says so. Entries are runs `[first item, how many]`, values
too small for an item (bytes: their frame), and nodes (an item number): an item that is itself 64 entries. A list whose
entries are many is folded into nodes, and nodes into nodes, from its beginning; so a list that grows shares all but its
last nodes with what it was, and each of its versions costs a bounded number of bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ormsgpack

Entry = list[int] | bytes | int
FOLD = 64
SMALL = 40
"""Bytes of a plain frame that costs less in the manifest than as an item."""


def runs(elements: Iterable[int | bytes]) -> list[Entry]:
    """Return the entries of a list of items (their numbers) and small values (their frames)."""
    entries: list[Entry] = []
    start = count = 0
    for element in elements:
        if count and element == start + count:
            count += 1
            continue
        if count:
            entries.append([start, count])
            count = 0
        if isinstance(element, bytes):
            entries.append(element)
        else:
            start, count = element, 1
    if count:
        entries.append([start, count])
    return entries


def folded(entries: Sequence[Entry]) -> tuple[list[bytes], Sequence[Entry]]:
    """Return the nodes that take the beginning of the entries, and the entries that stay. No nodes: few enough stay."""
    if len(entries) < 2 * FOLD:
        return [], entries
    cut = (len(entries) - FOLD) // FOLD * FOLD
    return [ormsgpack.packb(entries[at : at + FOLD]) for at in range(0, cut, FOLD)], entries[cut:]


def nodes_in(entries: Iterable[Entry]) -> set[int]:
    """Return the numbers of the nodes that must be opened next."""
    return {entry for entry in entries if isinstance(entry, int)}


def opened(entries: Iterable[Entry], nodes: Mapping[int, bytes]) -> list[Entry]:
    """Return the entries with nodes replaced by what they hold, one level deep."""
    out: list[Entry] = []
    for entry in entries:
        if isinstance(entry, int):
            out.extend(ormsgpack.unpackb(nodes[entry]))
        else:
            out.append(entry)
    return out


def elements(entries: Iterable[Entry]) -> Iterable[int | bytes]:
    """Yield the items' numbers and the small values' frames, in the list's order. No entry may be a node."""
    for entry in entries:
        if isinstance(entry, bytes):
            yield entry
        else:
            run: Any = entry
            yield from range(run[0], run[0] + run[1])
