"""Rings that are part of a transaction: whoever listens hears them when it commits, and never when it does not."""

from __future__ import annotations

from typing import Any

from sqlalchemy import LargeBinary, Select, func, select


def ringing(topic: str) -> Select[tuple[None]]:
    """Return the statement that rings the topic at commit, for a bus that `rings_at_commit`. PostgreSQL only.

    However often it is run in a transaction, it rings once. The channel is that of `bus.postgres.channel_of`.
    """
    return select(func.pg_notify(channel_of(topic), ""))


def channel_of(topic: Any) -> Any:
    """Return the name of the topic's channel, within a statement."""
    schema = func.coalesce(func.current_schema(), "")
    name = func.convert_to(schema + " " + topic, "UTF8", type_=LargeBinary)
    return func.concat("trunkline_", func.left(func.encode(func.sha256(name), "hex"), 40))
