"""Real servers of buses, from wheels, that can be killed and started again."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from stand_ins.databases import execute, name_in, postgres_database, renamed
from trunkline.runtime.bus.bus import Heard
from trunkline.runtime.bus.opening import open_bus

_DEADLINE = 10.0


class BusServer(Protocol):
    """Where a bus leads to."""

    url: str

    def kill(self) -> None:
        """Let everybody lose the connection at once, and nobody get another one."""
        ...

    def start(self) -> None:
        """Take connections; return when they are taken."""
        ...


class ServerProcess:
    """A server that is a program of its own, listening on a port or socket."""

    def __init__(self, url: str, command: list[str], address: str | tuple[str, int]) -> None:
        self.url = url
        self._command, self._address = command, address

    def start(self) -> None:
        """Start the program."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        family = socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET
        while True:
            with socket.socket(family) as probe:
                if probe.connect_ex(self._address) == 0:
                    return
            assert self._process.poll() is None, f"{self._command[0]} ended with {self._process.returncode}"

    def kill(self) -> None:
        """Kill the program."""
        self._process.kill()
        self._process.wait(_DEADLINE)


class PostgresDoor:
    """A database that is shut, and everybody thrown out, instead of the server that other tests need."""

    def __init__(self, url: str) -> None:
        self.url, self._door = url, renamed(url, "postgres")

    def start(self) -> None:
        """Let them in."""
        execute(self._door, f"ALTER DATABASE {name_in(self.url)} ALLOW_CONNECTIONS true")

    def kill(self) -> None:
        """Throw them out."""
        name = name_in(self.url)
        ousted = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"
        execute(self._door, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false", ousted)


@contextmanager
def redis_server(folder: Path) -> Generator[ServerProcess]:
    """Start Redis on a socket in the folder."""
    path = str(folder / "redis.sock")
    command = [_program("redis-server"), "--port", "0", "--unixsocket", path, "--save", "", "--dir", str(folder)]
    with _running(ServerProcess(f"unix://{path}", command, path)) as server:
        yield server


@contextmanager
def nats_server() -> Generator[ServerProcess]:
    """Start NATS on a free port."""
    port = _free_port()
    command = [_program("nats-server"), "--addr", "127.0.0.1", "--port", str(port)]
    with _running(ServerProcess(f"nats://127.0.0.1:{port}", command, ("127.0.0.1", port))) as server:
        yield server


@contextmanager
def _running(server: ServerProcess) -> Generator[ServerProcess]:
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _program(name: str) -> str:
    """Return the path of a program that a wheel has put beside this Python."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    assert found, f"there is no {name} beside {sys.executable}; install the group dev"
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NoServer:
    """Where the bus of one process leads to."""

    url = "memory:"


@contextmanager
def bus_server(kind: str, folder: Path, postgres: str | None = None) -> Generator[BusServer | NoServer]:
    """Start what a bus of this kind leads to; for PostgreSQL a database is made on the server that is given."""
    match kind, postgres:
        case "memory", _:
            yield NoServer()
        case "redis", _:
            with redis_server(folder) as server:
                yield server
        case "nats", _:
            with nats_server() as server:
                yield server
        case "postgresql", str():
            with postgres_database(postgres) as url:
                yield PostgresDoor(url)
        case _:
            raise AssertionError(kind)


async def echo(url: str, ready: Callable[[], None]) -> None:
    """Be another process: say on `run:echo` what is said on `run:call`."""
    async with open_bus(url, "sqlite:///unused.db") as bus, bus.listen("run:call") as listener:
        ready()
        async for heard in listener:
            if isinstance(heard, Heard):
                await bus.publish("run:echo", heard.message)
