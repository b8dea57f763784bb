"""The leaderboard's parallel tasks: a slice of the public ones, or the small ones below where they are not at hand."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage

from berkeley.functions import tool_of
from berkeley.measure import measure
from berkeley.meeting import Meeting
from berkeley.tasks import ANSWERS, TASKS, ParallelTask, ReferenceCall, load_parallel_tasks
from berkeley.turn import Turn, expected_calls
from bfcl import DATA_VARIABLE, default_data, main

PLAY: dict[str, Any] = {
    "name": "radio.play",
    "description": "Play an artist.",
    "parameters": {
        "type": "dict",
        "properties": {
            "artist": {"type": "string"},
            "volume": {"type": "float", "default": 0.5},
            "rooms": {"type": "array", "items": {"type": "string", "enum": ["bath", "hall"]}},
            "at": {"type": "tuple", "items": {"type": "integer"}},
            "mood": {"type": "dict", "properties": {"calm": {"type": "boolean"}}},
        },
        "required": ["artist"],
    },
}
TRUTH: list[dict[str, Any]] = [
    {"artist": ["Nina", "Nina Simone"], "volume": [1, ""], "rooms": [["hall", "bath"]]},
    {"artist": ["Björk"], "volume": ["", 0.5], "mood": [{"calm": [True]}]},
    {"artist": ["Nina"], "volume": [1], "rooms": [["hall", "bath"]]},
    {"artist": ["Can"], "at": [[20, 15]]},
]


@pytest.fixture(name="small")
def small_folder(tmp_path: Path) -> Path:
    """One task: four calls, of which the first and the third ask for the same."""
    question = [[{"role": "user", "content": "Play something."}]]
    task = {"id": "parallel_0", "question": question, "function": [PLAY]}
    answer = {"id": "parallel_0", "ground_truth": [{"radio.play": call} for call in TRUTH]}
    (tmp_path / TASKS).write_text(json.dumps(task) + "\n", encoding="utf-8")
    (tmp_path / ANSWERS).write_text(json.dumps(answer) + "\n", encoding="utf-8")
    return tmp_path


async def test_exactly_the_reference_calls_run_at_once_and_each_gets_its_own_answer(small: Path) -> None:
    """Every fifth of the public tasks, which are of all widths."""
    folder = default_data() if (default_data() / TASKS).is_file() else small
    figures = await measure(islice(load_parallel_tasks(folder), 0, None, 5))

    assert figures.failures == []
    assert figures.passed == figures.tasks > 0


def test_a_reference_call_takes_the_first_value_that_is_allowed(small: Path) -> None:
    """What may be left out is left out, and then the tool sees its default."""
    [task] = load_parallel_tasks(small)

    first = [call.arguments for call in task.calls]
    assert first[0] == {"artist": "Nina", "volume": 1, "rooms": ["hall", "bath"]}
    assert first[1] == {"artist": "Björk", "mood": {"calm": True}}
    rest = {"rooms": None, "at": None}
    assert expected_calls(task)[1].arguments == {"artist": "Björk", "volume": 0.5, "mood": {"calm": True}, **rest}


def test_a_described_function_becomes_a_typed_tool() -> None:
    """Models are given a name without dots, and a schema of what may be passed."""

    async def serve(tool: str, arguments: object) -> object:
        return tool, arguments

    specification = tool_of(PLAY, serve).specification()["function"]

    schema = specification["parameters"]
    assert (specification["name"], schema["required"]) == ("radio_play", ["artist"])
    assert schema["properties"]["volume"]["anyOf"] == [{"type": "number"}, {"type": "null"}]
    assert schema["properties"]["rooms"]["anyOf"][0]["items"] == {"enum": ["bath", "hall"], "type": "string"}
    assert schema["properties"]["at"]["anyOf"][0] == {"items": {"type": "integer"}, "type": "array"}


async def test_the_last_call_that_comes_leaves_first() -> None:
    """Answers come in another order than the requests, so that a mix-up shows; the same call twice is one."""
    meeting, left = Meeting(3), list[str]()

    async def attend(name: str) -> None:
        await meeting.attend(name)
        left.append(name)

    await asyncio.gather(*(attend(name) for name in ("a", "b", "a", "c")))

    assert left == ["c", "a", "b", "a"]
    assert (meeting.peak, meeting.attended["a"]) == (3, 2)


def turn_and_task() -> tuple[Turn, ParallelTask]:
    calls = [ReferenceCall(function="radio.play", arguments={"artist": artist}) for artist in ("Nina", "Can")]
    task = ParallelTask(task_id="t", question="", functions=[PLAY], calls=calls)
    requests = [{"name": "radio_play", "args": call.arguments, "id": f"c{at}"} for at, call in enumerate(calls)]
    expected = expected_calls(task)
    answers = [
        ToolMessage(json.dumps({"tool": call.tool, "arguments": call.arguments}), tool_call_id=f"c{at}")
        for at, call in enumerate(expected)
    ]
    asked = AIMessage("", tool_calls=requests)
    return Turn(messages=[asked, *answers], attended={call.identity: 1 for call in expected}, peak=2), task


def test_a_turn_is_told_apart_from_one_that_lost_or_repeated_a_call_or_ran_one_by_one() -> None:
    """A pass means something: each way to be wrong is a difference."""
    good, task = turn_and_task()
    [first, second] = good.attended

    assert list(good.differences(task)) == []
    assert len(list(replace(good, attended={first: 1}).differences(task))) == 1
    assert len(list(replace(good, attended={first: 1, second: 2}).differences(task))) == 1
    assert list(replace(good, peak=1).differences(task)) == ["at most 1 calls ran at once instead of 2"]


def test_answers_in_another_order_or_missing_are_differences() -> None:
    """An answer belongs to its request by id and by content."""
    good, task = turn_and_task()
    asked, first, second = good.messages
    renamed = [
        message.model_copy(update={"tool_call_id": id_})
        for message, id_ in zip((second, first), ("c0", "c1"), strict=True)
    ]

    assert len(list(replace(good, messages=[asked, second, first]).differences(task))) == 4
    assert len(list(replace(good, messages=[asked, *renamed]).differences(task))) == 2
    assert list(replace(good, messages=[asked, first]).differences(task)) == [
        "2 requests have 1 answers, and the reference has 2 calls"
    ]


def test_the_command_prints_one_json_object(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures and versions, for programs."""
    assert main(["--data", str(small), "--json"]) == 0

    printed = json.loads(capsys.readouterr().out)
    assert {name: printed[name] for name in ("passed", "tasks", "requests", "different", "widest")} == {
        "passed": 1,
        "tasks": 1,
        "requests": 4,
        "different": 3,
        "widest": 3,
    }
    assert "langgraph" in printed["versions"]


def test_a_task_that_fails_is_named_and_is_exit_code_1(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reference call that its own description forbids never runs."""
    file = small / ANSWERS
    file.write_text(file.read_text(encoding="utf-8").replace('"hall"', '"loft"'), encoding="utf-8")

    assert main(["--data", str(small)]) == 1
    assert "failed      parallel_0: at most 2 calls ran at once instead of 3" in capsys.readouterr().out


def test_missing_data_is_one_line_and_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has no copy of the data reads which folder was meant and how to name another."""
    assert main(["--data", str(tmp_path)]) == 3

    out, err = capsys.readouterr()
    assert (out, err.count(os.linesep)) == ("", 1)
    assert f"no {TASKS} and no {ANSWERS} in {tmp_path}" in err


def test_the_data_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable wins over the folder beside the checkout; an empty one counts as unset."""
    monkeypatch.setenv(DATA_VARIABLE, "/somewhere")
    assert default_data() == Path("/somewhere")

    monkeypatch.setenv(DATA_VARIABLE, "")
    assert default_data().parts[-3:] == ("shared", "data", "bfcl")
