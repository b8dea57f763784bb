"""Adds decisions on calls, news for threads, and what retries and trust need to know of a call.

Phase: expand.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
phase = "expand"
release = "0.1.0"

_OLD = "key IS NOT NULL AND state IN ('awaiting_approval', 'ready', 'running', 'done')"
_NEW = "key IS NOT NULL AND state IN ('proposed', 'awaiting_approval', 'ready', 'running', 'done')"


def upgrade() -> None:
    for column in _columns():
        op.add_column("calls", column)
    _index_live(_NEW)
    op.create_index("ix_calls_thread_id_recorded_at", "calls", ["thread_id", "recorded_at"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("arguments", sa.JSON(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_decisions_call_id"),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
    )
    op.create_index("ix_decisions_call_id", "decisions", ["call_id"], unique=False)
    op.create_table(
        "news",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("thread_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_news_call_id"),
        sa.PrimaryKeyConstraint("id", name="pk_news"),
    )
    op.create_index("ix_news_thread_id_told_by", "news", ["thread_id", "told_by"], unique=False)


def downgrade() -> None:
    op.drop_table("news")
    op.drop_table("decisions")
    op.drop_index("ix_calls_thread_id_recorded_at", table_name="calls")
    _index_live(_OLD)
    for column in reversed(_columns()):
        op.drop_column("calls", column.name)


def _columns() -> list[sa.Column]:
    return [
        sa.Column("home", sa.String(), nullable=True),
        sa.Column("context", sa.JSON(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("untrusted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("attempts", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
    ]


def _index_live(condition: str) -> None:
    """Make the index again that allows one live call of a key."""
    live = sa.text(condition)
    op.drop_index("ux_calls_tenant_key", table_name="calls")
    op.create_index(
        "ux_calls_tenant_key", "calls", ["tenant", "key"], unique=True, sqlite_where=live, postgresql_where=live
    )
