"""Turns what a command raised into lines on stderr and an exit code."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence

import typer

from trunkline.errors import TrunklineError
from trunkline.runtime.cli.figures import one_line
from trunkline.runtime.cli.streams import say

INTERRUPTED = 130
WRONG_USAGE = 2


def exit_code_of(error: BaseException, *, tracebacks: bool) -> int:
    """Tell the user about the error and return the code to exit with."""
    if tracebacks and not isinstance(error, KeyboardInterrupt):
        say("".join(traceback.format_exception(error)).rstrip())
    match error:
        case TrunklineError():
            for line in lines_of(error):
                say(line)
            return error.exit_code
        case typer.TyperException():
            say(_usage(error))
            return WRONG_USAGE
        case KeyboardInterrupt() | typer.Abort():
            say("interrupted")
            return INTERRUPTED
        case _:
            hint = "" if tracebacks else "; run again with -v for the traceback"
            say(f"internal error: {_named(error)}{hint}")
            return 1


def lines_of(error: BaseException) -> list[str]:
    """Return a line for each cause, outermost first, leaving out what a line before already tells."""
    lines: list[str] = []
    causes = list(_causes(error))
    for cause in causes:
        if not _told(cause, lines):
            lines.append(_text(cause) if isinstance(cause, TrunklineError) else _named(cause))
        if _told(causes[-1], lines):
            break
    return lines


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause:
        yield cause
        cause = cause.__cause__


def _told(error: BaseException, lines: Sequence[str]) -> bool:
    return any(_text(error) in line for line in lines)


def _text(error: BaseException) -> str:
    return one_line(str(error)) or type(error).__name__


def _named(error: BaseException) -> str:
    text, name = _text(error), type(error).__name__
    return name if text == name else f"{name}: {text}"


def _usage(error: typer.TyperException) -> str:
    said = error.format_message().strip()
    if "\n" in said:
        return said  # a group without a command: the message is its help
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "trunkline"
    return f"{command}: {said[:1].lower()}{said[1:].rstrip('.')}; see '{command} --help'"
