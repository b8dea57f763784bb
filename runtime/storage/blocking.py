"""Blocking twins: each hands its work to the event loop of what it belongs to and waits for it, from another thread."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from trunkline.errors import StateNotOpenError

Result = TypeVar("Result")


class Blocking:
    """What has methods that block, in terms of its methods that do not."""

    def _home(self) -> asyncio.AbstractEventLoop:
        """Return the event loop that it was opened on."""
        raise NotImplementedError

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Wait for the work. Raises `StateNotOpenError`, also where waiting would never end."""
        try:
            home = self._home()
            if home.is_closed() or not home.is_running():
                self._refuse("was opened on an event loop that runs no more", "open it again, on a loop that runs")
            if _running_loop() is home:
                self._refuse(
                    "was called with a blocking method on its own event loop, which would wait for itself",
                    "use ainvoke, astream or the method whose name begins with 'a', or call from a thread",
                )
        except StateNotOpenError:
            work.close()
            raise
        return asyncio.run_coroutine_threadsafe(work, home).result()

    def _refuse(self, problem: str, remedy: str) -> None:
        raise StateNotOpenError(what=type(self).__name__, problem=problem, remedy=remedy)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
