"""A chat model that follows a script: for tests, demos, and trying things without a key."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import ToolCall, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from trunkline.errors import ScriptError


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A tool call that a scripted model asks for. Made by `call`."""

    name: str
    arguments: dict[str, Any]


def call(name: str, /, **arguments: Any) -> ScriptedCall:
    """Ask for the tool `name` with these arguments."""
    return ScriptedCall(name, arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One answer of the model: a text, tool calls, or both."""

    say: str = ""
    calls: Sequence[ScriptedCall] = field(default_factory=tuple)


Step = str | Mapping[str, Mapping[str, Any]] | ScriptedCall | Sequence[ScriptedCall] | Turn | Exception
"""A text to say, one or several tool calls to ask for side by side, both, or an error to raise.

Calls of different tools can be written as arguments by name: `{"refund": {"order": 17}}`.
"""

Script = Sequence[Step] | Callable[[list[BaseMessage]], Step]
"""The answers one after another, or a function of the messages so far."""


class ScriptedModel(BaseChatModel):
    """A chat model that answers from `script`, binds tools, streams, calls tools in parallel and reports usage.

    A list is read at the position given by the number of model messages in the conversation, so one instance serves
    any number of conversations, and a resumed one goes on where it was. Tokens are counted as a quarter of the
    characters. `latency` is the seconds before an answer. Raises `ScriptError` where the script has no answer; with
    `repeat` a list begins again at its end.
    """

    script: Any
    """A `Script`; kept as it is given."""

    name: str | None = "scripted"
    latency: float = 0.0
    repeat: bool = False

    def __init__(self, script: Script, *, latency: float = 0.0, repeat: bool = False, **settings: Any) -> None:
        if isinstance(script, str):
            problem = f"a script is a list of answers or a function, got the text {script!r}"
            raise ScriptError(problem)
        fields: dict[str, Any] = {"script": script, "latency": latency, "repeat": repeat, **settings}
        super().__init__(**fields)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the model with these tools; a call of any other tool is a `ScriptError`."""
        del tool_choice
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _answer(self, messages: list[BaseMessage], tools: Sequence[dict[str, Any]] | None) -> AIMessage:
        spoken = sum(isinstance(message, AIMessage) for message in messages)
        turn = _turn(self._step(messages, spoken))
        _check_calls(turn, tools)
        calls = [
            ToolCall(name=asked.name, args=asked.arguments, id=f"call_{spoken}_{position}", type="tool_call")
            for position, asked in enumerate(turn.calls)
        ]
        return AIMessage(
            content=turn.say,
            tool_calls=calls,
            usage_metadata=_usage(messages, turn),
            response_metadata={"model_name": self.name},
        )

    def _step(self, messages: list[BaseMessage], spoken: int) -> Step:
        script: Script = self.script
        if callable(script):
            return script(messages)
        if self.repeat and script:
            return script[spoken % len(script)]
        if spoken >= len(script):
            said = messages[-1].text if messages else ""
            problem = f"the script has {len(script)} answers and was asked for number {spoken + 1}, after {said!r}"
            raise ScriptError(problem)
        return script[spoken]

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del stop, run_manager
        time.sleep(self.latency)
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages, kwargs.get("tools")))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del stop, run_manager
        await asyncio.sleep(self.latency)
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages, kwargs.get("tools")))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        del stop
        time.sleep(self.latency)
        for chunk in _chunks(self._answer(messages, kwargs.get("tools"))):
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        del stop
        await asyncio.sleep(self.latency)
        for chunk in _chunks(self._answer(messages, kwargs.get("tools"))):
            if run_manager:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        del stop, kwargs
        return LangSmithParams(ls_provider="scripted", ls_model_name=self.name or "scripted", ls_model_type="chat")

    @property
    def _llm_type(self) -> str:
        return "trunkline-scripted"


def _turn(step: Any) -> Turn:
    """Return the step as a turn. A script is what a person wrote, so its types are checked."""
    match step:
        case Exception():
            raise step
        case Turn():
            return step
        case str():
            return Turn(say=step)
        case ScriptedCall():
            return Turn(calls=[step])
        case Mapping() if all(isinstance(arguments, Mapping) for arguments in step.values()):  # pyright: ignore[reportUnknownVariableType]
            by_name = cast("Mapping[str, Mapping[str, Any]]", step)
            return Turn(calls=[ScriptedCall(name, dict(arguments)) for name, arguments in by_name.items()])
        case [*calls]:
            return Turn(calls=calls)
        case _:
            problem = f"the script's answer is {step!r}; write a text, calls, a Turn or an exception"
            raise ScriptError(problem)


def _check_calls(turn: Turn, tools: Sequence[dict[str, Any]] | None) -> None:
    known = [tool.get("function", tool).get("name") for tool in tools or ()]
    asked: Any
    for asked in turn.calls:
        if not isinstance(asked, ScriptedCall):
            problem = f"the script asks for {asked!r}; write call({asked!r}, ...)"
        elif not known:
            problem = f"the script calls {asked.name!r}, and the model was given no tools"
        elif asked.name not in known:
            problem = f"the script calls {asked.name!r}, and the model was given only: {', '.join(map(str, known))}"
        else:
            continue
        raise ScriptError(problem)


def _usage(messages: list[BaseMessage], turn: Turn) -> UsageMetadata:
    read = sum(_tokens(message.text) for message in messages)
    written = _tokens(turn.say) + sum(_tokens(f"{asked.name}{asked.arguments}") for asked in turn.calls)
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)


def _tokens(text: str) -> int:
    return -(-len(text) // 4)


def _chunks(message: AIMessage) -> Iterator[ChatGenerationChunk]:
    for word in re.findall(r"\s*\S+|\s+$", message.text):
        yield ChatGenerationChunk(message=AIMessageChunk(content=word))
    for index, asked in enumerate(message.tool_calls):
        chunk = tool_call_chunk(name=asked["name"], args=json.dumps(asked["args"]), id=asked["id"], index=index)
        yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[chunk]))
    last = AIMessageChunk(
        content="",
        usage_metadata=message.usage_metadata,
        response_metadata=message.response_metadata,
        chunk_position="last",
    )
    yield ChatGenerationChunk(message=last)
