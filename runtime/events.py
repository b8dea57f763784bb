"""What happens in a run, as typed events: those that `Trunkline.stream` yields, and those that the event log keeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from trunkline.runtime.queue.happenings import QueueEvent
from trunkline.tools.events import ToolCallFinished, ToolCallRetried, ToolCallStarted

if TYPE_CHECKING:
    from trunkline.runtime.reply import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The run is on record, and begins; or goes on, after a crash, an answer, or an attempt that failed."""

    run_id: str
    thread_id: str
    attempt: int = 1
    worker: str = ""
    """The id of the process that runs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStreamed:
    """A model said a piece of its answer."""

    node: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFinished:
    """The conversation has a new message of the model's, with these words."""

    message_id: str
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
    | MessageFinished
    | StepFinished
    | CustomEmitted
    | RunFinished
)

LoggedEvent = (
    RunStarted
    | ToolCallStarted
    | ToolCallRetried
    | ToolCallFinished
    | MessageFinished
    | StepFinished
    | CustomEmitted
    | QueueEvent
)
"""What the event log keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotKept:
    """Stands in an event for a value that could not be stored, or that this process may not read."""

    type: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event of a thread, and its place in the thread's order."""

    seq: int
    """Its number in the thread. Numbers grow, and may leave gaps. For what is not on record, that of the event before
    it, so that one can go on from there.
    """

    run_id: str
    at: datetime | None
    """When, by the database's clock; None for a piece of text."""

    event: LoggedEvent | TextStreamed
    recorded: bool = True
    """Whether it is in the log. Pieces of text are not: they are told while they are said, and some may be missing."""
