"""What a tool takes: as a model is told, and as it is checked when a model asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from trunkline.errors import MissingExtraError


class InvalidArgumentsError(Exception):
    """What the model passed does not fit the parameters. Each line is `field: problem`."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class InvalidSchemaError(Exception):
    """A JSON schema is not one that arguments can be checked by."""


class Parameters(Protocol):
    """The parameters of a tool that a model passes."""

    @property
    def names(self) -> frozenset[str]:
        """The names of the parameters."""
        ...

    @property
    def required(self) -> frozenset[str]:
        """The names of those that must be passed."""
        ...

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the object that a model passes."""
        ...

    def validate(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values by name, as the function takes them. Raises `InvalidArgumentsError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionParameters:
    """The parameters of a typed function, as a pydantic model of them. Defaults are filled."""

    model: type[BaseModel]
    names: frozenset[str]
    """Also those that the model lacks because something is wrong with their declaration."""

    @property
    def required(self) -> frozenset[str]:
        """The names of those without a default."""
        return frozenset(name for name, field in self.model.model_fields.items() if field.is_required())

    def schema(self) -> dict[str, Any]:
        """Return the model's JSON schema."""
        return _told(self.model.model_json_schema())

    def validate(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return values of the parameters' own types. Raises `InvalidArgumentsError`."""
        try:
            made = self.model.model_validate(dict(arguments))
        except ValidationError as error:
            lines = [f"{_place(item['loc'])}: {item['msg']}" for item in error.errors()]
            raise InvalidArgumentsError(lines) from error
        return {name: getattr(made, name) for name in self.model.model_fields}


class SchemaParameters:
    """The parameters of a tool that is known by a JSON schema only. Defaults are not filled.

    Fields that the schema does not name are refused only if it says so, and no schema is fetched from elsewhere.
    Raises `InvalidSchemaError`.
    """

    __slots__ = ("_schema", "_validator", "names", "required")

    def __init__(self, schema: Mapping[str, Any]) -> None:
        try:
            from jsonschema import Draft202012Validator, SchemaError
            from jsonschema.validators import validator_for
            from referencing import Registry
        except ImportError as error:
            raise MissingExtraError(feature="a tool that is known by its JSON schema", extra="mcp") from error
        self._schema = dict(schema)
        if self._schema.get("type", "object") != "object":
            problem = f"it describes {self._schema['type']!r} and not an object"
            raise InvalidSchemaError(problem)
        kind = validator_for(self._schema, default=Draft202012Validator)
        try:
            kind.check_schema(self._schema)
        except SchemaError as error:
            raise InvalidSchemaError(f"{_place(error.absolute_path)}: {error.message}") from error
        self._validator = kind(self._schema, registry=Registry())
        self.names: frozenset[str] = frozenset(self._schema.get("properties", ()))
        self.required: frozenset[str] = frozenset(self._schema.get("required", ()))

    def schema(self) -> dict[str, Any]:
        """Return the schema as it was given, without its title and description."""
        return _told(self._schema)

    def validate(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the arguments as they are; one that was left out reads as None. Raises `InvalidArgumentsError`."""
        passed = _Passed(arguments)
        lines = [f"{_place(error.absolute_path)}: {error.message}" for error in self._validator.iter_errors(passed)]
        if lines:
            raise InvalidArgumentsError(lines)
        passed.known = self.names
        return passed


class _Passed(dict[str, Any]):
    """Keys and resources may be named by an argument that a model left out; the tool itself gets what was passed."""

    known: frozenset[str] = frozenset()

    def __missing__(self, name: str) -> None:
        if name not in self.known:
            raise KeyError(name)


def _told(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Endpoints refuse a function whose parameters have no properties; what the object is, the tool itself says."""
    told: dict[str, Any] = {"type": "object", "properties": {}, **schema}
    return {name: value for name, value in told.items() if name not in {"title", "description"}}


def _place(path: Iterable[str | int]) -> str:
    return ".".join(str(part) for part in path) or "arguments"
