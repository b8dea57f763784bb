"""The tables, as SQLAlchemy models: threads, runs, calls, decisions, news, spans, spend.

Rows never leave the storage modules.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, ForeignKey, Index, MetaData, String, text
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

LIVE_STATES = "('proposed', 'awaiting_approval', 'ready', 'running', 'done')"
"""The states of which a key has one call at most: those that hold it (`trunkline.tools.ledger.HOLDING`) but `unknown`,
beside which the call that settles it may run."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, on databases that keep the zone and on those that drop it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store in UTC."""
        del dialect
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Read as UTC."""
        del dialect
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class AnyText(TypeDecorator[str]):
    """A text, whoever wrote it: characters that a database cannot keep (NUL, half a surrogate pair) become `?`."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Store what can be stored."""
        del dialect
        if not value or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "?").encode(errors="replace").decode()


class Table(AsyncAttrs, DeclarativeBase):
    """The base of the models."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, dict[str, Any]: JSON, str: AnyText}


class ThreadRow(Table):
    """A conversation: an actor whose mail are its runs. Workers lease threads, so that a thread has one writer."""

    __tablename__ = "threads"
    __table_args__ = (
        Index(
            "ix_threads_ready",
            "queue",
            "rank",
            "vtime",
            "ready_at",
            sqlite_where=text("sched = 'ready'"),
            postgresql_where=text("sched = 'ready'"),
        ),
        Index(
            "ix_threads_leased",
            "worker_id",
            sqlite_where=text("sched = 'leased'"),
            postgresql_where=text("sched = 'leased'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    created_at: Mapped[datetime]
    sched: Mapped[str] = mapped_column(server_default="idle")
    """`idle`: nothing to do; `ready`: a run waits; `leased`: a worker has it."""

    queue: Mapped[str | None]
    """The queue, rank (minus its priority), virtual time and moment of the run that comes next."""

    rank: Mapped[int] = mapped_column(server_default=text("0"))
    vtime: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ready_at: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    worker_id: Mapped[str | None]
    fence: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The fencing token: grows whenever the thread changes hands."""

    lease_id: Mapped[str | None]
    next_seq: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    """The number of its next run."""

    next_event: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    """The number of its next event."""


class RunRow(Table):
    """One turn of work on a thread: the job in the queue. Times in microseconds are the database's."""

    __tablename__ = "runs"
    __table_args__ = (
        Index(None, "thread_id", "started_at"),
        Index(None, "tenant", "started_at"),
        Index(
            "ux_runs_running",
            "thread_id",
            unique=True,
            sqlite_where=text("status = 'running' AND fence > 0"),
            postgresql_where=text("status = 'running' AND fence > 0"),
        ),
        Index(
            "ux_runs_tenant_idempotency_key",
            "tenant",
            "idempotency_key",
            unique=True,
            sqlite_where=text("idempotency_key IS NOT NULL"),
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        Index(
            "ix_runs_open",
            "status",
            "thread_id",
            "seq",
            sqlite_where=text("status IN ('queued', 'waiting')"),
            postgresql_where=text("status IN ('queued', 'waiting')"),
        ),
        Index(
            "ix_runs_queued",
            "tenant",
            "queue",
            "priority",
            "vtime",
            sqlite_where=text("status = 'queued'"),
            postgresql_where=text("status = 'queued'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    thread_id: Mapped[str] = mapped_column(ForeignKey("threads.id"))
    tenant: Mapped[str]
    graph: Mapped[str]
    status: Mapped[str]
    trace_id: Mapped[str]
    """The id of the root span, here and in LangSmith."""

    asked: Mapped[str | None]
    """The beginning of what the run was asked, for lists."""

    answer: Mapped[str | None]
    error: Mapped[str | None]
    started_at: Mapped[datetime]
    """When it began; for one that has not, when it was queued."""

    ended_at: Mapped[datetime | None]
    queued_at: Mapped[datetime | None]
    """None: it was never queued, but began at once in the process that asked for it."""

    seq: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Its number in its thread."""

    fence: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The fencing token of its last claim; 0 before the first."""

    reference: Mapped[str | None]
    """How a worker finds the graph. None: only the process that began it has it."""

    given: Mapped[bytes | None]
    """The input, serialised."""

    resume: Mapped[bytes | None]
    """The answer to its interrupt, serialised, until it is over."""

    interrupts: Mapped[bytes | None]
    """What it waits for, serialised."""

    queue: Mapped[str | None]
    priority: Mapped[int] = mapped_column(server_default=text("0"))
    vtime: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Its place in the fair order of the tenants."""

    not_before: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    answer_within: Mapped[int | None] = mapped_column(BigInteger)
    """Microseconds for which it waits for an answer, each time. None: for ever."""

    wait_until: Mapped[int | None] = mapped_column(BigInteger)
    """When a waiting run is given up."""

    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    """How many attempts have failed, since it was last answered."""

    crashes: Mapped[int] = mapped_column(server_default=text("0"))
    """How many workers died with it, since it was last answered."""

    max_attempts: Mapped[int] = mapped_column(server_default=text("1"))
    cancel: Mapped[str | None]
    """What was asked of the worker that runs it: `cancel` or `rollback`."""

    idempotency_key: Mapped[str | None]


class CallRow(Table):
    """A tool call: the ledger."""

    __tablename__ = "calls"
    __table_args__ = (
        Index(None, "run_id"),
        Index(
            "ux_calls_tenant_key",
            "tenant",
            "key",
            unique=True,
            sqlite_where=text(f"key IS NOT NULL AND state IN {LIVE_STATES}"),
            postgresql_where=text(f"key IS NOT NULL AND state IN {LIVE_STATES}"),
        ),
        Index(None, "tenant", "state"),
        Index(None, "tenant", "key"),
        Index(None, "thread_id", "recorded_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    thread_id: Mapped[str]
    run_id: Mapped[str]
    batch: Mapped[str]
    tool_call_id: Mapped[str]
    tool: Mapped[str]
    home: Mapped[str | None]
    """`module:name` of the tool's function: what the call is bound to again, by whoever carries it out."""

    effect: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    fingerprint: Mapped[str]
    key: Mapped[str | None]
    state: Mapped[str]
    reason: Mapped[str | None]
    """Why somebody must decide."""

    context: Mapped[dict[str, Any] | None] = mapped_column(JSON, nullable=True)
    """What rules know of the call beside its arguments, and who has agreed so far."""

    asked_at: Mapped[datetime | None]
    """When somebody was asked to decide."""

    expires_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    note: Mapped[str | None]
    """The reason that whoever decided gives to the customer."""

    output: Mapped[Any] = mapped_column(JSON, nullable=True)
    failure: Mapped[str | None]
    """One of `FailureKind`."""

    error: Mapped[str | None]
    untrusted: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether nobody vouches for the output."""

    attempts: Mapped[int | None]
    started_at: Mapped[datetime | None]
    """When an effect's intent was recorded."""

    waited: Mapped[float | None]
    """Seconds before it ran."""

    seconds: Mapped[float | None]
    """Seconds that it ran."""

    recorded_at: Mapped[datetime]
    """When the row was last written."""


class DecisionRow(Table):
    """What somebody decided on a call: the audit trail, never changed."""

    __tablename__ = "decisions"
    __table_args__ = (Index(None, "call_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"))
    verdict: Mapped[str]
    by: Mapped[str]
    reason: Mapped[str | None]
    """For the customer."""

    note: Mapped[str | None]
    """For colleagues only."""

    arguments: Mapped[dict[str, Any] | None] = mapped_column(JSON, nullable=True)
    """The call's arguments before an edit."""

    at: Mapped[datetime]


class NewsRow(Table):
    """Something that a thread's conversation must be told at its next turn."""

    __tablename__ = "news"
    __table_args__ = (Index(None, "thread_id", "told_by"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    thread_id: Mapped[str]
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"))
    event: Mapped[str]
    at: Mapped[datetime]
    told_by: Mapped[str | None]
    """The run that has told it."""


class SpanRow(Table):
    """A step, model call or tool call as it was traced."""

    __tablename__ = "spans"
    __table_args__ = (Index(None, "run_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str]
    parent_id: Mapped[str | None]
    name: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str]
    error: Mapped[str | None]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    attributes: Mapped[dict[str, Any]]


class SpendRow(Table):
    """What one model call used and cost."""

    __tablename__ = "spend"
    __table_args__ = (Index(None, "run_id"),)

    span_id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    run_id: Mapped[str]
    thread_id: Mapped[str]
    model: Mapped[str]
    input_tokens: Mapped[int | None]
    cached_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    micro_usd: Mapped[int | None] = mapped_column(BigInteger)
    """None: nobody knows the price."""

    at: Mapped[datetime]
