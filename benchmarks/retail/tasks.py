"""The benchmark's tasks: what an agent that follows the policy does for each customer, as tool calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One tool call of a task's reference solution."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A customer's case, reduced to its reference actions in their order; some cases need none."""

    task_id: str
    actions: tuple[Action, ...]


def load_tasks(folder: Path) -> list[Task]:
    """Read `tasks.json` of the benchmark's folder."""
    return [_task(entry) for entry in json.loads((folder / "tasks.json").read_text())]


def _task(entry: Mapping[str, Any]) -> Task:
    actions = entry["evaluation_criteria"]["actions"] or ()
    return Task(
        task_id=entry["id"],
        actions=tuple(Action(name=action["name"], arguments=action["arguments"]) for action in actions),
    )
