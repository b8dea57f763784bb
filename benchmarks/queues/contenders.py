"""Who is measured, and how each is set."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ELSEWHERE = Path(__file__).resolve().parents[2] / ".venv-bench" / "bin" / "python"
"""The interpreter of the environment that `make bench-queue` makes for the peers."""

SLOTS = 20
LEASE = 30.0
"""Seconds; Trunkline's and procrastinate's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A queue, and how it is set."""

    title: str
    settings: str
    module: str
    finished: str
    """A statement that counts the jobs that are finished."""

    options: Mapping[str, Any]
    ours: bool = False

    @property
    def python(self) -> str:
        """The interpreter that has it."""
        return sys.executable if self.ours else str(ELSEWHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """A way in which a job comes back after its worker was killed."""

    title: str
    contender: Contender
    restart: bool = False
    """Whether the worker is started again; else there is another."""

    elsewhere: bool = False
    """Whether the two know nothing of each other but what the database says."""


TRUNKLINE = Contender(
    title="Trunkline",
    settings=f"{SLOTS} slots; a LangGraph graph of one step, checkpointed, traced and fenced",
    module="on_trunkline",
    finished="SELECT count(*) FROM runs WHERE status = 'succeeded'",
    options={"slots": SLOTS},
    ours=True,
)
PROCRASTINATE = Contender(
    title="procrastinate",
    settings=f"an async task, concurrency {SLOTS}, LISTEN/NOTIFY; a periodic task retries stalled jobs every minute",
    module="on_procrastinate",
    finished="SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'",
    options={"slots": SLOTS, "checkpoints": False},
)
CHECKPOINTED = Contender(
    title="  + LangGraph's saver",
    settings="procrastinate as above, its task Trunkline's graph with LangGraph's PostgreSQL saver; not fenced",
    module="on_procrastinate",
    finished="SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'",
    options={"slots": SLOTS, "checkpoints": True},
)
_DBOS_FINISHED = "SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'"
DBOS = Contender(
    title="DBOS, as it comes",
    settings="a workflow of one step; polled every second, no limit",
    module="on_dbos",
    finished=_DBOS_FINISHED,
    options={"poll": 1.0, "limit": None, "executor": "local"},
)
DBOS_QUICK = Contender(
    title="DBOS, polling 0.1 s",
    settings=f"a workflow of one step; polled every 0.1 s, worker_concurrency {SLOTS}",
    module="on_dbos",
    finished=_DBOS_FINISHED,
    options={"poll": 0.1, "limit": SLOTS, "executor": "local"},
)
CONTENDERS = (TRUNKLINE, PROCRASTINATE, CHECKPOINTED, DBOS, DBOS_QUICK)
RECOVERIES = (
    Recovery(title="Trunkline, same machine (life lock)", contender=TRUNKLINE),
    Recovery(title="Trunkline, as on another machine (lease)", contender=TRUNKLINE, elsewhere=True),
    Recovery(title="procrastinate, another worker", contender=PROCRASTINATE, elsewhere=True),
    Recovery(title="DBOS, the same executor started again", contender=DBOS, restart=True),
)
