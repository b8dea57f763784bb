"""A condition on a list whose length varies: for statements that are made once and run often."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY


def one_of(column: Any, name: str, dialect: str) -> Any:
    """Return the condition that a column of texts is one of those given under this name.

    PostgreSQL takes them as one parameter. An `IN` is written anew for each list, and so planned anew for each length.
    """
    if dialect == "postgresql":
        return column == any_(bindparam(name, type_=ARRAY(String)))
    return column.in_(bindparam(name, expanding=True))
