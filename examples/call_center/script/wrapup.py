"""The scripted writers of the work after a contact."""

from __future__ import annotations

from langchain_core.messages import BaseMessage


def summary(messages: list[BaseMessage]) -> str:
    """Return a note that names the matter and what really happened."""
    actions = _actions(messages)
    asked = messages[-1].text.splitlines()[0].removeprefix("caller: ")
    happened = f"Done: {'; '.join(actions)}." if actions else "Nothing was changed."
    return f"Customer said: {asked} {happened}"


def disposition(messages: list[BaseMessage]) -> str:
    """Return how the contact ended, in one word."""
    said = messages[-1].text
    if "putting you through" in said:
        return "handed_over"
    if "A colleague will call you" in said:
        return "callback"
    return "refund_declined" if "refund" in said.lower() and "I cannot do that" in said else "resolved"


def commitments(messages: list[BaseMessage]) -> str:
    """Return what is still owed, one a line."""
    said = messages[-1].text
    owed = {
        "A colleague has to agree": "tell the customer what was decided",
        "A colleague will call you": "call the customer back",
        "a colleague will look": "find out whether the change took effect",
    }
    return "\n".join(promise for sign, promise in owed.items() if sign in said) or "none"


def _actions(messages: list[BaseMessage]) -> list[str]:
    listed = messages[0].text.partition("The actions that really happened:")[2]
    return [line for line in listed.split("\n") if line.strip() and line.strip() != "none"]
