"""What is left after a `kill -9`, and whether the promises about calls hold when the turn has gone on to its end."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from sqlalchemy import select

from stand_ins.killed_desk import DEEDS, KEYED, READS, THREAD, WAITS, World
from stand_ins.processes import bury
from trunkline.runtime.reply import Reply
from trunkline.runtime.storage.database import open_database
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.tables import CallRow
from trunkline.runtime.storage.url import parse_url

SETTLED = {"done", "unknown"}


class Standing(NamedTuple):
    """How one call stands: in the ledger (`-` where it has no row), and how often outside."""

    state: str
    began: int
    did: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that can be read of a turn at one moment: the ledger, the world outside, and the last checkpoint."""

    rows: Sequence[tuple[str, str]]
    """Deed and state of each row of the ledger."""

    world: Sequence[str]
    messages: Sequence[AnyMessage]

    def standing(self, deed: str) -> Standing:
        return Standing(dict(self.rows).get(deed, "-"), self.began(deed), len(self.done(deed)))

    def has_settled(self, deeds: Iterable[str]) -> bool:
        """Whether each of them is on record with its outcome."""
        return {self.standing(deed).state for deed in deeds} <= SETTLED

    def began(self, deed: str) -> int:
        return self.world.count(f"began {deed}")

    def done(self, deed: str) -> list[int]:
        """When the deed happened, as positions in the world's log."""
        return [at for at, line in enumerate(self.world) if f"{line} ".startswith(f"did {deed} ")]


async def record_of(url: str, world: World, *, tenant: str = "") -> Record:
    """Read what is on record, after a kill or at the end."""
    bury(url)
    engine = open_engine(parse_url(url))
    async with engine.connect() as connection:
        columns = select(CallRow.tool, CallRow.arguments, CallRow.state).where(CallRow.tenant == tenant)
        found = (await connection.execute(columns)).all()
    await engine.dispose()
    rows = [(f"{tool} {arguments['at']}", state) for tool, arguments, state in found]
    messages = await _messages(url, f"{tenant}/{THREAD}" if tenant else THREAD)
    return Record(rows=sorted(rows), world=world.lines(), messages=messages)


async def _messages(url: str, thread_id: str) -> list[AnyMessage]:
    async with open_database(url) as database:
        saved: Any = await database.saver.aget_tuple({"configurable": {"thread_id": thread_id}})
    return saved.checkpoint["channel_values"].get("messages", []) if saved else []


def broken_promises(kills: Sequence[Record], end: Record, reply: Reply) -> list[str]:
    """Return what is wrong at the end of a turn that was killed and taken up again."""
    per_call = [problem for deed in DEEDS for problem in _wrong_with(deed, kills, end)]
    return [*_wrong_answers(end, reply), *_wrong_order(kills, end), *_early_checkpoints(kills), *per_call]


def _wrong_with(deed: str, kills: Sequence[Record], end: Record) -> Iterator[str]:
    tool, (state, began, did) = deed.split()[0], end.standing(deed)
    intended = any(kill.standing(deed).state == "running" for kill in kills)
    if [name for name, _ in end.rows].count(deed) != 1 or state not in SETTLED:
        yield f"{deed}: not settled by one row"
    if did > 1:
        yield f"{deed}: happened twice"
    if state == "done" and tool not in READS and did == 0:
        yield f"{deed}: on record as done, and never happened"
    if state == "unknown" and (tool in READS | KEYED or not intended):
        yield f"{deed}: unknown, though it could be known"
    if began > 1 and tool not in READS | KEYED:
        yield f"{deed}: run again, though nobody knew whether it had happened"
    if any(kill.standing(deed).state == "done" and kill.began(deed) != began for kill in kills):
        yield f"{deed}: run again, though it was done"


def _wrong_answers(end: Record, reply: Reply) -> Iterator[str]:
    asked = [
        asked["id"] for message in reply.messages if isinstance(message, AIMessage) for asked in message.tool_calls
    ]
    answers = [message for message in reply.messages if isinstance(message, ToolMessage)]
    if [answer.tool_call_id for answer in answers] != asked or reply.text != "all done":
        yield "the conversation has not one result per call in the model's order"
    for deed, answer in zip_longest(DEEDS, (answer.text for answer in answers), fillvalue=""):
        right = '"unknown"' in answer if end.standing(deed).state == "unknown" else answer == f"{deed}: ok"
        if not right:
            yield f"{deed}: the model reads {answer!r}"


def _wrong_order(kills: Sequence[Record], end: Record) -> Iterator[str]:
    if end.done("ship A") < end.done("pay A"):
        yield "ship A: happened before pay A, which the model asked for first"
    for deed, before in WAITS.items():
        if any(kill.began(deed) and not kill.has_settled(before) for kill in kills):
            yield f"{deed}: begun before what it waits for was on record"


def _early_checkpoints(kills: Sequence[Record]) -> Iterator[str]:
    for kill in kills:
        if not kill.has_settled(DEEDS) and any(isinstance(message, ToolMessage) for message in kill.messages):
            yield "a checkpoint has results that the ledger does not have"
