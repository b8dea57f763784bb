"""The gates before a call: policy in code, the customer's confirmation, the approval of people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from trunkline.tools.approval import Ask, Rule, always, answer_of
from trunkline.tools.call import ToolCall
from trunkline.tools.current import enter_call
from trunkline.tools.effect import Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Policy refuses the call."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Somebody must decide on the call first."""

    ask: Ask
    of: Literal["approval", "confirmation"]


async def gate_before(call: ToolCall) -> Denied | Asked | None:
    """Return what stands before the call, or None when it may run now. Asks the tool's rules, which are foreign code.

    An approved call is held to the policy again, and asked of nobody twice.
    """
    enter_call(call)
    if (reason := await _objection(call)) is not None:
        return Denied(reason=reason)
    if not call.decided and (ask := await _asked_by(call.tool.confirm, call)):
        return Asked(ask=ask, of="confirmation")
    irreversible = always if call.effect is Effect.IRREVERSIBLE else None
    if not call.approved and (ask := await _asked_by(call.tool.approve or irreversible, call)):
        return Asked(ask=ask, of="approval")
    return None


async def _asked_by(rule: Rule | None, call: ToolCall) -> Ask | None:
    return await answer_of(rule, call.arguments) if rule else None


async def _objection(call: ToolCall) -> str | None:
    """Return why policy refuses the call, or None."""
    match call.tool.requires:
        case None:
            return None
        case str() as requirement:
            return _missing_grant(requirement, call.origin.grants)
        case rule:
            ask = await answer_of(rule, call.arguments)
            return ask.reason if ask else None


def _missing_grant(requirement: str, grants: Mapping[str, int]) -> str | None:
    name, _, level = requirement.partition(":")
    held = grants.get(name, 0)
    return None if held >= int(level) else f"it requires {requirement}, and the conversation has {name}:{held}"
