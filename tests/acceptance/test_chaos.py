"""`trunkline chaos` as people run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_a_day_in_chaos_keeps_every_promise(url: str, tmp_path: Path) -> None:
    """On a server with three workers, on an embedded database with one; the verdict is one object."""
    workers = "1" if url.startswith("sqlite") else "3"
    options = ["--seconds", "8", "--contacts", "5", "--workers", workers, "--json", "--database", url]
    ran = subprocess.run(
        [sys.executable, "-m", "trunkline", "chaos", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    verdict = json.loads(ran.stdout)
    assert verdict["broken"] == []
    assert (verdict["contacts"], verdict["effects_done_twice"]) == (5, 0)
    assert verdict["deliveries"] > 2 * verdict["runs_accepted"] > 0
