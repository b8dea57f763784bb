"""Where an argument's value comes from: a rule can tell a customer's own words from a text that nobody vouches for.

Values are matched, not traced through the model: an argument counts as untrusted when its value stands in a result that
its tool declared `untrusted=True` and the customer never said it. Amounts in cents match amounts in units as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from trunkline.tools.approval import Rule
from trunkline.tools.current import current_call

_SHORTEST = 3
"""Characters below which a text says nothing about where it comes from."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


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
    """Return a result as the text in which values are looked for."""
    return output if isinstance(output, str) else to_json(output, inf_nan_mode="strings").decode()


class _Found:
    """What can be found in a text: its words, and its numbers as values."""

    def __init__(self, text: str) -> None:
        self._text = text.casefold()
        self._numbers = {float(number.replace(",", ".")) for number in _NUMBER.findall(text)}

    def holds(self, value: str | float) -> bool:
        """Whether the value stands in the text."""
        if isinstance(value, str):
            return value.casefold() in self._text
        return value in self._numbers or (isinstance(value, int) and value / 100 in self._numbers)


def _values(value: Any) -> list[str | float]:
    """Return the texts and numbers inside a value; truth values and very short texts tell nothing."""
    match value:
        case bool() | None:
            return []
        case int() | float():
            return [value]
        case str():
            return [value] if len(value) >= _SHORTEST else []
        case Mapping():
            return [found for item in value.values() for found in _values(item)]  # pyright: ignore[reportUnknownVariableType]
        case list() | tuple() | set() | frozenset():
            return [found for item in value for found in _values(item)]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return []
