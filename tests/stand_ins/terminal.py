"""The command line as a user sees it."""

import json
from typing import Any

import pytest

from trunkline.runtime.cli.app import execute


class Terminal:
    """Runs commands and reads what they write."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command and return its exit code, its stdout and its stderr."""
        code = execute(arguments)
        said = self._capsys.readouterr()
        return code, said.out.strip(), said.err.strip()

    def shown(self, call_id: str) -> dict[str, Any]:
        """Return everything about a call."""
        return json.loads(self("calls", "show", call_id, "--json")[1])
