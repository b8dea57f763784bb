"""`SQLAlchemySaver`: LangGraph's checkpointer on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, Never, Self

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.errors import StateNotOpenError
from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.storage.checkpoints.asking import AskingTask, TaskPlace, asking_tasks
from trunkline.runtime.storage.checkpoints.backlog import Backlog
from trunkline.runtime.storage.checkpoints.blocking import BlockingSaver
from trunkline.runtime.storage.checkpoints.codec import Codec
from trunkline.runtime.storage.checkpoints.collector import collecting_later
from trunkline.runtime.storage.checkpoints.contents import Contents, Known
from trunkline.runtime.storage.checkpoints.copying import copy_thread
from trunkline.runtime.storage.checkpoints.history import delta_history
from trunkline.runtime.storage.checkpoints.images import Images
from trunkline.runtime.storage.checkpoints.keyring import Keyring
from trunkline.runtime.storage.checkpoints.listing import listed
from trunkline.runtime.storage.checkpoints.openings import Openings
from trunkline.runtime.storage.checkpoints.operations import Operation
from trunkline.runtime.storage.checkpoints.outline import Outline, outline_of
from trunkline.runtime.storage.checkpoints.place import Address
from trunkline.runtime.storage.checkpoints.pruning import prune
from trunkline.runtime.storage.checkpoints.read import (
    StoredCheckpoint,
    StoredWrite,
    WriteKey,
    checkpoint_tuple,
    find_with_writes,
)
from trunkline.runtime.storage.checkpoints.recall import Recall
from trunkline.runtime.storage.checkpoints.remove import delete_runs, delete_threads
from trunkline.runtime.storage.checkpoints.reseal import reencrypt
from trunkline.runtime.storage.checkpoints.rolls import Rolls
from trunkline.runtime.storage.checkpoints.save import Held, Together, save, save_at_once
from trunkline.runtime.storage.checkpoints.seal import Seal, sealing
from trunkline.runtime.storage.checkpoints.serialise import checkpoint_operation, writes_operation
from trunkline.runtime.storage.checkpoints.serializer import StrictSerializer, TypeName
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.transactions import Transactions
from trunkline.runtime.storage.upgrade import upgrade_engine
from trunkline.runtime.storage.url import parse_url
from trunkline.runtime.storage.writer import Writer

_STRATEGIES = ("keep_latest", "delete")
_READERS = 8
"""Reads at once."""


class _Read(NamedTuple):
    found: StoredCheckpoint
    contents: Mapping[str, Contents]
    writes: Mapping[WriteKey, Sequence[StoredWrite]]


@dataclass(frozen=True, slots=True)
class _Lacking:
    """One query was not enough."""


@dataclass(slots=True, kw_only=True)
class _Core:
    """What a saver shares with its copies: LangGraph makes one for each graph whose types it allows."""

    engine: AsyncEngine
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    reads: Transactions | None = None
    writer: Writer | None = None
    home: asyncio.AbstractEventLoop | None = None
    seal: Seal
    recall: Recall = field(default_factory=Recall)
    lost: dict[Address, Exception] = field(default_factory=dict[Address, Exception])
    """Why tasks' writes under a checkpoint were not saved. LangGraph looks only at the end of a run."""

    images: Images = field(default_factory=Images)
    rolls: Rolls = field(default_factory=Rolls)
    backlog: Backlog = field(default_factory=Backlog)
    openings: Openings = field(init=False)

    def __post_init__(self) -> None:
        self.openings = Openings(self.saving)

    async def aclose(self) -> None:
        """Take no more work, and close the connections for reading."""
        reads, self.reads, self.writer = self.reads, None, None
        if reads:
            await reads.aclose()

    def known(self, found: StoredCheckpoint) -> Known:
        """Return how to look up the images of a thread's items."""
        digest_of = self.recall.digests(found.thread, found.state).get
        return lambda numbers: self.images.of(map(digest_of, numbers))

    async def settled(self, thread: str) -> None:
        """Wait for what is on its way to the thread."""
        self.openings.let_go(thread)
        await self.backlog.settled(thread)

    async def all_settled(self) -> None:
        """Wait for what is on its way to any thread."""
        self.openings.let_go()
        await self.backlog.all_settled()

    def saving(self, operations: Together) -> asyncio.Future[Held]:
        """Save, and remember what was saved, whether or not the caller waits for it."""
        at_once = self.save_at_once if self.engine.dialect.name == "postgresql" else None
        writer = self.writer or _refuse()
        saving: asyncio.Future[Held] = writer.hand(self.save, operations, at_once=at_once)
        saving.add_done_callback(self._learn)
        for operation in operations:
            self.backlog.add(operation, saving)
        return saving

    def _learn(self, saving: asyncio.Future[Held]) -> None:
        if not saving.cancelled() and saving.exception() is None:
            saving.result().learnt(self.recall)

    async def save(self, connection: AsyncConnection, saves: Sequence[Together]) -> list[Held | Exception]:
        """Save in a transaction of the writer."""
        return await save(connection, saves, self.recall, self.seal)

    async def save_at_once(
        self, connection: AsyncConnection, saves: Sequence[Together], leases: Collection[Lease]
    ) -> list[Held | Exception] | None:
        """Save without a transaction, if that can be."""
        return await save_at_once(connection, saves, self.recall, self.seal, leases)


class SQLAlchemySaver(BlockingSaver):
    """A checkpointer for any LangGraph program.

    `async with SQLAlchemySaver.from_conn_string("sqlite:///state.db") as saver: await saver.setup()`, or
    `async with SQLAlchemySaver(engine) as saver:` on an engine of one's own, which stays open. A list's elements are
    stored once per thread; a write is committed when its method returns, together with others that were ready (in runs
    that Trunkline conducts, the input together with the checkpoint from which the first node starts).
    Blocking methods work from threads other than that of the event loop on which the saver was opened.

    `allowed_types` are the types that state may hold beside plain values and LangChain's messages. Without
    `refuse_conflicts`, two runs that write to one thread at once both go on, and one loses its turn. With a number
    under `fencing_token` in the config's `configurable`, writes with an older number are refused.

    With `keys` (and the extra `crypto`) all values of channels, metadata and what tasks write are encrypted; see
    `aes_gcm` for how, and for what is not hidden. A row that was changed, moved or never encrypted is refused with
    `StateForgedError` or `StateNotEncryptedError`, one whose key is missing with `StateKeyError`.

    When the database is away, a run fails at once; or its reads and writes are tried again for `wait_for_database`
    seconds, and it goes on where the database is back by then.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        writer: Writer | None = None,
        keys: Keyring | None = None,
        serde: SerializerProtocol | None = None,
        allowed_types: Iterable[type | TypeName] = (),
        refuse_conflicts: bool = True,
        wait_for_database: float = 0.0,
    ) -> None:
        """`writer` is an open writer to share transactions with; `serde` replaces the strict serialiser.

        It waits for the database as it was told to. Raises `MissingExtraError` for keys without the extra
        `crypto`.
        """
        super().__init__(serde=serde or StrictSerializer(allowed_types))
        self._core = _Core(engine=engine, seal=sealing(keys))
        self._refuse_conflicts = refuse_conflicts
        self._wait_for_database = wait_for_database
        self._shared_writer = writer

    @classmethod
    @asynccontextmanager
    async def from_conn_string(
        cls,
        conn_string: str,
        *,
        keys: Keyring | None = None,
        serde: SerializerProtocol | None = None,
        allowed_types: Iterable[type | TypeName] = (),
        refuse_conflicts: bool = True,
        wait_for_database: float = 0.0,
    ) -> AsyncGenerator[Self]:
        """Open a saver on the database at this URL and close it at the end. Raises `DatabaseUrlError`."""
        engine = open_engine(parse_url(conn_string))
        saver = cls(
            engine,
            keys=keys,
            serde=serde,
            allowed_types=allowed_types,
            refuse_conflicts=refuse_conflicts,
            wait_for_database=wait_for_database,
        )
        try:
            async with saver:
                yield saver
        finally:
            await engine.dispose()

    async def __aenter__(self) -> Self:
        """Start the writer, unless there is one to share."""
        core = self._core
        core.home = asyncio.get_running_loop()
        core.reads = Transactions(core.engine, threads=_READERS, wait=self._wait_for_database)
        core.stack.push_async_callback(core.aclose)
        core.writer = self._shared_writer or await core.stack.enter_async_context(
            Writer(core.engine, wait_for_database=self._wait_for_database)
        )
        core.stack.push_async_callback(core.all_settled)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit what is under way, and take no more."""
        await self._core.stack.aclose()

    def forget(self) -> None:
        """Drop what this process remembers of threads and messages, to give back its memory."""
        self._core.recall, self._core.images, self._core.rolls = Recall(), Images(), Rolls()

    async def setup(self) -> None:
        """Create the tables, or bring them to this version. It may be called at every start."""
        await upgrade_engine(self._core.engine)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that the config names, or the latest of its thread and namespace, or None."""
        address = Address.of(config)
        await self._core.settled(address.thread)
        named, codec = address.checkpoint_id is not None, self._codec()
        whole = self._core.engine.dialect.name == "sqlite"
        read = await self._reads().at_once(partial(self._read, address=address, codec=codec, whole=whole))
        if isinstance(read, _Lacking):
            read = await self._reads().read(partial(self._read, address=address, codec=codec, whole=True))
        if not isinstance(read, _Read):
            return None
        found, contents, writes = read
        self._core.lost.pop(Address(thread=found.thread, ns=found.ns, checkpoint_id=found.checkpoint_id), None)
        heads: dict[str, str | None] = {} if named else {found.ns: found.checkpoint_id}
        numbers = {digest: number for number, digest in contents[found.thread].digests.items()}
        self._core.backlog.begin(found.thread, found.ns, found.record.checkpoint["channel_versions"])
        self._core.recall.learn(found.thread, found.state, before=found.state, numbers=numbers, heads=heads)
        with collecting_later():
            return checkpoint_tuple(found, contents, writes, codec, branchable=named)

    async def asking(self, thread_id: str) -> Mapping[TaskPlace, AskingTask]:
        """Return the tasks of the thread that have asked something at an interrupt, those of subgraphs too."""
        await self._core.settled(thread_id)
        return await self._reads().read(lambda connection: asking_tasks(connection, thread_id, self._codec()))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[CheckpointTuple]:
        """Yield checkpoints, the newest first; `filter` are values that their metadata must have.

        Metadata is compared here, not in the database: with keys too, every one of its fields can be filtered by.
        """
        pages = listed(self._reads(), self._codec(), config, matching=filter, before=before, limit=limit)
        async with aclosing(pages):
            async for one in pages:
                yield one

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint whose parent the config names, and return the config that names it.

        Raises `ThreadConflictError`, `StaleWriterError`, `ThreadDeletedError`, `TypeNotAllowedError`; and what kept the
        tasks' writes under the parent from being saved, because a checkpoint without them would hide their loss.
        """
        if error := self._core.lost.pop(Address.of(config), None):
            raise error
        operation = checkpoint_operation(
            config, checkpoint, metadata, new_versions, codec=self._codec(), refuse_conflicts=self._refuse_conflicts
        )
        if not self._core.openings.takes(operation, config):
            await self._save(operation)
        return Address(thread=operation.thread, ns=operation.ns, checkpoint_id=checkpoint["id"]).config()

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Save what a task wrote. Raises as `aput` does."""
        try:
            operation = writes_operation(config, writes, task_id, task_path, codec=self._codec())
            if not self._core.openings.takes(operation, config):
                await self._save(operation)
        except Exception as error:
            self._core.lost[Address.of(config)] = error
            raise

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete all that the thread has. Writes of a run that is still under way are refused from now on."""
        await self._writer().write(lambda connection: delete_threads(connection, [str(thread_id)]))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints whose metadata names one of these runs. Raises `DeltaHistoryError`."""
        await self._writer().write(lambda connection: delete_runs(connection, run_ids, self._codec()))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy all that a thread has to one that has nothing. Raises `ThreadExistsError`."""
        names = str(source_thread_id), str(target_thread_id)
        await self._writer().write(lambda connection: copy_thread(connection, *names, self._core.seal))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest", keep_last: int = 1) -> None:
        """Keep only the newest `keep_last` checkpoints of each thread (`keep_latest`), or nothing (`delete`).

        It is done a few checkpoints at a time. What is kept reads as before: of other namespaces, what the kept
        checkpoints go on from; of a delta channel, the ancestors back to its last stored value, which are no states to
        return to by themselves. Raises `ThreadInUseError` for a thread that is written to all the while.
        """
        if isinstance(thread_ids, str) or strategy not in _STRATEGIES or keep_last < 1:
            given = f"{thread_ids!r}, {strategy!r} and keep_last={keep_last}"
            raise ValueError(f"prune takes a list of threads, a strategy of {_STRATEGIES} and keep_last≥1, got {given}")
        for name in map(str, thread_ids):
            if strategy == "delete":
                await self.adelete_thread(name)
            else:
                await prune(self._reads(), self._writer(), name, keep_last=keep_last, codec=self._codec())

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest", keep_last: int = 1) -> None:
        """Keep only the newest checkpoints, or nothing."""
        self._wait(self.aprune(thread_ids, strategy=strategy, keep_last=keep_last))

    async def reencrypt(self, *, clear: bool = False) -> int:
        """Encrypt with the current key what is encrypted with others, and return how many rows that were.

        When every process writes with the current key and this returns 0, the other keys can be taken away. It works
        while the saver is used, in small transactions; what is done stays done when it is stopped.
        With `clear`, rows that are not encrypted are taken for genuine and encrypted too. The old bytes stay in the
        database's free space until it is vacuumed, and in its backups. Raises `KeyringError` without keys.
        """
        return await reencrypt(self._reads(), self._writer(), self._core.seal, clear=clear)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return the writes that build these channels, and the value that they start from, along the ancestors."""
        if not channels:
            return {}
        address = Address.of(config)
        return await self._reads().read(lambda connection: delta_history(connection, address, channels, self._codec()))

    async def aoutline(self, thread_id: str) -> Outline:
        """Return what there is of a thread, without its values."""
        return await self._reads().read(lambda connection: outline_of(connection, thread_id))

    async def arestore(self, operations: Sequence[Operation]) -> None:
        """Save checkpoints and writes made elsewhere, all of them in one transaction and in this order, or none.

        Raises what `aput` raises.
        """

        async def work(connection: AsyncConnection) -> list[Held | Exception]:
            outcomes = await self._core.save(connection, [[operation] for operation in operations])
            if refused := next((each for each in outcomes if isinstance(each, Exception)), None):
                raise refused
            return outcomes

        for held in await self._writer().write(work):
            if isinstance(held, Held):
                held.learnt(self._core.recall)

    @property
    def codec(self) -> Codec:
        """How values become bytes, and back."""
        return self._codec()

    def get_next_version(self, current: Any, channel: None) -> str:
        """Return a version greater than the current one, and unlike that of any other branch.

        LangGraph asks before each step. Raises what a run has lost, and `SavesBehindError`: it goes no further.
        """
        del channel
        count = int(str(current).partition(".")[0]) if current is not None else 0
        following = f"{count + 1:032}.{random.random():016}"
        self._core.backlog.follow(current, following)
        return following

    async def _read(
        self, connection: AsyncConnection, *, address: Address, codec: Codec, whole: bool
    ) -> _Read | _Lacking | None:
        """Read a checkpoint. What takes more than one query is only read as a whole, from one state of the database."""
        if (there := await find_with_writes(connection, address, codec)) is None:
            return None
        found, writes = there
        contents = Contents(found.state.id, found.thread, codec.seal, self._core.known(found))
        places = found.record.places.values()
        if not whole and contents.lacks(places):
            return _Lacking()
        await contents.load(connection, places)
        return _Read(found, {found.thread: contents}, {(found.thread, found.ns, found.checkpoint_id): writes})

    async def _save(self, operation: Operation) -> None:
        await asyncio.shield(self._core.saving([*self._core.openings.before(operation), operation]))

    def _codec(self) -> Codec:
        return Codec(self.serde, self._core.images, self._core.rolls, self._core.seal)

    def _reads(self) -> Transactions:
        return self._core.reads or _refuse()

    def _writer(self) -> Writer:
        return self._core.writer or _refuse()

    def _home(self) -> asyncio.AbstractEventLoop:
        self._writer()
        assert self._core.home
        return self._core.home


def _refuse() -> Never:
    raise StateNotOpenError(
        what="SQLAlchemySaver",
        problem="is not open",
        remedy="use it inside 'async with SQLAlchemySaver(...) as saver:'",
    )
