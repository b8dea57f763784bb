"""`trunkline calls`: the ledger listed, one call shown, an unknown outcome settled."""

import json

import pytest

from stand_ins.signatures import CLOSE, GIVE, MOVE, REFUND, asked
from stand_ins.terminal import Terminal
from trunkline.agents import call


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


def test_calls_of_all_tenants_are_listed_newest_first(url: str, trunkline: Terminal) -> None:
    """Each with a sign and a word for its state, and with its arguments."""
    asked(url, REFUND, tenant="north")
    asked(url, GIVE)
    code, out, err = trunkline("calls", "list")
    header, first, second = out.splitlines()

    assert (code, err) == (0, "")
    assert header.split() == ["call", "state", "thread", "recorded", "asked"]
    assert (first.split()[1:4], first.split()[5:]) == (["?", "unknown", "t-1"], ['give_away(what="a', 'pen")'])
    assert second.split()[1:4] == ["…", "awaiting_approval", "north/t-1"]


@sqlite_only
def test_a_list_is_narrowed_by_thread_state_and_number(url: str, trunkline: Terminal) -> None:
    """A state may be named several times."""
    asked(url, REFUND, CLOSE, MOVE, GIVE)
    asked(url, CLOSE, thread="t-2", tenant="north")

    def tools(*options: str) -> list[str]:
        return [json.loads(line)["tool"] for line in trunkline("calls", "list", "--json", *options)[1].splitlines()]

    assert tools("--thread", "north/t-2") == ["close_account"]
    assert tools("--state", "unknown", "--state", "proposed") == ["give_away", "move_house"]
    assert tools("--limit", "2") == ["close_account", "give_away"]


@sqlite_only
@pytest.mark.parametrize("columns", ["60", "80", "100", "160"])
def test_every_call_has_one_line_at_any_width(
    columns: str, url: str, trunkline: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit is cut or left out; the tool and the state always stay."""
    asked(url, call("close_account", customer="a" * 200), thread="t" * 90)
    monkeypatch.setenv("COLUMNS", columns)
    lines = trunkline("calls", "list")[1].splitlines()

    assert len(lines) == 2
    assert max(map(len, lines)) <= int(columns)
    assert "… awaiting_approval" in lines[1]
    assert "close_account(" in lines[1]


@sqlite_only
def test_an_empty_list_is_a_sentence(trunkline: Terminal) -> None:
    """It says what was looked for."""
    assert trunkline("calls", "list", "--json")[2].endswith(" yet")
    assert "on thread 't-9'" in trunkline("calls", "list", "--thread", "t-9")[2]
    assert trunkline("calls", "list", "--state", "failed")[2].endswith("are failed; leave --state out to see all")


@sqlite_only
def test_a_state_that_does_not_exist_is_named_with_those_that_do(trunkline: Terminal) -> None:
    """Nothing is listed."""
    code, out, err = trunkline("calls", "list", "--state", "open")

    assert (code, out) == (2, "")
    assert "--state 'open' is none of proposed, awaiting_approval, ready" in err


@sqlite_only
def test_everything_about_a_call_is_shown(url: str, trunkline: Terminal) -> None:
    """Arguments, key, times, why it waited, who decided what and what they noted, and how it ended."""
    (call_id,) = asked(url, REFUND)
    trunkline("reject", call_id, "--reason", "not covered", "--note", "third time")
    code, out, _ = trunkline("calls", "show", call_id[:10])
    facts = dict(line.strip().split(maxsplit=1) for line in out.splitlines())

    assert (code, out.splitlines()[0]) == (0, f"{call_id} ✗ rejected")
    assert (facts["order"], facts["amount"], facts["key"]) == ('"o-1"', "80", "refund:o-1")
    assert (facts["reason"], facts["agreed"]) == ("amount 80 is over 50", "0 of 1")
    assert facts["decision"].endswith(" reject by dana; reason: not covered; note: third time")
    assert facts["error"] == "a colleague refused it: not covered"


@sqlite_only
def test_what_was_untrusted_is_shown(url: str, trunkline: Terminal) -> None:
    """For people in words, for programs by the argument's name."""
    (call_id,) = asked(url, call("read_mail"), call("pay_out", recipient="IBAN-666"))

    assert "recipient comes from an untrusted text that read_mail gave" in trunkline("calls", "show", call_id)[1]
    assert trunkline.shown(call_id)["untrusted"] == {"recipient": "read_mail"}


@sqlite_only
def test_the_text_of_a_call_can_do_nothing_to_a_terminal(url: str, trunkline: Terminal) -> None:
    """A model writes the arguments: no escape sequence and no second line comes through."""
    (call_id,) = asked(url, call("close_account", customer="\x1b[2J\u202efoo\nbar"))

    for command in (["approvals"], ["calls", "list"], ["calls", "show", call_id]):
        out = trunkline(*command)[1]
        assert out.replace("\n", "").isprintable()


def test_a_person_settles_what_nobody_knew(url: str, trunkline: Terminal) -> None:
    """With what it gave, and on the record."""
    (call_id,) = asked(url, GIVE, tenant="north")
    answer = trunkline("calls", "resolve", call_id, "--happened", "--output", '{"pens": 1}', "--reason", "I asked")
    (decision,) = trunkline.shown(call_id)["decisions"]

    assert answer == (0, 'done: {"pens": 1}', "")
    assert (decision["verdict"], decision["by"], decision["reason"]) == ("settle", "dana", "I asked")


@sqlite_only
def test_what_did_not_happen_has_failed(url: str, trunkline: Terminal) -> None:
    """The model reads that asking again may help; to settle it was the command's whole task, so it succeeds."""
    (call_id,) = asked(url, GIVE)

    assert trunkline("calls", "resolve", call_id, "--did-not-happen") == (
        0,
        "failed: a person has found that it did not happen",
        "",
    )


@sqlite_only
def test_only_an_unknown_outcome_can_be_settled(url: str, trunkline: Terminal) -> None:
    """A second answer does not change the first."""
    (call_id,) = asked(url, GIVE)
    trunkline("calls", "resolve", call_id, "--happened")

    assert trunkline("calls", "resolve", call_id, "--did-not-happen") == (
        1,
        "",
        f"call {call_id} is done: there is nothing unknown about it",
    )


@sqlite_only
@pytest.mark.parametrize(
    "options", [[], ["--did-not-happen", "--output", "1"], ["--happened", "--output", "a pen"]], ids=str
)
def test_wrong_usage_settles_nothing(options: list[str], url: str, trunkline: Terminal) -> None:
    """What was found must be said, and an output goes with what happened."""
    (call_id,) = asked(url, GIVE)

    assert trunkline("calls", "resolve", call_id, *options)[:2] == (2, "")
    assert trunkline.shown(call_id)["state"] == "unknown"


@sqlite_only
def test_a_call_that_nobody_made_is_wrong_usage(trunkline: Terminal) -> None:
    """Also where it should only be shown."""
    assert trunkline("calls", "show", "c-none") == (2, "", "call c-none is not on the ledger")
