"""What the queue should hold: the plainest model of it, and a machine that plays both against each other."""

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from stand_ins.queues import QueueUnderTest, queue_on
from trunkline.errors import LeaseLostError, QueueFullError, RunStateError, ThreadBusyError, WorkerDeadError
from trunkline.runtime.queue.lease import Lease, hold
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.queue.submission import Policy
from trunkline.runtime.storage.queue.clock import SECOND
from trunkline.runtime.storage.queue.finishing import AttemptFailed, Crashed, End, Ended, HandedBack, Interrupted
from trunkline.runtime.storage.queue.reaping import MOST_CRASHES
from trunkline.runtime.storage.queue_tables import EventRow, TenantRow, WorkerRow
from trunkline.runtime.storage.tables import RunRow, ThreadRow

LEASE = 30.0
THREADS = {"a": "", "b": "", "c": "limited", "d": "limited"}
"""Threads and their tenants; the tenant `limited` may have one thread leased and four runs queued."""

WORKERS = ["w1", "w2", "w3"]
ENDS: list[End] = [
    Ended(status=RunStatus.SUCCEEDED),
    Ended(status=RunStatus.FAILED, error="no"),
    Interrupted(interrupts=b"?"),
    HandedBack(),
    AttemptFailed(error="no", delay=5.0),
]
_EVENT = insert(EventRow)


@dataclass(slots=True, kw_only=True)
class RunModel:
    """A run as the model has it."""

    thread: str
    seq: int
    priority: int
    not_before: int
    key: str | None
    status: str = "queued"
    begun: bool = False
    attempt: int = 0
    crashes: int = 0
    cancel: str | None = None
    wait_until: int | None = None
    worker: str | None = None
    fence: int = 0

    def stop(self) -> None:
        """It is over, or asked to end."""
        if self.status == "running":
            self.cancel = "cancel"
        elif self.status in {"queued", "waiting"}:
            self.status = "cancelled"


class QueueMachine(RuleBasedStateMachine):
    """Plays the same moves in a queue on a database and in the model, and compares them after each."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._opening = queue_on(url)
        self._queue: QueueUnderTest = self._do(self._opening.__aenter__())
        self._do(self._begin())
        self.runs: dict[str, RunModel] = {}
        self.leases: dict[str, Lease] = {}
        """Of the runs that are running, by their run."""

        self.lost: list[Lease] = []
        self.ended: list[tuple[Lease, End]] = []
        self.fences: dict[str, int] = {}
        self.until = dict.fromkeys(WORKERS, self._now + round(LEASE * SECOND))
        """Until when the workers live that nobody has declared dead."""

    def teardown(self) -> None:
        """Close the queue."""
        self._do(self._opening.__aexit__(None, None, None))
        self._runner.close()

    def _do(self, work: Any) -> Any:
        return self._runner.run(work)

    async def _begin(self) -> None:
        async with self._queue.engine.begin() as connection:
            for table in (EventRow, RunRow, ThreadRow, TenantRow, WorkerRow):
                await connection.execute(delete(table))
        await self._queue.allow("limited", max_running=1, max_queued=4, weight=0.5)
        await self._queue.arrive(*WORKERS, lease=LEASE)

    @property
    def _now(self) -> int:
        return self._queue.clock.now

    def _of(self, thread: str, *statuses: str) -> list[RunModel]:
        return [run for run in self.runs.values() if run.thread == thread and run.status in statuses]

    def _head(self, thread: str) -> RunModel | None:
        """The run that must begin next, if one may now."""
        due = [run for run in self._of(thread, "queued") if run.begun or run.not_before <= self._now]
        first = min(due, key=lambda run: run.seq, default=None)
        return first if first and first.not_before <= self._now and not self._of(thread, "running") else None

    # --- moves ---

    @rule(
        thread=st.sampled_from(sorted(THREADS)),
        key=st.sampled_from([None, None, "k1", "k2"]),
        delay=st.sampled_from([0.0, 0.0, 10.0]),
        priority=st.sampled_from([0, 0, 1]),
        policy=st.sampled_from([Policy.ENQUEUE, Policy.ENQUEUE, Policy.REJECT, Policy.INTERRUPT]),
    )
    def submit(self, thread: str, key: str | None, delay: float, priority: int, policy: Policy) -> None:
        tenant = THREADS[thread]
        earlier = [name for name, run in self.runs.items() if key and (run.key, THREADS[run.thread]) == (key, tenant)]
        queued = [run for run in self.runs.values() if THREADS[run.thread] == tenant and run.status == "queued"]
        wanted = self._queue.submission(
            thread, tenant=tenant, key=key, delay=delay, priority=priority, policy=policy, answer_within=20.0
        )
        try:
            submitted = self._do(self._queue.queue.submit(wanted))
        except QueueFullError:
            assert not earlier
            assert (tenant, len(queued)) == ("limited", 4)
            return
        except ThreadBusyError:
            assert policy is Policy.REJECT
            assert self._of(thread, "queued", "running")
            return
        if earlier:
            assert [submitted.run_id] == earlier
            return
        assert tenant == "" or len(queued) < 4
        assert policy is not Policy.REJECT or not self._of(thread, "queued", "running")
        if policy is Policy.INTERRUPT:
            for run in self._of(thread, "queued", "waiting", "running"):
                run.stop()
        due = self._now + round(delay * SECOND)
        seq = 1 + max((run.seq for run in self.runs.values() if run.thread == thread), default=0)
        self.runs[submitted.run_id] = RunModel(thread=thread, seq=seq, priority=priority, not_before=due, key=key)

    @rule(worker=st.sampled_from(WORKERS), limit=st.integers(1, 3))
    def claim(self, worker: str, limit: int) -> None:
        heads = {thread: head for thread in THREADS if (head := self._head(thread))}
        busy = any(THREADS[run.thread] == "limited" and run.status == "running" for run in self.runs.values())
        free = {thread: head for thread, head in heads.items() if not (busy and THREADS[thread] == "limited")}
        crowd = len([thread for thread in free if THREADS[thread] == "limited"])
        try:
            claimed = self._do(self._queue.claim(worker, limit))
        except WorkerDeadError:
            assert worker not in self.until
            return
        assert worker in self.until
        begun = [self.runs[one.run.id] for one in claimed]
        assert all(run is heads[run.thread] for run in begun)
        assert len(begun) == min(limit, len(free) - max(crowd - 1, 0)), "what could be claimed was left"
        left = [free[thread].priority for thread in free if thread not in {run.thread for run in begun}]
        if crowd < 2:
            assert min((run.priority for run in begun), default=9) >= max(left, default=-9)
        for one, run in zip(claimed, begun, strict=True):
            assert one.begun == run.begun
            for asked in self._of(run.thread, "waiting"):  # the conversation goes on without an answer
                asked.status = "cancelled"
            run.status, run.begun, run.worker, run.fence = "running", True, worker, one.lease.fence
            self.leases[one.run.id] = one.lease

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), end=st.sampled_from(ENDS))
    def finish(self, data: st.DataObject, end: End) -> None:
        run_id = data.draw(st.sampled_from(sorted(self.leases)))
        run, lease = self.runs[run_id], self.leases.pop(run_id)
        self._do(self._queue.queue.finish(lease, end))
        self.ended.append((lease, end))
        if run.cancel and not isinstance(end, Ended):
            run.status = "cancelled"
            return
        match end:
            case Ended():
                run.status = end.status.value
            case Interrupted():
                run.status, run.wait_until = "waiting", self._now + 20 * SECOND
            case HandedBack():
                run.status, run.not_before = "queued", self._now
            case AttemptFailed():
                run.attempt += 1
                run.status = "queued" if run.attempt < 3 else "failed"
                run.not_before = self._now + 5 * SECOND
            case Crashed():
                raise AssertionError("only a worker that serves a run in another process ends it so")

    @precondition(lambda self: self.ended)
    @rule(data=st.data())
    def finish_again(self, data: st.DataObject) -> None:
        """The answer to a finish was lost. Nothing changes, also where another has the thread by now."""
        lease, end = data.draw(st.sampled_from(self.ended))
        try:
            self._do(self._queue.queue.finish(lease, end))
        except LeaseLostError:
            assert self.runs[lease.run_id].begun

    @precondition(lambda self: self.lost)
    @rule(data=st.data(), end=st.sampled_from(ENDS))
    def write_under_a_lost_lease(self, data: st.DataObject, end: End) -> None:
        lease = data.draw(st.sampled_from(self.lost))
        for work in (self._queue.queue.finish(lease, end), self._write(lease)):
            try:
                self._do(work)
            except LeaseLostError:
                continue
            raise AssertionError("it was not refused")

    async def _write(self, lease: Lease) -> None:
        await asyncio.create_task(self._write_under(lease))

    async def _write_under(self, lease: Lease) -> None:
        """Write as a run does: in a task that holds the lease."""
        hold(lease)
        row = {"thread_id": lease.thread_id, "seq": 10_000, "run_id": lease.run_id, "fence": lease.fence}
        await self._queue.writer.post(_EVENT, row | {"kind": "late", "data": b"", "at": 0})

    @rule(seconds=st.sampled_from([1.0, 6.0, 16.0]))
    def let_time_pass(self, seconds: float) -> None:
        self._queue.clock.move(seconds)

    @rule(worker=st.sampled_from(WORKERS))
    def renew(self, worker: str) -> None:
        try:
            wanted = self._do(self._queue.queue.renew(worker, lease=LEASE))
        except WorkerDeadError:
            assert worker not in self.until
            return
        self.until[worker] = self._now + round(LEASE * SECOND)
        mine = {
            name for name, run in self.runs.items() if run.status == "running" and run.worker == worker and run.cancel
        }
        assert {one.run_id for one in wanted} == mine

    @rule(known_dead=st.sampled_from([[], [], [], *([name] for name in WORKERS)]))
    def reap(self, known_dead: list[str]) -> None:
        reaped = self._do(self._queue.queue.reap(known_dead=known_dead))
        dead = {name for name, until in self.until.items() if until < self._now or name in known_dead}
        assert set(reaped.workers) == dead
        for run_id, run in self.runs.items():
            if run.status == "running" and run.worker in dead:
                self.lost.append(self.leases.pop(run_id))
                run.crashes += 1
                again = "dead" if run.crashes == MOST_CRASHES else "queued"
                run.status, run.not_before = "cancelled" if run.cancel else again, self._now
        self.until = {name: until for name, until in self.until.items() if name not in dead}

    @precondition(lambda self: len(self.until) < len(WORKERS))
    @rule()
    def restart_the_dead(self) -> None:
        """Under their old names, for the sake of a small game."""
        gone = [name for name in WORKERS if name not in self.until]
        self._do(self._bury(gone))
        self.until |= dict.fromkeys(gone, self._now + round(LEASE * SECOND))

    async def _bury(self, names: list[str]) -> None:
        async with self._queue.engine.begin() as connection:
            await connection.execute(delete(WorkerRow).where(WorkerRow.id.in_(names)))
        await self._queue.arrive(*names, lease=LEASE)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(sorted(self.runs)))
        self._do(self._queue.queue.stop(run_id))
        self.runs[run_id].stop()

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(sorted(self.runs)))
        run = self.runs[run_id]
        try:
            self._do(self._queue.queue.kill(run_id))
        except RunStateError:
            assert run.status not in {"running", "queued", "waiting"}
            return
        if run.status == "running":
            self.lost.append(self.leases.pop(run_id))
        run.status = "cancelled"

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(sorted(self.runs)))
        run = self.runs[run_id]
        try:
            self._do(self._queue.queue.answer(run_id, b"yes", fence=run.fence))
        except RunStateError:
            assert run.status != "waiting"
            return
        assert run.status == "waiting"
        run.status, run.not_before, run.attempt, run.crashes = "queued", self._now, 0, 0

    @rule()
    def give_up_waiting(self) -> None:
        late = {
            name for name, run in self.runs.items() if run.status == "waiting" and (run.wait_until or 0) <= self._now
        }
        assert set(self._do(self._queue.queue.give_up_waiting())) == late
        for run_id in late:
            self.runs[run_id].status = "cancelled"

    # --- what holds after each move ---

    @invariant()
    def the_tables_hold_what_the_model_has(self) -> None:
        self._do(self._look())

    async def _look(self) -> None:
        async with self._queue.engine.connect() as connection:
            runs = (await connection.execute(select(RunRow.__table__))).all()
            threads = (await connection.execute(select(ThreadRow.__table__))).all()
            late = select(EventRow.seq).where(EventRow.kind == "late")
            assert not (await connection.execute(late)).all(), "something was written under a lost lease"
            if self.leases:
                await self._require_refused(connection, *next(iter(self.leases.items())))
        self._compare_runs(runs)
        self._compare_threads(threads)

    def _compare_runs(self, rows: Any) -> None:
        """None is lost, and only failed attempts count as attempts, only dead workers as crashes."""
        held = {row.id: (row.status, row.attempt, row.crashes, row.seq) for row in rows}
        assert held == {name: (run.status, run.attempt, run.crashes, run.seq) for name, run in self.runs.items()}

    def _compare_threads(self, rows: Any) -> None:
        """Leased with a running run, ready with a queued one and at the place of the next, else idle."""
        for row in rows:
            thread = row.id.rpartition("/")[2]
            running, queued = self._of(thread, "running"), self._of(thread, "queued")
            assert len(running) <= 1
            assert row.sched == ("leased" if running else "ready" if queued else "idle")
            assert row.worker_id == (running[0].worker if running else None)
            if row.sched == "ready":
                assert (row.ready_at <= self._now) == (self._head(thread) is not None)
            assert row.fence >= self.fences.get(row.id, 0)
            self.fences[row.id] = row.fence

    async def _require_refused(self, connection: AsyncConnection, run_id: str, lease: Lease) -> None:
        """The database itself refuses a second running run of a thread."""
        began = select(ThreadRow.created_at).where(ThreadRow.id == lease.thread_id).scalar_subquery()
        row = {"id": f"beside {run_id}", "thread_id": lease.thread_id, "tenant": "", "graph": "g", "trace_id": "x"}
        try:
            await connection.execute(insert(RunRow).values(**row, status="running", fence=99, started_at=began))
        except IntegrityError:
            return
        raise AssertionError("a second running run was taken")
