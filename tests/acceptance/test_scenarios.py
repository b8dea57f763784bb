"""The scenarios of the call center: fifty times each with other latencies, and always the same end."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.runtime.scenarios import run_scenario, scenario_files

FOLDER = Path(__file__).parent.parent.parent / "examples" / "call_center" / "scenarios"


@pytest.mark.parametrize("file", scenario_files(FOLDER), ids=lambda file: file.stem)
def test_the_scenario_always_ends_as_it_must(file: Path) -> None:
    """Fifty times with other latencies: as expected, and in one final state."""
    result = run_scenario(file, runs=50)

    assert result.ok, str(result)
