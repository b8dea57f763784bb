"""Who takes part, under which name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from peers import gathered, langchain_agents, trunkline_turns
from peers.databases import Databases
from peers.turn import Case, Turn

BARE, BULK = "asyncio.gather", "asyncio.gather + one bulk insert, SQLite"
LANGCHAIN_SQLITE = "LangChain, SQLite saver"
TRUNKLINE_SQLITE, EXECUTOR_SQLITE = "Trunkline, SQLite", "Trunkline's executor alone, SQLite"

Opener = Callable[[AsyncExitStack, Case, Databases], Awaitable[Turn]]

HERE: dict[str, Opener] = {
    BARE: gathered.bare,
    BULK: gathered.with_bulk_insert,
    "LangChain, no saver": langchain_agents.without_saver,
    LANGCHAIN_SQLITE: langchain_agents.on_sqlite,
    "LangChain, PostgreSQL saver": langchain_agents.on_postgres,
    "Trunkline's executor alone, in memory": trunkline_turns.executor,
    EXECUTOR_SQLITE: trunkline_turns.executor_on_sqlite,
    "Trunkline's FanOut in a graph, in memory": trunkline_turns.fan_out,
    TRUNKLINE_SQLITE: trunkline_turns.on_sqlite,
    "Trunkline, PostgreSQL": trunkline_turns.on_postgres,
}
ELSEWHERE = {"pydantic-ai": "pydantic_ai_agents", "openai-agents": "openai_agents"}
"""Contenders with an environment of their own, and the module that serves each."""
