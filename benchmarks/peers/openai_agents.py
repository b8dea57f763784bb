"""openai-agents' runner, with a model of our own. Runs in the environment of `benchmarks/requirements.txt`.

Its tracing is off: a peer without a key would only log that it cannot export.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

from peers.turn import Case, Stopwatch, Turn, timed

PACKAGES = ("openai-agents", "openai")

sdk: Any = import_module("agents")
types: Any = import_module("openai.types.responses")


def turn(case: Case) -> Turn:
    """Return the turn of the case."""
    sdk.set_tracing_disabled(True)
    watch = Stopwatch()
    agent = sdk.Agent(name="bench", model=_timed_model(case, watch), tools=[sdk.function_tool(case.function())])
    return timed(lambda: sdk.Runner.run(agent, "find them"), watch)


def _timed_model(case: Case, watch: Stopwatch) -> Any:
    calls = [_call(number) for number in range(case.calls)]

    class TimedModel(sdk.Model):
        """Asks for all calls in one answer, then answers. Its own work is outside the time of the calls."""

        async def get_response(self, **asked: Any) -> Any:
            """Answer."""
            if answered := _answered(asked["input"]):
                watch.heard(answered)
                return sdk.ModelResponse(output=[_answer()], usage=sdk.Usage(), response_id=None)
            response = sdk.ModelResponse(output=calls, usage=sdk.Usage(), response_id=None)
            watch.spoke()
            return response

        def stream_response(self, **asked: Any) -> AsyncIterator[Any]:
            """Not used."""
            raise NotImplementedError

    return TimedModel()


def _call(number: int) -> Any:
    arguments = json.dumps({"number": number})
    return types.ResponseFunctionToolCall(
        name="look_up", arguments=arguments, call_id=f"call_{number}", type="function_call"
    )


def _answer() -> Any:
    text = types.ResponseOutputText(text="all found", annotations=[], type="output_text")
    return types.ResponseOutputMessage(
        id="answer", content=[text], role="assistant", status="completed", type="message"
    )


def _answered(said: str | list[Any]) -> int:
    return sum(item.get("type") == "function_call_output" for item in said) if isinstance(said, list) else 0
