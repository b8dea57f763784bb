"""What the tools of the small shop do, refuse, and declare."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail.desk import Answer, Desk
from retail.pace import LogNormalDelay
from retail.payments import paid
from retail.records import Records
from retail.replay import one_by_one, under_trunkline
from retail.shop import Shop
from retail.tasks import Action, Task
from trunkline import Trunkline
from trunkline.tools import Access
from trunkline.tools.checking import FindingKind, Subject, ask, check_effects


def action(name: str, **arguments: object) -> Action:
    return Action(name=name, arguments=arguments)


def swap(order_id: str, old: str, new: str, method_id: str) -> dict[str, object]:
    return {"order_id": order_id, "item_ids": [old], "new_item_ids": [new], "payment_method_id": method_id}


PLACE = dict.fromkeys(("address1", "address2", "city", "state", "country"), "")
NAME = {"first_name": "Ann", "last_name": "Lee"}
EFFECTS = [
    action("cancel_pending_order", order_id="#P1", reason="no longer needed"),
    action("cancel_pending_order", order_id="#P2", reason="ordered by mistake"),
    action("cancel_pending_order", order_id="#P3", reason="no longer needed"),
    action("modify_pending_order_payment", order_id="#P1", payment_method_id="card"),
    action("modify_pending_order_payment", order_id="#P2", payment_method_id="gift_1"),
    action("modify_pending_order_items", **swap("#P1", "red", "green", "card")),
    action("modify_pending_order_items", **swap("#P2", "red", "blue", "gift_1")),
    action("modify_pending_order_items", **swap("#P3", "blue", "red", "gift_2")),
    action("exchange_delivered_order_items", **swap("#D1", "red", "blue", "gift_1")),
    action("exchange_delivered_order_items", **swap("#D2", "green", "blue", "card")),
    action("return_delivered_order_items", order_id="#D2", item_ids=["green"], payment_method_id="gift_1"),
    action("modify_pending_order_address", order_id="#P2", **PLACE, zip="20002"),
    action("modify_user_address", user_id="ann_1", **PLACE, zip="20002"),
    action("modify_user_address", user_id="ann_2", **PLACE, zip="10001"),
]
READS = [
    action("get_order_details", order_id="#P1"),
    action("get_order_details", order_id="#P2"),
    action("get_order_details", order_id="#D2"),
    action("get_user_details", user_id="ann_1"),
    action("get_user_details", user_id="ann_2"),
    action("find_user_id_by_name_zip", **NAME, zip="10001"),
    action("find_user_id_by_name_zip", **NAME, zip="20002"),
    action("find_user_id_by_email", email="ann_1@example.com"),
    action("get_product_details", product_id="mug"),
    action("get_item_details", item_id="red"),
    action("list_all_product_types"),
]


class Counter(Desk):
    """A desk that never waits, with words for what a test expects."""

    def __init__(self, records: Records) -> None:
        super().__init__(records, no_delay)

    async def done(self, name: str, **arguments: object) -> Any:
        answer = await self.serve(Action(name=name, arguments=arguments))
        assert not answer.refused, answer.value
        return answer.value

    async def refusal(self, name: str, **arguments: object) -> str:
        before = self.shop.state()
        answer = await self.serve(Action(name=name, arguments=arguments))
        assert answer.refused, answer.value
        assert self.shop.state() == before
        return str(answer.value)

    def balance(self, user_id: str, card: str) -> float:
        return self.shop.payment_method(user_id, card).get("balance", 0.0)


def no_delay(tool: str, arguments: Mapping[str, object]) -> float:
    del tool, arguments
    return 0.0


def gift_money(desk: Counter, user_id: str, card: str) -> float:
    """Return what a gift card holds, together with what orders hold of it."""
    payments = [payment for order in desk.shop.records.orders for payment in desk.shop.order(order)["payment_history"]]
    own = [payment for payment in payments if payment["payment_method_id"] == card]
    held = sum(each["amount"] * (1 if each["transaction_type"] == "payment" else -1) for each in own)
    return round(desk.balance(user_id, card) + held, 2)


@settings(deadline=None)
@given(turn=st.lists(st.sampled_from(EFFECTS), max_size=8))
async def test_no_action_makes_or_loses_gift_card_money(records: Records, turn: list[Action]) -> None:
    """What leaves a card is in an order's payments, and what comes back has left them: to the cent."""
    before, desk = Counter(records), Counter(records)
    for action in turn:
        await desk.serve(action)

    for user_id, card in (("ann_1", "gift_1"), ("ann_2", "gift_2")):
        assert gift_money(desk, user_id, card) == gift_money(before, user_id, card)
        assert desk.balance(user_id, card) >= 0


@pytest.mark.parametrize("earlier", [None, *EFFECTS], ids=lambda earlier: earlier.name if earlier else "nothing")
async def test_calls_that_declare_no_conflict_can_be_swapped(records: Records, earlier: Action | None) -> None:
    """Whatever has happened before, neither of two such calls changes the other's answer or the shop in the end."""
    desk = Counter(records)
    before = [] if earlier is None else [earlier]
    for one, other in product(EFFECTS, EFFECTS + READS):
        if one is not other and not access_of(desk, one).conflicts_with(access_of(desk, other)):
            straight, state = await served(desk, [*before, one, other])
            swapped, swapped_state = await served(desk, [*before, other, one])

            assert (swapped[-1], swapped[-2], swapped_state) == (straight[-2], straight[-1], state), (one, other)


async def test_a_check_of_effects_finds_no_wrong_declaration(records: Records) -> None:
    """Also when calls are held in the middle. A call made again is refused, which is a hint: the tools take no key."""
    desk = Counter(records)
    subject = Subject(
        toolbox=desk.toolbox,
        calls=[ask(each.name, **each.arguments) for each in EFFECTS + READS],
        state=lambda: json.loads(desk.shop.state()),
        reset=desk.clear,
    )
    report = await check_effects(lambda: subject, seeds=20)

    assert not report.findings, report
    assert {hint.kind for hint in report.hints} <= {FindingKind.KEY_ANSWERS, FindingKind.UNTRIED}, report


@settings(deadline=None, max_examples=20)
@given(turn=st.lists(st.sampled_from(EFFECTS + READS), min_size=2, max_size=9, unique_by=id), seed=st.integers(0, 999))
async def test_any_turn_under_trunkline_ends_as_one_by_one(records: Records, turn: list[Action], seed: int) -> None:
    """Calls that run side by side, each seeing the shop before it waits, never overwrite one another."""
    desk = Desk(records, LogNormalDelay(seed, median=0.0005, cap=0.004))
    task = Task(task_id="any", actions=tuple(turn))
    expected = await one_by_one(desk, task)
    with TemporaryDirectory() as folder:
        async with Trunkline(f"sqlite:///{folder}/turn.db") as line:
            replay = await under_trunkline(line, desk, task, thread="t1")

    assert list(replay.differences(expected, task)) == []


async def test_going_back_to_an_earlier_address_counts(records: Records, tmp_path: Path) -> None:
    """The third of these wishes is the first one again, and yet it must be fulfilled."""
    moves = [{"user_id": "ann_1", **PLACE, "zip": number} for number in ("10001", "20002", "10001")]
    task = Task(task_id="moves", actions=tuple(Action(name="modify_user_address", arguments=move) for move in moves))
    desk = Counter(records)
    async with Trunkline(f"sqlite:///{tmp_path}/moves.db") as line:
        await under_trunkline(line, desk, task, thread="t1")

    assert desk.shop.address("ann_1")["zip"] == "10001"


async def served(desk: Desk, actions: Sequence[Action]) -> tuple[list[Answer], str]:
    desk.clear()
    return [await desk.serve(action) for action in actions], desk.shop.state()


def access_of(desk: Desk, action: Action) -> Access:
    found = desk.toolbox.get(action.name)
    assert found is not None
    return found.access(action.arguments, found.effect)


async def test_a_cancelled_order_is_refunded_to_its_gift_card_at_once(records: Records) -> None:
    """The balance has grown when the call returns."""
    desk = Counter(records)
    order = await desk.done("cancel_pending_order", order_id="#P1", reason="no longer needed")

    assert (order["status"], order["cancel_reason"]) == ("cancelled", "no longer needed")
    assert paid(order) == {}
    assert desk.balance("ann_1", "gift_1") == 32.1


async def test_a_refund_follows_a_changed_payment(records: Records) -> None:
    """Cancelled after a change of payment, an order gives the money back to the method that holds it now."""
    desk = Counter(records)
    await desk.done("modify_pending_order_payment", order_id="#P1", payment_method_id="card")
    order = await desk.done("cancel_pending_order", order_id="#P1", reason="ordered by mistake")

    moves = [(each["transaction_type"], each["payment_method_id"]) for each in order["payment_history"]]
    assert moves == [("payment", "gift_1"), ("payment", "card"), ("refund", "gift_1"), ("refund", "card")]
    assert desk.balance("ann_1", "gift_1") == 32.1


async def test_a_payment_can_be_changed_once(records: Records) -> None:
    """The second change is refused, and the first stays."""
    desk = Counter(records)
    await desk.done("modify_pending_order_payment", order_id="#P1", payment_method_id="card")
    problem = await desk.refusal("modify_pending_order_payment", order_id="#P1", payment_method_id="gift_1")

    assert "already changed" in problem


async def test_changed_items_close_a_pending_order(records: Records) -> None:
    """One piece is replaced and the difference paid; after that the order can neither be changed nor cancelled."""
    desk = Counter(records)
    order = await desk.done("modify_pending_order_items", **swap("#P2", "red", "blue", "gift_1"))
    problem = await desk.refusal("cancel_pending_order", order_id="#P2", reason="no longer needed")

    assert [piece["item_id"] for piece in order["items"]] == ["blue", "red", "pen"]
    assert desk.balance("ann_1", "gift_1") == 19.75
    assert "'pending (item modified)'" in problem


async def test_an_exchange_tells_its_price_difference(records: Records) -> None:
    """A cheaper item gives money back: the difference is negative."""
    order = await Counter(records).done("exchange_delivered_order_items", **swap("#D1", "red", "green", "card"))

    assert (order["status"], order["exchange_price_difference"]) == ("exchange requested", -2.9)


async def test_a_return_moves_no_money_yet(records: Records) -> None:
    """The refund waits for the goods, so only the order changes."""
    desk = Counter(records)
    to_gift = {"order_id": "#D1", "item_ids": ["blue"], "payment_method_id": "gift_1"}
    order = await desk.done("return_delivered_order_items", **to_gift)

    assert (order["status"], order["return_payment_method_id"]) == ("return requested", "gift_1")
    assert desk.balance("ann_1", "gift_1") == 22.0


async def test_a_moved_customer_is_found_under_the_new_zip_code(records: Records) -> None:
    """The search reads the address as it is now, so it conflicts with a change of it."""
    desk = Counter(records)
    await desk.done("modify_user_address", user_id="ann_2", **PLACE, zip="30003")
    search = {"first_name": "ANN", "last_name": "lee"}

    assert await desk.done("find_user_id_by_name_zip", **search, zip="30003") == "ann_2"
    assert "no user is called ANN lee" in await desk.refusal("find_user_id_by_name_zip", **search, zip="20002")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("cancel_pending_order", {"order_id": "#P1", "reason": "bored"}, "must be 'no longer needed' or"),
        ("cancel_pending_order", {"order_id": "#D1", "reason": "no longer needed"}, "#D1 is 'delivered'"),
        ("get_order_details", {"order_id": "#X"}, "no order has the id '#X'"),
        ("get_user_details", {"user_id": "bob"}, "no user has the id 'bob'"),
        ("modify_user_address", {"user_id": "bob", **PLACE, "zip": ""}, "no user has the id 'bob'"),
        ("modify_pending_order_payment", {"order_id": "#P3", "payment_method_id": "gift_2"}, "does not cover 12.35"),
        ("modify_pending_order_payment", {"order_id": "#P2", "payment_method_id": "card"}, "already paid by 'card'"),
        ("modify_pending_order_payment", {"order_id": "#P2", "payment_method_id": "paypal"}, "there is: card, gift_1"),
        (
            "return_delivered_order_items",
            {"order_id": "#D2", "item_ids": ["green"], "payment_method_id": "card"},
            "was not paid by 'card'",
        ),
        (
            "return_delivered_order_items",
            {"order_id": "#D1", "item_ids": ["red", "red"], "payment_method_id": "card"},
            "does not hold item red as often",
        ),
    ],
)
async def test_what_the_policy_forbids_is_refused(
    records: Records, name: str, arguments: dict[str, Any], words: str
) -> None:
    """The text says what is wrong, and nothing was written."""
    assert words in await Counter(records).refusal(name, **arguments)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (["red"], ["pen"], "the product must stay the same"),
        (["red"], ["gone"], "not available"),
        (["red"], ["red"], "would replace itself"),
        (["red"], ["blue", "green"], "name one new item for each"),
        (["green"], ["blue"], "does not hold item green"),
        (["red"], ["no such"], "no item has the id 'no such'"),
        ([], [], "name at least one"),
    ],
)
async def test_items_change_only_into_available_ones_of_their_product(
    records: Records, old: list[str], new: list[str], words: str
) -> None:
    """The same rules hold for pending and for delivered orders."""
    wish = {"item_ids": old, "new_item_ids": new, "payment_method_id": "card"}

    assert words in await Counter(records).refusal("modify_pending_order_items", order_id="#P2", **wish)
    assert words in await Counter(records).refusal("exchange_delivered_order_items", order_id="#D1", **wish)


async def test_a_cleared_shop_is_as_it_was_loaded(records: Records) -> None:
    """The next task starts from the records, whatever the one before has written."""
    desk = Counter(records)
    await desk.done("cancel_pending_order", order_id="#P1", reason="no longer needed")
    await desk.done("modify_user_address", user_id="ann_1", **PLACE, zip="")
    desk.clear()

    assert desk.shop.state() == Shop(records).state()
    assert desk.shop.order("#P1") == records.orders["#P1"]
    assert desk.shop.user("ann_1") == records.users["ann_1"]


def test_what_was_read_is_a_copy(records: Records) -> None:
    """Whoever changes an order that was read changes neither the shop nor the records."""
    shop = Shop(records)
    shop.order("#P1")["items"].clear()
    shop.user("ann_1")["address"]["zip"] = "0"

    assert len(shop.order("#P1")["items"]) == 1
    assert shop.user("ann_1")["address"] == records.users["ann_1"]["address"]
    assert shop.state() == Shop(records).state()
