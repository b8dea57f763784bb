"""The shop's back end as a world of its own, outside the process that calls it: it serves each key once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retail.desk import Answer, Desk
from retail.tasks import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a tool asks of the back end."""

    call_id: str
    tool: str
    arguments: Mapping[str, Any]
    key: str | None
    """The idempotency key of an effect; a read has none."""


class BackEnd:
    """Serves requests at a desk. A key that is being served or took effect gives that answer; refused, it is free."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._by_key: dict[str, asyncio.Task[Answer]] = {}
        self._asked: set[str] = set()
        self.effects = 0
        """How often something was done, not counting what was refused."""

        self.asked_again: list[Request] = []
        """Requests by calls that had asked before."""

    async def answer(self, request: Request) -> Answer:
        """Serve the request, to its end also if whoever asked is gone."""
        if request.call_id in self._asked:
            self.asked_again.append(request)
        self._asked.add(request.call_id)
        if request.key is None:
            return await self._serve(request)
        if request.key not in self._by_key:
            self._by_key[request.key] = asyncio.create_task(self._serve(request), name=f"effect {request.key}")
        return await asyncio.shield(self._by_key[request.key])

    async def _serve(self, request: Request) -> Answer:
        answer = await self._desk.serve(Action(name=request.tool, arguments=request.arguments))
        if request.key is not None and answer.refused:
            del self._by_key[request.key]
        elif request.key is not None:
            self.effects += 1
        return answer
