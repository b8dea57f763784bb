"""What is said of an event: in a line for people, and as an object for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.text import Text

from trunkline.runtime.cli.call_words import ending_text, json_text
from trunkline.runtime.cli.figures import one_line, rough_text, seconds_text
from trunkline.runtime.events import CustomEmitted, MessageFinished, Recorded, RunStarted, StepFinished, TextStreamed
from trunkline.runtime.queue.happenings import (
    RunCancelled,
    RunDied,
    RunFailed,
    RunHandedBack,
    RunRetried,
    RunSucceeded,
    RunWaiting,
    WorkerLost,
)
from trunkline.runtime.storage.event_data import kind_of
from trunkline.tools.call import state_of
from trunkline.tools.events import ToolCallFinished, ToolCallRetried, ToolCallStarted

_STYLES = {
    "run_succeeded": "green",
    "run_waiting": "yellow",
    "run_retried": "yellow",
    "worker_lost": "red",
    "run_failed": "red",
    "run_died": "red",
    "run_cancelled": "bright_black",
}


def event_object(recorded: Recorded) -> dict[str, Any]:
    """Return the event with its place as one object."""
    place = {"seq": recorded.seq, "at": recorded.at, "run": recorded.run_id, "recorded": recorded.recorded}
    return {**place, "kind": kind_of(recorded.event), **asdict(recorded.event)}


def event_line(recorded: Recorded) -> Text | None:
    """Return the event in a line; None for a piece of text, whose whole message follows."""
    if isinstance(recorded.event, TextStreamed):
        return None
    kind = kind_of(recorded.event)
    at = f"{recorded.at.astimezone():%H:%M:%S.%f}"[:-3] if recorded.at else ""
    place = f"{recorded.seq:>5}  {at}  "
    words = one_line(_words(recorded.event))
    return Text.assemble(place, (f"{kind.replace('_', ' '):<18}", _STYLES.get(kind, "cyan")), words)


def _words(event: object) -> str:
    match event:
        case RunStarted():
            return f"attempt {event.attempt} on {event.worker}"
        case ToolCallStarted():
            arguments = ", ".join(f"{name}={json_text(value)}" for name, value in event.arguments.items())
            return f"{event.tool}({arguments})"
        case ToolCallRetried():
            return f"{event.tool}: attempt {event.attempt}: {event.why}; again in {rough_text(event.seconds)}"
        case ToolCallFinished():
            ended = f"{event.tool}: {state_of(event.outcome).value} in {seconds_text(event.seconds)}"
            ending = ending_text(event.outcome)
            return f"{ended}: {ending}" if ending else ended
        case MessageFinished(text=text):
            return text
        case StepFinished(node=node):
            return node
        case CustomEmitted(data=data):
            return json_text(data)
        case _:
            return _words_of_queue(event)


def _words_of_queue(event: object) -> str:
    match event:
        case RunWaiting(interrupts=interrupts):
            return json_text(interrupts)
        case RunRetried():
            return f"attempt {event.attempt} failed: {event.error}; again in {rough_text(event.seconds)}"
        case WorkerLost():
            return f"{event.worker} died with it, as {event.crashes} in all"
        case RunFailed(error=error) | RunDied(error=error):
            return error
        case RunCancelled(why=why):
            return why or ""
        case RunHandedBack() | RunSucceeded():
            return ""
        case _:
            return str(event)
