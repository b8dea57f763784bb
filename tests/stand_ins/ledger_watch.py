"""Tells when rows of the ledger are on their way into the database, by SQLAlchemy's own events. Changes nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import Pool

Row = Mapping[str, Any]
Tell = Callable[[str, Row], None]
"""Is told `sending`, `committing` and `committed` with the row, each at the last moment before or the first after."""


def watch_ledger(tell: Tell) -> None:
    """Tell of each row of the table `calls` that this process writes from now on."""
    open_: dict[object, list[Row]] = {}

    def sending(connection: Connection, _: object, rows: Sequence[Row], row: Row, __: object) -> None:
        for each in (each for each in (*rows, row) if {"tool_call_id", "state"} <= each.keys()):
            open_.setdefault(_driver(connection), []).append(each)
            tell("sending", each)

    def committing(connection: Connection) -> None:
        for row in open_.get(_driver(connection), []):
            tell("committing", row)

    def rolled_back(connection: Connection) -> None:
        open_.pop(_driver(connection), None)

    def given_back(driver: object, _: object) -> None:
        for row in open_.pop(driver, []):
            tell("committed", row)

    event.listen(Engine, "before_execute", sending)
    event.listen(Engine, "commit", committing)
    event.listen(Engine, "rollback", rolled_back)
    event.listen(Pool, "checkin", given_back)  # a connection is given back when its commit has returned


def _driver(connection: Connection) -> object:
    return connection.connection.dbapi_connection
