"""Texts with `{argument}` fields: idempotency keys and names of resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from string import Formatter
from typing import Any

from pydantic_core import to_json

from trunkline.errors import TemplateError


class Template:
    """A text with `{argument}` fields that are filled from the arguments of a call.

    Values are escaped so that two different sets of arguments never give the same text: `:`, `,` and `%` inside a value
    become percent codes. Raises `TemplateError` for anything but plain fields.
    """

    __slots__ = ("_parts", "fields", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts = _parse(text)
        self.fields = frozenset(field for _, field in self._parts if field is not None)

    def fill(self, arguments: Mapping[str, Any]) -> str:
        """Return the text with each field replaced by the argument of its name."""
        return "".join(
            literal if field is None else literal + _rendered(arguments[field]) for literal, field in self._parts
        )


def _parse(text: str) -> list[tuple[str, str | None]]:
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise TemplateError(template=text, problem=f"has unbalanced braces ({error})") from error
    for _, field, spec, conversion in parts:
        if field is not None and (not field.isidentifier() or spec or conversion):
            raise TemplateError(template=text, problem=f"has the field {{{field}}}, which is more than a name")
    return [(literal, field) for literal, field, _, _ in parts]


def _rendered(value: object) -> str:
    match value:
        case str():
            return _escaped(value)
        case bool() | int() | float():
            return str(value)
        case Set():
            return ",".join(sorted(_rendered(item) for item in value))  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
        case Sequence():
            return ",".join(_rendered(item) for item in value)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
        case _:
            return _escaped(to_json(value).decode())


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
