"""What the scripted resolver reads from a conversation: the facts, the caller's words, the results so far."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from trunkline.agents import ScriptedCall

_JSON = re.compile(r"```json\n(.*?)\n```", re.DOTALL)
_ZIP = re.compile(r"zip code (?:is )?(\d{5})")
_PIN = re.compile(r"PIN (?:is )?(\d{4})")
_LAST_NAME = re.compile(r"(?:It's|name is|[A-Z]\w+) ([A-Z][\w'-]+)(?:, zip code| and the PIN)")
_YES = re.compile(r"\byes\b", re.IGNORECASE)
_GOODBYE = re.compile(r"^(No, that's all|That was everything|Great, have a nice day)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one tool call, as the model reads it."""

    call: ScriptedCall
    output: Any
    error: str | None
    """`retryable`, `rejected`, `denied`, `unknown`, `bug`, or None."""

    message: str
    """What is said of the error."""

    pending: bool
    """Whether the call waits for a person."""

    @classmethod
    def of(cls, call: ScriptedCall, message: ToolMessage) -> Result:
        """Read the message that answers the call."""
        output = _json(message.text)
        fields = cast("dict[str, Any]", output) if isinstance(output, dict) else {}
        failed = message.status == "error"
        return cls(
            call=call,
            output=output,
            error=fields.get("error") if failed else None,
            message=str(fields.get("message", "")) if failed else "",
            pending=fields.get("status") == "pending_approval",
        )

    @property
    def done(self) -> bool:
        """Whether the call did what was asked."""
        return self.error is None and not self.pending

    @property
    def may_repeat(self) -> bool:
        """Whether the same call may be made again."""
        return self.error == "retryable" or (self.error == "unknown" and "is safe" in self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A conversation as far as it has come."""

    contact: Mapping[str, Any]
    facts: Mapping[str, Any]
    heard: Sequence[str]
    results: Sequence[Result]

    @classmethod
    def of(cls, messages: Sequence[BaseMessage]) -> Reading:
        """Read the messages that the model is given."""
        contact, facts = (json.loads(block) for block in _JSON.findall(messages[0].text)[:2])
        heard = [message.text for message in messages if isinstance(message, HumanMessage)]
        return cls(contact=contact, facts=facts, heard=heard, results=_results(messages))

    @property
    def opening(self) -> str:
        """What the caller said first."""
        return self.heard[0]

    @property
    def confirmed(self) -> bool:
        """Whether the caller said yes."""
        return any(_YES.search(text) for text in self.heard)

    @property
    def goodbye(self) -> bool:
        """Whether the caller is done."""
        return bool(_GOODBYE.search(self.heard[-1]))

    @property
    def proof(self) -> Mapping[str, str]:
        """The factors that the caller named, as arguments of `verify_customer`."""
        said = " ".join(self.heard)
        found = {"zip_code": _ZIP.search(said), "last_name": _LAST_NAME.search(said), "pin": _PIN.search(said)}
        return {name: match.group(1) for name, match in found.items() if match}

    @property
    def customer_id(self) -> str:
        """Who is calling."""
        profile: dict[str, str] = self.facts.get("get_profile") or {}
        return profile.get("customer_id", "unknown")

    def order(self, order_id: str) -> Mapping[str, Any] | None:
        """Return one of the caller's orders, if the facts hold it."""
        latest: list[Mapping[str, Any]] = self.facts.get("get_orders") or []
        asked_for: list[Mapping[str, Any]] = self.output("get_orders") or []
        orders = [*latest, *asked_for]
        return next((order for order in orders if order["id"] == order_id), None)

    def output(self, tool: str) -> Any:
        """Return what the last call of the tool gave, or None."""
        given = (result.output for result in reversed(self.results) if result.call.name == tool and result.done)
        return next(given, None)

    def last(self, call: ScriptedCall) -> Result | None:
        """Return the result of the last time that this very call was made, or None."""
        return next((result for result in reversed(self.results) if result.call == call), None)

    def tries(self, call: ScriptedCall) -> int:
        """Return how often this very call was made."""
        return sum(result.call == call for result in self.results)


def _results(messages: Sequence[BaseMessage]) -> list[Result]:
    asked = {
        call["id"]: ScriptedCall(call["name"], call["args"])
        for message in messages
        if isinstance(message, AIMessage)
        for call in message.tool_calls
    }
    answers = [message for message in messages if isinstance(message, ToolMessage)]
    return [Result.of(asked[message.tool_call_id], message) for message in answers]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
