"""Real servers of buses, from wheels, that can be killed and started again."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from stand_ins.databases import execute, name_in, renamed

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

    def backends(self) -> int:
        """Return how many connections lead to the database."""
        import psycopg

        with psycopg.connect(self._door) as connection:
            counted = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
            row = connection.execute(counted, [name_in(self.url)]).fetchone()
            assert row
            return row[0]


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
