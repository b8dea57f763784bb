"""`trunkline demo --workers N`: the day served by worker processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stand_ins.terminal import Terminal

DEMO = [sys.executable, "-m", "trunkline", "demo", "--json"]
ALIKE = ("contacts", "contacts_noted_in_crm", "turns", "runs", "model_calls", "refunds", "refunds_made_twice")


@pytest.fixture
def trunkline(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Terminal(capsys)


def figures(folder: Path, *options: str) -> dict[str, Any]:
    ran = subprocess.run([*DEMO, *options], capture_output=True, text=True, check=False, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_worker_processes_serve_the_same_day(url: str, tmp_path: Path, trunkline: Terminal) -> None:
    """As one process alone: two workers on a server, one on an embedded database."""
    workers = "1" if url.startswith("sqlite") else "2"
    alone = json.loads(trunkline("demo", "--json", "--contacts", "6", "--database", "sqlite:///alone.db")[1])
    staffed = figures(tmp_path, "--contacts", "6", "--workers", workers, "--database", url)

    assert {name: staffed[name] for name in ALIKE} == {name: alone[name] for name in ALIKE}
    assert staffed["workers"] == int(workers)
    assert staffed["live_wait_p95"] >= staffed["live_wait_p50"] > 0


def test_an_embedded_database_takes_one_worker_process(trunkline: Terminal) -> None:
    """More are refused before anything starts, with the way out."""
    code, _, problem = trunkline("demo", "--json", "--workers", "2")

    assert code == 2
    assert "--workers 2 needs a database server" in problem
    assert not Path("trunkline.db").exists()
