"""A saver under any sequence of requests, beside a model of plain dictionaries."""

import asyncio
import tempfile
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from langgraph.checkpoint.base.id import uuid6

from stand_ins.checkpoints import at, checkpoint_id, put
from stand_ins.keys import BOTH, OLD_STILL
from trunkline import SQLAlchemySaver
from trunkline.runtime.storage.checkpoints.keyring import Keyring

TEXTS = st.sampled_from(["", "a", "b" * 60, "c" * 200, "d" * 500])
LISTS = st.lists(TEXTS, max_size=6) | st.integers(0, 150).map(lambda size: [f"{n:050}" for n in range(size)])
VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | TEXTS | LISTS
THREADS = st.sampled_from(["t", "u", "v"])
SPACES = st.sampled_from(["", "sub"])


class SaverMachine(RuleBasedStateMachine):
    """Two savers on one database, used in turns."""

    keys: Sequence[Keyring | None] = (None, None)

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.model: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.turn = 0

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def open(self) -> None:
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        url = f"sqlite:///{Path(folder) / 'state.db'}"
        self.savers = [self.run(self.stack.enter_async_context(self.opened(url, keys))) for keys in self.keys]
        self.run(self.savers[0].setup())

    def opened(self, url: str, keys: Keyring | None) -> AbstractAsyncContextManager[SQLAlchemySaver]:
        return SQLAlchemySaver.from_conn_string(url, keys=keys, refuse_conflicts=False)

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.loop.close()

    @property
    def saver(self) -> SQLAlchemySaver:
        self.turn += 1
        return self.savers[self.turn % 2]

    def line(self, thread: str, ns: str) -> list[dict[str, Any]]:
        return self.model.setdefault((thread, ns), [])

    @rule(
        thread=THREADS,
        ns=SPACES,
        value=VALUES,
        changed=st.booleans(),
        run=st.sampled_from(["r1", "r2"]),
        back=st.integers(0, 2),
    )
    def put(self, thread: str, ns: str, value: Any, changed: bool, run: str, back: int) -> None:
        """Save a checkpoint on the latest or an older one; `kept` is a channel that does not always change."""
        line = self.line(thread, ns)
        parent = line[-1 - back] if back < len(line) else None
        values = {"value": value, "kept": value if changed or not parent else parent["values"]["kept"]}
        version = str(uuid6())
        versions = {"value": version, "kept": version if changed or not parent else parent["versions"]["kept"]}
        new = {name: one for name, one in versions.items() if one == version}
        config = at(thread, ns=ns, checkpoint_id=parent["id"] if parent else None)
        saved = self.run(put(self.saver, config, values, versions=versions, new=new, metadata={"run_id": run}))
        line.append(
            {
                "id": checkpoint_id(saved),
                "parent": parent["id"] if parent else None,
                "values": deepcopy(values),
                "versions": versions,
                "run": run,
                "writes": {},
            }
        )

    @rule(thread=THREADS, ns=SPACES, back=st.integers(0, 2), task=st.sampled_from("xyz"), value=VALUES)
    def write(self, thread: str, ns: str, back: int, task: str, value: Any) -> None:
        """Save a task's writes: plain ones once, errors anew."""
        line = self.line(thread, ns)
        if back < len(line):
            one = line[-1 - back]
            config = at(thread, ns=ns, checkpoint_id=one["id"])
            self.run(self.saver.aput_writes(config, [("value", value), ("__error__", value)], task, f"path {task}"))
            one["writes"].setdefault((task, 0), value)
            one["writes"][task, -1] = value

    @rule(source=THREADS, onto=THREADS)
    def copy(self, source: str, onto: str) -> None:
        """To a thread that has nothing."""
        if source != onto and not any(line for (thread, _), line in self.model.items() if thread == onto):
            self.run(self.saver.acopy_thread(source, onto))
            for (thread, ns), line in list(self.model.items()):
                if thread == source:
                    self.model[onto, ns] = deepcopy(line)

    @rule(thread=THREADS)
    def prune(self, thread: str) -> None:
        self.run(self.saver.aprune([thread]))
        for (name, ns), line in self.model.items():
            if name == thread and line:
                self.model[name, ns] = [{**line[-1], "parent": None if len(line) > 1 else line[-1]["parent"]}]

    @rule(run=st.sampled_from(["r1", "r2"]))
    def delete_run(self, run: str) -> None:
        self.run(self.saver.adelete_for_runs([run]))
        for key, line in self.model.items():
            gone = {one["id"] for one in line if one["run"] == run}
            kept = [one for one in line if one["id"] not in gone]
            self.model[key] = [{**one, "parent": None if one["parent"] in gone else one["parent"]} for one in kept]

    @rule(thread=THREADS)
    def delete(self, thread: str) -> None:
        self.run(self.saver.adelete_thread(thread))
        self.model = {key: line for key, line in self.model.items() if key[0] != thread}

    @precondition(lambda self: hasattr(self, "savers"))
    @invariant()
    def agrees(self) -> None:
        """Every thread lists what the model has, and its latest is the model's."""
        for thread in ("t", "u", "v"):
            for ns in ("", "sub"):
                line = self.model.get((thread, ns), [])
                assert self.run(self.listed(thread, ns)) == [expected(one) for one in reversed(line)]
                latest = self.run(self.saver.aget_tuple(at(thread, ns=ns)))
                assert (latest and seen(latest)) == (expected(line[-1]) if line else None)

    async def listed(self, thread: str, ns: str) -> list[Any]:
        return [seen(one) async for one in self.saver.alist(at(thread, ns=ns))]


def expected(one: dict[str, Any]) -> Any:
    writes = [
        (task, "value" if idx == 0 else "__error__", value) for (task, idx), value in sorted(one["writes"].items())
    ]
    return one["id"], one["parent"], one["values"], writes


def seen(one: Any) -> Any:
    parent = checkpoint_id(one.parent_config) if one.parent_config else None
    return checkpoint_id(one), parent, one.checkpoint["channel_values"], one.pending_writes


class EncryptedMachine(SaverMachine):
    """One of the savers writes with a key that is being replaced, the other with its successor."""

    keys = (OLD_STILL, BOTH)

    @rule()
    def reencrypt(self) -> None:
        self.run(self.savers[1].reencrypt())

    @rule()
    def forget(self) -> None:
        """As if both processes were started anew."""
        for saver in self.savers:
            saver.forget()


SETTINGS = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
SaverMachine.TestCase.settings = SETTINGS
EncryptedMachine.TestCase.settings = settings(SETTINGS, max_examples=15)
TestSaver = SaverMachine.TestCase
TestEncryptedSaver = EncryptedMachine.TestCase
