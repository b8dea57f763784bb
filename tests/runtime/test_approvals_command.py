"""`trunkline approvals`, and the commands that decide: `approve`, `reject`, `withdraw`, `confirm`."""

import getpass
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stand_ins.processes import bury, kept_running
from stand_ins.signatures import CLOSE, LEFT, MOVE, REFERENCE, REFUND, asked, stay_open
from stand_ins.terminal import Terminal
from trunkline import ManualClock
from trunkline.agents import call

DEADLINE = 60.0


@pytest.fixture(autouse=True)
def surroundings(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database and the user as the environment names them, on a terminal of 100 cells."""
    monkeypatch.setenv("TRUNKLINE_DATABASE", url)
    monkeypatch.setenv("TRUNKLINE_USER", "dana")
    monkeypatch.setenv("COLUMNS", "100")


sqlite_only = pytest.mark.parametrize("backend", ["sqlite"])


@pytest.fixture
def trunkline(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


def test_a_request_is_listed_with_all_that_a_decision_needs(url: str, trunkline: Terminal) -> None:
    """What it would do, why somebody is asked, how long there is, and who has agreed."""
    (call_id,) = asked(url, REFUND)
    code, out, err = trunkline("approvals")
    header, head, what, why = out.splitlines()

    assert (code, err) == (0, "")
    assert header.split() == ["call", "thread", "since", "deadline", "agreed"]
    assert head.split()[:2] == [call_id[:10], "t-1"]
    assert head.endswith("0 of 1")
    assert "in 29 min" in head
    assert (what.strip(), why.strip()) == ('refund(order="o-1", amount=80)', "amount 80 is over 50")


@sqlite_only
def test_the_most_urgent_request_comes_first(url: str, trunkline: Terminal) -> None:
    """Those without a deadline come last, the oldest of them first."""
    asked(url, CLOSE, MOVE, REFUND)
    objects = [json.loads(line) for line in trunkline("approvals", "--json")[1].splitlines()]

    assert [each["tool"] for each in objects] == ["refund", "close_account", "move_house"]
    assert (objects[1]["people"], objects[1]["agreed"], objects[2]["state"]) == (2, [], "proposed")


@sqlite_only
def test_who_has_agreed_and_whom_it_waits_for_is_told(url: str, trunkline: Terminal) -> None:
    """One of two people; and a customer before anybody else."""
    closing, _ = asked(url, CLOSE, MOVE)
    trunkline("approve", closing)
    out = trunkline("approvals")[1]

    assert "1 of 2: dana" in out
    assert "the customer must confirm first" in out


@sqlite_only
def test_an_argument_that_nobody_vouches_for_is_pointed_out(url: str, trunkline: Terminal) -> None:
    """Whoever decides must know that the recipient was in a mail and not in the customer's mouth."""
    asked(url, call("read_mail"), call("pay_out", recipient="IBAN-666"))

    assert "recipient comes from an untrusted text that read_mail gave" in trunkline("approvals")[1]


@sqlite_only
@pytest.mark.parametrize("columns", ["60", "80", "100", "160"])
def test_a_request_has_three_lines_at_any_width(
    columns: str, url: str, trunkline: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit is cut."""
    asked(url, call("refund", order="o-1", amount=int("8" * 18)), CLOSE, thread="t" * 90)
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setitem(LEFT, "o-1", 10**19)
    lines = trunkline("approvals")[1].splitlines()

    assert max(map(len, lines)) <= int(columns)


def test_nothing_that_waits_is_a_sentence(url: str, trunkline: Terminal) -> None:
    """In words, not as data."""
    code, out, err = trunkline("approvals", "--json")

    assert (code, out) == (0, "")
    assert err.startswith("nothing waits for a decision in ")
    assert "on thread 't-9'" in trunkline("approvals", "--thread", "t-9")[2]


def test_a_call_of_any_tenant_is_found_and_decided_on_as_its_own(url: str, trunkline: Terminal) -> None:
    """Nobody types the tenant; the conversation and the audit trail stay that tenant's."""
    asked(url, REFUND, tenant="north")
    (south,) = asked(url, REFUND, tenant="south")

    assert trunkline("approve", south, "--with", REFERENCE)[:2] == (0, 'done: {"order": "o-1", "refunded": 80}')
    left = [json.loads(line) for line in trunkline("approvals", "--json")[1].splitlines()]
    assert [(each["tenant"], each["thread_id"], each["thread"]) for each in left] == [("north", "north/t-1", "t-1")]


def test_an_approved_call_is_ready_for_whoever_knows_its_tool(url: str, trunkline: Terminal) -> None:
    """The command itself does not; it says what happens next."""
    (call_id,) = asked(url, REFUND)

    assert trunkline("approve", call_id[:10], "--by", "eve") == (
        0,
        "ready",
        "the next process that knows refund carries it out: a running line looks each second",
    )


def test_a_named_toolbox_carries_the_call_out_at_once(url: str, trunkline: Terminal) -> None:
    """The answer is the call's result."""
    (call_id,) = asked(url, REFUND)

    assert trunkline("approve", call_id, "--with", REFERENCE) == (0, 'done: {"order": "o-1", "refunded": 80}', "")


@sqlite_only
def test_a_toolbox_without_the_tool_is_refused_before_anything_is_decided(url: str, trunkline: Terminal) -> None:
    """Else the call would be ready, and not be carried out as was meant."""
    (call_id,) = asked(url, REFUND)
    code, out, err = trunkline("approve", call_id, "--with", "stand_ins.signatures:others")

    assert (code, out) == (2, "")
    assert "does not have the tool of the call, 'refund' from stand_ins.signatures:refund" in err
    assert trunkline.shown(call_id)["state"] == "awaiting_approval"


@sqlite_only
def test_policy_has_the_last_word(url: str, trunkline: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was allowed when it was asked for may be refused by the time somebody agrees."""
    (call_id,) = asked(url, REFUND)
    monkeypatch.setitem(LEFT, "o-1", 0)

    assert trunkline("approve", call_id, "--with", REFERENCE) == (1, "denied: remainder is 0.00", "")


@sqlite_only
def test_a_second_person_is_waited_for_and_must_be_another(url: str, trunkline: Terminal) -> None:
    """The two-person rule."""
    (call_id,) = asked(url, CLOSE)

    assert trunkline("approve", call_id)[:2] == (0, "waits for 1 more person")
    assert trunkline("approve", call_id) == (
        1,
        "",
        f"call {call_id} was approved by dana already; it needs 2 different people",
    )
    assert trunkline("approve", call_id, "--by", "eve", "--with", REFERENCE)[1] == 'done: "ann is closed"'


@sqlite_only
def test_edited_arguments_are_checked_and_used(url: str, trunkline: Terminal) -> None:
    """The edit takes the place of what was asked for."""
    (call_id,) = asked(url, REFUND)
    wrong, right = ('{"order": "o-1", "amount": "much"}', '{"order": "o-1", "amount": 40}')

    assert trunkline("approve", call_id, "--arguments", wrong, "--with", REFERENCE)[0] == 1
    assert trunkline("approve", call_id, "--arguments", right, "--with", REFERENCE)[1].endswith('"refunded": 40}')
    assert trunkline.shown(call_id)["decisions"][0]["arguments"] == {"order": "o-1", "amount": 80}


@sqlite_only
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--arguments", "{}"], "--arguments needs --with"),
        (["--arguments", "{", "--with", REFERENCE], "--arguments is not JSON"),
        (["--arguments", "[]", "--with", REFERENCE], "--arguments must be a JSON object, got []"),
        (["--with", "stand_ins.signatures:nothing"], "has no agent, graph or toolbox 'nothing'"),
    ],
)
def test_wrong_usage_decides_nothing(arguments: list[str], said: str, url: str, trunkline: Terminal) -> None:
    """It exits with 2 and says what is wrong."""
    (call_id,) = asked(url, REFUND)
    code, out, err = trunkline("approve", call_id, *arguments)

    assert (code, out) == (2, "")
    assert said in err
    assert trunkline.shown(call_id)["state"] == "awaiting_approval"


def test_a_rejection_keeps_the_reason_and_the_note_apart(url: str, trunkline: Terminal) -> None:
    """The customer hears the one, colleagues read the other."""
    (call_id,) = asked(url, REFUND)
    answer = trunkline("reject", call_id, "--reason", "not covered", "--note", "third time")
    (decision,) = trunkline.shown(call_id)["decisions"]

    assert answer == (0, "rejected: a colleague refused it: not covered", "")
    assert (decision["by"], decision["reason"], decision["note"]) == ("dana", "not covered", "third time")


def test_a_late_decision_gets_a_definite_answer(url: str, trunkline: Terminal) -> None:
    """It says who was faster, and changes nothing."""
    (call_id,) = asked(url, REFUND)
    trunkline("reject", call_id, "--by", "eve")
    code, out, err = trunkline("approve", call_id, "--with", REFERENCE)

    assert (code, out) == (1, "")
    assert err.startswith(f"call {call_id} was decided already by eve at ")
    assert err.endswith("; it is rejected")


def test_a_request_whose_time_is_over_cannot_be_agreed_to(url: str, trunkline: Terminal) -> None:
    """It is no longer listed either, whether or not a line has noticed."""
    earlier = ManualClock(datetime.now(UTC) - timedelta(hours=1))
    (call_id,) = asked(url, REFUND, clock=earlier)

    assert trunkline("approvals")[2].endswith("\n1 more expired before anybody decided")
    assert trunkline("approve", call_id) == (1, "", f"call {call_id} expired; nothing was done")
    assert trunkline.shown(call_id)["state"] == "expired"


@sqlite_only
def test_a_withdrawn_request_cannot_be_agreed_to(url: str, trunkline: Terminal) -> None:
    """The answer says that it was taken back."""
    (call_id,) = asked(url, REFUND)

    assert trunkline("withdraw", call_id, "--reason", "found it")[:2] == (
        0,
        "withdrawn: it was withdrawn before it ran: found it",
    )
    assert " was withdrawn by dana at " in trunkline("approve", call_id)[2]


@sqlite_only
def test_the_customer_decides_before_people_do(url: str, trunkline: Terminal) -> None:
    """An approval before that has no effect."""
    (call_id,) = asked(url, MOVE)

    assert trunkline("approve", call_id)[0] == 1
    assert trunkline("confirm", call_id, "--with", REFERENCE) == (0, 'done: "ann lives in Rome"', "")
    assert trunkline.shown(call_id)["decisions"][0]["by"] == "customer"


@sqlite_only
@pytest.mark.parametrize("call_id", ["c-none", ""])
def test_an_unknown_call_is_wrong_usage(call_id: str, url: str, trunkline: Terminal) -> None:
    """An empty id, as of a variable that is not set, is not the beginning of every id."""
    asked(url, REFUND)
    code, out, err = trunkline("approve", call_id)

    assert (code, out) == (2, "")
    assert err.split() == f"call {call_id} is not on the ledger".split()


@sqlite_only
def test_the_login_name_decides_where_no_name_is_given(
    url: str, trunkline: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The audit trail always has a name."""
    (call_id,) = asked(url, REFUND)
    monkeypatch.delenv("TRUNKLINE_USER")
    monkeypatch.setenv("LOGNAME", "frank")
    trunkline("reject", call_id)

    assert getpass.getuser() == "frank"
    assert trunkline.shown(call_id)["decided_by"] == "frank"


@sqlite_only
def test_deciding_creates_no_database(tmp_path: Path, trunkline: Terminal) -> None:
    """A wrong URL leaves no file behind."""
    code, _, err = trunkline("approve", "c-1", "--database", f"sqlite:///{tmp_path}/none.db")

    assert code == 3
    assert err.startswith("no database ")
    assert not (tmp_path / "none.db").exists()


def test_a_line_in_another_process_carries_out_what_is_approved_here(url: str, trunkline: Terminal) -> None:
    """It is open on the same database the whole time, and looks by itself."""
    with kept_running(stay_open, url):
        (waiting,) = [json.loads(line) for line in trunkline("approvals", "--json")[1].splitlines()]
        approved = trunkline("approve", waiting["call_id"])
        until = time.monotonic() + DEADLINE
        while (shown := trunkline.shown(waiting["call_id"]))["state"] != "done" and time.monotonic() < until:
            pass
    bury(url)

    assert approved[:2] == (0, "ready")
    assert (shown["state"], shown["output"]) == ("done", {"order": "o-1", "refunded": 80})
