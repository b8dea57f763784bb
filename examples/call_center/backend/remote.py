"""The company's systems when they run in another process: each request goes there over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx
from pydantic import TypeAdapter

from trunkline.examples.call_center.backend.books import Books
from trunkline.examples.call_center.backend.desks import Desks
from trunkline.examples.call_center.backend.luck import Faults
from trunkline.examples.call_center.backend.operations import operations
from trunkline.examples.call_center.backend.wire import Effect, Request
from trunkline.examples.call_center.canonical import canonical_json
from trunkline.examples.call_center.policy import Ruling
from trunkline.examples.call_center.world import World
from trunkline.tools import ToolRejectedError

R = TypeVar("R")

EFFECTS = TypeAdapter(list[Effect])
FAULTS = TypeAdapter(Faults)
REFUSED, UNAVAILABLE = 422, 503

_ABANDONED_AFTER = 30.0
"""Seconds after which nobody waits for an answer any more; tools give up before."""


class HttpWire:
    """Carries requests to the process that has the company's systems. Belongs to one event loop."""

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        self.client = httpx.AsyncClient(base_url=url, timeout=_ABANDONED_AFTER, limits=limits, trust_env=False)

    async def carry(self, request: Request, body: Callable[[], R]) -> R:
        """Let the system do its work, and return its answer if it arrives. `body` is what it does over there.

        Cancelled, nobody knows here whether what was asked for has happened.
        """
        del body
        key = {} if request.key is None else {"key": request.key}
        return cast("R", await self._asked(request.operation, {**request.arguments, **key}))

    async def rule(self, name: str, arguments: Mapping[str, object], body: Callable[[], Ruling]) -> Ruling:
        """Return what policy says over there: it depends on what has been done today."""
        del body
        return cast("Ruling", await self._asked(name, arguments))

    async def _asked(self, name: str, arguments: Mapping[str, object]) -> Any:
        try:
            answer = await self.client.post(f"/{name}", content=canonical_json(arguments))
        except httpx.TransportError as error:
            message = f"no answer to {name}: {error}"
            raise TimeoutError(message) from error
        if answer.status_code == REFUSED:
            raise ToolRejectedError(answer.text)
        if answer.status_code == UNAVAILABLE:
            raise ConnectionError(answer.text)
        answer.raise_for_status()
        return operations()[name].answer.validate_json(answer.content)


class RemoteDesks(Desks):
    """The desks for systems in another process. `world` tells whose an order is; all else is asked there."""

    def __init__(self, url: str, world: World) -> None:
        self._wire = HttpWire(url)
        super().__init__(self._wire, Books(world))

    async def __aenter__(self) -> Self:
        """Nothing is sent yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._wire.client.aclose()

    async def effects(self) -> Sequence[Effect]:
        """Return what the systems really did, in the order in which they did it."""
        return EFFECTS.validate_json((await self._wire.client.get("/effects")).content)

    async def peaks(self) -> Mapping[str, int]:
        """Return how many requests each system worked on at once, at most."""
        peaks: Mapping[str, int] = json.loads((await self._wire.client.get("/peaks")).content)
        return peaks

    async def suffer(self, faults: Faults) -> None:
        """Let requests go wrong so often from now on."""
        (await self._wire.client.put("/faults", content=FAULTS.dump_json(faults))).raise_for_status()
