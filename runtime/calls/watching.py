"""Who watches calls that are carried out after their turn."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig

from trunkline.graphs.watch import CallWatcher
from trunkline.runtime.calls.record import CallRecord
from trunkline.tools.watcher import Watcher


def watcher_of(record: CallRecord) -> Watcher:
    """Return a watcher that traces the call to LangSmith, where that is switched on, as a trace of its own."""
    config = RunnableConfig(run_name=record.tool, metadata={"thread_id": record.thread_id, "run_id": record.run_id})
    return CallWatcher(config, record.batch, lambda _: None)
