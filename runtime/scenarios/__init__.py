"""Scenarios: what must happen when a conversation goes so, in readable files, played many times in virtual time.

`scenario_files` and `run_scenario` are for tests, `Stage`, `Setting` and `Happened` for the project that is played on.
Knows nothing of any project. May import the rest of the runtime, and graphs, agents and tools.
"""

from trunkline.runtime.reply import Reply
from trunkline.runtime.scenarios.result import ScenarioResult
from trunkline.runtime.scenarios.running import run_scenario
from trunkline.runtime.scenarios.scenario import scenario_files
from trunkline.runtime.scenarios.stage import Happened, Setting, Stage
from trunkline.runtime.scenarios.virtual_time import VirtualClock, VirtualLoop, in_virtual_time

__all__ = [
    "Happened",
    "Reply",
    "ScenarioResult",
    "Setting",
    "Stage",
    "VirtualClock",
    "VirtualLoop",
    "in_virtual_time",
    "run_scenario",
    "scenario_files",
]
