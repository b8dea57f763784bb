"""Calls that arrive one by one and run together."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import pytest

from stand_ins.calls import ask, id_of
from trunkline.graphs.gathering import Asked, Gathering
from trunkline.graphs.watch import CallWatcher
from trunkline.tools import CallResult, Done


class Desk:
    """Runs what was gathered, and writes down what came together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.error: Exception | None = None
        self.begun, self.let_go = asyncio.Event(), asyncio.Event()
        self.let_go.set()

    async def run(self, batch: Mapping[int, Asked]) -> None:
        self.batches.append(sorted(batch))
        self.begun.set()
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.batches.append([])
            raise
        if self.error:
            raise self.error
        for position, asked in batch.items():
            asked.answer(CallResult(call_id=id_of(asked.request), request=asked.request, outcome=Done(output=position)))


def asked(position: int) -> Asked:
    return Asked(position=position, request=ask("look"), watcher=CallWatcher({}, "b", print))


def comes(gathering: Gathering, position: int) -> asyncio.Task[CallResult]:
    """A task in which the call arrives and asks."""

    async def come() -> CallResult:
        with gathering.seat(position):
            return await gathering.ask(asked(position))

    return asyncio.create_task(come())


def expected(*positions: int) -> dict[int, asyncio.Future[None]]:
    return {position: asyncio.get_running_loop().create_future() for position in positions}


async def settled() -> None:
    """Let everything go on that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_batch_waits_for_every_call_that_may_still_come() -> None:
    """Also for one that has arrived and is not ready to ask."""
    desk = Desk()
    gathering = Gathering(expected(0, 1, 2), desk.run)
    tasks = [comes(gathering, 0)]
    with gathering.seat(1):
        tasks.append(comes(gathering, 2))
        await settled()
        assert desk.batches == []
        tasks.append(asyncio.ensure_future(gathering.ask(asked(1))))
        assert [result.outcome for result in await asyncio.gather(*tasks)] == [Done(output=each) for each in (0, 2, 1)]
    assert desk.batches == [[0, 1, 2]]


async def test_a_call_that_left_or_will_not_come_is_not_waited_for() -> None:
    """Somebody else answered it, or its task has ended."""
    desk, coming = Desk(), expected(0, 1, 2)
    gathering = Gathering(coming, desk.run)
    task = comes(gathering, 0)
    with gathering.seat(1):
        coming[2].cancel()
        await settled()
        assert desk.batches == []
    await task

    assert desk.batches == [[0]]


async def test_a_call_that_nobody_expected_runs_after_the_batch() -> None:
    """Not beside it: they may conflict."""
    desk = Desk()
    desk.let_go.clear()
    gathering = Gathering({}, desk.run)
    first = comes(gathering, 0)
    await desk.begun.wait()
    others = [comes(gathering, 1), comes(gathering, 2), comes(gathering, 2)]
    await settled()
    assert desk.batches == [[0]]
    desk.let_go.set()
    await asyncio.gather(first, *others)

    assert desk.batches == [[0], [1, 2], [2]]


async def test_what_breaks_the_batch_breaks_every_task_in_it() -> None:
    """As a database that is gone."""
    desk = Desk()
    desk.error = OSError("gone")
    gathering = Gathering(expected(0, 1), desk.run)
    errors = await asyncio.gather(comes(gathering, 0), comes(gathering, 1), return_exceptions=True)

    assert errors == [desk.error, desk.error]


async def test_a_batch_is_cancelled_with_the_last_task_that_waits_for_it() -> None:
    """A single one that is cancelled leaves the others their results."""
    desk = Desk()
    desk.let_go.clear()
    gathering = Gathering(expected(0, 1), desk.run)
    first, second = comes(gathering, 0), comes(gathering, 1)
    await desk.begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert desk.batches == [[0, 1]]
    second.cancel()
    with suppress(asyncio.CancelledError):
        await second

    assert (second.cancelled(), desk.batches) == (True, [[0, 1], []])


async def test_a_call_that_gives_up_while_it_waits_never_runs() -> None:
    """The others run without it."""
    desk, coming = Desk(), expected(0, 1, 2)
    gathering = Gathering(coming, desk.run)
    first, second = comes(gathering, 0), comes(gathering, 1)
    await settled()
    first.cancel()
    await settled()
    coming[2].set_result(None)

    assert (await second).outcome == Done(output=1)
    assert desk.batches == [[1]]
