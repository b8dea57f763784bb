"""The retail benchmark with crashes: what the back end, the door and the processes promise, and a slice of it all."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from signal import SIGKILL

import pytest

import tau2
from retail.backend import BackEnd, Request
from retail.crash import Recovery
from retail.desk import Answer, Desk
from retail.door import Blow, Door, Moment, ask_back_end
from retail.records import Records
from retail.recoveries import RecoveryFigures
from retail.remote import remote_toolbox
from retail.replay import Replay
from retail.tasks import Action, Task

CANCEL = {"order_id": "#P1", "reason": "no longer needed"}
CANCELLING = Request(call_id="c1", tool="cancel_pending_order", arguments=CANCEL, key="cancel:#P1")
LOOKING = Request(call_id="c2", tool="get_order_details", arguments={"order_id": "#P1"}, key=None)


@pytest.fixture(name="desk")
def desk_of_the_small_shop(records: Records) -> Desk:
    return Desk(records, lambda _tool, _arguments: 0.0)


@pytest.fixture(name="data")
def two_tasks(records: Records, tmp_path: Path) -> Path:
    """Two of the public tasks where they are at hand, else two of the small shop."""
    public = tau2.default_data()
    if (public / "tasks.json").is_file():
        tasks = json.loads((public / "tasks.json").read_text())[:2]
        (tmp_path / "db.json").symlink_to(public / "db.json")
    else:
        steps = [("get_user_details", {"user_id": "ann_1"}), ("cancel_pending_order", CANCEL)]
        actions = [{"name": name, "arguments": arguments} for name, arguments in steps]
        tasks = [{"id": task_id, "evaluation_criteria": {"actions": actions}} for task_id in ("7", "8")]
        tables = {"products": records.products, "users": records.users, "orders": records.orders}
        (tmp_path / "db.json").write_text(json.dumps(tables))
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    return tmp_path


def test_a_task_that_is_killed_in_the_middle_ends_as_if_its_calls_ran_one_by_one(data: Path) -> None:
    """Real processes and a real `kill -9`; nothing is done twice."""
    command = [sys.executable, tau2.__file__, "--crash", "--seeds", "1", "--median", "1", "--json", "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert (done.returncode, done.stderr) == (0, "")
    printed = json.loads(done.stdout)
    assert (printed["passed"], printed["killed"], printed["runs"]) == (2, 2, 2)
    assert (printed["failures"], printed["effects_twice"]) == ([], 0)


async def test_a_key_takes_effect_once_also_while_the_first_request_is_under_way(desk: Desk) -> None:
    """Whoever asks again gets the first answer."""
    backend = BackEnd(desk)
    first, second = await asyncio.gather(backend.answer(CANCELLING), backend.answer(CANCELLING))
    third = await backend.answer(replace(CANCELLING, call_id="c3"))

    assert first == second == third
    assert not first.refused
    assert (backend.effects, backend.asked_again) == (1, [CANCELLING])


async def test_a_refused_key_is_free_again(desk: Desk) -> None:
    """Nothing was done under it, so the next request is looked at anew."""
    backend = BackEnd(desk)
    refused = await backend.answer(replace(CANCELLING, arguments={**CANCEL, "reason": "a whim"}))
    accepted = await backend.answer(replace(CANCELLING, call_id="c3"))

    assert (refused.refused, accepted.refused, backend.effects) == (True, False, 1)


@pytest.mark.parametrize(("moment", "effects"), [(Moment.ARRIVED, 0), (Moment.SERVED, 1)])
async def test_the_door_strikes_before_or_after_the_effect(
    desk: Desk, tmp_path: Path, moment: Moment, effects: int
) -> None:
    """Either way nobody is told; what was answered before is known."""
    backend, killed = BackEnd(desk), list[str]()
    door = Door(backend, Blow(request=2, moment=moment))
    door.kill = lambda: killed.append("now")
    async with door.opened(tmp_path / "door"):
        seen = await asyncio.to_thread(ask_back_end, tmp_path / "door", LOOKING)
        with pytest.raises(json.JSONDecodeError):
            await asyncio.to_thread(ask_back_end, tmp_path / "door", CANCELLING)

    assert not seen.refused
    assert (killed, backend.effects, door.answered_at_blow) == (["now"], effects, {"c2"})


def test_a_blow_is_the_same_for_a_task_and_a_seed_and_meets_every_point() -> None:
    """A model asks before the first call and after the last one; the same call twice may be asked once."""
    look = Action(name="get_order_details", arguments={"order_id": "#P1"})
    task, idle = Task(task_id="7", actions=(look, look)), Task(task_id="8", actions=())
    blows = [Blow.drawn(task, seed) for seed in range(100)]

    assert blows == [Blow.drawn(task, seed) for seed in range(100)]
    assert set(blows) == {Blow(request=request, moment=moment) for request in (1, 2, 3) for moment in Moment}
    assert {Blow.drawn(idle, seed).request for seed in range(100)} == {1}


def test_remote_tools_are_declared_as_the_shops_own_and_every_effect_has_a_key(desk: Desk) -> None:
    """So the same calls conflict, and each can be asked again."""
    remote = remote_toolbox(desk.toolbox, Path("door"))

    assert remote.specifications() == desk.toolbox.specifications()
    assert [tool.access for tool in remote] == [tool.access for tool in desk.toolbox]
    assert [tool.effect.is_read for tool in remote] == [tool.effect.is_read for tool in desk.toolbox]
    assert all(tool.effect.is_read or tool.key for tool in remote)


def test_a_failure_names_the_blow_and_what_was_different(desk: Desk) -> None:
    """Whoever reads it can run the same case again."""
    task = Task(task_id="7", actions=(Action(name="cancel_pending_order", arguments=CANCEL),))
    good = Replay(state="{}", answers=(Answer(refused=False, value=1),), tool_seconds=1.0, turn_seconds=2.0)
    blow = Blow(request=2, moment=Moment.SERVED)
    backend = BackEnd(desk)
    backend.effects, backend.asked_again = 2, [LOOKING, CANCELLING]
    recovery = Recovery(
        replay=good,
        door=Door(backend, blow),
        backend=backend,
        exits=(-SIGKILL, 1),
        recorded=frozenset({"c2"}),
        began_again=False,
    )
    figures = RecoveryFigures(tasks=1, seeds=1)
    figures.add(task, 5, blow=blow, due=1, reference=good, recovery=recovery)

    exits, recorded, effects = figures.failures
    assert exits.startswith("task 7 seed 5 killed when request 2 served: the exit codes were (-9, 1)")
    assert f"it asked again for what was on record: {[LOOKING]}" in recorded
    assert effects.endswith("2 effects took place instead of 1")
    assert (figures.passed, figures.runs, figures.effects_twice) == (0, 1, 1)
