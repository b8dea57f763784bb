"""A shift whose turns are all delivered twice, as by a channel that is not sure whether it was heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage

from trunkline import Trunkline
from trunkline.examples.call_center.backend import Desks
from trunkline.examples.call_center.day import Contact
from trunkline.examples.call_center.graphs import FinishedContact
from trunkline.examples.call_center.queued_shift import QueuedShift
from trunkline.examples.call_center.shift import Served


class DoubledShift(QueuedShift):
    """Delivers each turn twice at once and once more when it is over. The contacts come one by one, `within` seconds.

    Whoever comes is heard at once: there are as many seats as contacts.
    """

    def __init__(
        self,
        line: Trunkline,
        desks: Desks,
        *,
        model: BaseChatModel | str,
        live: str,
        after: str,
        within: float,
        served: Callable[[Served], None],
    ) -> None:
        super().__init__(line, desks, model=model, live=live, after=after, seats=3000, served=served)
        self._within = within
        self.accepted: list[str] = []
        """The run of each delivery."""

    async def _arrived(self, place: float) -> None:
        await asyncio.sleep(place * self._within)

    async def _turn(self, contact: Contact, number: int, turn: dict[str, Any]) -> list[AnyMessage]:
        messages = await super()._turn(contact, number, turn)
        self.accepted.append(await super()._submitted(contact, number, turn))
        return messages

    async def _submitted(self, contact: Contact, number: int, turn: dict[str, Any]) -> str:
        once, twice = await asyncio.gather(
            super()._submitted(contact, number, turn), super()._submitted(contact, number, turn)
        )
        self.accepted += [once, twice]
        return once

    async def _follow_up(self, contact: Contact, finished: FinishedContact) -> str:
        self.accepted.append(run_id := await super()._follow_up(contact, finished))
        return run_id
