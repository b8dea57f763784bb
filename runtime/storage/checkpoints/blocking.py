"""The saver's blocking twins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)

from trunkline.runtime.storage.blocking import Blocking


class BlockingSaver(Blocking, BaseCheckpointSaver[str]):
    """The methods that LangGraph calls from `invoke` and `stream`, in terms of those that it calls from `ainvoke`."""

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that the config names, or the latest."""
        return self._wait(self.aget_tuple(config))

    def list(  # noqa: D102 - as in LangGraph
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        pages = self.alist(config, filter=filter, before=before, limit=limit)
        nothing: Any = object()
        while (one := self._wait(_next(pages, nothing))) is not nothing:
            yield one

    def put(  # noqa: D102 - as in LangGraph
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self._wait(self.aput(config, checkpoint, metadata, new_versions))

    def put_writes(  # noqa: D102 - as in LangGraph
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self._wait(self.aput_writes(config, writes, task_id, task_path))

    def delete_thread(self, thread_id: str) -> None:
        """Delete the thread for good."""
        self._wait(self.adelete_thread(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete what these runs saved."""
        self._wait(self.adelete_for_runs(run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread to a new one."""
        self._wait(self.acopy_thread(source_thread_id, target_thread_id))

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return what delta channels are built from."""
        return self._wait(self.aget_delta_channel_history(config=config, channels=channels))


async def _next(pages: AsyncIterator[CheckpointTuple], nothing: Any) -> Any:
    return await anext(pages, nothing)
