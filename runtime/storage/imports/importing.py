"""Imports threads: each checkpoint with its values, parent and metadata, and what tasks wrote, in the same order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from trunkline.errors import ImportTypeError, ImportValueError, TrunklineError, TypeNotAllowedError
from trunkline.runtime.storage.checkpoints.frame import frame
from trunkline.runtime.storage.checkpoints.operations import (
    Operation,
    SaveCheckpoint,
    SaveWrites,
    TaskWrite,
    Values,
)
from trunkline.runtime.storage.checkpoints.outline import CheckpointKey, Outline
from trunkline.runtime.storage.checkpoints.saver import SQLAlchemySaver
from trunkline.runtime.storage.checkpoints.serializer import StrictSerializer, TypeName
from trunkline.runtime.storage.imports.foreign import (
    Foreign,
    ForeignCheckpoint,
    ForeignSerializer,
    ForeignThread,
    ForeignWrite,
)

_OPERATIONS, _ELEMENTS = 100, 5_000
"""In one transaction at most, or a little more: what is in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A thread that was brought over, or would be."""

    thread: str
    checkpoints: int
    writes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyHere:
    """A thread of which all is here already."""

    thread: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A thread that was not touched, or that broke off; what was brought over of it goes on from there next time."""

    thread: str
    error: TrunklineError


Arrival = Imported | AlreadyHere | Refused


class Importer:
    """Brings threads over, one after another. Importing again brings over only what is not here yet."""

    def __init__(self, source: Foreign, saver: SQLAlchemySaver, *, allowed: Collection[TypeName] = ()) -> None:
        """`allowed` are the types that state may hold beside plain values and LangChain's messages."""
        self._source, self._saver = source, saver
        self._serde = ForeignSerializer(allowed)
        if allowed:
            clone: Any = saver.with_allowlist(allowed)
            self._saver = clone

    async def arrivals(self, *, only: Collection[str] = (), dry_run: bool = False) -> AsyncGenerator[Arrival]:
        """Bring the threads over (`only` these, where some are named), and yield what became of each.

        With `dry_run` everything is read and checked, and nothing is written.
        """
        async with aclosing(self._source.names()) as names:
            async for name in names:
                if not only or name in only:
                    yield await self._arrival(name, dry_run=dry_run)

    async def _arrival(self, name: str, *, dry_run: bool) -> Arrival:
        async with self._source.thread(name) as thread:
            there, here = await thread.outline(), await self._saver.aoutline(name)
            if problem := _conflict(there, here):
                return Refused(thread=name, error=ImportValueError(thread=name, problem=problem))
            if (there.checkpoints, there.writes) == (here.checkpoints, here.writes):
                return AlreadyHere(thread=name)
            missing = _Missing(name, thread, there, here, self._saver, self._serde)
            try:
                await missing.each(_check)
                if not dry_run:
                    await missing.each(self._saver.arestore)
            except TypeNotAllowedError as error:
                return Refused(thread=name, error=ImportTypeError(thread=name, module=error.module, name=error.name))
            except TrunklineError as error:
                return Refused(thread=name, error=error)
            except NotImplementedError as error:  # from the serialiser: encrypted or pickled
                problem = f"has a value that cannot be read here ({error}); decrypt or save it anew where it is"
                return Refused(thread=name, error=ImportValueError(thread=name, problem=problem))
        return Imported(
            thread=name,
            checkpoints=len(there.checkpoints) - len(here.checkpoints),
            writes=len(there.writes - here.writes),
        )


def _conflict(there: Outline, here: Outline) -> str | None:
    if here.deleted and not here.checkpoints:
        return "was deleted here, and is not brought back"
    if here.checkpoints != there.checkpoints[: len(here.checkpoints)] or not here.writes <= there.writes:
        return "has gone on here, and is not overwritten; delete it here first, or leave it out"
    return None


async def _check(operations: Sequence[Operation]) -> None:
    """That they could be made is all that is asked."""
    del operations


class _Missing:
    """What is there of a thread and not here."""

    def __init__(
        self,
        name: str,
        thread: ForeignThread,
        there: Outline,
        here: Outline,
        saver: SQLAlchemySaver,
        serde: StrictSerializer,
    ) -> None:
        self._name, self._thread, self._saver, self._serde = name, thread, saver, serde
        self._checkpoints = there.checkpoints[len(here.checkpoints) :]
        under = {key[:2] for key in there.writes - here.writes}
        self._writes_alone = sorted(under - set(self._checkpoints))
        self._writes = under

    async def each(self, take: Callable[[Sequence[Operation]], Any]) -> None:
        """Hand it over in parts that fit into memory."""
        part: list[Operation] = []
        async with aclosing(self._operations()) as operations:
            async for operation in operations:
                part.append(operation)
                if len(part) >= _OPERATIONS or sum(map(_elements, part)) >= _ELEMENTS:
                    await take(part)
                    part = []
        if part:
            await take(part)

    async def _operations(self) -> AsyncGenerator[Operation]:
        for key in self._checkpoints:
            yield self._checkpoint(await self._thread.checkpoint(key, self._serde))
            if key in self._writes:
                for operation in self._written(key, await self._thread.writes(key)):
                    yield operation
        for key in self._writes_alone:
            for operation in self._written(key, await self._thread.writes(key)):
                yield operation

    def _checkpoint(self, one: ForeignCheckpoint) -> SaveCheckpoint:
        codec = self._saver.codec
        values = one.checkpoint["channel_values"]
        return SaveCheckpoint(
            thread=self._name,
            ns=one.key[0],
            checkpoint_id=one.key[1],
            parent_id=one.parent_id,
            token=None,
            branches=True,
            checkpoint={name: kept for name, kept in one.checkpoint.items() if name not in {"id", "channel_values"}},
            metadata=one.metadata,
            new={channel: codec.value(value) for channel, value in values.items()},
            emptied=frozenset(one.checkpoint["channel_versions"].keys() - values.keys()),
            carried={},
            serde=codec.serde,
        )

    def _written(self, key: CheckpointKey, writes: Sequence[ForeignWrite]) -> list[SaveWrites]:
        for write in writes:
            self._serde.loads_typed(write.typed)  # what cannot be read is not brought over
        tasks: dict[tuple[str, str], list[ForeignWrite]] = {}
        for write in writes:
            tasks.setdefault((write.task_id, write.task_path), []).append(write)
        return [
            SaveWrites(
                thread=self._name,
                ns=key[0],
                checkpoint_id=key[1],
                task_id=task_id,
                task_path=task_path,
                token=None,
                writes=[TaskWrite(idx=one.idx, channel=one.channel, plain=frame(one.typed)) for one in mine],
            )
            for (task_id, task_path), mine in tasks.items()
        ]


def _elements(operation: Operation) -> int:
    if not isinstance(operation, SaveCheckpoint):
        return len(operation.writes)
    return sum(len(value.elements) if isinstance(value, Values) else 1 for value in operation.new.values())
