"""A shift that worker processes serve: each turn of a contact, and the work after it, is a run in the queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage

from trunkline import Run, RunStatus, Trunkline
from trunkline.errors import RunFailedError
from trunkline.examples.call_center.backend import Desks
from trunkline.examples.call_center.day import Contact
from trunkline.examples.call_center.graphs import FinishedContact
from trunkline.examples.call_center.shift import SEATS, Served, Shift

LATER = -10
"""The priority of the work after a contact: whoever is on the line goes first."""


class RunEndedError(Exception):
    """What a worker said about a run that did not succeed."""


class QueuedShift(Shift):
    """Serves contacts through the queues `live` and `after`. A seat is taken only as long as its contact talks.

    Cancelled, what waits in the queue or runs is cancelled too.
    """

    def __init__(
        self,
        line: Trunkline,
        desks: Desks,
        *,
        model: BaseChatModel | str,
        live: str,
        after: str,
        seats: int = SEATS,
        served: Callable[[Served], None],
    ) -> None:
        super().__init__(line, desks, model=model, seats=seats, served=served)
        self._queue, self._after_queue = live, after
        self.runs: list[Run] = []
        """Every run that was served, as it ended."""

    async def hang_up(self, contact: Contact, run_id: str) -> bool:
        """End a contact whose caller has gone in the middle of a run; return whether that is noted in the CRM.

        Reads are dropped, changes under way come to their end, and what waits for a colleague is noted as owed. The
        work after the contact is done once, however often one hears that the caller has gone.
        """
        await self._line.cancel(run_id)
        await self._line.wait(run_id)
        state = await self._line.state(self._live, thread=contact.id)
        waiting = await self._line.approvals(thread=contact.id)
        finished = self._finished(contact, state.get("messages", []))
        finished["pending"] = "\n".join(f"tell the customer what became of {call.tool}" for call in waiting)
        await self._ended(await self._follow_up(contact, finished))
        return bool((await self._line.state(self._after, thread=f"{contact.id}/after"))["noted"])

    async def _noted(self, contact: Contact) -> bool:
        async with self._seats:
            messages = await self._talk(contact)
        return await self._wrap_up(contact, messages)

    async def _turn(self, contact: Contact, number: int, turn: dict[str, Any]) -> list[AnyMessage]:
        run_id = await self._submitted(contact, number, turn)
        await self._ended(run_id)
        messages: list[AnyMessage] = (await self._line.state(self._live, thread=contact.id))["messages"]
        return messages

    async def _submitted(self, contact: Contact, number: int, turn: dict[str, Any]) -> str:
        """Leave the turn to the workers. However often it is delivered, its key makes it one run."""
        key = f"{contact.id} turn {number}"
        return await self._line.submit("live_contact", turn, thread=contact.id, key=key, queue=self._queue)

    async def _wrap_up(self, contact: Contact, messages: Sequence[AnyMessage]) -> bool:
        await self._ended(await self._follow_up(contact, self._finished(contact, messages)))
        return bool((await self._line.state(self._after, thread=f"{contact.id}/after"))["noted"])

    async def _follow_up(self, contact: Contact, finished: FinishedContact) -> str:
        """Leave the work after the contact to the workers, once."""
        thread = f"{contact.id}/after"
        return await self._line.submit(
            "after_call", finished, thread=thread, key=thread, queue=self._after_queue, priority=LATER
        )

    async def _ended(self, run_id: str) -> None:
        """Wait until the run is over. Raises `RunFailedError` where it did not succeed."""
        try:
            run = await self._line.wait(run_id)
        except BaseException:
            await self._line.cancel(run_id)
            raise
        self.runs.append(run)
        if run.status is not RunStatus.SUCCEEDED:
            cause = RunEndedError(f"{run.status.value}: {run.error}")
            raise RunFailedError(run=run.id, thread=run.thread_id, cause=cause) from cause
