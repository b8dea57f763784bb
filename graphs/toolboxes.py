"""The tools of a graph: what its fan-out nodes hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from trunkline.graphs.fan_out import FanOut
from trunkline.tools.toolbox import Toolbox


def toolboxes_of(graph: Pregel[Any, Any, Any, Any] | StateGraph[Any, Any, Any, Any]) -> list[Toolbox]:
    """Return the toolboxes of the graph's fan-out nodes and of those of its subgraphs.

    A fan-out that a node's own function uses inside is not seen.
    """
    return _toolboxes_of(graph.nodes)


def _toolboxes_of(nodes: Mapping[str, Any]) -> list[Toolbox]:
    return [toolbox for node in nodes.values() for toolbox in _toolboxes_in(_runnable(node))]


def _runnable(node: Any) -> Any:
    """Return what a node runs: a graph that is not compiled names it otherwise than one that is."""
    return node.runnable if hasattr(node, "runnable") else node.bound


def _toolboxes_in(runnable: Any) -> list[Toolbox]:
    match runnable:
        case Pregel(nodes=nodes):
            return _toolboxes_of(nodes)
        case _ if isinstance(fan_out := getattr(runnable, "afunc", None), FanOut):
            return [fan_out.toolbox]
        case _:
            return []
