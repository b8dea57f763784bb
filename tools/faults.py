"""What an exception that a tool raised says about the call: whether it may have happened, and whether to ask again.

HTTP libraries are known by the names of their exceptions, so that none of them is imported, or needed, here.
"""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import ssl
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

LONGEST_RETRY_AFTER = 3600.0
"""Seconds: a `Retry-After` beyond it counts as this much."""


class FaultKind(StrEnum):
    """What is known about the request that failed.

    It says nothing of earlier requests of the same call: others that the tool made, one that was redirected, or one
    that the client already tried again by itself.
    """

    REFUSED = "refused"
    """The other side answered, and refuses: asking again for the same will not help."""

    NOT_DONE = "not_done"
    """The request certainly did nothing: it was never sent, or turned away unread."""

    NO_ANSWER = "no_answer"
    """Nobody knows whether the request took effect."""

    BROKEN = "broken"
    """Anything else: a bug of the tool."""

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self in {FaultKind.NOT_DONE, FaultKind.NO_ANSWER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What an exception says about the call that raised it."""

    kind: FaultKind
    message: str
    """The class of the exception and its own words."""

    retry_after: float | None = None
    """Seconds that the other side asked to wait, from 0 to `LONGEST_RETRY_AFTER`; `None` if it named none."""


_NOT_DONE, _NO_ANSWER = FaultKind.NOT_DONE, FaultKind.NO_ANSWER

_HTTPX = {
    "ConnectError": _NOT_DONE,
    "ConnectTimeout": _NOT_DONE,
    "PoolTimeout": _NOT_DONE,
    "ProxyError": _NOT_DONE,
    "TimeoutException": _NO_ANSWER,
    "NetworkError": _NO_ANSWER,
    "RemoteProtocolError": _NO_ANSWER,
}
_KINDS = {
    "httpx": _HTTPX,
    "httpx2": _HTTPX,
    "requests": {
        "ConnectTimeout": _NOT_DONE,
        "Timeout": _NO_ANSWER,
        "ConnectionError": _NO_ANSWER,
        "ChunkedEncodingError": _NO_ANSWER,
        "RetryError": _NO_ANSWER,
    },
    "urllib3": {
        "ConnectTimeoutError": _NOT_DONE,
        "NewConnectionError": _NOT_DONE,
        "EmptyPoolError": _NOT_DONE,
        "ProxyError": _NOT_DONE,
        "TimeoutError": _NO_ANSWER,
        "ProtocolError": _NO_ANSWER,
        "SSLError": _NO_ANSWER,
        "MaxRetryError": _NO_ANSWER,
    },
    "openai": {"APIConnectionError": _NO_ANSWER},
    "http": {"IncompleteRead": _NO_ANSWER},  # what urllib raises when the connection is lost within a body
}
"""By root package and class; a subclass counts as the nearest class named here."""

_WRAPPERS = {
    ("requests", "ConnectionError"),
    ("urllib3", "SSLError"),
    ("urllib3", "MaxRetryError"),
    ("openai", "APIConnectionError"),
}
"""Raised for many reasons: what they wrap may know more."""

_NEVER_SENT = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
_LOST = (
    TimeoutError,
    ConnectionError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
    ssl.SSLSyscallError,
    asyncio.IncompleteReadError,
    asyncio.CancelledError,  # of the tool's own work: whoever runs the call looks for its own cancellation first
)
_NO_WAY = {errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH}

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


def fault_of(error: BaseException, *, now: datetime | None = None) -> Fault:
    """Return what the exception, or what it wraps, says about the call. Raises nothing.

    `now` (with its zone; default: the present) is what a `Retry-After` that names a date is counted from.
    """
    kind = FaultKind.BROKEN
    for link in _links(error):
        answer = _answer(link)
        if answer is not None:
            status, headers = answer
            wait = retry_after(str(headers.get("Retry-After") or ""), now=now or datetime.now(UTC))
            first_line = _said(error).splitlines()[0]  # httpx adds a second, with a link for people
            return Fault(kind=_kind_of_status(status), message=first_line, retry_after=wait)
        kind = _kind(link) or kind
    return Fault(kind=kind, message=_said(error))


def retry_after(value: str, *, now: datetime) -> float | None:
    """Return the seconds from `now` that a `Retry-After` names, as a number or as a date (RFC 9110, 10.2.3).

    From 0 to `LONGEST_RETRY_AFTER`; `None` for a text that is neither.
    """
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), LONGEST_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    if date.tzinfo is None:  # it names no zone: HTTP's dates are in UTC
        date = date.replace(tzinfo=UTC)
    return min(max((date - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


def _links(error: BaseException) -> Iterator[BaseException]:
    """Give the exception and then what it wraps, as far as that says more about the fault."""
    link: BaseException | None = error
    seen = set[int]()
    while link is not None and id(link) not in seen:  # `raise error from error` is a circle
        yield link
        seen.add(id(link))
        link = _wrapped(link)


def _wrapped(error: BaseException) -> BaseException | None:
    """Return what to look at next, if this exception only wraps it.

    Of an unknown class only what it was explicitly raised `from`: a bug in a fallback is not the fault that led there.
    """
    if isinstance(error, urllib.error.URLError):
        return error.reason if isinstance(error.reason, BaseException) else None
    if _nearest(error) in _WRAPPERS:
        return error.__cause__ or error.__context__
    return error.__cause__ if _kind(error) is None else None


def _answer(error: BaseException) -> tuple[int, Any] | None:
    """Return the status and the headers of the error answer that the exception stands for, if it is one."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code, error.headers or dict[str, str]()
    if not any(package in _KINDS for package, _ in _names(error)):
        return None
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if not isinstance(status, int) or status < 400:
        return None
    return status, getattr(response, "headers", None) or dict[str, str]()


def _kind_of_status(status: int) -> FaultKind:
    if status in {425, 429}:
        return FaultKind.NOT_DONE
    if status in {408, 409} or status >= 500:
        return FaultKind.NO_ANSWER
    return FaultKind.REFUSED if status >= 400 else FaultKind.BROKEN


def _kind(error: BaseException) -> FaultKind | None:
    """Return what the exception's class says; `None` if it is not known here."""
    named = _nearest(error)
    if named is not None:
        return _KINDS[named[0]][named[1]]
    if isinstance(error, _NEVER_SENT) or _is_unconnected(error):
        return FaultKind.NOT_DONE
    if isinstance(error, _LOST) or (isinstance(error, OSError) and error.errno in _NO_WAY):
        return FaultKind.NO_ANSWER
    return None


def _is_unconnected(error: BaseException) -> bool:
    """Whether it is how asyncio says that none of a host's addresses took the connection: no class, only a text."""
    return type(error) is OSError and str(error).startswith("Multiple exceptions: ")


def _nearest(error: BaseException) -> tuple[str, str] | None:
    """Return the package and the name of the nearest class in `_KINDS`."""
    return next(((package, name) for package, name in _names(error) if name in _KINDS.get(package, {})), None)


def _names(error: BaseException) -> list[tuple[str, str]]:
    """Return the root package and the name of the exception's class and of all its bases, nearest first."""
    return [(base.__module__.partition(".")[0], base.__name__) for base in type(error).__mro__]


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
