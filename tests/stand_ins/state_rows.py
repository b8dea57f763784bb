"""The rows of checkpoints as somebody sees and changes them who can write to the database, and has no keys."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, delete, insert, select

from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.state_tables import StateCheckpointRow, StateItemRow, StateThreadRow, StateWriteRow
from trunkline.runtime.storage.url import parse_url

Rows = list[dict[str, Any]]
ITEMS, CHECKPOINTS, WRITES, THREADS = StateItemRow, StateCheckpointRow, StateWriteRow, StateThreadRow


async def rows_of(url: str, table: Any) -> Rows:
    """All rows of the table, in the order of their keys."""
    engine = open_engine(parse_url(url))
    async with engine.connect() as connection:
        found = (await connection.execute(_all(table))).all()
    await engine.dispose()
    return [_dict(row) for row in found]


async def tamper(url: str, table: Any, change: Callable[[Rows], None]) -> None:
    """Put the table's rows back as the function changes them."""
    engine = open_engine(parse_url(url))
    async with engine.begin() as connection:
        rows = [_dict(row) for row in await connection.execute(_all(table))]
        change(rows)
        await connection.execute(delete(table))
        await connection.execute(insert(table), rows)
    await engine.dispose()


def exchanged(*columns: str, between: tuple[int, int]) -> Callable[[Rows], None]:
    """Exchange what two rows have in these columns."""

    def change(rows: Rows) -> None:
        one, other = (rows[at] for at in between)
        for column in columns:
            one[column], other[column] = other[column], one[column]

    return change


def altered(column: str, value: Callable[[Any], Any], *, row: int = 0) -> Callable[[Rows], None]:
    """Change what a row has in this column."""

    def change(rows: Rows) -> None:
        rows[row][column] = value(rows[row][column])

    return change


def _all(table: Any) -> Any:
    return select(*table.__table__.columns).order_by(*table.__table__.primary_key)


def _dict(row: Row[Any]) -> dict[str, Any]:
    return dict(row._mapping)  # pyright: ignore[reportPrivateUsage]
