"""Adds the queue: threads that are leased, runs that wait, workers, tenants, schedules, events.

Phase: expand.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
phase = "expand"
release = "0.1.0"

_RUNNING = "status = 'running' AND fence > 0"
_KEYED = "idempotency_key IS NOT NULL"
_OPEN = "status IN ('queued', 'waiting')"
_QUEUED = "status = 'queued'"
_READY, _LEASED = "sched = 'ready'", "sched = 'leased'"


def upgrade() -> None:
    for column in _thread_columns():
        op.add_column("threads", column)
    for column in _run_columns():
        op.add_column("runs", column)
    ready = ["queue", "rank", "vtime", "ready_at"]
    _index("ix_threads_ready", "threads", ready, _READY)
    _index("ix_threads_leased", "threads", ["worker_id"], _LEASED)
    _index("ux_runs_running", "runs", ["thread_id"], _RUNNING, unique=True)
    _index("ux_runs_tenant_idempotency_key", "runs", ["tenant", "idempotency_key"], _KEYED, unique=True)
    _index("ix_runs_open", "runs", ["status", "thread_id", "seq"], _OPEN)
    _index("ix_runs_queued", "runs", ["tenant", "queue", "priority", "vtime"], _QUEUED)
    _create_tables()


def downgrade() -> None:
    for table in ("events", "schedules", "tenants", "workers"):
        op.drop_table(table)
    for name in ("ix_runs_queued", "ix_runs_open", "ux_runs_tenant_idempotency_key", "ux_runs_running"):
        op.drop_index(name, table_name="runs")
    for name in ("ix_threads_leased", "ix_threads_ready"):
        op.drop_index(name, table_name="threads")
    for column in reversed(_run_columns()):
        op.drop_column("runs", column.name)
    for column in reversed(_thread_columns()):
        op.drop_column("threads", column.name)


def _index(name: str, table: str, columns: list, where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _thread_columns() -> list[sa.Column]:
    return [
        sa.Column("sched", sa.String(), server_default="idle", nullable=False),
        sa.Column("queue", sa.String(), nullable=True),
        sa.Column("rank", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("vtime", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("ready_at", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("worker_id", sa.String(), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_id", sa.String(), nullable=True),
        sa.Column("next_seq", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("next_event", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
    ]


def _run_columns() -> list[sa.Column]:
    return [
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("given", sa.LargeBinary(), nullable=True),
        sa.Column("resume", sa.LargeBinary(), nullable=True),
        sa.Column("interrupts", sa.LargeBinary(), nullable=True),
        sa.Column("queue", sa.String(), nullable=True),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("vtime", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_before", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("answer_within", sa.BigInteger(), nullable=True),
        sa.Column("wait_until", sa.BigInteger(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("crashes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("max_attempts", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("cancel", sa.String(), nullable=True),
        sa.Column("idempotency_key", sa.String(), nullable=True),
    ]


def _create_tables() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("queues", sa.String(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("alone", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_table(
        "tenants",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("weight", sa.Double(), server_default=sa.text("1"), nullable=False),
        sa.Column("max_running", sa.Integer(), nullable=True),
        sa.Column("max_queued", sa.Integer(), nullable=True),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
    )
    op.create_table(
        "schedules",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cron", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("misfire", sa.String(), nullable=False),
        sa.Column("thread_id", sa.String(), nullable=True),
        sa.Column("graph", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("given", sa.LargeBinary(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_schedules"),
    )
    op.create_index("ix_schedules_next_at", "schedules", ["next_at"], unique=False)
    op.create_table(
        "events",
        sa.Column("thread_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("thread_id", "seq", name="pk_events"),
    )
    op.create_index("ix_events_run_id_seq", "events", ["run_id", "seq"], unique=False)
