"""The company's systems as a process of their own: `python -m trunkline.examples.call_center.company --seed 7`.

Its first line on stdout is its URL; it ends when its stdin does, and so with the process that started it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import isawaitable
from threading import Thread
from typing import Any

from trunkline.examples.call_center.backend import Backend, Faults
from trunkline.examples.call_center.backend.operations import operations
from trunkline.examples.call_center.backend.remote import EFFECTS, FAULTS, REFUSED, UNAVAILABLE
from trunkline.examples.call_center.world import generate_world
from trunkline.tools import ToolRejectedError

_MODULE = "trunkline.examples.call_center.company"


@asynccontextmanager
async def company_process(*, seed: int, faults: Faults, latency: float = 1.0) -> AsyncGenerator[str]:
    """Run the company's systems in a process beside the block, and give their URL."""
    asked = ["--seed", str(seed), "--latency", str(latency), "--faults", FAULTS.dump_json(faults).decode()]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", _MODULE, *asked),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the process that started it
    )
    assert process.stdin, "stdin is a pipe"
    assert process.stdout, "stdout is a pipe"
    try:
        url = (await process.stdout.readline()).decode().strip()
        if not url:
            message = f"the company's systems did not start; their process ended with {await process.wait()}"
            raise ConnectionError(message)
        yield url
    finally:
        process.stdin.close()
        await process.wait()


async def serve(backend: Backend, *, until_over: asyncio.Event) -> None:
    """Serve the systems on a free port of this machine."""
    server = _Server(("127.0.0.1", 0), _handler(backend, asyncio.get_running_loop()))
    thread = Thread(target=server.serve_forever, name="company", daemon=True)
    thread.start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    await until_over.wait()
    await asyncio.to_thread(server.shutdown)
    server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, but for a client that has gone: its process was killed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


async def _answer(backend: Backend, name: str, content: bytes) -> tuple[int, bytes]:
    """Return status and content of the answer. Raises `TimeoutError` where it is to be lost."""
    operation = operations()[name]
    try:
        answer = operation.asked(backend, json.loads(content))
        if isawaitable(answer):
            answer = await answer
    except ToolRejectedError as refusal:
        return REFUSED, str(refusal).encode()
    except ConnectionError as error:
        return UNAVAILABLE, str(error).encode()
    return 200, operation.answer.dump_json(answer)


async def _told(backend: Backend, what: str) -> bytes:
    return EFFECTS.dump_json(list(backend.effects)) if what == "effects" else json.dumps(backend.peaks).encode()


def _handler(backend: Backend, loop: asyncio.AbstractEventLoop) -> type[BaseHTTPRequestHandler]:
    """Return what handles requests: each connection in a thread of its own, the systems in the event loop."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            """An operation, or a ruling."""
            content = self._content()
            try:
                answer = self._in_loop(_answer(backend, self.path[1:], content))
            except TimeoutError:
                self.close_connection = True  # the answer is lost: no byte of it is sent
                return
            self._send(*answer)

        def do_GET(self) -> None:
            """The record of what was done, or the peaks."""
            self._send(200, self._in_loop(_told(backend, self.path[1:])))

        def do_PUT(self) -> None:
            """Other faults from now on."""
            loop.call_soon_threadsafe(backend.wire.suffer, FAULTS.validate_json(self._content()))
            self._send(204, b"")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing of single requests."""

        def _content(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def _in_loop(self, work: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(work, loop).result()

        def _send(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler


async def _main(seed: int, latency: float, faults: Faults) -> None:
    backend = Backend(generate_world(seed), seed=seed, latency=latency, faults=faults)
    over, loop = asyncio.Event(), asyncio.get_running_loop()

    def watch() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(over.set)

    Thread(target=watch, name="watch stdin", daemon=True).start()
    await serve(backend, until_over=over)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--faults", default="{}")
    given = parser.parse_args()
    asyncio.run(_main(given.seed, given.latency, FAULTS.validate_json(given.faults)))
