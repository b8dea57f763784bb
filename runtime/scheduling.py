"""What a line offers to those who want runs again and again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trunkline.agents.agent import Agent
from trunkline.runtime.given import graph_input
from trunkline.runtime.queue.schedule import Misfire, Schedule
from trunkline.runtime.queue.submission import DEFAULT_QUEUE
from trunkline.runtime.runnable import Runnable

if TYPE_CHECKING:
    from trunkline.runtime.opened import Opened


class Scheduling(ABC):
    """Schedules of the line's tenant, which workers keep."""

    @abstractmethod
    def _require_open(self) -> Opened: ...

    async def schedule(
        self,
        name: str,
        graph: Runnable | str,
        given: Any,
        *,
        cron: str,
        zone: str = "UTC",
        misfire: Misfire | str = Misfire.ONCE,
        thread: str | None = None,
        queue: str = DEFAULT_QUEUE,
        priority: int = 0,
    ) -> None:
        """Submit a run at every moment of the cron expression, as `submit` would; workers do it.

        `zone` is the IANA time zone in which the expression is read. `misfire` says what happens to moments at which no
        worker was up: `once` one run for all, `all` one for each, `skip` none. Without `thread` each run has its own.
        Declared again under its name, a schedule is changed; it may be declared at every start.

        Raises `ScheduleError`, `UnnamedGraphError`, `TypeNotAllowedError`.
        """
        opened = self._require_open()
        reference = opened.graphs.name_of(graph)
        wanted = Schedule(
            name=name,
            tenant=opened.office.tenant,
            cron=cron,
            zone=zone,
            misfire=Misfire(misfire),
            thread_id=None if thread is None else opened.office.thread_id(thread),
            graph=graph.name if isinstance(graph, Agent) else reference,
            reference=reference,
            given=opened.payloads_for(graph).dumps(graph_input(given)),
            queue=queue,
            priority=priority,
        )
        await opened.database.schedules.declare(wanted)

    async def unschedule(self, name: str) -> None:
        """Take a schedule away; runs that it has submitted stay. Raises `UnknownScheduleError`."""
        opened = self._require_open()
        await opened.database.schedules.remove(opened.office.tenant, name)

    async def schedules(self) -> Sequence[Schedule]:
        """Return the schedules, by name."""
        opened = self._require_open()
        return await opened.database.schedules.all(opened.office.tenant)

    async def pause_schedule(self, name: str) -> None:
        """Let a schedule rest until it is resumed. Raises `UnknownScheduleError`."""
        opened = self._require_open()
        await opened.database.schedules.pause(opened.office.tenant, name, paused=True)

    async def resume_schedule(self, name: str) -> None:
        """Let a schedule go on from its next moment; those that passed meanwhile were not missed.

        Raises `UnknownScheduleError`.
        """
        opened = self._require_open()
        await opened.database.schedules.pause(opened.office.tenant, name, paused=False)
