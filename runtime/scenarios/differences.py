"""The smallest things in which two final states differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from trunkline.runtime.scenarios.sighting import FinalState


def differences(one: FinalState, other: FinalState) -> Iterator[str]:
    """Yield what differs between the states of some runs and of others, each with its place."""
    for name, value in asdict(one).items():
        yield from _compared(name, value, asdict(other)[name])


def _compared(place: str, one: Any, other: Any) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        yield from _within(place, cast("dict[str, Any]", one), cast("dict[str, Any]", other), form=".{}")
    elif isinstance(one, list) and isinstance(other, list):
        some, others = cast("Sequence[Any]", one), cast("Sequence[Any]", other)
        yield from _within(place, dict(enumerate(some)), dict(enumerate(others)), form="[{}]")
    elif one != other:
        yield f"{place}: in some runs {one!r}, in others {other!r}"


def _within(place: str, one: Mapping[Any, Any], other: Mapping[Any, Any], *, form: str) -> Iterator[str]:
    for name in sorted(one.keys() | other.keys()):
        yield from _compared(f"{place}{form.format(name)}", one.get(name), other.get(name))
