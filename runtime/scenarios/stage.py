"""What a project writes so that scenarios can be played on it: a stage, with the agent and the world behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel

from trunkline.errors import ScenarioError
from trunkline.runtime.line import Trunkline
from trunkline.runtime.reply import Reply
from trunkline.runtime.runnable import Runnable
from trunkline.runtime.scenarios.virtual_time import VirtualClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a stage is made of, anew for each run."""

    given: Mapping[str, Any]
    """What the scenario says under `given`."""

    seed: int
    """Draws latencies: another one in each run. Whatever comes of it, the final state must be the same."""

    model: BaseChatModel
    """Answers as the scenario says. Give it to the agent."""

    clock: VirtualClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Something that a system outside really did."""

    operation: str
    arguments: Mapping[str, Any]
    kinds: frozenset[str] = frozenset()
    """Names for `never:`, like `money_out`."""


class Stage(ABC):
    """The agent or graph that is played on, and the world behind its tools. Derive from it; only `agent` must be there.

    Nothing here may depend on the order in which things happen, nor on real time.
    """

    @abstractmethod
    def agent(self) -> Runnable:
        """Return the agent or graph. Asked again after a crash, as a new process would."""

    async def hear(self, said: str, line: Trunkline, thread: str) -> Any:
        """Return the input of a turn in which the caller says this."""
        del line, thread
        return said

    async def news(self, line: Trunkline, thread: str) -> Any:
        """Return the input of a turn in which nobody says anything."""
        del line, thread
        return []

    def told(self, reply: Reply) -> str:
        """Return what the caller hears of a turn."""
        return reply.text

    def state(self) -> Mapping[str, object]:
        """Return the records of the world by name. They are compared with `==`, and shown as JSON where they differ."""
        return {}

    def happened(self) -> Sequence[Happened]:
        """Return what the systems really did so far, in their order."""
        return ()

    def asked(self) -> Mapping[str, int]:
        """Return how many requests for each operation have reached the systems so far."""
        return {}

    def change(self, what: Mapping[str, Any]) -> None:
        """Change the world through another channel, as the scenario writes it under `world`."""
        problem = f"the stage {type(self).__name__} knows no changes of the world, got {dict(what)}"
        raise ScenarioError(problem)


SetStage = Callable[[Setting], Stage]
"""What `project:` in a scenario file refers to."""
