"""SIGTERM and SIGINT as a worker understands them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Self

from trunkline.runtime.cli.streams import say

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Hears the signals that ask this process to stop: the first one politely, the second one at once.

    From the third on they do what they do without us. One that comes before anybody is told is kept.
    """

    def __init__(self) -> None:
        self._heard: list[signal.Signals] = []
        self._told: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._hear, number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_hearing()

    @property
    def exit_code(self) -> int:
        """What a process exits with that has heard these signals: after a second one, the code of that signal."""
        return 128 + self._heard[1] if len(self._heard) > 1 else 0

    def tell(self, *, first: Callable[[], None], second: Callable[[], None]) -> None:
        """Call these from now on, and for what was heard before at once."""
        self._told = [first, second]
        for number in range(len(self._heard)):
            self._told[number]()

    def _hear(self, number: signal.Signals) -> None:
        self._heard.append(number)
        if len(self._heard) == 1:
            say(f"{number.name}: handing back what runs; again to cancel it at once")
        else:
            say(f"{number.name}: cancelling what runs")
            self._stop_hearing()
        if self._told:
            self._told[len(self._heard) - 1]()

    def _stop_hearing(self) -> None:
        for number in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)
