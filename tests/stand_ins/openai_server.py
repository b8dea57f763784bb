"""A local server that speaks OpenAI's Chat Completions protocol to the unmodified client.

The first half, up to `_Handler`, knows nothing of OpenAI; the LangSmith stand-in is built on it too.
"""

import itertools
import json
import re
import socket
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Self
from urllib.parse import urlsplit

from typing_extensions import override

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Named in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """A reply to send; an iterable body goes out piece by piece."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class LoopbackServer(ABC):
    """Answers HTTP on a port of its own of 127.0.0.1, from threads of its own, inside a `with` block.

    Every reply closes its connection, so that no client's pool keeps a socket open after a test. What `reply`
    raises drops the connection and is raised again at the end of the block.
    """

    def __init__(self) -> None:
        self._port = 0
        self._reserved: socket.socket | None = None
        self._listener: _Listener | None = None
        self._closing = threading.Event()
        self._failures: list[Exception] = []

    @abstractmethod
    def reply(self, request: HttpRequest) -> HttpReply:
        """Answer one request on its own thread; a `ConnectionError` hangs up without a word."""

    def __enter__(self) -> Self:
        self._reserved = socket.socket()
        self._reserved.bind((HOST, 0))
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._port = self._reserved.getsockname()[1]
        self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._refuse()
        if self._reserved is not None:
            self._reserved.close()
        if self._failures:
            raise ExceptionGroup(f"{type(self).__name__} failed while it answered", self._failures)

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = _Listener(self._port, self.reply, self._failures)

    def _refuse(self) -> None:
        """Refuse connections from now on; the port stays reserved."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None


class _Listener(ThreadingMixIn, TCPServer):
    """Accepts connections on one thread and serves each on another; closing it waits for all of them."""

    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, port: int, reply: Callable[[HttpRequest], HttpReply], failures: list[Exception]) -> None:
        super().__init__((HOST, port), _Handler)
        self.reply = reply
        self._failures = failures
        self._connections = set[Any]()
        self._accepting = threading.Thread(target=self.serve_forever, args=(0.02,), name=f"stand-in {port}")
        self._accepting.start()

    def close(self) -> None:
        """Stop accepting, cut the connections that are still open, wait for their threads."""
        self.shutdown()
        self._accepting.join()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    @override
    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, ConnectionError):
            self._failures.append(error)


class _Handler(BaseHTTPRequestHandler):
    """Reads one request from a connection and writes the reply."""

    protocol_version = "HTTP/1.1"
    server: _Listener  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionAbortedError(f"the client hung up after {len(body)} of {length} bytes")
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = urlsplit(self.path).path
        self._send(self.server.reply(HttpRequest(method=self.command, path=path, headers=headers, body=body)))

    def _send(self, reply: HttpReply) -> None:
        whole = reply.body if isinstance(reply.body, bytes) else None
        length = {"Transfer-Encoding": "chunked"} if whole is None else {"Content-Length": str(len(whole))}
        self.send_response(reply.status)
        for name, value in (length | {"Content-Type": reply.content_type, "Connection": "close"}).items():
            self.send_header(name, value)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if isinstance(reply.body, bytes):
            self.wfile.write(reply.body)
            return
        for piece in reply.body:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    @override
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent; what is not HTTP is still reported on stderr."""


CREATED = 1_790_000_000
"""When every answer and every model says it was created, in Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The tokens that an answer reports."""

    prompt_tokens: int = 12
    completion_tokens: int = 5
    cached_tokens: int = 0
    """Included in prompt_tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One tool call that the model asks for."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    id: str | None = None
    """None: `call_<number of the answer>_<place in the answer>`, both from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """An answer in words, in tool calls or in both; streamed, each word is a chunk."""

    text: str = ""
    calls: Sequence[Call] = ()
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error reply; what is None is as OpenAI sends it with 401, 429, 500 and 503."""

    status: int
    message: str | None = None
    type: str | None = None
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None
    """Seconds, sent as `retry-after` and `retry-after-ms`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang:
    """No reply at all before the server closes."""


Answer = Say | Sequence[Call] | Fault | Hang


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A chat completion that was asked for, whether or not it got an answer."""

    body: dict[str, Any]
    authorization: str | None


class OpenAIServer(LoopbackServer):
    """Serves `/v1/chat/completions` and `/v1/models`; `answer` plays the model.

    `answer` gets the body of a request and is called on that request's thread, so several calls may run at once. A
    `ConnectionError` that it raises hangs up on the client. Before that the server refuses what OpenAI refuses: a
    wrong key (401; `api_key=None` takes any), a model it does not have (404), and tool calls and tool results that do
    not match (400).
    """

    def __init__(
        self,
        answer: Callable[[dict[str, Any]], Answer],
        *,
        api_key: str | None = None,
        models: Sequence[str] = ("stand-in",),
    ) -> None:
        super().__init__()
        self._answer = answer
        self._api_key = api_key
        self._models = tuple(models)
        self._numbers = itertools.count()
        self.requests: list[ChatRequest] = []
        """Every chat completion that was asked for, in the order of arrival."""

    @property
    def url(self) -> str:
        """The base URL for a client; it ends in `/v1`."""
        return f"http://{HOST}:{self._port}/v1"

    @override
    def reply(self, request: HttpRequest) -> HttpReply:
        authorization = request.headers.get("authorization")
        match request.method, request.path:
            case "POST", "/v1/chat/completions":
                body: dict[str, Any] = json.loads(request.body)
                self.requests.append(ChatRequest(body=body, authorization=authorization))
                fault = (
                    self._wrong_key(authorization) or self._wrong_model(body["model"]) or _mismatch(body["messages"])
                )
                return _error(fault) if fault else self._complete(body)
            case "GET", "/v1/models":
                fault = self._wrong_key(authorization)
                models = [
                    {"id": m, "object": "model", "created": CREATED, "owned_by": "stand-in"} for m in self._models
                ]
                return _error(fault) if fault else _json({"object": "list", "data": models})
            case method, path:
                return _error(Fault(status=404, message=f"Invalid URL ({method} {path})"))

    def _wrong_key(self, authorization: str | None) -> Fault | None:
        scheme, _, key = (authorization or "").partition(" ")
        if scheme == "Bearer" and key and self._api_key in {None, key}:
            return None
        return Fault(status=401, code="invalid_api_key")

    def _wrong_model(self, model: str) -> Fault | None:
        if model in self._models:
            return None
        message = f"The model `{model}` does not exist or you do not have access to it."
        return Fault(status=404, code="model_not_found", message=message)

    def _complete(self, body: dict[str, Any]) -> HttpReply:
        number = next(self._numbers)
        match self._answer(body):
            case Fault() as fault:
                return _error(fault)
            case Hang():
                self._closing.wait()
                raise ConnectionAbortedError("the server closed before it answered")
            case Say() as say:
                completion = _Completion(number=number, model=body["model"], say=say)
            case calls:
                completion = _Completion(number=number, model=body["model"], say=Say(calls=calls))
        if not body.get("stream"):
            return _json(completion.whole())
        options: dict[str, Any] = body.get("stream_options") or {}
        events = completion.events(with_usage=bool(options.get("include_usage")))
        return HttpReply(body=events, content_type="text/event-stream")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Completion:
    """One answer in the shapes of the protocol: as a whole, or as server-sent events."""

    number: int
    model: str
    say: Say

    def whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.say.text or None, "refusal": None}
        if self.say.calls:
            message["tool_calls"] = self._tool_calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish_reason}
        return self._envelope("chat.completion") | {"choices": [choice], "usage": self._usage}

    def events(self, *, with_usage: bool) -> Iterator[bytes]:
        envelope = self._envelope("chat.completion.chunk") | ({"usage": None} if with_usage else {})
        choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": None}
        for delta in self._deltas():
            yield _event(envelope | {"choices": [choice | {"delta": delta}]})
        end: dict[str, Any] = {"delta": {}, "finish_reason": self._finish_reason}
        yield _event(envelope | {"choices": [choice | end]})
        if with_usage:
            yield _event(envelope | {"choices": [], "usage": self._usage})
        yield b"data: [DONE]\n\n"

    def _deltas(self) -> Iterator[dict[str, Any]]:
        """Cut words after their white space, the arguments of a call in two halves."""
        yield {"role": "assistant", "content": "" if self.say.text else None, "refusal": None}
        for word in re.findall(r"\s*\S+\s*|\s+", self.say.text):
            yield {"content": word}
        for index, call in enumerate(self._tool_calls):
            function: dict[str, str] = call["function"]
            arguments = function["arguments"]
            half = len(arguments) // 2
            yield {"tool_calls": [{"index": index, **call, "function": function | {"arguments": ""}}]}
            for piece in (arguments[:half], arguments[half:]):
                yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {"id": f"chatcmpl-{self.number}", "object": kind, "created": CREATED, "model": self.model}

    @property
    def _tool_calls(self) -> list[dict[str, Any]]:
        return [
            {
                "id": call.id or f"call_{self.number}_{place}",
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
            }
            for place, call in enumerate(self.say.calls)
        ]

    @property
    def _finish_reason(self) -> str:
        return "tool_calls" if self.say.calls else "stop"

    @property
    def _usage(self) -> dict[str, Any]:
        usage = self.say.usage
        return {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }


def _mismatch(messages: Sequence[Mapping[str, Any]]) -> Fault | None:
    """Refuse a tool call without a result and a result without a tool call, as OpenAI does."""
    waiting: list[str] = []
    end: Mapping[str, Any] = {"role": "end"}
    for place, message in enumerate([*messages, end]):
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                text = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                return Fault(status=400, message=f"Invalid parameter: {text}", param=f"messages.[{place}].role")
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            text = (
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                "'tool_call_id'. The following tool_call_ids did not have response messages: " + ", ".join(waiting)
            )
            return Fault(status=400, message=text, param=f"messages.[{place}].role")
        calls: list[dict[str, Any]] = message.get("tool_calls") or []
        waiting = [call["id"] for call in calls]
    return None


_WORDINGS = {
    401: ("invalid_request_error", "Incorrect API key provided."),
    429: ("requests", "Rate limit reached for requests. Please try again later."),
    500: ("server_error", "The server had an error while processing your request. Sorry about that!"),
    503: ("service_unavailable_error", "The engine is currently overloaded, please try again later."),
}
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}


def _error(fault: Fault) -> HttpReply:
    kind, message = _WORDINGS.get(fault.status, ("invalid_request_error", "The request was refused."))
    error = {
        "message": fault.message or message,
        "type": fault.type or kind,
        "param": fault.param,
        "code": fault.code or _CODES.get(fault.status),
    }
    headers = {}
    if fault.retry_after is not None:
        milliseconds = f"{fault.retry_after * 1000:g}"
        headers = {"retry-after": f"{fault.retry_after:g}", "retry-after-ms": milliseconds}
    return _json({"error": error}, status=fault.status, headers=headers)


def _event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _json(value: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpReply:
    return HttpReply(status=status, body=json.dumps(value).encode(), headers=headers or {})
