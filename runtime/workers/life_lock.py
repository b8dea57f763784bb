"""Life locks: a file that a worker holds locked as long as its process lives. The kernel lets go of it at any death."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from trunkline.runtime.storage.url import DatabaseUrl


class LifeLock:
    """The lock of one worker. A process that is stopped or very slow still holds it; a dead one never does."""

    def __init__(self, folder: Path, worker_id: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / worker_id
        self._file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        """Let go of the lock and take its file away."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)
        with suppress(OSError):  # others are in it
            self._path.parent.rmdir()


def lock_folder(url: DatabaseUrl) -> Path:
    """Return where the locks of this machine's workers are: beside an embedded database, or the temporary folder."""
    if url.embedded:
        return Path(f"{url.path.resolve()}-workers")
    return Path(tempfile.gettempdir()) / f"trunkline-workers-{os.getuid()}"


def dead_among(folder: Path, worker_ids: Iterable[str], *, all_here: bool) -> list[str]:
    """Return those whose lock is held by nobody.

    `all_here` tells that every worker has its lock in this folder, as those of an embedded database do: one without is
    dead, and its row came with a copy of the file. Else nothing is known here of workers without a lock.
    """
    return [worker_id for worker_id in worker_ids if _is_dead(folder / worker_id, if_missing=all_here)]


def _is_dead(path: Path, *, if_missing: bool) -> bool:
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return if_missing
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(file)
