"""What a graph's nodes get from whoever runs the graph, carried in the LangGraph config."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import RunnableConfig

from trunkline.agents.models import Models
from trunkline.tools.executor import CallExecutor

_KEY = "__trunkline_scope"
# The two underscores keep LangGraph from copying the value into checkpoint metadata.


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The executor, the models and the names that hold for one run."""

    run_id: str
    thread_id: str
    executor: CallExecutor
    models: Models
    fresh: set[str] = field(default_factory=set[str])
    """Ids of messages that a model has said in this run and whose calls nobody has run yet."""

    def takes_first(self, batch: str) -> bool:
        """Whether nobody can have run the calls of this batch before. True once, and only for a message of this run."""
        is_fresh = batch in self.fresh
        self.fresh.discard(batch)
        return is_fresh


def with_scope(configurable: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """Return the `configurable` part of a config with the scope in it."""
    return {**configurable, _KEY: scope}


def scope_of(config: RunnableConfig) -> Scope | None:
    """Return the scope of the run that this config belongs to; None in a graph that Trunkline does not run."""
    return config.get("configurable", {}).get(_KEY)
