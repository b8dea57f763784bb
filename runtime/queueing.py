"""What a line offers to those who leave work in the queue."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Unpack
from uuid import uuid4

from langchain_core.utils.uuid import uuid7
from langgraph.types import Command, Interrupt

from trunkline.agents.agent import Agent
from trunkline.errors import ResumeError, RunStateError, UnknownRunError
from trunkline.runtime.events import Recorded
from trunkline.runtime.given import asked, graph_input
from trunkline.runtime.joining import join
from trunkline.runtime.questions import answers_by_id, interrupts_of, questions_of
from trunkline.runtime.queue.submission import DEFAULT_QUEUE, Policy, Submission, new_run_id
from trunkline.runtime.queue.tenant import Tenant, TenantChanges
from trunkline.runtime.runnable import Runnable
from trunkline.runtime.storage.run_rows import Run

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from trunkline.runtime.opened import Opened


class Queueing(ABC):
    """Runs that workers serve: submitted, waited for, answered and stopped by their id."""

    @abstractmethod
    def _require_open(self) -> Opened: ...

    async def submit(
        self,
        graph: Runnable | str,
        given: Any,
        *,
        thread: str | None = None,
        key: str | None = None,
        queue: str = DEFAULT_QUEUE,
        priority: int = 0,
        delay: float = 0.0,
        policy: Policy | str = Policy.ENQUEUE,
        max_attempts: int = 3,
        answer_within: float | None = None,
        connection: AsyncConnection | None = None,
    ) -> str:
        """Leave a run to the workers, and return its id once that is committed.

        `graph` is a name that the workers know, or an object that has one. The runs of a thread begin one after
        another, those of a higher `priority` before others; `delay` is in seconds. A second submission with the same
        `key` returns the first one's id. `policy` says what happens when the thread is busy. At an interrupt it waits
        for `answer_within` seconds; left out, until the thread's next run begins. With a `connection` (of SQLAlchemy)
        the run is part of the caller's transaction.

        Raises `ResumeError`, `ThreadBusyError`, `QueueFullError` (which says when to try again), `KeyTakenError`,
        `ForeignThreadError`, `UnnamedGraphError`, `TypeNotAllowedError`.
        """
        opened = self._require_open()
        if isinstance(given, Command) and given.resume is not None:
            raise ResumeError
        reference = opened.graphs.name_of(graph)
        wanted = Submission(
            run_id=new_run_id(),
            thread_id=opened.office.thread_id(thread or uuid4().hex),
            tenant=opened.office.tenant,
            graph=graph.name if isinstance(graph, Agent) else reference,
            reference=reference,
            given=opened.payloads_for(graph).dumps(graph_input(given)),
            asked=asked(given),
            trace_id=str(uuid7()),
            queue=queue,
            key=key,
            priority=priority,
            delay=delay,
            policy=Policy(policy),
            max_attempts=max_attempts,
            answer_within=answer_within,
        )
        return (await opened.database.queue.submit(wanted, connection=connection)).run_id

    async def wait(self, run_id: str, *, within: float | None = None) -> Run:
        """Return the run once it is over, or waits for an answer.

        Any number may be waited for at once. Raises `TimeoutError` after `within` seconds, and `UnknownRunError`.
        """
        opened = self._require_open()
        async with asyncio.timeout(within):
            return await opened.watch.until_rests(run_id)

    async def found(self, run_id: str) -> Run:
        """Return a run as it stands on record. Raises `UnknownRunError`."""
        database = self._require_open().database
        if (run := await database.runs.get(run_id)) is None:
            raise UnknownRunError(run=run_id, database=database.url.shown)
        return run

    async def join(self, run_id: str, *, after: int = 0) -> AsyncGenerator[Recorded]:
        """Yield what happened in a run since the event with this number, then what happens, until the run rests.

        It may be joined from any process and at any time, also when it is over, and joined again with the `seq` of the
        last thing heard. Pieces of text are told only while they are said. Raises `UnknownRunError`.
        """
        opened = self._require_open()
        async with aclosing(join(opened.database, opened.payloads, run_id, after=after)) as events:
            async for recorded in events:
                yield recorded

    async def history(self, thread: str, *, after: int = 0) -> AsyncGenerator[Recorded]:
        """Yield what happened on a thread since the event with this number, in all of its runs."""
        opened = self._require_open()
        thread_id = opened.office.thread_id(thread)
        while page := await opened.database.events.of_thread(thread_id, opened.payloads, after=after):
            for recorded in page:
                yield recorded
            after = page[-1].seq

    async def cancel(self, run_id: str) -> None:
        """Cancel a run: at once where it waits, else its worker ends it, which takes milliseconds on this machine.

        Effects under way end first; what was finished stays. A run that is over stays as it is.
        """
        await self._require_open().database.queue.stop(run_id)

    async def kill(self, run_id: str) -> None:
        """Cancel a run at once, whatever its worker is doing: nothing that it still does is written.

        Raises `RunStateError` for a run that is over.
        """
        await self._require_open().database.queue.kill(run_id)

    async def interrupts(self, run_id: str) -> list[Interrupt]:
        """Return the interrupts at which a run waits for an answer; none for a run that does not wait.

        Raises `UnknownRunError`, and `TypeNotAllowedError` for values of types that only the graph of the run knows.
        """
        opened = self._require_open()
        if wait := await opened.database.runs.wait_of(run_id):
            return interrupts_of(wait.interrupts, await opened.payloads_by(wait.reference))
        await self.found(run_id)
        return []

    async def answer(self, run_id: str, answer: Any) -> None:
        """Answer what a submitted run waits for; of several answers one wins, and the others raise `RunStateError`.

        Where it waits at several interrupts, `answer` maps their ids to answers, as many as there are by now; the run
        waits again for the rest. An answer by id never goes to a question that the run asks later.
        Raises `AnswerError`, and `UnknownRunError`.
        """
        opened = self._require_open()
        wait = await opened.database.runs.wait_of(run_id)
        if wait is None:
            status = (await self.found(run_id)).status
            raise RunStateError(run=run_id, status=status, wanted="waiting for an answer")
        by_id = answers_by_id(run_id, questions_of(wait.interrupts, opened.payloads), answer)
        payloads = await opened.payloads_by(wait.reference)
        await opened.database.queue.answer(run_id, payloads.dumps(by_id), fence=wait.fence)

    async def set_tenant(self, tenant: str | None = None, **changes: Unpack[TenantChanges]) -> None:
        """Change what a tenant may use: `weight`, `max_running`, `max_queued`, `paused`; what is left out stays.

        None takes a limit away. Without a name, the line's own tenant. Raises `TenantLimitError`.
        """
        opened = self._require_open()
        await opened.database.tenants.change(opened.office.tenant if tenant is None else tenant, **changes)

    async def tenants(self) -> list[Tenant]:
        """Return every tenant with its limits, and what it has at the moment."""
        return await self._require_open().database.tenants.all()
