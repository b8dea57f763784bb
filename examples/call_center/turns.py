"""The input of a contact's turn: what the caller said, and what still waits for them or for a colleague."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

from langchain_core.messages import HumanMessage

from trunkline import Trunkline
from trunkline.examples.call_center.policy import CALLBACK_AFTER
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
    }


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
