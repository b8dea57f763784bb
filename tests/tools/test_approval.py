"""Approval rules."""

from decimal import Decimal

import pytest

from stand_ins.calls import ask, id_of, outcomes
from trunkline.tools import Done, Pending, over, tool


@pytest.mark.parametrize(
    ("amount", "reason"),
    [(49, None), (50, None), (50.01, "amount 50.01 is over 50"), (Decimal(60), "amount 60 is over 50"), (None, None)],
)
def test_over_asks_above_its_limit_only(amount: object, reason: str | None) -> None:
    """The limit itself is still free, and an amount that was left out is none."""
    assert over(50)({"amount": amount}) == reason


def test_over_can_look_at_another_argument() -> None:
    """The argument is named in the reason, in its own unit."""
    assert over(100, of="cents")({"cents": 250, "amount": 1}) == "cents 250 is over 100"


async def test_a_tool_that_always_asks_waits_for_a_person_each_time() -> None:
    """`approve=True` needs no rule."""

    @tool(effect="write", key="close:{account}", approve=True)
    async def close(account: str) -> str:
        """Close an account."""
        return account

    request = ask(close, account="C1")
    [ended] = await outcomes([close], request, batch="b")
    assert ended == Pending(call_id=id_of(request), reason="this tool always needs a person's approval")


async def test_an_irreversible_effect_always_waits_for_a_person_unless_a_rule_says_when() -> None:
    """Without approve= every call waits; a rule of its own narrows that."""

    @tool(effect="irreversible")
    async def erase(account: str) -> str:
        """Erase an account."""
        return account

    @tool(effect="irreversible", approve=over(10))
    async def pay(amount: int) -> int:
        """Pay."""
        return amount

    ended = await outcomes([erase, pay], ask(erase, account="C1"), ask(pay, amount=11), ask(pay, amount=9))
    assert [type(outcome) for outcome in ended] == [Pending, Pending, Done]
