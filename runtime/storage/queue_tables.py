"""The tables of the queue beside threads and runs: workers, tenants, schedules, events. Times are microseconds of the
database's clock.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from trunkline.runtime.storage.tables import Table


class WorkerRow(Table):
    """A process that runs graphs."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    version: Mapped[str]
    queues: Mapped[str]
    """The queues that it serves, separated by commas; none for a process that runs only its own turns."""

    slots: Mapped[int]
    alone: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether it serves runs that have taken others down in processes of their own."""

    state: Mapped[str]
    """`alive`, `draining` or `dead`."""

    lease_until: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[int] = mapped_column(BigInteger)
    refused: Mapped[int] = mapped_column(server_default=text("0"))
    """Writes of it that were refused because it had lost its lease."""


class TenantRow(Table):
    """What a tenant may use."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(primary_key=True)
    weight: Mapped[float] = mapped_column(server_default=text("1"))
    max_running: Mapped[int | None]
    max_queued: Mapped[int | None]
    paused: Mapped[bool] = mapped_column(server_default=text("false"))


class ScheduleRow(Table):
    """Runs that are submitted again and again."""

    __tablename__ = "schedules"
    __table_args__ = (Index(None, "next_at"),)

    tenant: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    cron: Mapped[str]
    zone: Mapped[str]
    """An IANA time zone."""

    misfire: Mapped[str]
    """What happens to moments that were missed: `skip`, `once` or `all`."""

    thread_id: Mapped[str | None]
    """None: each run has a thread of its own."""

    graph: Mapped[str]
    reference: Mapped[str]
    given: Mapped[bytes]
    queue: Mapped[str]
    priority: Mapped[int]
    paused: Mapped[bool] = mapped_column(server_default=text("false"))
    next_at: Mapped[int] = mapped_column(BigInteger)


class EventRow(Table):
    """Something that happened on a thread, in order."""

    __tablename__ = "events"
    __table_args__ = (Index(None, "run_id", "seq"),)

    thread_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    run_id: Mapped[str]
    fence: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    data: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[int] = mapped_column(BigInteger)
