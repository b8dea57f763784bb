"""The README says what is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_hello_world_runs_as_it_is_printed_and_is_short(tmp_path: Path) -> None:
    """The first code of the README, in at most 13 lines: a second run goes on with the same thread."""
    code = _first_code()
    (tmp_path / "hello.py").write_text(code)
    said = [_run("hello.py", folder=tmp_path) for _ in range(2)]

    assert len([line for line in code.splitlines() if line.strip()]) <= 13
    assert said == ["It comes on Friday; a colleague looks at the refund.\n"] * 2


def test_every_make_target_that_the_readme_names_exists() -> None:
    """A command in the README can be typed."""
    makefile = (Path(__file__).parent.parent / "Makefile").read_text()
    named = set(re.findall(r"make ([a-z][\w-]*)", README)) - {"and"}

    assert {target for target in named if f"\n{target}:" not in makefile} == set()


def _first_code() -> str:
    found = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert found
    return found.group(1)


def _run(file: str, *, folder: Path) -> str:
    return subprocess.run([sys.executable, file], check=True, capture_output=True, text=True, cwd=folder).stdout
