"""Exports a thread: all that is kept of it, for the person whose data it is.

Each object has a `kind`: `thread`; `run`, `call`, `decision`, `event`, `news` (what the conversation was to be told),
`schedule` and `spend`, as they are recorded; `message`, each that a checkpoint or a task's write holds, those first
that are in no state any more; `checkpoint`, what it is of; `state`, the latest values of each namespace. Types of a
graph's own are shown by their fields; nothing of them is imported.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from copy import copy
from typing import Any, cast

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot  # pyright: ignore[reportPrivateUsage]
from pydantic_core import to_jsonable_python

from trunkline.runtime.storage.checkpoints.saver import SQLAlchemySaver
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.payloads import Payloads

Line = dict[str, Any]
_NOTHING_ELSE = [("", "")]
_WRAPPED = {"interrupts", "data"}
"""The columns in which values of the user's are serialised once more."""


async def exported(database: Database, name: str) -> AsyncGenerator[Line]:
    """Yield the objects of a thread, none for an unknown one."""
    thread = await database.threads.find(name)
    if thread is None:
        return
    yield {"kind": "thread", "name": name, "graph": thread.graph, "last_used": thread.active_at}
    saver = _lenient(database.saver)
    payloads = Payloads(saver.serde)
    async for kind, row in database.threads.records(name):
        yield {"kind": kind} | {column: _readable(column, value, payloads) for column, value in row.items()}
    said = _Said()
    checkpoints: list[Line] = []
    states: dict[str, Line] = {}
    async with aclosing(saver.alist({"configurable": {"thread_id": name}})) as newest_first:
        async for one in newest_first:
            ns = one.config.get("configurable", {})["checkpoint_ns"]
            values = one.checkpoint["channel_values"]
            said.take([*values.values(), *(value for _, _, value in one.pending_writes or ())])
            checkpoints.append(_checkpoint(ns, one))
            states.setdefault(ns, {"kind": "state", "namespace": ns, "values": _plain(values)})
    for line in (*said.messages(), *reversed(checkpoints), *states.values()):
        yield line


class _Said:
    """The messages of a thread, each once in each of its wordings."""

    def __init__(self) -> None:
        self._keys: set[Any] = set()
        self._new: list[list[Line]] = []

    def take(self, values: Iterable[Any]) -> None:
        """Add the messages in the values of an older checkpoint."""
        new: list[Line] = []
        for message in _messages_in(values):
            said = (message.type, str(message.content), str(getattr(message, "tool_calls", "")))
            key = said if message.id is None else (*said, message.id)  # an input has no id until it is in the state
            if key not in self._keys:
                self._keys |= {key, said}
                new.append({"kind": "message", **_plain(message)})
        self._new.append(new)

    def messages(self) -> Iterator[Line]:
        """Yield them, those first that only the older checkpoints have."""
        for new in reversed(self._new):
            yield from new


def _messages_in(values: Iterable[Any]) -> Iterator[BaseMessage]:
    for value in values:
        match value:
            case BaseMessage():
                yield value
            case _DeltaSnapshot():
                yield from _messages_in([value.value])
            case dict():
                yield from _messages_in([*value.values()])
            case list() | tuple() | set():
                yield from _messages_in(cast("Iterable[Any]", value))
            case _:
                pass


def _checkpoint(ns: str, one: CheckpointTuple) -> Line:
    checkpoint = one.checkpoint
    about: Mapping[str, Any] = {**one.metadata}
    return {"kind": "checkpoint", "namespace": ns, "id": checkpoint["id"], "at": checkpoint["ts"], "of": _plain(about)}


def _readable(column: str, value: Any, payloads: Payloads) -> Any:
    """Return a column as it is, and what is serialised in it as JSON has it."""
    if not isinstance(value, bytes):
        return value
    held = payloads.loads(value)
    return _plain(_unwrapped(held, payloads) if column in _WRAPPED else held)


def _unwrapped(value: Any, payloads: Payloads) -> Any:
    """Return what an event tells, or a run asks, with the values of the user's that are serialised in it."""
    match value:
        case {"kept": str(data)}:
            return _unwrapped(payloads.loads(b64decode(data)), payloads)
        case {"questions": _, "interrupts": bytes(data)}:
            return payloads.loads(data)
        case dict():
            return {name: _unwrapped(each, payloads) for name, each in cast("dict[str, Any]", value).items()}
        case _:
            return value


def _plain(value: Any) -> Any:
    """Return the value as JSON has it."""
    value = value.value if isinstance(value, _DeltaSnapshot) else value
    return to_jsonable_python(value, fallback=repr, bytes_mode="base64")


def _lenient(saver: SQLAlchemySaver) -> SQLAlchemySaver:
    """Return the saver, which hands out the bare fields of types that it may not build."""
    lenient = copy(saver)
    lenient.serde = JsonPlusSerializer(allowed_msgpack_modules=_NOTHING_ELSE)
    return lenient
