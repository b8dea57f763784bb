"""Creates the tables of the checkpointer.

Phase: expand.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
phase = "expand"
release = "0.1.0"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "state_threads",
        sa.Column("id", Number, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("elements", sa.BigInteger(), nullable=False),
        sa.Column("singles", sa.BigInteger(), nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.Column("removals", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=True),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_state_threads"),
        sa.UniqueConstraint("name", name="ux_state_threads_name"),
    )
    op.create_table(
        "state_checkpoints",
        sa.Column("seq", Number, nullable=False),
        sa.Column("thread", sa.BigInteger(), nullable=False),
        sa.Column("ns", sa.String(), nullable=False),
        sa.Column("checkpoint_id", sa.String(), nullable=False),
        sa.Column("parent_id", sa.String(), nullable=True),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_state_checkpoints"),
        sa.UniqueConstraint("thread", "ns", "checkpoint_id", name="ux_state_checkpoints_id"),
    )
    op.create_index("ix_state_checkpoints_run_id", "state_checkpoints", ["run_id"], unique=False)
    op.create_index("ix_state_checkpoints_thread_ns_seq", "state_checkpoints", ["thread", "ns", "seq"], unique=False)
    op.create_table(
        "state_items",
        sa.Column("thread", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("thread", "number", name="pk_state_items"),
        sa.UniqueConstraint("thread", "digest", name="ux_state_items_digest"),
    )
    op.create_table(
        "state_writes",
        sa.Column("thread", sa.BigInteger(), nullable=False),
        sa.Column("ns", sa.String(), nullable=False),
        sa.Column("checkpoint_id", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("idx", sa.Integer(), nullable=False),
        sa.Column("task_path", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("thread", "ns", "checkpoint_id", "task_id", "idx", name="pk_state_writes"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("state_writes")
    op.drop_table("state_items")
    op.drop_table("state_checkpoints")
    op.drop_table("state_threads")
