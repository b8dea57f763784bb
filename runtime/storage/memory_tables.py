"""The tables of the store and of the cache: items, the vectors by which they are found, cached values.

Texts that name things are kept to the letter or refused, and ordered by their characters' codes on every database.
"""

from __future__ import annotations

from array import array
from datetime import datetime
from typing import Any

from sqlalchemy import REAL, Dialect, Float, Index, LargeBinary, String, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from trunkline.runtime.storage.tables import Table

_Name = String().with_variant(String(collation="C"), "postgresql")


class Float32s(TypeDecorator[bytes]):
    """A vector as the bytes of its 32-bit floats. PostgreSQL has it as `real[]`, which pgvector can cast to its own
    type, so that the tables are the same whether the extension is there or not.
    """

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column's type."""
        return dialect.type_descriptor(ARRAY(REAL) if dialect.name == "postgresql" else LargeBinary())

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> Any:
        """Store the numbers."""
        return array("f", value).tolist() if value is not None and dialect.name == "postgresql" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        """Read the bytes."""
        return array("f", value).tobytes() if value is not None and dialect.name == "postgresql" else value


class MemoryItemRow(Table):
    """An item of the store."""

    __tablename__ = "memory_items"
    __table_args__ = (Index(None, "expires_at"),)

    tenant: Mapped[str] = mapped_column(_Name, primary_key=True)
    ns: Mapped[str] = mapped_column(_Name, primary_key=True)
    """The labels of the namespace, with a period between."""

    key: Mapped[str] = mapped_column(_Name, primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    """JSON."""

    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    ttl: Mapped[float | None] = mapped_column(Float)
    """Seconds that it lives, from when it was last written, or read so as to be refreshed."""

    expires_at: Mapped[datetime | None]


class MemoryVectorRow(Table):
    """A vector by which an item is found. An item has as many as it has texts."""

    __tablename__ = "memory_vectors"

    tenant: Mapped[str] = mapped_column(_Name, primary_key=True)
    ns: Mapped[str] = mapped_column(_Name, primary_key=True)
    key: Mapped[str] = mapped_column(_Name, primary_key=True)
    field: Mapped[str] = mapped_column(_Name, primary_key=True)
    """The path to the text in the item, with a number behind where it leads to several."""

    dims: Mapped[int]
    embedding: Mapped[bytes] = mapped_column(Float32s)


class CacheEntryRow(Table):
    """A cached value."""

    __tablename__ = "cache_entries"
    __table_args__ = (Index(None, "expires_at"),)

    tenant: Mapped[str] = mapped_column(_Name, primary_key=True)
    ns: Mapped[str] = mapped_column(_Name, primary_key=True)
    """The labels of the namespace, as a JSON list."""

    key: Mapped[str] = mapped_column(_Name, primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    """A stored frame."""

    expires_at: Mapped[datetime | None]
