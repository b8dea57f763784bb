"""Which types a graph's state may hold: those that its schemas name.

LangGraph derives them too, when an environment variable says so at its import; the function that finds them is its own
and private, so only this module knows it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol, TypeVar

from langgraph._internal._serde import collect_allowlist_from_schemas


class _Strict(Protocol):
    """What takes the types that it is told: a saver, a cache."""

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]], /) -> Any:
        """Return one that also takes these types."""
        ...


Strict = TypeVar("Strict", bound=_Strict)


def allowing(strict: Strict, graph: Any) -> Strict:
    """Return the saver or cache, which also takes the types that the graph's state, inputs and channels are declared
    with.

    `graph` is a graph that is compiled or not.
    """
    builder: Any = getattr(graph, "builder", graph)  # a compiled StateGraph has the one that it was made by
    schemas: list[Any] = []
    if hasattr(builder, "state_schema"):
        schemas = [builder.state_schema, builder.input_schema, builder.output_schema]
        schemas += [node.input_schema for node in builder.nodes.values()]
    channels: dict[str, Any] = {**graph.channels}
    names = collect_allowlist_from_schemas(schemas=schemas, channels=channels)
    return strict.with_allowlist(names) if names else strict
