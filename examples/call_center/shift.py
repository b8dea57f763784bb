"""A shift at the desk: contacts are served side by side, turn by turn, and then wrapped up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from trunkline import Trunkline
from trunkline.errors import RunFailedError, SetupError
from trunkline.examples.call_center.backend import Desks
from trunkline.examples.call_center.day import Contact
from trunkline.examples.call_center.graphs import FinishedContact, after_call, live_contact
from trunkline.examples.call_center.tools import contact_toolbox
from trunkline.examples.call_center.turns import turn_of
from trunkline.tools import Deadline

SEATS = 20

# A whole day is served at once on one machine: a deadline of milliseconds would measure that machine.
PATIENCE = Deadline(hard=60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """How one contact went."""

    contact: Contact
    turns: int
    noted: bool
    """Whether the work after it is in the CRM."""

    failure: RunFailedError | None = None


class Shift:
    """Serves contacts on a line, `seats` of them at once. `served` is called as each one ends."""

    def __init__(
        self,
        line: Trunkline,
        backend: Desks,
        *,
        model: BaseChatModel | str,
        seats: int = SEATS,
        served: Callable[[Served], None],
    ) -> None:
        self._line = line
        self._live = live_contact(backend, model=model, patience=PATIENCE)
        self._after = after_call(backend, model=model)
        self._effects = {tool.name for tool in contact_toolbox(backend) if not tool.effect.is_read}
        self._seats = asyncio.Semaphore(seats)
        self._served = served

    async def serve(self, contacts: Sequence[Contact]) -> list[Served]:
        """Serve the contacts and return how each went, in their order. Cancelled, no new turn begins.

        Raises the first failure that would meet every contact alike, like a model that cannot be reached.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._serve(contact, place / len(contacts)), name=f"contact {contact.id}")
                    for place, contact in enumerate(contacts)
                ]
        except ExceptionGroup as failures:
            failure = failures.exceptions[0]
        else:
            return [task.result() for task in tasks]
        raise failure

    async def _arrived(self, place: float) -> None:
        """Wait until the contact is there whose place among all is between 0 and 1: all are there at once."""

    async def _serve(self, contact: Contact, place: float) -> Served:
        await self._arrived(place)
        try:
            served = Served(contact=contact, turns=len(contact.says), noted=await self._noted(contact))
        except RunFailedError as failure:
            if isinstance(failure.__cause__, SetupError):  # it would meet every contact alike
                raise
            served = Served(contact=contact, turns=len(contact.says), noted=False, failure=failure)
        self._served(served)
        return served

    async def _noted(self, contact: Contact) -> bool:
        """Serve the contact; return whether the work after it is in the CRM."""
        async with self._seats:
            return await self._wrap_up(contact, await self._talk(contact))

    async def _talk(self, contact: Contact) -> list[AnyMessage]:
        messages: list[AnyMessage] = []
        for number, said in enumerate(contact.says, 1):
            turn = await turn_of(
                self._line,
                contact.id,
                contact=contact.id,
                channel=contact.channel,
                caller=contact.caller,
                now=datetime.now(UTC),
                said=said,
            )
            messages = await self._turn(contact, number, turn)
        return messages

    async def _turn(self, contact: Contact, number: int, turn: dict[str, Any]) -> list[AnyMessage]:
        """Serve a turn, and return the conversation so far."""
        del number
        return (await self._line.run(self._live, turn, thread=contact.id)).messages

    async def _wrap_up(self, contact: Contact, messages: Sequence[AnyMessage]) -> bool:
        reply = await self._line.run(self._after, self._finished(contact, messages), thread=f"{contact.id}/after")
        return bool(reply.state["noted"])

    def _finished(self, contact: Contact, messages: Sequence[AnyMessage]) -> FinishedContact:
        actions = [line for line in map(self._action, messages) if line]
        return FinishedContact(
            contact_id=contact.id,
            customer_id=contact.customer_id,
            channel=contact.channel,
            transcript="\n".join(line for line in map(_spoken, messages) if line),
            actions="\n".join(actions) or "none",
        )

    def _action(self, message: AnyMessage) -> str | None:
        """What a tool's result says that it did, for tools that change something."""
        if not isinstance(message, ToolMessage) or message.name not in self._effects:
            return None
        if message.status == "error" or "pending_approval" in message.text:
            return None
        return f"{message.name}: {message.text}"


def _spoken(message: AnyMessage) -> str | None:
    match message:
        case HumanMessage():
            return f"caller: {message.text}"
        case AIMessage() if message.text:
            return f"desk: {message.text}"
        case _:
            return None
