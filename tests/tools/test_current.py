"""The current call."""

import pytest

from stand_ins.calls import ask, id_of, outcomes
from trunkline.errors import NoCurrentCallError
from trunkline.tools import CurrentCall, Done, ToolRequest, current_call, tool


@tool(effect="write", key="pay:{order_id}", writes="order:{order_id}")
async def pay(order_id: str) -> CurrentCall:
    """Pay."""
    return current_call()


@tool(effect="read", reads=())
def look() -> CurrentCall:
    """Look, in a thread."""
    return current_call()


def shown(request: ToolRequest, position: int, key: str | None) -> Done:
    """What the tool at this position of batch b sees."""
    call_id = id_of(request, position)
    names = {"tool": request.name, "key": key, "thread_id": "thread", "run_id": "run"}
    return Done(output={"call_id": call_id, **names, "attempt": 1, "untrusted": {}})


async def test_a_tool_knows_which_call_it_serves() -> None:
    """Side by side each sees its own, on the loop and in a thread."""
    requests = [ask(pay, order_id="A"), ask(look), ask(pay, order_id="B:1")]
    ended = await outcomes([pay, look], *requests, batch="b")

    keys = ["pay:A", None, "pay:B%3A1"]
    assert ended == [shown(request, n, key) for n, (request, key) in enumerate(zip(requests, keys, strict=True))]


async def test_outside_a_tool_there_is_no_call() -> None:
    """Not even right after one, in the code that ran it."""
    await outcomes([look], ask(look))

    with pytest.raises(NoCurrentCallError, match="there is no call here"):
        current_call()
