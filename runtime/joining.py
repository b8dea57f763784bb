"""Follows a run: from its event log first, then live, until it rests."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field

from pydantic import ValidationError

from trunkline.errors import UnknownRunError
from trunkline.runtime.bus.bus import Heard, Listener
from trunkline.runtime.events import MessageFinished, Recorded, TextStreamed
from trunkline.runtime.queue.happenings import RunCancelled
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.queue.topics import run_topic, text_topic
from trunkline.runtime.speaker import Piece, piece_of
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.payloads import Payloads
from trunkline.runtime.storage.run_rows import Run

log = logging.getLogger("trunkline.events")

_POLL = 1.0
"""Seconds after which the log is looked at although nobody rang."""


async def join(database: Database, payloads: Payloads, run_id: str, *, after: int) -> AsyncGenerator[Recorded]:
    """Yield the run's events whose number is greater than `after`, then what happens until the run rests.

    Raises `UnknownRunError`, `EventFormatError`.
    """
    place = _Place(run_id=run_id, seq=after)
    async with database.bus.listen(run_topic(run_id), text_topic(run_id)) as heard:
        while True:
            run = await _found(database, run_id)  # first: what its row says, the log tells by then
            rung = False
            while page := await database.events.of_run(run_id, payloads, after=place.seq):
                rung |= await _heard_so_far(heard, place)
                for recorded in page:
                    for piece in place.due():
                        yield piece
                    place.move_to(recorded)
                    yield recorded
            if run.status.rests:
                break
            if not rung:
                async for piece in _pieces(heard, place):
                    yield piece
    if run.status is RunStatus.CANCELLED and not await _told_of_the_end(database, payloads, run_id):
        yield Recorded(seq=place.seq, run_id=run_id, at=run.ended_at, event=RunCancelled(), recorded=False)


@dataclass(slots=True, kw_only=True)
class _Place:
    """How far the log has been told, and the pieces of text that go on from there."""

    run_id: str
    seq: int
    finished: int = 0
    """The number of the newest message that is whole: text from before it is in it."""

    _early: deque[Piece] = field(default_factory=deque[Piece])
    """Said after events that are not in the log yet."""

    def move_to(self, recorded: Recorded) -> None:
        self.seq = recorded.seq
        if isinstance(recorded.event, MessageFinished):
            self.finished = recorded.seq

    def heard(self, message: bytes) -> None:
        try:
            self._early.append(piece_of(message))
        except ValidationError:
            log.warning("text.not_read run_id=%s", self.run_id)

    def due(self) -> Iterator[Recorded]:
        while self._early and self._early[0].after <= self.seq:
            piece = self._early.popleft()
            if piece.after >= self.finished:
                event = TextStreamed(node=piece.node, text=piece.text)
                yield Recorded(seq=self.seq, run_id=self.run_id, at=None, event=event, recorded=False)


async def _heard_so_far(heard: Listener, place: _Place) -> bool:
    """Take in the text that has come; return whether somebody rang meanwhile."""
    rung = False
    while (message := await heard.next(within=0)) is not None:
        if isinstance(message, Heard) and message.message:
            place.heard(message.message)
        else:
            rung = True
    return rung


async def _pieces(heard: Listener, place: _Place) -> AsyncGenerator[Recorded]:
    """Yield text as it comes, until it is time to look at the log."""
    clock = asyncio.get_running_loop()
    until = clock.time() + _POLL
    while clock.time() < until:
        for piece in place.due():
            yield piece
        match await heard.next(within=until - clock.time()):
            case Heard(message=message) if message:
                place.heard(message)
            case _:
                return


async def _found(database: Database, run_id: str) -> Run:
    if (run := await database.runs.get(run_id)) is None:
        raise UnknownRunError(run=run_id, database=database.url.shown)
    return run


async def _told_of_the_end(database: Database, payloads: Payloads, run_id: str) -> bool:
    """Whether the log has the cancellation. It has not when the run was at rest and another one held its thread."""
    newest = await database.events.newest_of_run(run_id, payloads)
    return newest is not None and isinstance(newest.event, RunCancelled)
