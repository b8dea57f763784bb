"""Functions that make a graph for one run, as LangGraph has them: `make_graph()` and `make_graph(config)`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, asynccontextmanager
from inspect import Parameter, isawaitable, signature
from typing import Any, cast

from langchain_core.runnables import RunnableConfig

from trunkline.errors import GraphFactoryError
from trunkline.runtime.runnable import Runnable, is_runnable

GraphFactory = Callable[..., Any]
"""A function of nothing or of a config. It returns a `Runnable`, an awaitable of one, or a context manager of one."""


@asynccontextmanager
async def made(factory: GraphFactory, config: RunnableConfig, *, name: str) -> AsyncGenerator[Runnable]:
    """Make a graph and keep what it needs open for as long as it is used. What the factory raises is passed on.

    Raises `GraphFactoryError`, which names the graph by `name`, when it cannot be called or makes something else.
    """
    async with AsyncExitStack() as stack:
        value: object = factory(**_arguments(factory, config, name))
        if isawaitable(value):
            value = await value
        graph = await _entered(value, stack)
        if not is_runnable(graph):
            raise GraphFactoryError(name=name, problem=f"was made as a {type(graph).__name__}")
        yield graph


async def _entered(value: Any, stack: AsyncExitStack) -> object:
    if isinstance(value, AbstractAsyncContextManager):
        return await stack.enter_async_context(cast("AbstractAsyncContextManager[object]", value))
    if isinstance(value, AbstractContextManager):
        return stack.enter_context(cast("AbstractContextManager[object]", value))
    return value


def _arguments(factory: GraphFactory, config: RunnableConfig, name: str) -> dict[str, RunnableConfig]:
    """The config goes to the parameter `config`, or to the only one that has no default."""
    named = [parameter for parameter in signature(factory).parameters.values() if parameter.kind not in _COLLECTING]
    asked = [parameter for parameter in named if parameter.name == "config" or parameter.default is Parameter.empty]
    match asked:
        case []:
            return {}
        case [only] if "ServerRuntime" not in str(only.annotation):
            return {only.name: config}
        case _:
            wanted = ", ".join(str(parameter) for parameter in asked)
            raise GraphFactoryError(name=name, problem=f"is made by a function of {wanted}")


_COLLECTING = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
