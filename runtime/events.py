"""What `Trunkline.stream` yields: typed events, in the order in which things happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trunkline.tools.events import ToolCallFinished, ToolCallRetried, ToolCallStarted

if TYPE_CHECKING:
    from trunkline.runtime.reply import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The run is on record, and begins."""

    run_id: str
    thread_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStreamed:
    """A model said a piece of its answer."""

    node: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """A node of the graph ended, and its result is in the checkpoint."""

    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomEmitted:
    """A node wrote something of its own to LangGraph's stream."""

    data: object


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The run ended; nothing follows."""

    reply: Reply


Event = (
    RunStarted
    | TextStreamed
    | ToolCallStarted
    | ToolCallRetried
    | ToolCallFinished
    | StepFinished
    | CustomEmitted
    | RunFinished
)
