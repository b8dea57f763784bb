"""The small words of a scenario file: spans of time, and calls named by tool and arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict

_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|min|h)")


def seconds_of(span: Any) -> Any:
    """Read `350 ms`, `90 s`, `30 min` or `2 h` as seconds."""
    found = _SPAN.fullmatch(span) if isinstance(span, str) else None
    if found is None:
        message = f"expected a time like 350 ms, 90 s, 30 min or 2 h, got {span!r}"
        raise ValueError(message)
    return float(found[1]) * _UNITS[found[2]]


Seconds = Annotated[float, BeforeValidator(seconds_of)]
"""A span of time, written with its unit."""


class Words(BaseModel):
    """A part of a scenario file. What is not known in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(Words):
    """A call, by its tool and as many of its arguments as it takes to tell it from others."""

    tool: str
    arguments: Mapping[str, Any] = {}

    def matches(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether this names a call of `tool` with `arguments`."""
        return tool == self.tool and contains(arguments, self.arguments)

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.tool}({given})"


def _named(written: Any) -> Any:
    match written:
        case Named():
            return written
        case str():
            return {"tool": written}
        case dict() if len(fields := cast("Mapping[Any, Any]", written)) == 1:
            [(tool, arguments)] = fields.items()
            return {"tool": tool, "arguments": arguments or {}}
        case _:
            form = "expected the name of a tool, or one name with arguments, like refund_order: {order_id: O0031}"
            message = f"{form}; got {written!r}"
            raise ValueError(message)


Call = Annotated[Named, BeforeValidator(_named)]
"""A call as it is written: `get_tickets`, or `get_tickets: {customer_id: C0012}`."""


def contains(whole: Any, part: Any) -> bool:
    """Whether everything in `part` is in `whole`: of mappings the named fields count, anything else must be equal."""
    if isinstance(whole, Mapping) and isinstance(part, Mapping):
        return all(name in whole and contains(whole[name], value) for name, value in part.items())  # pyright: ignore[reportUnknownVariableType]
    return bool(whole == part)
