"""Runs a tool step by step: from one place where it waits to the next, with a pause before each step."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, Protocol

from trunkline.tools.signature import Function


class Pause(Protocol):
    """Lets the time before a step pass."""

    def __call__(self, *, blocking: bool = False) -> Coroutine[Any, Any, None]:
        """Wait; `blocking` says that the step is one in a thread."""
        ...


def stepwise(function: Function, pause: Pause, ended: Callable[[], None]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return the function with a pause before each of its steps; `ended` is called when it has returned or raised.

    A blocking function is one step, in a thread. Tasks that a function starts itself are not paused.
    """

    async def run(**arguments: Any) -> Any:
        try:
            if inspect.iscoroutinefunction(function):
                return await _driven(function(**arguments), pause)
            await pause(blocking=True)
            return await asyncio.to_thread(function, **arguments)
        finally:
            ended()

    return run


@coroutine
def _driven(work: Coroutine[Any, Any, Any], pause: Pause) -> Generator[Any, Any, Any]:
    """Drive the coroutine as its task would. What the task throws in, cancellations too, reaches the coroutine."""
    raised: BaseException | None = None
    while True:
        try:
            yield from pause().__await__()
        except BaseException as error:  # noqa: BLE001 - handed on to the coroutine
            raised = error
        try:
            awaited = work.send(None) if raised is None else work.throw(raised)
        except StopIteration as end:
            return end.value
        raised = None
        try:
            yield awaited
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:  # noqa: BLE001 - handed on to the coroutine
            raised = error
