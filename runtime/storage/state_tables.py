"""The tables in which LangGraph's state is kept: threads, checkpoints, items, writes.

An item is a value that some checkpoint of the thread holds, kept once however many checkpoints hold it. A thread counts
its lists' elements up from 1, so that a list that grows is a run of numbers, and all else (a channel's value, a node of
a long manifest) down from -1. Texts that name things are kept to the
letter or refused, so that no two threads can ever become one.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from trunkline.runtime.storage.tables import Table

_Number = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts by itself only in a column that it calls INTEGER."""


class StateThreadRow(Table):
    """A thread of any graph. Whoever writes to the thread holds this row."""

    __tablename__ = "state_threads"
    __table_args__ = (UniqueConstraint("name", name="ux_state_threads_name"),)

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    name: Mapped[str] = mapped_column(String)
    """LangGraph's `thread_id`."""

    elements: Mapped[int] = mapped_column(BigInteger)
    """How many elements of lists have been numbered."""

    singles: Mapped[int] = mapped_column(BigInteger)
    """How many other items have been numbered."""

    changes: Mapped[int] = mapped_column(BigInteger)
    """Counts the transactions that saved checkpoints, so that a process knows whether it has seen them all."""

    removals: Mapped[int] = mapped_column(BigInteger)
    """Counts the transactions that took items away."""

    token: Mapped[int | None] = mapped_column(BigInteger)
    """The newest fencing token that has written."""

    deleted: Mapped[bool]
    """The tombstone: only a run that starts anew may write."""


class StateCheckpointRow(Table):
    """A checkpoint. Its `seq` is the database's order: the latest is the one that was saved last."""

    __tablename__ = "state_checkpoints"
    __table_args__ = (
        UniqueConstraint("thread", "ns", "checkpoint_id", name="ux_state_checkpoints_id"),
        Index(None, "thread", "ns", "seq"),
        Index(None, "run_id"),
    )

    seq: Mapped[int] = mapped_column(_Number, primary_key=True)
    thread: Mapped[int] = mapped_column(BigInteger)
    ns: Mapped[str] = mapped_column(String)
    checkpoint_id: Mapped[str] = mapped_column(String)
    parent_id: Mapped[str | None] = mapped_column(String)
    run_id: Mapped[str | None] = mapped_column(String)
    """From the metadata, for `delete_for_runs`."""

    data: Mapped[bytes] = mapped_column(LargeBinary)
    """A `CheckpointRecord`."""


class StateItemRow(Table):
    """A value, once per thread."""

    __tablename__ = "state_items"
    __table_args__ = (UniqueConstraint("thread", "digest", name="ux_state_items_digest"),)

    thread: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class StateWriteRow(Table):
    """What a task wrote, kept under the checkpoint from which it ran; it may come before that checkpoint."""

    __tablename__ = "state_writes"
    __table_args__ = ({"sqlite_with_rowid": False},)

    thread: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    ns: Mapped[str] = mapped_column(String, primary_key=True)
    checkpoint_id: Mapped[str] = mapped_column(String, primary_key=True)
    task_id: Mapped[str] = mapped_column(String, primary_key=True)
    idx: Mapped[int] = mapped_column(primary_key=True)
    task_path: Mapped[str] = mapped_column(String)
    channel: Mapped[str] = mapped_column(String)
    data: Mapped[bytes] = mapped_column(LargeBinary)
