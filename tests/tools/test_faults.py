"""What the exceptions of real HTTP clients, at a real server, say about a call."""

import asyncio
import errno
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import ModuleType

import httpx
import httpx2
import openai
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from stand_ins.openai_server import HOST, HttpReply, HttpRequest, LoopbackServer
from trunkline.tools.faults import LONGEST_RETRY_AFTER, Fault, FaultKind, fault_of, retry_after

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATIENCE = 0.2
"""Seconds that a client waits for what never comes."""


class Backend(LoopbackServer):
    """Does what the first part of the path says: a status to answer with, or a way to fail."""

    def __init__(self, asked_to_wait: str | None = None) -> None:
        super().__init__()
        self._headers = {"Retry-After": asked_to_wait} if asked_to_wait else {}
        self._over = threading.Event()

    def url(self, doing: str) -> str:
        return f"http://{HOST}:{self._port}/{doing}"

    def reply(self, request: HttpRequest) -> HttpReply:
        match request.path.split("/")[1]:
            case "hang-up":
                raise ConnectionError
            case "silence":
                self._over.wait()
                raise ConnectionError
            case "half":
                return HttpReply(body=half_a_body())
            case "circle":
                return HttpReply(status=302, headers={"Location": request.path})
            case status:
                return HttpReply(status=int(status), headers=self._headers)

    def __exit__(self, *args: object) -> None:
        self._over.set()
        super().__exit__(*args)


def half_a_body() -> Iterator[bytes]:
    """A body that breaks off."""
    yield b"half"
    raise ConnectionError


def by_httpx(url: str) -> None:
    with httpx.Client(trust_env=False, verify=False, timeout=PATIENCE, follow_redirects=True) as client:
        client.get(url).raise_for_status()


def by_httpx2(url: str) -> None:
    with httpx2.Client(trust_env=False, verify=False, timeout=PATIENCE, follow_redirects=True) as client:
        client.get(url).raise_for_status()


def by_requests(url: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.get(url, timeout=PATIENCE).raise_for_status()


def by_urllib(url: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=PATIENCE) as response:
        response.read()


def by_openai(url: str) -> None:
    http = httpx2.Client(trust_env=False, verify=False)
    with openai.OpenAI(base_url=url, api_key="none", timeout=PATIENCE, max_retries=0, http_client=http) as client:
        client.models.list()


Client = Callable[[str], None]
CLIENTS = [by_httpx, by_httpx2, by_requests, by_urllib, by_openai]
every_client = pytest.mark.parametrize("client", CLIENTS)


def fault(client: Client, url: str) -> Fault:
    """What the client's exception says."""
    try:
        client(url)
    except Exception as error:  # noqa: BLE001 - whatever it is
        with ExitStack() as stack:
            if isinstance(error, urllib.error.HTTPError):
                stack.enter_context(error)
            return fault_of(error, now=NOW)
    pytest.fail(f"{client.__name__} got what it asked for")


@every_client
def test_the_status_of_an_answer_decides(client: Client) -> None:
    """Turned away unread, refused, or unknown."""
    kinds = dict[FaultKind, list[int]]()
    with Backend() as backend:
        for status in (400, 401, 404, 408, 409, 418, 422, 425, 429, 500, 502, 503, 504):
            kinds.setdefault(fault(client, backend.url(str(status))).kind, []).append(status)

    assert kinds == {
        FaultKind.REFUSED: [400, 401, 404, 418, 422],
        FaultKind.NO_ANSWER: [408, 409, 500, 502, 503, 504],
        FaultKind.NOT_DONE: [425, 429],
    }


@every_client
@pytest.mark.parametrize("text", ["7", format_datetime(NOW + timedelta(seconds=7), usegmt=True)])
def test_an_answer_may_say_when_to_come_back(client: Client, text: str) -> None:
    """In seconds or as a date, with any status."""
    with Backend(asked_to_wait=text) as backend:
        faults = [fault(client, backend.url(status)) for status in ("429", "503")]

    assert [one.retry_after for one in faults] == [7.0, 7.0]


@every_client
def test_a_port_where_nobody_listens_did_nothing(client: Client) -> None:
    """The connection was refused."""
    with socket.socket() as reserved:
        reserved.bind((HOST, 0))

        assert fault(client, f"http://{HOST}:{reserved.getsockname()[1]}/").kind is FaultKind.NOT_DONE


@every_client
def test_a_name_that_nobody_knows_did_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """There was nobody to send to."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    assert fault(client, "http://crm.invalid/").kind is FaultKind.NOT_DONE


@pytest.mark.parametrize("client", [by_httpx, by_httpx2, by_requests])
def test_a_connection_that_is_not_made_in_time_did_nothing(client: Client) -> None:
    """Known of clients that tell it from a slow answer."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server((HOST, 0), backlog=0))
        for _ in range(4):  # more than its backlog takes: whoever comes now is not even refused
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())

        assert fault(client, f"http://{HOST}:{full.getsockname()[1]}/").kind is FaultKind.NOT_DONE


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_request_that_found_no_free_connection_did_nothing(library: ModuleType) -> None:
    """It never left the client's pool."""
    limits = library.Limits(max_connections=1)
    with Backend() as backend, library.Client(trust_env=False, verify=False, limits=limits) as client:
        with client.stream("GET", backend.url("200")), pytest.raises(library.PoolTimeout) as raised:
            client.get(backend.url("200"), timeout=0.01)

        assert fault_of(raised.value).kind is FaultKind.NOT_DONE


@every_client
@pytest.mark.parametrize("doing", ["hang-up", "silence", "half"])
def test_an_answer_that_does_not_come_tells_nothing(client: Client, doing: str) -> None:
    """Nobody knows whether the request took effect."""
    with Backend() as backend:
        assert fault(client, backend.url(doing)).kind is FaultKind.NO_ANSWER


@pytest.mark.parametrize("client", [by_httpx, by_httpx2, by_requests, by_urllib])
def test_a_wrong_address_is_the_tools_bug(client: Client) -> None:
    """One that leads in a circle, and one that is none."""
    with Backend() as backend:
        assert fault(client, backend.url("circle")).kind is FaultKind.BROKEN
    assert fault(client, "htp://crm").kind is FaultKind.BROKEN


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), FaultKind.NO_ANSWER),
        (ConnectionResetError("reset by peer"), FaultKind.NO_ANSWER),
        (BrokenPipeError(), FaultKind.NO_ANSWER),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), FaultKind.NO_ANSWER),
        (asyncio.IncompleteReadError(b"", 4), FaultKind.NO_ANSWER),
        (asyncio.CancelledError(), FaultKind.NO_ANSWER),
        (OSError(errno.EHOSTUNREACH, "No route to host"), FaultKind.NO_ANSWER),
        (ConnectionRefusedError(), FaultKind.NOT_DONE),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), FaultKind.NOT_DONE),
        (ssl.SSLCertVerificationError("certificate has expired"), FaultKind.NOT_DONE),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), FaultKind.BROKEN),
        (KeyError("order"), FaultKind.BROKEN),
        (requests.HTTPError("raised by hand, without a response"), FaultKind.BROKEN),
    ],
)
def test_a_builtin_error_is_known_by_its_class(error: BaseException, kind: FaultKind) -> None:
    """As far as it tells."""
    assert fault_of(error).kind is kind


async def test_a_host_none_of_whose_addresses_answers_did_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusals of several addresses come from asyncio as one plain error."""
    with socket.socket() as reserved:
        reserved.bind((HOST, 0))
        port = reserved.getsockname()[1]

        async def two_addresses(*_: object, **__: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port)) for host in (HOST, "127.0.0.2")]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two_addresses)
        with pytest.raises(OSError, match="Multiple exceptions") as raised:
            await asyncio.open_connection("crm.invalid", port)

    assert fault_of(raised.value).kind is FaultKind.NOT_DONE


class CrmError(Exception):
    """A tool's own error."""


def by_crm(url: str) -> None:
    try:
        by_httpx(url)
    except httpx.HTTPError as error:
        raise CrmError("the CRM is down") from error


def by_fallback(url: str) -> None:
    try:
        by_httpx(url)
    except httpx.HTTPError:
        raise KeyError("fallback")  # noqa: B904 - what an accident looks like


def test_an_error_that_was_raised_from_another_counts_as_that() -> None:
    """The words are the tool's own, the rest is what it wraps."""
    with Backend(asked_to_wait="3") as backend:
        found = fault(by_crm, backend.url("503"))

    assert found == Fault(kind=FaultKind.NO_ANSWER, message="CrmError: the CRM is down", retry_after=3.0)


def test_a_bug_in_a_fallback_is_a_bug() -> None:
    """Whatever fault led to the fallback: it may have done something."""
    with Backend() as backend:
        found = fault(by_fallback, backend.url("429"))

    assert found == Fault(kind=FaultKind.BROKEN, message="KeyError: 'fallback'")


def test_an_error_that_was_raised_from_itself_has_an_end() -> None:
    """A circle of causes is looked at once."""
    error = CrmError()
    error.__cause__ = error

    assert fault_of(error) == Fault(kind=FaultKind.BROKEN, message="CrmError")


def test_the_message_is_one_line_of_an_answer() -> None:
    """Without the link to a manual that httpx adds."""
    with Backend() as backend:
        found = fault(by_httpx, backend.url("404"))

        assert found.message == f"HTTPStatusError: Client error '404 Not Found' for url '{backend.url('404')}'"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("1.5", 1.5),
        (" 120 ", 120.0),
        ("9" * 400, LONGEST_RETRY_AFTER),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30.0),
        ("Sun Mar  1 12:00:30 2026", 30.0),
        ("Sun, 01 Mar 2026 11:59:59 GMT", 0.0),
        ("Mon, 01 Mar 2027 12:00:00 GMT", LONGEST_RETRY_AFTER),
        ("-5", None),
        ("inf", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_time_to_come_back_is_within_bounds(text: str, seconds: float | None) -> None:
    """Never in the past, never beyond the longest, and nothing for what is no time."""
    assert retry_after(text, now=NOW) == seconds


@given(st.text() | st.from_regex(r"\w{3}, \d{1,9} (Jan|Feb) \d{1,9} \d\d:\d\d:\d\d ([+-]\d{1,9}|GMT)", fullmatch=True))
def test_any_text_may_stand_where_a_time_is_expected(text: str) -> None:
    """Servers send anything."""
    seconds = retry_after(text, now=NOW)

    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER
