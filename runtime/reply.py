"""What a run gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The outcome of a run that did not fail."""

    run_id: str
    thread_id: str
    state: Mapping[str, Any]
    """The graph's final state."""

    interrupts: Sequence[Any] = ()
    """The values of the LangGraph interrupts at which the graph waits; empty when it has finished."""

    interrupt_ids: Sequence[str] = ()
    """The ids of `interrupts`, in their order. Several are answered with `Command(resume={id: answer, …})`."""

    @property
    def messages(self) -> list[AnyMessage]:
        """The conversation, for graphs whose state has messages."""
        return list(self.state.get("messages", []))

    @property
    def text(self) -> str:
        """The last thing that a model said, or an empty text."""
        last = self.messages[-1] if self.messages else None
        return last.text if isinstance(last, AIMessage) else ""

    def __str__(self) -> str:
        return self.text
