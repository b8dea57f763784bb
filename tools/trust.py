"""Where an argument's value comes from: a rule can tell a customer's own words from a text that nobody vouches for.

Values are matched, not traced through the model: an argument counts as untrusted when its value stands in a result that
its tool declared `untrusted=True` and the customer never said it. Spaces and punctuation do not matter, and amounts in
cents match amounts in units.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, pairwise
from typing import Any

from trunkline.tools.approval import Rule
from trunkline.tools.canonical import plain
from trunkline.tools.current import current_call

_SHORTEST = 3
"""Characters below which a text says nothing about where it comes from."""

_NUMBER = re.compile(r"\d+(?:[.,' \u00a0\u202f]\d+)*")
_GROUPED = re.compile(r"\d{1,3}(?:[.,' \u00a0\u202f]\d{3})+")
_CURRENCY = re.compile(r"[a-z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedText:
    """A result that nobody vouches for."""

    tool: str
    text: str


def untrusted_arguments(
    arguments: Mapping[str, Any], texts: Iterable[UntrustedText], said: Sequence[str]
) -> Mapping[str, str]:
    """Return for each argument whose value stands in an untrusted text, and in nothing that was `said`, the tool."""
    known = _Found("\n".join(said))
    sources = [(each.tool, _Found(each.text)) for each in texts]
    found: dict[str, str] = {}
    for name, value in arguments.items():
        foreign = [value for value in _values(value) if not known.holds(value)]
        source = next((tool for tool, text in sources if any(text.holds(value) for value in foreign)), None)
        if source is not None:
            found[name] = source
    return found


def untrusted(*names: str) -> Rule:
    """Return a rule that objects when one of these arguments (left out: any) comes from an untrusted text.

    Use it as `confirm=`, `approve=` or `requires=`: the customer agrees, a person decides, or the call is refused.
    """

    def rule(arguments: Mapping[str, Any]) -> str | None:
        del arguments
        found = current_call().untrusted
        hits = [f"{name} (from {found[name]})" for name in names or sorted(found) if name in found]
        return f"source: untrusted text: {', '.join(hits)}" if hits else None

    return rule


def text_of(output: object) -> str:
    """Return a result as the text in which values are looked for: its own texts and numbers, one on each line."""
    return "\n".join(str(leaf) for leaf in _leaves(output, names=True))


class _Found:
    """What can be found in a text: its words, spaces and punctuation aside, and its numbers as values."""

    def __init__(self, text: str) -> None:
        self._text = text.casefold()
        self._squeezed = "\n".join(_squeezed(line) for line in text.splitlines())
        self._numbers = frozenset(chain.from_iterable(_numbers_in(text)))

    def holds(self, value: str | float) -> bool:
        """Whether the value stands in the text: as it is, or as an amount in cents or in units."""
        if isinstance(value, str):
            return self._says(value) or any(map(self._has, _numbers_of(value)))
        return self._has(abs(Decimal(str(value))))

    def _says(self, value: str) -> bool:
        squeezed = _squeezed(value)
        if len(squeezed) >= _SHORTEST:
            return squeezed in self._squeezed
        return len(value) >= _SHORTEST and value.casefold() in self._text

    def _has(self, number: Decimal) -> bool:
        return not self._numbers.isdisjoint({number, number / 100, number * 100})


def _squeezed(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _numbers_in(text: str) -> Iterator[set[Decimal]]:
    return (_readings(match.group()) for match in _NUMBER.finditer(text))


def _numbers_of(text: str) -> set[Decimal]:
    """Return the values of a text that is nothing but a number, perhaps with a currency."""
    match = _NUMBER.search(text)
    if match is None:
        return set()
    rest = _squeezed(text[: match.start()] + text[match.end() :])
    return _readings(match.group()) if not rest or _CURRENCY.fullmatch(rest) else set()


def _readings(written: str) -> set[Decimal]:
    """Return what the digits may mean: `1,200` is one and a fifth, or twelve hundred; `1.200,50` is the latter."""
    parts = re.split(r"\D", written)
    readings = {Decimal(part) for part in parts}
    if len(parts) > 1:
        readings.add(Decimal(f"{''.join(parts[:-1])}.{parts[-1]}"))
        readings.update(Decimal(f"{one}.{other}") for one, other in pairwise(parts))
    readings.update(Decimal(re.sub(r"\D", "", group)) for group in _GROUPED.findall(written))
    return readings


def _values(value: Any) -> list[str | float]:
    """Return the texts and numbers inside an argument; truth values and very short texts tell nothing."""
    leaves = _leaves(plain(value))
    lines = [line for leaf in leaves if isinstance(leaf, str) for line in leaf.splitlines() if _tells(line)]
    return [*lines, *(leaf for leaf in leaves if not isinstance(leaf, str))]


def _tells(text: str) -> bool:
    return len(text) >= _SHORTEST or bool(_numbers_of(text))


def _leaves(value: Any, *, names: bool = False) -> list[str | float]:
    """Return the texts and numbers inside JSON data, and the names of its fields if they are wanted."""
    match value:
        case bool() | None:
            return []
        case int() | float() | str():
            return [value]
        case Mapping():
            inside: list[Any] = [*(value if names else ()), *value.values()]
            return [leaf for item in inside for leaf in _leaves(item, names=names)]
        case list() | tuple():
            return [leaf for item in value for leaf in _leaves(item, names=names)]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return []
