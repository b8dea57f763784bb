"""Scenarios are played as they are written, and what differs is told."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from trunkline.runtime.scenarios import run_scenario

Write = Callable[..., Path]

PAYS = """
    - caller: pay Ann
      model: [{calls: [{pay: {to: Ann, amount: 60}}, count]}, waiting]
    - {approve: pay, by: dana, answers: done}
"""


def faults(file: Path) -> list[str]:
    """Return what one run finds, without its seed."""
    return [fault.removeprefix("seed 1: ") for fault in run_scenario(file, runs=1).first_faults]


def test_a_scenario_that_goes_as_expected_is_ok(write: Write) -> None:
    """Each run with other latencies ends in the same state."""
    expect = "{effects: [{pay: {to: Ann}}], changed: {till: {money: 40}}, actions: [{call: pay, state: done}]}"
    result = run_scenario(write(PAYS, expect=expect), runs=5, seed=7)

    assert result.ok, result
    assert [played.seed for played in result.runs] == [7, 8, 9, 10, 11]
    assert len({tuple(played.turn_seconds) for played in result.runs}) == 5
    assert str(result).startswith("ok   one: 5 runs, 0 with faults, 1 final state; turns ")


def test_the_same_seed_gives_the_same_run(write: Write) -> None:
    """To the microsecond of virtual time."""
    first, second = (run_scenario(write(PAYS), runs=1, seed=3).runs for _ in range(2))

    assert first == second


def test_runs_that_end_differently_are_told_by_what_differs(write: Write) -> None:
    """No fault in any of them, and yet not the same."""
    result = run_scenario(write(PAYS, given="{drifts: true}"), runs=10)

    assert not result.ok
    assert len(result.states) == 2
    assert "changed.till.money: in some runs" in str(result)


@pytest.mark.parametrize(
    ("expect", "fault"),
    [
        ("{effects: []}", "expect.effects: missing nothing; not expected pay(to='Ann', amount=60)"),
        ("{effects: [pay, pay]}", "expect.effects: missing pay(); not expected nothing"),
        ("{changed: {}}", "expect.changed: expected {}, got {'till': {'money': 40}}"),
        ("{asked: {pay: 2}}", "expect.asked: expected pay 2 times, got 1"),
        ("{never: [{effect: out}]}", "expect.never: out happened: pay(to='Ann', amount=60)"),
        ("{never: [{changed: till}]}", "expect.never: till is now {'money': 40}"),
        ("{never: [{told: wait}]}", "expect.never: the caller was told 'waiting'"),
        ("{reads_completed: [look]}", "expect.reads_completed: look() is missing"),
        ("{waiting: [pay]}", "expect.waiting: missing pay(); not expected nothing"),
        (
            "{actions: [{call: pay, state: rejected}]}",
            "expect.actions: missing pay() rejected; not expected pay(to='Ann', amount=60) done (amount 60 is over 50)",
        ),
    ],
)
def test_what_is_not_as_expected_at_the_end_is_told(write: Write, expect: str, fault: str) -> None:
    """The place in the file, what was missing, what was there."""
    assert faults(write(PAYS, expect=expect)) == [fault]


@pytest.mark.parametrize(
    ("turn", "fault"),
    [
        ("expect: {told: [paid]}", "steps[0].expect.told: 'paid' is missing in 'so'"),
        ("expect: {not_told: [s]}", "steps[0].expect.not_told: 's' is in 'so'"),
        ("expect: {at_most: 50 ms}", "steps[0].expect.at_most: expected 50 ms, got "),
        ("expect: {ends: {pay: failed}}", "steps[0].expect.ends: expected pay failed, got done"),
        ("expect: {side_by_side: [pay, count]}", "steps[0].expect.side_by_side: pay and count did not run at the same"),
        ("expect: {one_after_another: [count, pay]}", "steps[0].expect.one_after_another: pay began"),
        (
            "expect: {start_together: {calls: [pay, count], within: 9 ms}}",
            "steps[0].expect.start_together: they started",
        ),
        ("expect: {done_after_slowest: {calls: [pay], within: 9 ms}}", "steps[0].expect.done_after_slowest: the turn"),
        ("meanwhile: [{when: {asked: look}, do: []}]", "steps[0].meanwhile: the moment never came"),
    ],
)
def test_what_is_not_as_expected_of_a_turn_is_told(write: Write, turn: str, fault: str) -> None:
    """Words, states, order and virtual time."""
    [found] = faults(write(f"- {{caller: x, model: [{{calls: [{{pay: {{to: A, amount: 9}}}}, count]}}, so], {turn}}}"))

    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        ("[{say: hi, sees: [Ann]}]", "steps[0].model[0].sees: 'Ann' is missing; it read: hello"),
        ("[{say: hi, sees_not: [hello]}]", "steps[0].model[0].sees_not: 'hello' is there; it read: hello"),
        ("[hi, ho]", "steps[0].model: 1 of 2 answers were not asked for"),
        ("[{calls: [count]}]", "steps[0]: run "),
    ],
)
def test_what_the_model_reads_is_looked_at(write: Write, answers: str, fault: str) -> None:
    """Also that it is asked as often as the scenario says."""
    found = faults(write(f"- {{caller: hello, model: {answers}}}"))

    assert [each.startswith(fault) for each in found] == [True]


def test_a_decision_on_a_call_that_is_not_there_is_a_fault(write: Write) -> None:
    """And one that is answered otherwise."""
    steps = PAYS + "    - {approve: {pay: {to: Bob}}, by: dana}\n    - {approve: pay, by: eve, answers: done}\n"

    missing, late = faults(write(steps))
    assert missing == "steps[2]: there is no call pay(to='Bob') to decide on"
    assert late.startswith("steps[3]: expected done, got 409 done: ")


def test_the_world_changes_through_another_channel(write: Write) -> None:
    """As the project takes it."""
    assert faults(write("- world: {money: 5}", expect="{changed: {till: {money: 5}}}")) == []


def test_a_worker_that_is_killed_starts_anew_from_its_database(write: Write) -> None:
    """The payment was under way: the new worker makes it with the same key, and the turn goes on."""
    file = write(
        """
        - caller: pay Ann
          model: [{calls: [{pay: {to: Ann, amount: 9}}]}]
          meanwhile: [{when: {asked: pay}, do: [{crash: true}]}]
        - resumes: true
          model: [{say: paid, sees: [9 for Ann]}]
        """,
        expect="{asked: {pay: 2}, actions: [{call: pay, state: done}]}",
    )

    assert faults(file) == []


def test_a_caller_who_interrupts_stops_no_effect(write: Write) -> None:
    """The payment ends, the count that waits for it does not begin."""
    file = write(
        """
        - caller: pay Ann
          model: [{calls: [{pay: {to: Ann, amount: 9}}, count]}]
          meanwhile: [{when: {asked: pay}, do: [{interrupt: true}]}]
        """,
        expect="{asked: {pay: 1, count: 0}, effects: [pay], actions: [{call: pay, state: done}]}",
    )

    assert faults(file) == []


def test_a_stage_that_is_mistaken_is_told_as_it_is(write: Write) -> None:
    """What the scenario asks of it and it cannot do is no fault of a run."""
    file = write("- world: {money: 5}")
    file.write_text(file.read_text().replace("{money: 5}", "{gold: 5}"))

    with pytest.raises(KeyError, match="money"):
        run_scenario(file, runs=1)


def test_the_program_keeps_its_random_numbers(write: Write) -> None:
    """Each run seeds them, for the pauses before retries."""
    random.seed(5)
    expected = random.random()
    random.seed(5)
    run_scenario(write("- advance: 1 s"), runs=1)

    assert random.random() == expected


def test_time_passes_without_waiting(write: Write) -> None:
    """A week goes by in a moment."""
    assert faults(write("- advance: 168 h")) == []
