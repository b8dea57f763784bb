"""Effects and keys that depend on the arguments, and effects that undo others."""

from collections.abc import Mapping
from typing import Any

import pytest

from stand_ins.calls import ask, entry_of, id_of, outcomes
from trunkline.errors import ToolDeclarationError
from trunkline.tools import (
    CallExecutor,
    CallState,
    Done,
    Engine,
    Failed,
    FailureKind,
    IdempotencyKey,
    MemoryLedger,
    Pending,
    Tool,
    ToolRequest,
    Unknown,
    tool,
)


class Api:
    """A tool that wraps others: what it does is in its arguments."""

    def __init__(self, *, lost: int = 0) -> None:
        self.sent: list[str] = []
        self.lost = lost
        self.call: Tool = tool(
            effect=_effect, key=_key, reads="path:{path}", writes="path:{path}", retries=3, name="call"
        )(self._call)

    async def _call(self, method: str, path: str) -> int:
        """Send a request."""
        self.sent.append(f"{method} {path}")
        if self.lost:
            self.lost -= 1
            raise ConnectionResetError("gone")
        return len(self.sent)


def _effect(arguments: Mapping[str, Any]) -> Any:
    return {"GET": "read", "PUT": "write", "POST": "write_once", "DELETE": "irreversible"}[arguments["method"]]


def _key(arguments: Mapping[str, Any]) -> str | None:
    return f"put:{arguments['path']}" if arguments["method"] == "PUT" else None


@pytest.mark.parametrize(("method", "attempts"), [("GET", 2), ("PUT", 2), ("POST", 1)])
async def test_only_calls_that_may_be_repeated_are(method: str, attempts: int) -> None:
    """By the effect of the call, and not of the tool."""
    api = Api(lost=1)
    [ended] = await outcomes([api.call], ask(api.call, method=method, path="/a"))

    assert isinstance(ended, Done if attempts == 2 else Unknown)
    assert len(api.sent) == attempts


async def test_the_key_is_that_of_the_call() -> None:
    """Equal keyed writes are one effect; those without a key run each time."""
    api = Api()
    requests = [ask(api.call, method=method, path="/a") for method in ("PUT", "PUT", "POST", "POST", "GET", "GET")]
    ended = await outcomes([api.call], *requests)

    assert api.sent == ["PUT /a", "POST /a", "POST /a", "GET /a"]
    assert ended[:2] == [Done(output=1), Done(output=1, replayed=True)]


@pytest.mark.parametrize("method", ["PATCH", "put"])
async def test_a_rule_that_raises_runs_nothing(method: str) -> None:
    """The model reads that the tool is broken."""
    api = Api()
    [ended] = await outcomes([api.call], ask(api.call, method=method, path="/a"))

    assert isinstance(ended, Failed)
    assert (ended.kind, api.sent) == (FailureKind.BUG, [])


async def test_a_write_that_its_rule_gives_no_key_is_a_bug() -> None:
    """It could not be told from another."""

    @tool(effect=lambda _: "write", key=lambda _: None)
    async def put() -> None:
        """Put."""

    [ended] = await outcomes([put], ask(put))
    assert isinstance(ended, Failed)
    assert "key= gave it no identity" in ended.message


async def test_a_parameter_gets_the_key_and_the_model_never_sees_it() -> None:
    """None of it where the call has none."""
    seen: list[str | None] = []

    @tool(effect=_effect, key=_key, reads=(), writes=())
    async def send(method: str, path: str, key: IdempotencyKey) -> None:
        """Send."""
        del method, path
        seen.append(key)

    assert "key" not in send.specification()["function"]["parameters"]["properties"]
    await outcomes([send], ask(send, method="PUT", path="/a"), ask(send, method="GET", path="/a"))
    assert sorted(seen, key=str) == [None, "put:/a"]
    [refused] = await outcomes([send], ask(send, method="PUT", path="/a", key="mine"))
    assert isinstance(refused, Failed)


class Shop:
    """Orders that can be cancelled."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.ledger = MemoryLedger()
        self.executor = CallExecutor(Engine(ledger=self.ledger))
        self.cancel: Tool = tool(effect="write", key="cancel:{item}:{number}", writes="item:{item}", name="cancel")(
            self._cancel
        )
        self.order: Tool = tool(
            effect="write", key="order:{item}", writes="item:{item}", compensate=self.cancel, name="order"
        )(self._order)

    async def _order(self, item: str, number: int) -> str:
        """Order."""
        self.done.append(f"order {item} {number}")
        return self.done[-1]

    async def _cancel(self, item: str, number: int) -> str:
        """Cancel an order."""
        if number < 0:
            raise ConnectionRefusedError("not reached")
        self.done.append(f"cancel {item} {number}")
        return self.done[-1]

    async def ask(self, *requests: ToolRequest) -> Any:
        return await outcomes([self.order, self.cancel], *requests, executor=self.executor, batch="b")


async def test_what_was_undone_may_be_done_again() -> None:
    """Its key is free, also for other arguments; the first call is on record as undone."""
    shop = Shop()
    requests = [
        ask(shop.order, item="a", number=1),
        ask(shop.cancel, item="a", number=1),
        ask(shop.order, item="a", number=2),
    ]
    ended = await shop.ask(*requests)

    assert ended == [Done(output="order a 1"), Done(output="cancel a 1"), Done(output="order a 2")]
    states = [entry_of(shop.ledger, id_of(request, place)).state for place, request in enumerate(requests)]
    assert states == [CallState.UNDONE, CallState.DONE, CallState.DONE]


async def test_a_compensation_that_failed_frees_nothing() -> None:
    """The effect still stands, and a second one is refused."""
    shop = Shop()
    requests = [
        ask(shop.order, item="a", number=-1),
        ask(shop.cancel, item="a", number=-1),
        ask(shop.order, item="a", number=2),
    ]
    ordered, failed, refused = await shop.ask(*requests)

    assert isinstance(ordered, Done)
    assert [outcome.kind for outcome in (failed, refused)] == [FailureKind.RETRYABLE, FailureKind.REJECTED]
    assert entry_of(shop.ledger, id_of(requests[0])).state is CallState.DONE


def test_a_compensation_must_know_what_it_needs() -> None:
    """The text names the argument."""

    @tool(effect="write", key="undo:{ticket}")
    async def undo(ticket: str, output: str) -> None:
        """Undo."""

    with pytest.raises(ToolDeclarationError, match="compensate= needs the argument 'ticket'"):

        @tool(effect="write", key="act:{n}", compensate=undo)
        async def act(n: int) -> None:  # pyright: ignore[reportUnusedFunction]
            """Act."""


async def test_an_irreversible_call_of_a_tool_whose_effect_varies_waits_for_a_person() -> None:
    """Whatever else the tool does at once."""
    api = Api()
    requests = [ask(api.call, method="DELETE", path="/a"), ask(api.call, method="GET", path="/a")]
    ended = await outcomes([api.call], *requests)

    assert isinstance(ended[0], Pending)
    assert api.sent == ["GET /a"]
