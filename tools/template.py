"""Texts with `{argument}` fields: idempotency keys and names of resources."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from string import Formatter
from typing import Any

from trunkline.errors import TemplateError
from trunkline.tools.canonical import canonical_json, plain


class Template:
    """A text with `{argument}` fields that are filled from the arguments of a call.

    Raises `TemplateError` for anything but plain fields, parted by colons.
    """

    __slots__ = ("_parts", "fields", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts = _parse(text)
        self.fields = frozenset(field for _, field in self._parts if field is not None)

    def fill(self, arguments: Mapping[str, Any]) -> str:
        """Return the text with each field replaced by the argument of its name: a key.

        Two different sets of arguments of the same types never give the same text: `:`, `,` and `%` inside a value
        become percent codes, and what is neither a text, a number nor a flat list is JSON behind a percent sign.
        """
        return "".join(
            literal if field is None else literal + _key_part(plain(arguments[field])) for literal, field in self._parts
        )

    def names(self, arguments: Mapping[str, Any]) -> frozenset[str]:
        """Return the names that the text stands for: a list in a field gives one for each of its items."""
        choices = [
            [literal] if field is None else [literal + name for name in _resource_parts(plain(arguments[field]))]
            for literal, field in self._parts
        ]
        return frozenset("".join(chosen) for chosen in product(*choices))


def _parse(text: str) -> list[tuple[str, str | None]]:
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise TemplateError(template=text, problem=f"has unbalanced braces ({error})") from error
    for _, field, spec, conversion in parts:
        if field is not None and (not field.isidentifier() or spec or conversion):
            raise TemplateError(template=text, problem=f"has the field {{{field}}}, which is more than a name")
    _check_parted(text, parts)
    return [(literal, field) for literal, field, _, _ in parts]


def _check_parted(text: str, parts: list[tuple[str, str | None, str | None, str | None]]) -> None:
    """Refuse fields that run into each other: only a colon cannot be part of a value."""
    between, last = "", None
    for literal, field, _, _ in parts:
        between += literal
        if field is not None:
            if last is not None and ":" not in between:
                problem = f"has the fields {{{last}}} and {{{field}}} with no ':' between them"
                raise TemplateError(template=text, problem=problem)
            between, last = "", field


def _key_part(value: Any) -> str:
    match value:
        case str():
            return _escaped(value)
        case bool() | int() | float():
            return str(value)
        case [_, *_] if not any(item is None or isinstance(item, list | dict) for item in value):
            return ",".join(_key_part(item) for item in value)
        case _:
            return "%" + _escaped(canonical_json(value))


def _resource_parts(value: Any) -> list[str]:
    """Resource names are not escaped, so that a function may name the same resource with an f-string."""
    if isinstance(value, list):
        return [_name_part(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return [_name_part(value)]


def _name_part(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
