"""The wire to the company's systems: it carries requests, loses some, and records what the systems really did."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from trunkline.examples.call_center.backend.answers import Receipt
from trunkline.examples.call_center.backend.luck import Faults, Luck, System, luck
from trunkline.examples.call_center.canonical import canonical_json
from trunkline.examples.call_center.policy import Ruling
from trunkline.tools import ToolRejectedError

P = ParamSpec("P")
R = TypeVar("R")
W = TypeVar("W", bound="Wired")

CONNECTIONS: Mapping[System, int] = {"crm": 5}
"""How many requests a system takes at once from this process; more of them wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something that a system really did."""

    system: System
    operation: str
    key: str | None
    arguments: Mapping[str, object]
    cents: int
    """Money that moved to the customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Something that a system is asked."""

    system: System
    operation: str
    changes: bool
    key: str | None
    arguments: Mapping[str, object]

    @property
    def text(self) -> str:
        """The operation and its arguments: equal for equal requests."""
        return f"{self.operation} {canonical_json(self.arguments)}"


class Carrier(Protocol):
    """What brings requests to the systems, in this process or in another."""

    async def carry(self, request: Request, body: Callable[[], R]) -> R:
        """Let the system do what `body` does, and return its answer if it arrives."""
        ...

    async def rule(self, name: str, arguments: Mapping[str, object], body: Callable[[], Ruling]) -> Ruling:
        """Return what policy says now of an intended effect, as `body` tells it. This is never lost."""
        ...


class Wire:
    """Carries requests to the systems of this process, and keeps the record of what they did."""

    def __init__(self, *, seed: int, latency: float, faults: Faults) -> None:
        self.effects: list[Effect] = []
        self.peaks: Counter[System] = Counter()
        self._seed, self._latency, self._faults = seed, latency, faults
        self.asked: Counter[str] = Counter()
        """By operation: how many requests have left for the systems."""

        self._asked: Counter[str] = Counter()
        self._working: Counter[System] = Counter()
        self._first_answers: dict[tuple[System, str], tuple[str, object]] = {}
        self._connections = {system: asyncio.Semaphore(count) for system, count in CONNECTIONS.items()}

    async def carry(self, request: Request, body: Callable[[], R]) -> R:
        """Let the system do its work, and return its answer if it arrives.

        Cancelled in the first half of its time the request changes nothing; after that, what it asked for has happened.
        """
        drawn = self._luck(request)
        half = drawn.seconds * self._latency / 2
        async with self._connections.get(request.system, nullcontext()):
            with self._working_on(request.system):
                await asyncio.sleep(half)
                if drawn.fate == "failed":
                    message = f"{request.system} answered {request.operation} with 503 service unavailable"
                    raise ConnectionError(message)
                answer = self._done_once(request, body) if request.changes else body()
                await asyncio.sleep(half)
                if drawn.fate == "lost":
                    message = f"{request.system} gave no answer to {request.operation}"
                    raise TimeoutError(message)
                return answer

    async def rule(self, name: str, arguments: Mapping[str, object], body: Callable[[], Ruling]) -> Ruling:
        """Return what policy says now."""
        del name, arguments
        return body()

    def suffer(self, faults: Faults) -> None:
        """Let requests go wrong so often from now on."""
        self._faults = faults

    def _luck(self, request: Request) -> Luck:
        asked = request.text
        times = self._asked[asked]
        self._asked[asked] += 1
        self.asked[request.operation] += 1
        return luck(
            seed=self._seed,
            faults=self._faults,
            system=request.system,
            operation=request.operation,
            asked=asked,
            times=times,
        )

    def _done_once(self, request: Request, body: Callable[[], R]) -> R:
        """Do the work, unless its key was used before: then return the first answer."""
        if request.key is None:
            return self._done(request, body)
        identity = (request.system, request.key)
        if identity not in self._first_answers:
            self._first_answers[identity] = (request.text, self._done(request, body))
        text, answer = self._first_answers[identity]
        if text != request.text:
            message = f"{request.system} knows key {request.key!r} with other arguments; nothing was done"
            raise ToolRejectedError(message)
        return cast("R", answer)

    def _done(self, request: Request, body: Callable[[], R]) -> R:
        answer = body()
        effect = Effect(
            system=request.system,
            operation=request.operation,
            key=request.key,
            arguments=request.arguments,
            cents=answer.cents if isinstance(answer, Receipt) else 0,
        )
        self.effects.append(effect)
        return answer

    @contextmanager
    def _working_on(self, system: System) -> Generator[None]:
        self._working[system] += 1
        self.peaks[system] = max(self.peaks[system], self._working[system])
        try:
            yield
        finally:
            self._working[system] -= 1


class Wired(Protocol):
    """What has remote operations."""

    @property
    def wire(self) -> Carrier:
        """What carries the requests."""
        ...


def remote(
    system: System, *, changes: bool = False
) -> Callable[[Callable[Concatenate[W, P], R]], Callable[Concatenate[W, P], Coroutine[Any, Any, R]]]:
    """Make a method with named arguments an operation of a remote system.

    The method's body is what the system does, at one instant. An argument `key` is the idempotency key.
    """

    def decorate(body: Callable[Concatenate[W, P], R]) -> Callable[Concatenate[W, P], Coroutine[Any, Any, R]]:
        @wraps(body)
        async def operation(self: W, /, *args: P.args, **kwargs: P.kwargs) -> R:
            given = cast("dict[str, object]", kwargs)
            request = Request(
                system=system,
                operation=body.__name__,
                changes=changes,
                key=cast("str | None", given.get("key")),
                arguments={name: value for name, value in given.items() if name != "key"},
            )
            return await self.wire.carry(request, lambda: body(self, *args, **kwargs))

        return operation

    return decorate
