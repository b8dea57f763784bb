"""Events as the log stores them: a kind, and data that tell their version. Data that do not fit exactly are refused."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, cast, get_type_hints

from pydantic import TypeAdapter, ValidationError

from trunkline.errors import EventFormatError
from trunkline.runtime.events import (
    CustomEmitted,
    LoggedEvent,
    MessageFinished,
    NotKept,
    RunStarted,
    StepFinished,
    TextStreamed,
)
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
from trunkline.runtime.storage.checkpoints.frame import frame, pack, unframe, unpack
from trunkline.runtime.storage.payloads import Payloads
from trunkline.tools.events import ToolCallFinished, ToolCallRetried, ToolCallStarted
from trunkline.tools.outcome import Done, Failed, FailureKind, Outcome, Pending, StillRunning, Unknown

VERSION = 1
MOST = 256 * 1024
"""Bytes of one value that an event keeps; a larger one is in the ledger or in the state, if anywhere."""

_KINDS: Mapping[str, type[LoggedEvent]] = {
    "run_started": RunStarted,
    "tool_call_started": ToolCallStarted,
    "tool_call_retried": ToolCallRetried,
    "tool_call_finished": ToolCallFinished,
    "message_finished": MessageFinished,
    "step_finished": StepFinished,
    "custom_emitted": CustomEmitted,
    "run_waiting": RunWaiting,
    "run_retried": RunRetried,
    "run_handed_back": RunHandedBack,
    "worker_lost": WorkerLost,
    "run_succeeded": RunSucceeded,
    "run_failed": RunFailed,
    "run_cancelled": RunCancelled,
    "run_died": RunDied,
}
_OUTCOMES: Mapping[str, type[Outcome]] = {
    "done": Done,
    "failed": Failed,
    "pending": Pending,
    "still_running": StillRunning,
    "unknown": Unknown,
}
_KIND_OF = {event: kind for kind, event in _KINDS.items()}
_TAG_OF = {outcome: tag for tag, outcome in _OUTCOMES.items()}
_FIELDS: Mapping[Any, Mapping[str, Any]] = {
    of: {field.name: hints[field.name] for field in fields(of)}
    for of, hints in ((of, get_type_hints(of)) for of in (*_KINDS.values(), *_OUTCOMES.values()))
}
"""The fields with their types."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value of the user's that is serialised already."""

    data: bytes


def kind_of(event: LoggedEvent | TextStreamed) -> str:
    """Return the kind by which the log knows the event; text, which it does not keep, has one too."""
    return "text_streamed" if isinstance(event, TextStreamed) else _KIND_OF[type(event)]


def encode(event: LoggedEvent, payloads: Payloads | None = None) -> tuple[str, bytes]:
    """Return the event's kind and data. Values of the user's go through `payloads`; one that does not is told of.

    Raises `TypeError`, `ValueError` for what JSON does not know elsewhere.
    """
    told = {name: _told(hint, getattr(event, name), payloads) for name, hint in _FIELDS[type(event)].items()}
    text = json.dumps({"v": VERSION, **told}, ensure_ascii=False, separators=(",", ":"))
    return kind_of(event), pack(frame(("json", text.encode(errors="replace"))))


def decode(kind: str, data: bytes, payloads: Payloads) -> LoggedEvent:
    """Return the event. Raises `EventFormatError`; a value that this process may not read becomes a `NotKept`."""
    if kind not in _KINDS:
        raise EventFormatError(kind=kind, problem="is of a kind")
    form, text = unframe(unpack(data))
    told = json.loads(text) if form == "json" else None
    if not isinstance(told, dict) or told.pop("v", None) != VERSION:
        raise EventFormatError(kind=kind, problem="is of a version")
    event: LoggedEvent = _built(_KINDS[kind], cast("dict[str, Any]", told), kind, payloads)
    return event


def _told(hint: Any, value: Any, payloads: Payloads | None) -> Any:
    if hint is object:
        return _kept(value, payloads)
    if hint == Outcome:
        return {"is": _TAG_OF[type(value)], **_outcome(value)}
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else value


def _kept(value: Any, payloads: Payloads | None) -> Any:
    try:
        data = value.data if isinstance(value, Sealed) else payloads.dumps(value) if payloads else b""
    except Exception as error:  # noqa: BLE001 - whatever the value makes of being serialised: the event tells it
        return _not_kept(value, f"{type(error).__name__}: {error}")
    return _not_kept(value, _too_large(len(data))) if len(data) > MOST else {"kept": b64encode(data).decode()}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    told = {field.name: getattr(outcome, field.name) for field in fields(outcome)}
    if isinstance(outcome, Done):
        size = len(json.dumps(outcome.output))
        large = size > MOST
        told["output"] = _not_kept(outcome.output, _too_large(size)) if large else {"json": outcome.output}
    return told


def _too_large(size: int) -> str:
    return f"{size:,} bytes, of which an event keeps {MOST:,} at most"


def _not_kept(value: Any, why: str) -> dict[str, Any]:
    return {"not_kept": {"type": f"{type(value).__module__}.{type(value).__qualname__}", "why": why}}


def _built(of: type[Any], told: dict[str, Any], kind: str, payloads: Payloads) -> Any:
    hints = _FIELDS[of]
    if told.keys() != hints.keys():
        raise EventFormatError(kind=kind, problem=f"has the fields {', '.join(told) or 'none'}")
    try:
        return of(**{name: _value(hint, told[name], kind, payloads) for name, hint in hints.items()})
    except (ValidationError, ValueError, LookupError, TypeError) as error:
        raise EventFormatError(kind=kind, problem=f"has a field that is no {of.__name__}'s") from error


def _value(hint: Any, told: Any, kind: str, payloads: Payloads) -> Any:
    if hint is object:
        return _read(told, payloads)
    if hint == Outcome:
        of = _OUTCOMES[told["is"]]
        return _built(of, {name: value for name, value in told.items() if name != "is"}, kind, payloads)
    return FailureKind(told) if hint is FailureKind else _adapter(hint).validate_python(told, strict=True)


def _read(told: Any, payloads: Payloads) -> object:
    match told:
        case {"not_kept": {"type": str(name), "why": str(why)}}:
            return NotKept(type=name, why=why)
        case {"json": value}:
            return cast("object", value)
        case {"kept": str(data)}:
            try:
                return payloads.loads(b64decode(data))
            except Exception as error:  # noqa: BLE001 - a type that is not allowed here, or has changed since
                return NotKept(type="unknown", why=f"{type(error).__name__}: {error}")
        case _:
            raise ValueError(told)


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint)
