"""The model step: an agent reads the conversation and answers, or asks for tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig

from trunkline.agents.agent import Agent
from trunkline.agents.endpoint import endpoint_error
from trunkline.errors import RoundLimitError, UnknownModelError
from trunkline.graphs.open_calls import with_open_calls_closed
from trunkline.graphs.requests import asks_for_tools
from trunkline.graphs.scope import scope_of
from trunkline.graphs.state import messages_in, values_in
from trunkline.tools.permit import permitted


class ModelStep:
    """A graph node that lets an agent speak: prompt and conversation go to its model, the answer into the state.

    Raises `RoundLimitError` when the agent asks for tools more than `agent.rounds` times after a human message, and
    `ModelUnreachableError` when the endpoint gives no usable answer.
    """

    def __init__(self, agent: Agent, *, messages_key: str = "messages") -> None:
        self.agent = agent
        self._messages_key = messages_key
        self._bound: tuple[BaseChatModel, Runnable[LanguageModelInput, AIMessage]] | None = None

    async def __call__(self, state: Any, config: RunnableConfig) -> dict[str, list[AIMessage]]:
        """Return the model's answer as the next message."""
        messages = messages_in(state, self._messages_key)
        answer = await self.ask(messages, config, values=values_in(state))
        if asks_for_tools(answer) and _rounds(messages) >= self.agent.rounds:
            raise RoundLimitError(agent=self.agent.name, rounds=self.agent.rounds)
        return {self._messages_key: [answer]}

    async def ask(
        self, messages: Sequence[AnyMessage], config: RunnableConfig, *, values: Mapping[str, Any] | None = None
    ) -> AIMessage:
        """Return the model's answer to these messages, with the prompt filled from `values`, for a node of your own."""
        model = self._model(config)
        instructions = self.agent.prompt.render(values or {})
        heard = with_open_calls_closed(messages)
        asked = [SystemMessage(instructions), *heard] if instructions else heard
        await permitted()
        try:
            answer = await self._with_tools(model).ainvoke(asked, config)
        except Exception as error:
            explained = endpoint_error(error, model)
            if explained is None:
                raise
            raise explained from error
        if (scope := scope_of(config)) and answer.id:
            scope.fresh.add(answer.id)
        return answer

    def _model(self, config: RunnableConfig) -> BaseChatModel:
        if isinstance(self.agent.model, BaseChatModel):
            return self.agent.model
        scope = scope_of(config)
        if scope is None:
            raise UnknownModelError(name=self.agent.model, known=[], path=None)
        return scope.models.chat_model(self.agent.model)

    def _with_tools(self, model: BaseChatModel) -> Runnable[LanguageModelInput, AIMessage]:
        if not len(self.agent.toolbox):
            return model
        if self._bound is None or self._bound[0] is not model:
            self._bound = (model, model.bind_tools(self.agent.toolbox.specifications()))
        return self._bound[1]


def _rounds(messages: Sequence[AnyMessage]) -> int:
    rounds = 0
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        rounds += asks_for_tools(message)
    return rounds
