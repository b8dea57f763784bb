"""pydantic-ai's agent, with a function as its model. Runs in the environment of `benchmarks/requirements.txt`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from peers.turn import Case, Stopwatch, Turn, timed

PACKAGES = ("pydantic-ai-slim",)

ai: Any = import_module("pydantic_ai")
messages: Any = import_module("pydantic_ai.messages")
models: Any = import_module("pydantic_ai.models.function")


def turn(case: Case) -> Turn:
    """Return the turn of the case."""
    watch = Stopwatch()
    calls = [
        messages.ToolCallPart("look_up", {"number": number}, tool_call_id=f"call_{number}")
        for number in range(case.calls)
    ]

    class TimedModel(models.FunctionModel):
        """Asks for all calls in one answer, then answers."""

        async def request(self, said: list[Any], *more: Any) -> Any:
            """Answer; the model's own work is outside the time of the calls."""
            answered = _answered(said)
            if answered:
                watch.heard(answered)
            response: Any = await models.FunctionModel.request(self, said, *more)
            if not answered:
                watch.spoke()
            return response

    async def answer(said: list[Any], info: object) -> Any:
        del info
        return messages.ModelResponse(parts=[messages.TextPart("all found")] if _answered(said) else calls)

    agent = ai.Agent(TimedModel(answer), tools=[case.function()])
    return timed(lambda: agent.run("find them"), watch)


def _answered(said: list[Any]) -> int:
    return sum(isinstance(part, messages.ToolReturnPart) for part in said[-1].parts)
