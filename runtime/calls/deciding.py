"""What a line offers to the people, and the customer, who decide on calls."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any

from trunkline.runtime.calls.decision import Decision, Verdict
from trunkline.runtime.calls.desk import Decided, Desk
from trunkline.runtime.calls.record import CallRecord
from trunkline.tools.call import CallState


class Deciding(ABC):
    """Decisions on calls by their id, or its beginning.

    Each method that decides raises a `DecisionError` where the decision comes too late or from the wrong one:
    `AlreadyDecidedError`, `RequestExpiredError`, `RequestWithdrawnError`, `SamePersonError`, `UnknownCallError`,
    `EditRefusedError`. Nothing is changed then. What was agreed on is carried out at once where this process knows the
    tool, and the conversation is told at its next turn.
    """

    @abstractmethod
    def _desk(self) -> Desk: ...

    @abstractmethod
    def _thread_id(self, thread: str) -> str: ...

    async def approvals(self, *, thread: str | None = None) -> list[CallRecord]:
        """Return the calls on which somebody must decide, of a thread or of all, oldest first."""
        return await self._desk().waiting(thread_id=self._of(thread))

    async def calls(
        self, *, thread: str | None = None, states: Collection[CallState] | None = None, limit: int | None = None
    ) -> list[CallRecord]:
        """Return calls of the ledger, oldest first; with `limit` the newest so many."""
        return await self._desk().calls(thread_id=self._of(thread), states=states, limit=limit)

    async def call(self, call_id: str) -> CallRecord:
        """Return one call of the ledger."""
        return await self._desk().call(call_id)

    async def approve(
        self, call_id: str, *, by: str, arguments: Mapping[str, Any] | None = None, note: str = ""
    ) -> Decided:
        """Agree to a call; with `arguments`, to the call with these instead, which are checked as if a model sent them.

        Where several people must agree, an edit begins anew with whoever made it. Policy is asked again before it runs.
        """
        decision = Decision(verdict=Verdict.APPROVE, by=by, note=note, arguments=arguments)
        return await self._desk().decide(call_id, decision)

    async def reject(self, call_id: str, *, by: str, reason: str = "", note: str = "") -> Decided:
        """Refuse a call. The conversation is told the `reason`; the `note` is for colleagues only."""
        return await self._desk().decide(call_id, Decision(verdict=Verdict.REJECT, by=by, reason=reason, note=note))

    async def withdraw(self, call_id: str, *, by: str, reason: str = "") -> Decided:
        """Take a request back before it runs."""
        return await self._desk().decide(call_id, Decision(verdict=Verdict.WITHDRAW, by=by, reason=reason))

    async def confirm(self, call_id: str, *, by: str = "customer") -> Decided:
        """Record that the customer agrees to a call; people of the company may have to agree as well."""
        return await self._desk().decide(call_id, Decision(verdict=Verdict.CONFIRM, by=by))

    async def decline(self, call_id: str, *, by: str = "customer") -> Decided:
        """Record that the customer does not agree: the request is withdrawn."""
        return await self.withdraw(call_id, by=by, reason="the customer did not agree")

    async def settle(self, call_id: str, *, by: str, happened: bool, output: Any = None, reason: str = "") -> Decided:
        """Record what a person found out about a call whose outcome is unknown."""
        return await self._desk().settle(call_id, by=by, happened=happened, output=output, reason=reason)

    async def compensate(self, call_id: str, *, by: str) -> Decided:
        """Undo a done call with the tool that its `compensate=` names; its key is free afterwards."""
        return await self._desk().compensate(call_id, by=by)

    async def expire(self) -> int:
        """Expire the requests whose time is over, and return how many. The line does so by itself about each second."""
        return await self._desk().expire()

    def _of(self, thread: str | None) -> str | None:
        return None if thread is None else self._thread_id(thread)
