"""The input of a contact's turn: what the caller said, and what still waits for them or for a colleague."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from langchain_core.messages import HumanMessage

from trunkline import Trunkline
from trunkline.examples.call_center.policy import CALLBACK_AFTER, RECONNECT_WITHIN
from trunkline.examples.call_center.records import Channel, ContactId
from trunkline.tools import CallState

_YES = re.compile(r"\byes\b", re.IGNORECASE)
_NO = re.compile(r"\bno\b", re.IGNORECASE)


async def turn_of(
    line: Trunkline,
    thread: str,
    *,
    contact: ContactId,
    channel: Channel,
    caller: str,
    now: datetime,
    said: str | None = None,
    recap: str = "",
) -> dict[str, Any]:
    """Return the input of a turn; without `said` it is one in which nobody speaks, as when a decision has come.

    What was proposed to the caller is confirmed by a yes and declined by a no, in code: no model can say it for them.
    """
    requests = await line.approvals(thread=thread)
    for request in requests:
        if request.state is CallState.PROPOSED and said is not None:
            await _answer(line, request.call_id, said)
    waiting = [
        _waiting(request.tool, request.reason, now - (request.asked_at or now))
        for request in requests
        if request.state is CallState.AWAITING_APPROVAL
    ]
    return {
        "messages": [] if said is None else [HumanMessage(said)],
        "contact_id": contact,
        "channel": channel,
        "caller": caller,
        "waiting": json.dumps(waiting),
        "recap": recap,
    }


async def recap_of(line: Trunkline, thread: str, *, hung_up_at: datetime, now: datetime) -> str:
    """Return the line with which a contact goes on that was cut off; nothing when that is too long ago."""
    if now - hung_up_at > RECONNECT_WITHIN:
        return ""
    calls = await line.calls(thread=thread, states={CallState.DONE, CallState.AWAITING_APPROVAL})
    done = [call.tool for call in calls if call.state is CallState.DONE and not call.effect.is_read]
    waits = [call.tool for call in calls if call.state is CallState.AWAITING_APPROVAL]
    told = [f"done: {_named(done)}"] * bool(done) + [f"a colleague still decides on: {_named(waits)}"] * bool(waits)
    return f"We were cut off; {'; '.join(told or ['nothing was done yet'])}. "


def _named(tools: Sequence[str]) -> str:
    return ", ".join(tool.replace("_", " ") for tool in tools)


async def _answer(line: Trunkline, call_id: str, said: str) -> None:
    if _YES.search(said):
        await line.confirm(call_id, by="customer")
    elif _NO.search(said):
        await line.decline(call_id, by="customer")


def _waiting(tool: str, reason: str | None, waited: timedelta) -> dict[str, Any]:
    return {
        "tool": tool,
        "reason": reason,
        "seconds": int(waited.total_seconds()),
        "offer_callback": waited >= CALLBACK_AFTER,
    }
