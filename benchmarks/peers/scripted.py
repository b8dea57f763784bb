"""The scripted model of LangChain's and Trunkline's agents, with the stopwatch in its hand."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage, ToolMessage
from langchain_core.outputs import ChatResult

from peers.turn import Case, Stopwatch
from trunkline import ScriptedModel
from trunkline.agents import call


class TimedModel(ScriptedModel):
    """Asks for all calls in one answer, then answers. Its own work is outside the time of the calls."""

    watch: Any
    """A `Stopwatch`."""

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        watch: Stopwatch = self.watch
        answered = sum(isinstance(message, ToolMessage) for message in messages)
        if answered:
            watch.heard(answered)
        result = await super()._agenerate(messages, stop, run_manager, **kwargs)
        if not answered:
            watch.spoke()
        return result


def timed_model(case: Case, watch: Stopwatch) -> TimedModel:
    """Return the model that asks for the calls of the case."""
    asked = [call("look_up", number=number) for number in range(case.calls)]
    return TimedModel(script=[asked, "all found"], watch=watch)
