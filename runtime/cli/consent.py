"""Asks before something is done that cannot be undone."""

from __future__ import annotations

import sys

import typer


def require_consent(question: str, *, given: bool) -> None:
    """Ask on the terminal, unless the answer was given with --yes. Raises `typer.Abort` where it is no."""
    if given:
        return
    if not sys.stdin.isatty():
        message = f"nobody is there to be asked: {question} Say so with --yes"
        raise typer.BadParameter(message)
    typer.confirm(question, abort=True, err=True)
