"""The leaderboard's tasks: what the user asks for, the functions there are, and the calls that answer it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TASKS, ANSWERS = "parallel.json", "parallel_answers.json"
"""Both hold one JSON object a line."""

LEFT_OUT = ""
"""What a reference answer lists among the values of a parameter that may be left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceCall:
    """One call of a reference answer."""

    function: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelTask:
    """A question, the functions as the leaderboard describes them, and the calls of the reference answer in order."""

    task_id: str
    question: str
    functions: Sequence[Mapping[str, Any]]
    calls: Sequence[ReferenceCall]


def load_parallel_tasks(folder: Path) -> list[ParallelTask]:
    """Read the tasks and their reference answers."""
    answers = {entry["id"]: entry["ground_truth"] for entry in _lines(folder / ANSWERS)}
    return [_task(entry, answers[entry["id"]]) for entry in _lines(folder / TASKS)]


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def _task(entry: Mapping[str, Any], truth: Sequence[Mapping[str, Mapping[str, Any]]]) -> ParallelTask:
    [[message]] = entry["question"]
    return ParallelTask(
        task_id=entry["id"],
        question=message["content"],
        functions=entry["function"],
        calls=[
            ReferenceCall(function=name, arguments=_first_of_each(allowed))
            for call in truth
            for name, allowed in call.items()
        ],
    )


def _first_of_each(allowed: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return the first allowed value of each parameter; the fields of an object are listed in the same way."""
    first = {name: values[0] for name, values in allowed.items() if values[0] != LEFT_OUT}
    return {name: _first_of_each(value) if isinstance(value, dict) else value for name, value in first.items()}  # pyright: ignore[reportUnknownArgumentType]
