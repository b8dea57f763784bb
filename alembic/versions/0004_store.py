"""Creates the tables of the store and of the cache.

Phase: expand.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0004"
down_revision = "0003"
phase = "expand"
release = "0.1.0"

Name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Floats = sa.LargeBinary().with_variant(ARRAY(sa.REAL()), "postgresql")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "memory_items",
        sa.Column("tenant", Name, nullable=False),
        sa.Column("ns", Name, nullable=False),
        sa.Column("key", Name, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
        sa.Column("ttl", sa.Float(), nullable=True),
        sa.Column("expires_at", Time, nullable=True),
        sa.PrimaryKeyConstraint("tenant", "ns", "key", name="pk_memory_items"),
    )
    op.create_index("ix_memory_items_expires_at", "memory_items", ["expires_at"], unique=False)
    op.create_table(
        "memory_vectors",
        sa.Column("tenant", Name, nullable=False),
        sa.Column("ns", Name, nullable=False),
        sa.Column("key", Name, nullable=False),
        sa.Column("field", Name, nullable=False),
        sa.Column("dims", sa.Integer(), nullable=False),
        sa.Column("embedding", Floats, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "ns", "key", "field", name="pk_memory_vectors"),
    )
    op.create_table(
        "cache_entries",
        sa.Column("tenant", Name, nullable=False),
        sa.Column("ns", Name, nullable=False),
        sa.Column("key", Name, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", Time, nullable=True),
        sa.PrimaryKeyConstraint("tenant", "ns", "key", name="pk_cache_entries"),
    )
    op.create_index("ix_cache_entries_expires_at", "cache_entries", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_table("cache_entries")
    op.drop_table("memory_vectors")
    op.drop_table("memory_items")
