"""Counts what goes to the databases of a test."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Engine, event


@contextmanager
def counted(name: str) -> Generator[list[None]]:
    """A list that gets longer with each event of this name, on whichever engine."""
    seen: list[None] = []

    def listener(*_: object) -> None:
        seen.append(None)

    event.listen(Engine, name, listener)
    yield seen
    event.remove(Engine, name, listener)
