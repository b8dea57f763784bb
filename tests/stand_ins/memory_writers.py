"""Writers to a store, for processes that run beside each other and that die."""

import asyncio
from collections.abc import Callable

from langgraph.store.base import PutOp

from stand_ins.embeddings import index
from stand_ins.processes import die
from trunkline import SQLAlchemyStore

NOTES = ("notes",)
KEYS = [f"k{n}" for n in range(8)]


async def write_all(store: SQLAlchemyStore, who: str, times: int) -> None:
    """Write, and delete, the same keys as others, in an order of one's own."""
    keys = KEYS if who < "m" else KEYS[::-1]
    for n in range(times):
        ops = [PutOp(NOTES, key, {"text": who, "n": n}, ttl=5) for key in keys[: 4 + n % 5]]
        await store.abatch([*ops, PutOp(NOTES, keys[-1], None)])
        await asyncio.gather(*(store.aput(NOTES, key, {"text": who, "n": n}) for key in keys))
        await store.asearch(NOTES, query=who)


async def write_on(url: str, who: str, begun: Callable[[], None]) -> None:
    async with SQLAlchemyStore.from_conn_string(url, index=index("text")) as store:
        await write_all(store, who, 1)
        begun()
        await write_all(store, who, 10_000)


async def put_and_die(url: str) -> None:
    async with SQLAlchemyStore.from_conn_string(url, index=index("text")) as store:
        await store.aput(NOTES, "kept", {"text": "abc"})
        die()
