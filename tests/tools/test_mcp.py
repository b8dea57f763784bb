"""Tools of an MCP server: listed from one in this process, called in one of its own."""

import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from mcp import Client, ClientSession, MCPError, StdioServerParameters, stdio_client
from mcp_types import (
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    REQUEST_TIMEOUT,
    CallToolResult,
    ListToolsResult,
)
from mcp_types import Tool as McpTool

from stand_ins import mcp_server
from stand_ins.calls import ask, outcomes
from trunkline.errors import ToolDeclarationError, UnknownMcpToolError
from trunkline.tools import Done, Effect, Failed, FailureKind, Tool, Unknown, mcp_tools

ALONE = {"*"}


@asynccontextmanager
async def shop() -> AsyncGenerator[ClientSession]:
    """A session with a server in a process of its own."""
    parameters = StdioServerParameters(command=sys.executable, args=[mcp_server.__file__])
    async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
        await session.initialize()
        yield session


async def shop_tools(declare: Mapping[str, Any] | None = None, **settings: Any) -> dict[str, Tool]:
    """The tools of a server in this process, which cannot be called any more."""
    async with Client(mcp_server.server) as client:
        return {made.name: made for made in await mcp_tools(client.session, declare=declare, **settings)}


async def test_all_pages_of_the_servers_tools_are_listed() -> None:
    """In its order, under names that models can call, and told as the server tells them."""
    found = await shop_tools(prefix="shop_")

    names = ["get_order", "orders_note", "drop", "meet", "crash", "picture"]
    assert list(found) == [f"shop_{name}" for name in names]
    order = found["shop_get_order"]
    assert (order.description, order.source) == ("Read an order.", "MCP server shop")
    assert order.specification()["function"]["parameters"]["required"] == ["order_id"]


async def test_hints_of_a_server_are_not_believed() -> None:
    """Every tool runs alone, until a declaration or the program's trust says more."""
    assert {made.effect for made in (await shop_tools()).values()} == {Effect.UNDECLARED}


async def test_a_trusted_server_tells_the_effects_of_its_tools() -> None:
    """What only reads runs beside others; what may be repeated is a write that runs alone; all else is not declared."""
    found = await shop_tools(trust_hints=True)

    assert [made.effect for made in found.values()] == [
        Effect.READ,
        Effect.WRITE,
        Effect.UNDECLARED,
        Effect.READ,
        Effect.UNDECLARED,
        Effect.UNDECLARED,
    ]
    assert found["orders_note"].access({"order_id": "A"}, Effect.WRITE).writes == ALONE


@pytest.mark.parametrize("trust_hints", [False, True])
async def test_a_declaration_goes_before_the_hints(trust_hints: bool) -> None:
    """It has the words of every other tool."""
    declare = {
        "get_order": {"effect": "read", "reads": "order:{order_id}", "timeout": 3.0},
        "orders.note": {"effect": "write", "key": "note:{order_id}", "writes": "order:{order_id}"},
    }
    found = await shop_tools(declare, trust_hints=trust_hints)

    order, note = found["get_order"], found["orders_note"]
    assert (order.timeout, order.access({"order_id": "A"}, Effect.READ).reads) == (3.0, {"order:A"})
    assert (note.effect, note.key_of({"order_id": "A"})) == (Effect.WRITE, "note:A")


async def test_identical_calls_of_a_repeatable_tool_are_calls_of_their_own() -> None:
    """On, off, on: the third is not taken for the first."""
    async with shop() as session:
        found = await mcp_tools(session, trust_hints=True)
        noted = [ask("orders_note", order_id="A"), ask("orders_note", order_id="A")]

        assert await outcomes(found, *noted) == [Done(output="noted\nA"), Done(output="noted\nA")]


async def test_a_key_and_the_hint_make_a_write() -> None:
    """And a repeatable tool that is declared otherwise is what it is declared."""
    keyed = await shop_tools({"orders.note": {"key": "note:{order_id}"}}, trust_hints=True)
    once = await shop_tools({"orders.note": {"effect": "write_once"}}, trust_hints=True)

    assert keyed["orders_note"].effect is Effect.WRITE
    assert once["orders_note"].effect is Effect.WRITE_ONCE


async def test_a_declaration_for_no_tool_or_no_argument_is_refused() -> None:
    """A server that renamed a tool must not run it undeclared."""
    missing = r"the server has no tool orders_note; it has: get_order, orders\.note"
    wrong = r"'get_order' \(MCP server shop\): template field {id} is not one"

    async with Client(mcp_server.server) as client:
        with pytest.raises(UnknownMcpToolError, match=missing):
            await mcp_tools(client.session, declare={"orders_note": {"effect": "read"}})
        with pytest.raises(ToolDeclarationError, match=wrong):
            await mcp_tools(client.session, declare={"get_order": {"effect": "read", "reads": "order:{id}"}})


async def test_calls_over_one_session_overlap() -> None:
    """Each waits in the server until all of them are there."""
    async with shop() as session:
        found = await mcp_tools(session, trust_hints=True)
        seats = [ask("meet", seat=seat) for seat in range(mcp_server.SEATS)]

        assert await outcomes(found, *seats) == [Done(output=f"seat {seat}") for seat in range(mcp_server.SEATS)]


async def test_results_are_data_where_the_server_sends_data() -> None:
    """Texts are joined; pictures stay what the protocol makes of them."""
    async with shop() as session:
        found = await mcp_tools(session)
        ended = await outcomes(found, ask("get_order", order_id="A"), ask("orders_note", order_id="A"), ask("picture"))

    assert ended == [
        Done(output={"order": "A", "lines": None}),
        Done(output="noted\nA"),
        Done(output=[{"type": "image", "data": "eA==", "mimeType": "image/png"}]),
    ]


async def test_what_the_tool_or_its_schema_refuses_is_a_refusal() -> None:
    """The model reads the server's words; what does not fit the schema never reaches the server."""
    async with shop() as session:
        found = await mcp_tools(session)
        [refused, unfit] = await outcomes(found, ask("drop", order_id="A"), ask("drop", order_id=1))

    assert refused == Failed(kind=FailureKind.REJECTED, message="Error executing tool drop: A is shipped")
    assert "the arguments of 'drop' are not valid: order_id: 1 is not of type 'string'" in str(unfit)


async def test_a_server_that_dies_gives_no_answer() -> None:
    """What it was doing is unknown; a read may be asked again."""
    async with shop() as session:
        found = await mcp_tools(session, trust_hints=True)
        [crashed, read] = await outcomes(found, ask("crash"), ask("get_order", order_id="A"))

    assert isinstance(crashed, Unknown)
    assert crashed.message.startswith("ConnectionError: Connection closed; it may have taken effect")
    assert read == Failed(kind=FailureKind.RETRYABLE, message="ConnectionError: Connection closed")


async def test_a_call_that_takes_too_long_is_given_up() -> None:
    """By the tool's own timeout, while the session stays usable."""
    async with shop() as session:
        found = await mcp_tools(session, declare={"meet": {"effect": "read", "timeout": 0.05}}, trust_hints=True)
        [late] = await outcomes(found, ask("meet", seat=0))
        [order] = await outcomes(found, ask("get_order", order_id="A"))

    assert late == Failed(kind=FailureKind.RETRYABLE, message="no result within 0.05 s")
    assert isinstance(order, Done)


class Faulty:
    """A session of one tool that answers with an error of the protocol."""

    server_info = None

    def __init__(self, code: int) -> None:
        self._code = code

    async def list_tools(self) -> ListToolsResult:
        return ListToolsResult(tools=[McpTool(name="fail", input_schema={"type": "object"})])

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        raise MCPError(self._code, f"{name} {arguments}")


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (REQUEST_TIMEOUT, FailureKind.RETRYABLE, "TimeoutError: fail {}"),
        (CONNECTION_CLOSED, FailureKind.RETRYABLE, "ConnectionError: fail {}"),
        (INVALID_PARAMS, FailureKind.REJECTED, "fail {}"),
        (INTERNAL_ERROR, FailureKind.BUG, "tool 'fail' is broken: it raised: MCPError: fail {}"),
    ],
)
async def test_errors_of_the_protocol_mean_what_they_mean_elsewhere(code: int, kind: FailureKind, said: str) -> None:
    """No answer, a refusal, or a fault of the server."""
    session: Any = Faulty(code)
    [failed] = await outcomes(await mcp_tools(session, declare={"fail": {"effect": "read"}}), ask("fail"))

    assert failed == Failed(kind=kind, message=said)


async def test_a_schema_that_nothing_can_be_checked_by_is_refused() -> None:
    """The error names the server's tool."""
    session: Any = Faulty(0)
    session.list_tools = partial(_listed, McpTool(name="odd", input_schema={"type": "array"}))

    with pytest.raises(ToolDeclarationError, match="the server's schema of its arguments is not valid: it describes"):
        await mcp_tools(session)


async def _listed(item: McpTool) -> ListToolsResult:
    return ListToolsResult(tools=[item])
