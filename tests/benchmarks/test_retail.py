"""What the tools of the small shop do, refuse, and declare."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.calculator import calculate
from retail.payments import paid
from retail.records import Records
from retail.replay import Answer, answer_of
from retail.shop import Shop
from retail.tasks import Action
from retail.tools import retail_toolbox
from trunkline.tools import Access, ToolRejectedError, predecessors


def actions(name: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Action]:
    return st.fixed_dictionaries(arguments).map(lambda drawn: Action(name=name, arguments=drawn))


ORDER = st.sampled_from(["#P1", "#P2", "#P3", "#D1", "#D2"])
METHOD = st.sampled_from(["gift_1", "gift_2", "card", "paypal"])
USER = st.sampled_from(["ann_1", "ann_2"])
ITEM = st.sampled_from(["red", "blue", "green", "gone", "pen"])
ZIP = st.sampled_from(["10001", "20002", "30003"])
ADDRESS = {part: st.just("") for part in ("address1", "address2", "city", "state", "country")} | {"zip": ZIP}
PLACE = dict.fromkeys(ADDRESS, "")
SWAP = {
    "order_id": ORDER,
    "item_ids": st.lists(ITEM, min_size=1, max_size=2),
    "new_item_ids": st.lists(ITEM, min_size=1, max_size=2),
    "payment_method_id": METHOD,
}
EFFECTS = st.one_of(
    actions("cancel_pending_order", order_id=ORDER, reason=st.sampled_from(["no longer needed", "bored"])),
    actions("modify_pending_order_payment", order_id=ORDER, payment_method_id=METHOD),
    actions("modify_pending_order_items", **SWAP),
    actions("exchange_delivered_order_items", **SWAP),
    actions("return_delivered_order_items", order_id=ORDER, item_ids=SWAP["item_ids"], payment_method_id=METHOD),
    actions("modify_pending_order_address", order_id=ORDER, **ADDRESS),
    actions("modify_user_address", user_id=USER, **ADDRESS),
)
READS = st.one_of(
    actions("get_order_details", order_id=ORDER),
    actions("get_user_details", user_id=USER),
    actions("find_user_id_by_name_zip", first_name=st.just("Ann"), last_name=st.just("Lee"), zip=ZIP),
    actions("get_product_details", product_id=st.just("mug")),
    actions("list_all_product_types"),
)


async def serve(shop: Shop, action: Action) -> Answer:
    return await answer_of(retail_toolbox(shop, lambda *_: 0.0), action)


def gift_money(shop: Shop, card: str, owner: str) -> float:
    """Return what a gift card holds, together with what orders hold of it."""
    held = 0.0
    for order in shop.records.orders:
        for payment in shop.order(order)["payment_history"]:
            if payment["payment_method_id"] == card:
                held += payment["amount"] * (1 if payment["transaction_type"] == "payment" else -1)
    return round(shop.payment_method(owner, card)["balance"] + held, 2)


@given(turn=st.lists(EFFECTS, max_size=8))
async def test_no_action_makes_or_loses_gift_card_money(records: Records, turn: list[Action]) -> None:
    """What leaves a card is in an order's payments, and what comes back has left them: to the cent."""
    shop = Shop(records)
    for action in turn:
        await serve(shop, action)

    for card, owner in (("gift_1", "ann_1"), ("gift_2", "ann_2")):
        assert gift_money(shop, card, owner) == gift_money(Shop(records), card, owner)
        assert shop.payment_method(owner, card)["balance"] >= 0


@given(turn=st.lists(EFFECTS | READS, max_size=8), dice=st.randoms(use_true_random=False))
async def test_every_order_that_the_declarations_allow_ends_the_same(
    records: Records, turn: list[Action], dice: Random
) -> None:
    """Calls that declare no conflict have none: shop and answers do not depend on which of them runs first."""
    one_by_one, shuffled = Shop(records), Shop(records)
    expected = [await serve(one_by_one, action) for action in turn]

    answers: dict[int, Answer] = {}
    waits = predecessors([access_of(records, action) for action in turn])
    while len(answers) < len(turn):
        ready = [place for place in range(len(turn)) if place not in answers and answers.keys() >= set(waits[place])]
        chosen = dice.choice(ready)
        answers[chosen] = await serve(shuffled, turn[chosen])

    assert [answers[place] for place in range(len(turn))] == expected
    assert shuffled.state() == one_by_one.state()


def access_of(records: Records, action: Action) -> Access:
    made = retail_toolbox(Shop(records), lambda *_: 0.0).get(action.name)
    assert made is not None
    return made.access(action.arguments)


async def served(shop: Shop, name: str, **arguments: object) -> Any:
    answer = await serve(shop, Action(name=name, arguments=arguments))
    assert not answer.refused, answer.value
    return answer.value


async def refusal(shop: Shop, name: str, **arguments: object) -> str:
    answer = await serve(shop, Action(name=name, arguments=arguments))
    assert answer.refused, answer.value
    assert shop.state() == Shop(shop.records).state()
    return str(answer.value)


async def test_a_cancelled_order_is_refunded_to_its_gift_card_at_once(records: Records) -> None:
    """The balance has grown when the call returns."""
    shop = Shop(records)
    order = await served(shop, "cancel_pending_order", order_id="#P1", reason="no longer needed")

    assert (order["status"], order["cancel_reason"]) == ("cancelled", "no longer needed")
    assert paid(order) == {}
    assert shop.payment_method("ann_1", "gift_1")["balance"] == 22.1


async def test_a_refund_follows_a_changed_payment(records: Records) -> None:
    """Cancelled after a change of payment, an order gives the money back to the method that holds it now."""
    shop = Shop(records)
    await served(shop, "modify_pending_order_payment", order_id="#P1", payment_method_id="card")
    order = await served(shop, "cancel_pending_order", order_id="#P1", reason="ordered by mistake")

    moves = [(each["transaction_type"], each["payment_method_id"]) for each in order["payment_history"]]
    assert moves == [("payment", "gift_1"), ("payment", "card"), ("refund", "gift_1"), ("refund", "card")]
    assert shop.payment_method("ann_1", "gift_1")["balance"] == 22.1


async def test_a_payment_can_be_changed_once(records: Records) -> None:
    """The second change is refused, and the first stays."""
    shop = Shop(records)
    await served(shop, "modify_pending_order_payment", order_id="#P1", payment_method_id="card")
    again = Action(name="modify_pending_order_payment", arguments={"order_id": "#P1", "payment_method_id": "gift_1"})

    assert "already changed" in str((await serve(shop, again)).value)


async def test_changed_items_close_a_pending_order(records: Records) -> None:
    """One piece is replaced and the difference paid; after that the order can neither be changed nor cancelled."""
    shop = Shop(records)
    swap = {"order_id": "#P2", "item_ids": ["red"], "new_item_ids": ["blue"], "payment_method_id": "gift_1"}
    order = await served(shop, "modify_pending_order_items", **swap)
    cancel = Action(name="cancel_pending_order", arguments={"order_id": "#P2", "reason": "no longer needed"})

    assert [piece["item_id"] for piece in order["items"]] == ["blue", "red", "pen"]
    assert shop.payment_method("ann_1", "gift_1")["balance"] == 9.75
    assert "'pending (item modified)'" in str((await serve(shop, cancel)).value)


async def test_an_exchange_tells_its_price_difference(records: Records) -> None:
    """A cheaper item gives money back: the difference is negative."""
    swap = {"order_id": "#D1", "item_ids": ["red"], "new_item_ids": ["green"], "payment_method_id": "card"}
    order = await served(Shop(records), "exchange_delivered_order_items", **swap)

    assert (order["status"], order["exchange_price_difference"]) == ("exchange requested", -2.9)


async def test_a_return_moves_no_money_yet(records: Records) -> None:
    """The refund waits for the goods, so only the order changes."""
    shop = Shop(records)
    order = await served(
        shop, "return_delivered_order_items", order_id="#D1", item_ids=["blue"], payment_method_id="gift_1"
    )

    assert (order["status"], order["return_payment_method_id"]) == ("return requested", "gift_1")
    assert shop.payment_method("ann_1", "gift_1")["balance"] == 12.0


async def test_a_moved_customer_is_found_under_the_new_zip_code(records: Records) -> None:
    """The search reads the address as it is now, so it conflicts with a change of it."""
    shop = Shop(records)
    await served(shop, "modify_user_address", user_id="ann_2", **PLACE | {"zip": "30003"})
    search = {"first_name": "ANN", "last_name": "lee"}

    assert await served(shop, "find_user_id_by_name_zip", **search, zip="30003") == "ann_2"
    assert (await serve(shop, Action(name="find_user_id_by_name_zip", arguments=search | {"zip": "20002"}))).refused


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("cancel_pending_order", {"order_id": "#P1", "reason": "bored"}, "must be 'no longer needed' or"),
        ("cancel_pending_order", {"order_id": "#D1", "reason": "no longer needed"}, "#D1 is 'delivered'"),
        ("get_order_details", {"order_id": "#X"}, "no order has the id '#X'"),
        ("get_user_details", {"user_id": "bob"}, "no user has the id 'bob'"),
        ("modify_user_address", {"user_id": "bob", **PLACE}, "no user has the id 'bob'"),
        ("modify_pending_order_payment", {"order_id": "#P2", "payment_method_id": "gift_1"}, "does not cover 21.20"),
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
    assert words in await refusal(Shop(records), name, **arguments)


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
    swap = {"item_ids": old, "new_item_ids": new, "payment_method_id": "card"}

    assert words in await refusal(Shop(records), "modify_pending_order_items", order_id="#P2", **swap)
    assert words in await refusal(Shop(records), "exchange_delivered_order_items", order_id="#D1", **swap)


def test_what_was_read_is_a_copy(records: Records) -> None:
    """Whoever changes an order that was read changes neither the shop nor the records."""
    shop = Shop(records)
    shop.order("#P1")["items"].clear()
    shop.user("ann_1")["address"]["zip"] = "0"

    assert len(shop.order("#P1")["items"]) == 1
    assert shop.user("ann_1")["address"] == records.users["ann_1"]["address"]
    assert shop.state() == shop.fresh().state()


@pytest.mark.parametrize(
    ("expression", "value"),
    [("3131.1 + 4777.75 + 367.38", 8276.23), ("-(2 - 0.5) * 4 / 3", -2.0), ("0.1 + 0.2", 0.3), (" +7 ", 7.0)],
)
def test_arithmetic_is_exact_to_the_cent(expression: str, value: float) -> None:
    """Sums of prices come out as a person would write them."""
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["", "1 +", "2 ** 9", "abs(1)", "x", "'a' * 9", "1 / 0", "1e999", "9e99 * 9e99", "True", "1j", "[1]", "1" * 201]
    + ["(" * 90 + "1", "1\0", "__import__('os')", "1e30"],
)
def test_anything_but_arithmetic_is_refused(expression: str) -> None:
    """The expression comes from a model: nothing in it is ever run."""
    with pytest.raises(ToolRejectedError):
        calculate(expression)
