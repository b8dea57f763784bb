"""Checkpoints made by hand, for tests of checkpointers."""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, CheckpointTuple
from langgraph.checkpoint.base.id import uuid6

Saver = BaseCheckpointSaver[Any]


def at(thread: str = "t", *, ns: str = "", checkpoint_id: str | None = None, **more: Any) -> RunnableConfig:
    """The config of a place in a thread."""
    return {"configurable": {"thread_id": thread, "checkpoint_ns": ns, "checkpoint_id": checkpoint_id, **more}}


def checkpoint(
    values: Mapping[str, Any], versions: Mapping[str, Any], *, v: int = 4, name: str | None = None
) -> Checkpoint:
    """A checkpoint with these channels."""
    return Checkpoint(
        v=v,
        id=name or str(uuid6(clock_seq=-1)),
        ts="2026-01-01T00:00:00+00:00",
        channel_values=dict(values),
        channel_versions=dict(versions),
        versions_seen={"node": dict(versions)},
        updated_channels=None,
    )


async def put(
    saver: Saver,
    config: RunnableConfig,
    values: Mapping[str, Any],
    *,
    versions: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    name: str | None = None,
    v: int = 4,
) -> RunnableConfig:
    """Save a checkpoint and return where it is. All its channels are new, at version 1, unless told otherwise."""
    versions = dict.fromkeys(values, 1) if versions is None else versions
    made: Any = {"source": "loop", "step": 1, "parents": {}, **(metadata or {})}
    new = versions if new is None else new
    return await saver.aput(config, checkpoint(values, versions, v=v, name=name), made, dict(new))


async def grow(
    saver: Saver, thread: str, turns: int, *, start: int = 0, parent: RunnableConfig | None = None
) -> RunnableConfig:
    """Save so many checkpoints, each with one text more in `log`, and return where the last is."""
    config = parent or at(thread)
    for turn in range(start, start + turns):
        log = [f"text {one} " * 20 for one in range(turn + 1)]
        config = await put(saver, config, {"log": log}, versions={"log": turn + 1}, metadata={"step": turn})
    return config


async def values(saver: Saver, config: RunnableConfig) -> dict[str, Any] | None:
    """The channel values at a place."""
    found = await saver.aget_tuple(config)
    return found.checkpoint["channel_values"] if found else None


def checkpoint_id(one: RunnableConfig | CheckpointTuple) -> str:
    """The id of a checkpoint."""
    config = one.config if isinstance(one, CheckpointTuple) else one
    return config.get("configurable", {})["checkpoint_id"]
