"""A local server that speaks LangSmith's ingest protocol to the unmodified `langsmith` client.

Written from the client's side of the protocol (`langsmith` 0.15, `langsmith/client.py` and `langsmith/_internal`).
"""

import email
import email.policy
import io
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Literal, Self, cast

import zstandard
from typing_extensions import override

from stand_ins.openai_server import HOST, HttpReply, HttpRequest, LoopbackServer

Mode = Literal["multipart", "zstd", "batch", "discard", "refused", "hang"] | int
"""How a server takes traces.

`multipart`, `zstd`, `batch`: it offers and takes that form. `discard`: it takes everything and keeps nothing.
`refused`: nobody listens. `hang`: no request is answered before the mode changes. A number: every ingest gets this
status, only 404 leaves `/runs/batch` working, as a server does that is older than multipart.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as the server knows it: its post overlaid with its patch."""

    id: str
    trace_id: str
    parent_run_id: str | None
    dotted_order: str
    name: str
    run_type: str
    inputs: dict[str, Any] | None
    outputs: dict[str, Any] | None
    error: str | None
    session_name: str | None
    extra: dict[str, Any]
    start_time: datetime | None
    end_time: datetime | None
    """None while the run is pending: its patch has not arrived."""
    tags: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    """Some fields of a run as one part of a request brings them."""

    verb: str
    run_id: str
    fields: dict[str, Any]


class LangSmithServer(LoopbackServer):
    """Serves `/info`, `/runs/multipart` and `/runs/batch`, and keeps the runs that it took."""

    def __init__(self, mode: Mode = "multipart") -> None:
        super().__init__()
        self._mode: Mode = mode
        self._changed = threading.Condition()
        self._posts: dict[str, dict[str, Any]] = {}
        self._patches: dict[str, dict[str, Any]] = {}
        self.requests: list[HttpRequest] = []
        """Every ingest that was answered, taken or not, in that order; `/info` is not among them."""

    @property
    def url(self) -> str:
        """The endpoint for a client, without a path."""
        return f"http://{HOST}:{self._port}"

    @property
    def mode(self) -> Mode:
        """How the server takes traces from now on; setting it lets go of the requests that hang."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        with self._changed:
            self._mode = mode
            self._changed.notify_all()
        if mode == "refused":
            self._refuse()
        else:
            self._listen()

    @override
    def __enter__(self) -> Self:
        super().__enter__()
        self.mode = self._mode
        return self

    @override
    def __exit__(self, *exc_info: object) -> None:
        self.mode = "refused"
        super().__exit__(*exc_info)

    def runs(self) -> list[Run]:
        """Every run that was taken: parents before children, siblings in the order of their start."""
        with self._changed:
            ids = {**self._posts, **self._patches}
            merged = [self._posts.get(run_id, {}) | self._patches.get(run_id, {}) for run_id in ids]
        return sorted(map(_run, merged), key=lambda run: run.dotted_order)

    def tree(self, trace_id: str | None = None) -> list[str]:
        """The names from the root down to each run, as a path, in the order of `runs`.

        Read off `dotted_order` alone. None: all traces. An ancestor that did not arrive is `?`.
        """
        runs = [run for run in self.runs() if trace_id in {None, run.trace_id}]
        names = {run.id: run.name for run in runs}
        return ["/".join(names.get(run_id, "?") for run_id in _lineage(run)) for run in runs]

    @override
    def reply(self, request: HttpRequest) -> HttpReply:
        with self._changed:
            self._changed.wait_for(lambda: self._mode != "hang")
            mode = self._mode
        if mode == "refused":
            raise ConnectionAbortedError("the server stopped listening")
        if (request.method, request.path) == ("GET", "/info"):
            return _status(200, _info(mode))
        if (request.method, request.path) not in {("POST", "/runs/multipart"), ("POST", "/runs/batch")}:
            return _status(404)
        self.requests.append(request)
        multipart = request.path == "/runs/multipart"
        if isinstance(mode, int) and (multipart or mode != 404):
            return _status(mode)
        if mode == "batch" and multipart:
            return _status(404)
        if mode != "discard":
            self._keep(_multipart_operations(request) if multipart else _batch_operations(request))
        return _status(202)

    def _keep(self, operations: Iterable[_Operation]) -> None:
        with self._changed:
            for operation in operations:
                runs = self._posts if operation.verb == "post" else self._patches
                runs.setdefault(operation.run_id, {}).update(operation.fields)


def _info(mode: Mode) -> dict[str, Any]:
    return {
        "version": "0.10.0",
        "instance_flags": {"zstd_compression_enabled": mode == "zstd"},
        "batch_ingest_config": {
            "use_multipart_endpoint": mode != "batch",
            "size_limit": 100,
            "size_limit_bytes": 20_971_520,
            "scale_up_qsize_trigger": 1000,
            "scale_up_nthreads_limit": 16,
            "scale_down_nempty_trigger": 4,
        },
    }


def _multipart_operations(request: HttpRequest) -> Iterator[_Operation]:
    """Read parts named `post.<id>`, `patch.<id>.outputs` and the like; feedback and attachments are passed over."""
    body = request.body
    if request.headers.get("content-encoding") == "zstd":
        body = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body)).read()
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        verb, run_id, *column = str(name).split(".")
        if verb in {"post", "patch"}:
            value = json.loads(cast("bytes", part.get_payload(decode=True)))
            yield _Operation(verb=verb, run_id=run_id, fields=_known({column[0]: value} if column else value))


def _batch_operations(request: HttpRequest) -> Iterator[_Operation]:
    body: dict[str, list[dict[str, Any]]] = json.loads(request.body)
    for verb in ("post", "patch"):
        for fields in body.get(verb, []):
            yield _Operation(verb=verb, run_id=fields["id"], fields=_known(fields))


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is null: in a patch it means unchanged, not emptied."""
    return {name: value for name, value in fields.items() if value is not None}


def _run(fields: Mapping[str, Any]) -> Run:
    return Run(
        id=fields["id"],
        trace_id=fields["trace_id"],
        parent_run_id=fields.get("parent_run_id"),
        dotted_order=fields["dotted_order"],
        name=fields["name"],
        run_type=fields["run_type"],
        inputs=fields.get("inputs"),
        outputs=fields.get("outputs"),
        error=fields.get("error"),
        session_name=fields.get("session_name"),
        extra=fields.get("extra", {}),
        start_time=_time(fields.get("start_time")),
        end_time=_time(fields.get("end_time")),
        tags=fields.get("tags", []),
    )


def _time(text: str | None) -> datetime | None:
    """Read an ISO time; one without an offset is UTC, as the client means it."""
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _lineage(run: Run) -> list[str]:
    """The ids from the root to the run: each part of `dotted_order` is a time, `Z` and an id."""
    return [part.partition("Z")[2] for part in run.dotted_order.split(".")]


def _status(status: int, body: Mapping[str, Any] | None = None) -> HttpReply:
    words = {} if status < 400 else {"detail": HTTPStatus(status).phrase}
    return HttpReply(status=status, body=json.dumps(words if body is None else body).encode())
