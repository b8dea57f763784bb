"""The scenarios of the call center: many times each with other latencies, and always the same end."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.runtime.scenarios import run_scenario, scenario_files

FOLDER = Path(__file__).parent.parent.parent / "examples" / "call_center" / "scenarios"


RUNS = 10
"""With `make scenarios` fifty, as `trunkline scenario` plays them."""


@pytest.mark.parametrize("file", scenario_files(FOLDER), ids=lambda file: file.stem)
def test_the_scenario_always_ends_as_it_must(file: Path) -> None:
    """Each time with other latencies: as expected, and in one final state."""
    result = run_scenario(file, runs=RUNS)

    assert result.ok, str(result)
