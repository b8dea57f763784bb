"""Chooses the rules by the prompt's heading, as one scripted model plays every agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from langchain_core.messages import BaseMessage

from trunkline.agents import Step
from trunkline.examples.call_center.script import wrapup
from trunkline.examples.call_center.script.reading import Reading
from trunkline.examples.call_center.script.resolver import resolve

_ROLES: Mapping[str, Callable[[list[BaseMessage]], Step]] = {
    "# Resolver": lambda messages: resolve(Reading.of(messages)),
    "# Summary": wrapup.summary,
    "# Disposition": wrapup.disposition,
    "# Commitments": wrapup.commitments,
}


def answer(messages: list[BaseMessage]) -> Step:
    """Return what the agent with this prompt says or asks for next."""
    heading = messages[0].text.splitlines()[0]
    return _ROLES[heading](messages)
