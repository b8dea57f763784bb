"""The book of calls: of a tenant, and of all."""

import pytest

from stand_ins.signatures import GIVE, REFUND, tools
from trunkline import Agent, ScriptedModel, Trunkline
from trunkline.agents import Models, ScriptedCall
from trunkline.errors import AlreadyDecidedError
from trunkline.runtime.calls.decision import Decision, Verdict
from trunkline.runtime.storage.database import Database
from trunkline.tools import CallState, Done


async def waiting(url: str, asked: ScriptedCall, *, tenant: str) -> None:
    """Let a tenant's conversation make a call."""
    async with Trunkline(url, models=Models({}), tenant=tenant) as line:
        await line.run(Agent("desk", model=ScriptedModel([[asked], "It waits."]), tools=tools), "please", thread="t-1")


async def test_the_book_of_a_tenant_holds_no_other_tenants_calls(url: str, database: Database) -> None:
    """The book of all tenants does."""
    await waiting(url, REFUND, tenant="north")

    assert await database.book.calls() == []
    assert [record.tenant for record in await database.book.of_all_tenants().calls()] == ["north"]


async def test_decisions_in_the_book_of_all_tenants_are_the_tenants_own(url: str, database: Database) -> None:
    """They are read in that tenant's book, and in no other."""
    await waiting(url, REFUND, tenant="north")
    book = database.book.of_all_tenants()
    (record,) = await book.calls()
    await book.decide(record.call_id, Decision(verdict=Verdict.REJECT, by="dana"))

    assert [(each.verdict, each.by) for each in await book.decisions(record.call_id)] == [("reject", "dana")]
    assert await database.book.decisions(record.call_id) == []


async def test_of_two_people_who_settle_a_call_one_is_first(url: str, database: Database) -> None:
    """The other is told so, and changes nothing."""
    await waiting(url, GIVE, tenant="")
    (record,) = await database.book.calls()
    unsettled = {CallState.UNKNOWN}
    await database.book.settle(record.call_id, Done(output=1), among=unsettled, by="ann")
    with pytest.raises(AlreadyDecidedError):
        await database.book.settle(record.call_id, Done(output=2), among=unsettled, by="bob")

    assert (await database.book.call(record.call_id)).outcome == Done(output=1, replayed=True)
    assert [each.by for each in await database.book.decisions(record.call_id)] == ["ann"]
