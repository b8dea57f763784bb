"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

DatabaseOption = Annotated[
    str,
    typer.Option("--database", envvar="TRUNKLINE_DATABASE", help="Database URL: sqlite:///file.db or postgresql://…"),
]
