"""A scenario: what is given, what happens step by step, and what is expected; read from a YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import AwareDatetime, ValidationError, field_validator

from trunkline.agents.file_fault import one_line, place, unreadable, wrong
from trunkline.errors import ScenarioFileError
from trunkline.runtime.scenarios.expectations import OfAll
from trunkline.runtime.scenarios.steps import Interrupt, Step
from trunkline.runtime.scenarios.virtual_time import SHIFT_START
from trunkline.runtime.scenarios.words import Words


class Scenario(Words):
    """What a scenario file says."""

    scenario: str
    """Its name."""

    about: str = ""
    project: str
    """What it plays on: `package.module:name` or `path.py:name` of a function that sets a `Stage`."""

    clock: AwareDatetime = SHIFT_START
    """The time of day when it begins."""

    given: Mapping[str, Any] = {}
    """What the stage is set with. What can be written is the project's."""

    steps: Sequence[Step]
    expect: OfAll = OfAll()

    @field_validator("steps")
    @classmethod
    def _nothing_to_interrupt(cls, steps: Sequence[Step]) -> Sequence[Step]:
        if any(isinstance(step, Interrupt) for step in steps):
            message = "interrupt is for what happens meanwhile, within a turn"
            raise ValueError(message)
        return steps


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario file. Raises `ScenarioFileError` that names the line, the place and what was expected there."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioFileError(path=str(path), problem=unreadable(error)) from error
    try:
        return Scenario.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ScenarioFileError(path=str(path), problem=f"is not YAML: {one_line(error)}") from error
    except ValidationError as error:
        problems = "; ".join(_problem(item, text) for item in error.errors())
        raise ScenarioFileError(path=str(path), problem=problems) from None  # pydantic says it at length


def scenario_files(folder: str | Path) -> list[Path]:
    """Return the scenario files of a folder by name, for tests with one case a file."""
    return sorted(Path(folder).glob("*.yaml"))


def _problem(item: Any, text: str) -> str:
    """Say what is wrong, with the line. Pydantic names the kind of a step in its place; in the file it is not there."""
    node, found = yaml.compose(text, Loader=yaml.SafeLoader), list[object]()
    for part in item["loc"]:
        below = _below(node, part)
        if below is not None:
            node = below
            found.append(part)
        elif part == item["loc"][-1] and item["type"] == "missing":
            found.append(part)
    line = node.start_mark.line + 1 if node else 1
    if item["type"] == "value_error":
        return f"line {line}: {place(found)}: {item['ctx']['error']}"
    return f"line {line}: {place(found)}: {wrong(item)}"


def _below(node: Any, part: object) -> Any:
    match node:
        case yaml.MappingNode():
            return next((value for key, value in node.value if key.value == part), None)
        case yaml.SequenceNode() if isinstance(part, int):
            return node.value[part] if part < len(node.value) else None
        case _:
            return None
