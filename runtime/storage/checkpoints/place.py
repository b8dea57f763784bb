"""Where LangGraph's config points: a thread, a namespace, a checkpoint; and under which fencing token."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig

TOKEN_KEY = "fencing_token"
"""In `configurable`: the number under which a worker holds the thread. Each new holder's is greater."""


class Branchable(str):
    """The id of a checkpoint that was read by its name or from a list.

    A run that goes on from it branches off on purpose, whatever else has gone on from it. One that goes on from "the
    latest" does not, and conflicts when that is no longer the latest. LangGraph carries the id from what it read to
    what it saves, so the id itself tells which it was; to everyone else it is a plain text.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A thread's namespace, and a checkpoint in it; None means the latest."""

    thread: str
    ns: str
    checkpoint_id: str | None

    @classmethod
    def of(cls, config: RunnableConfig) -> Address:
        """Return where the config points."""
        configurable = config.get("configurable", {})
        return cls(
            thread=str(configurable["thread_id"]),
            ns=configurable.get("checkpoint_ns") or "",
            checkpoint_id=configurable.get("checkpoint_id") or None,
        )

    def config(self) -> RunnableConfig:
        """Return LangGraph's config for it."""
        return {
            "configurable": {"thread_id": self.thread, "checkpoint_ns": self.ns, "checkpoint_id": self.checkpoint_id}
        }


def token_of(config: RunnableConfig) -> int | None:
    """Return the fencing token in the config."""
    token = config.get("configurable", {}).get(TOKEN_KEY)
    return None if token is None else int(token)
