"""Prunes a thread to its newest checkpoints: what to take away is found without a lock, and goes a little at a time.

Each step is a short transaction that holds the thread's row and first looks whether anybody else has changed the thread
since the plan was made; then a new plan is made. Of the checkpoints the newest go first, so that those which are still
there after a step have all their ancestors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import ThreadInUseError
from trunkline.runtime.storage.checkpoints.codec import Codec
from trunkline.runtime.storage.checkpoints.remove import (
    Node,
    ThreadRef,
    changed,
    children_of,
    cut_off_parents,
    drop_checkpoints,
    drop_items,
    garbage,
    needed_for_deltas,
    tree_of,
)
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.state_tables import StateThreadRow
from trunkline.runtime.storage.transactions import Transactions
from trunkline.runtime.storage.writer import Writer

_CHECKPOINTS, _ITEMS = 100, 500
"""In one step."""

_PLANS = 5
_ROW = select(StateThreadRow.id, StateThreadRow.name, StateThreadRow.changes, StateThreadRow.removals)
_NAMED = _ROW.where(StateThreadRow.name == bindparam("name"))
_HELD = _ROW.where(StateThreadRow.id == bindparam("id")).with_for_update()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """How often a thread had been changed when it was looked at."""

    thread: ThreadRef
    changes: int
    removals: int

    @classmethod
    def of(cls, row: Any) -> _Seen:
        return cls(thread=ThreadRef(row.id, row.name), changes=row.changes, removals=row.removals)

    def after_a_step(self) -> _Seen:
        return replace(self, changes=self.changes + 1, removals=self.removals + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What goes in one transaction."""

    doomed: Sequence[Node] = ()
    orphans: Sequence[Node] = ()
    """Those that stay, and whose parents go."""

    items: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    seen: _Seen
    steps: Sequence[_Step]


async def prune(reads: Transactions, writer: Writer, name: str, *, keep_last: int, codec: Codec) -> None:
    """Keep the newest checkpoints of the thread. Raises `ThreadInUseError`; what was taken away by then stays away."""
    for _ in range(_PLANS):
        plan = await reads.read(partial(_planned, name=name, keep_last=keep_last, codec=codec))
        if plan is None or await _carried_out(writer, plan, codec.seal):
            return
    problem = "is written to all the while, and was pruned in part; prune it again when its run has ended"
    raise ThreadInUseError(thread=name, problem=problem)


async def _carried_out(writer: Writer, plan: _Plan, seal: Seal) -> bool:
    """Take the steps, as long as nobody else changes the thread."""
    seen = plan.seen
    for step in plan.steps:
        if not await writer.write(partial(_take, seen=seen, step=step, seal=seal)):
            return False
        seen = seen.after_a_step()
    return True


async def _take(connection: AsyncConnection, *, seen: _Seen, step: _Step, seal: Seal) -> bool:
    row = (await connection.execute(_HELD, {"id": seen.thread.id})).first()
    if row is None or _Seen.of(row) != seen:
        return False
    if step.doomed:
        await drop_checkpoints(connection, seen.thread, step.doomed)
        await cut_off_parents(connection, seen.thread, step.orphans, seal)
    await drop_items(connection, seen.thread, step.items)
    await changed(connection, seen.thread)
    return True


async def _planned(connection: AsyncConnection, *, name: str, keep_last: int, codec: Codec) -> _Plan | None:
    row = (await connection.execute(_NAMED, {"name": name})).first()
    if row is None:
        return None
    seen = _Seen.of(row)
    tree = await tree_of(connection, seen.thread, codec)
    kept = list(_kept(tree, keep_last))
    needed = needed_for_deltas(tree, kept) | {node.seq for node in kept}
    spared = [node for node in tree if node.seq in needed]
    doomed = [node for node in reversed(tree) if node.seq not in needed]
    items = await garbage(connection, seen.thread, spared, codec.seal)
    return _Plan(seen=seen, steps=[*_checkpoint_steps(doomed, spared), *_item_steps(items)])


def _checkpoint_steps(doomed: Sequence[Node], spared: Sequence[Node]) -> Iterator[_Step]:
    for at in range(0, len(doomed), _CHECKPOINTS):
        some = doomed[at : at + _CHECKPOINTS]
        yield _Step(doomed=some, orphans=children_of(some, spared))


def _item_steps(items: Sequence[int]) -> Iterator[_Step]:
    for at in range(0, len(items), _ITEMS):
        yield _Step(items=items[at : at + _ITEMS])


def _kept(tree: Sequence[Node], keep_last: int) -> Iterator[Node]:
    """Yield the newest checkpoints of the root graph, and what other namespaces held then.

    A subgraph that is run again from a checkpoint goes on from what its namespace held before that. The namespace of a
    subgraph's call goes with the checkpoint of the root graph from which it was called.
    """
    by_ns: dict[str, list[Node]] = {}
    for node in tree:
        by_ns.setdefault(node.ns, []).append(node)
    roots = by_ns.pop("", [])
    kept = roots[-keep_last:]
    yield from kept
    old = {node.checkpoint_id for node in roots} - {node.checkpoint_id for node in kept}
    for line in by_ns.values():
        called = [node for node in line if not _is_call_from(node, old)]
        yield from _before_each(called, kept) if roots else called[-keep_last:]


def _is_call_from(node: Node, checkpoints: set[str]) -> bool:
    """Whether it is in the namespace of a call (`name:task`) from one of these."""
    return ":" in node.ns and node.record.metadata.get("parents", {}).get("") in checkpoints


def _before_each(line: Sequence[Node], roots: Sequence[Node]) -> Iterable[Node]:
    """Return the last of the line, and when one can go back, the last before each of the roots."""
    found = {line[-1].seq: line[-1]} if line else {}
    for root in roots if len(roots) > 1 else ():
        before = [node for node in line if node.seq < root.seq]
        found |= {node.seq: node for node in before[-1:]}
    return found.values()
