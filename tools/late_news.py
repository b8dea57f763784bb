"""Has a conversation told of a late call that did not run, because another call has settled it."""

from __future__ import annotations

from dataclasses import replace

from trunkline.tools.call import CallResult, ToolCall
from trunkline.tools.ledger import Ledger
from trunkline.tools.outcome import Done, Failed, FailureKind, Pending, Unknown, text_for_model


async def record_settled(call: ToolCall, result: CallResult, ledger: Ledger) -> None:
    """Record as news how a late call was settled: its conversation was told that the result follows.

    What another call holds under the key stays that call's: this one is recorded without a key.
    """
    match result.outcome:
        case Pending(call_id=call.call_id) | Unknown(call_id=None):
            await ledger.record(call, result, news=True)
        case Done() | Failed():
            await ledger.record(replace(call, key=None), result, news=True)
        case outcome:
            told = Failed(kind=FailureKind.REJECTED, message=text_for_model(outcome))
            await ledger.record(replace(call, key=None), replace(result, outcome=told), news=True)
