"""What the company's systems can be asked, by name, and how it travels between processes: as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from inspect import isfunction
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from trunkline.examples.call_center.backend.desks import Desks
from trunkline.examples.call_center.backend.lookups import Lookups
from trunkline.examples.call_center.backend.orders import OrderDesk
from trunkline.examples.call_center.backend.service import ServiceDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method of a desk, with the types of its arguments and of its answer."""

    desk: str
    name: str
    arguments: Mapping[str, TypeAdapter[Any]]
    answer: TypeAdapter[Any]

    def asked(self, desks: Desks, arguments: Mapping[str, object]) -> Any:
        """Ask the desk, with arguments as JSON has them. What is an operation of a wire is awaitable."""
        read = {name: self.arguments[name].validate_python(value) for name, value in arguments.items()}
        return getattr(getattr(desks, self.desk), self.name)(**read)


@cache
def operations() -> Mapping[str, Operation]:
    """Return every operation and every ruling by its name."""
    desks = {"lookups": Lookups, "orders": OrderDesk, "service": ServiceDesk}
    return {
        name: _operation(desk, name, method)
        for desk, kind in desks.items()
        for name, method in vars(kind).items()
        if isfunction(method) and not name.startswith("_")
    }


def _operation(desk: str, name: str, method: Any) -> Operation:
    hints = get_type_hints(method)
    answer = TypeAdapter(hints.pop("return"))
    return Operation(
        desk=desk, name=name, arguments={name: TypeAdapter(hint) for name, hint in hints.items()}, answer=answer
    )
