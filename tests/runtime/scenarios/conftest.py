"""Scenario files that tests write."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a scenario of the till with these steps, and return the file."""

    def write_scenario(steps: str, *, expect: str = "{}", given: str = "{}", name: str = "one.yaml") -> Path:
        head = f"scenario: one\nproject: stand_ins.till:Till\ngiven: {given}\nexpect: {expect}\nsteps:\n"
        file = tmp_path / name
        file.write_text(head + dedent(steps))
        return file

    return write_scenario
