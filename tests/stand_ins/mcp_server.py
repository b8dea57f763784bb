"""An MCP server with two tools a page. Run as a program it serves over its standard streams until they close."""

import asyncio
import os

from mcp.server.lowlevel import Server
from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.stdio import stdio_server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)

SEATS = 4

shop = MCPServer("shop")
everyone = asyncio.Barrier(SEATS)


@shop.tool(annotations=ToolAnnotations(read_only_hint=True), structured_output=True)
async def get_order(order_id: str, lines: list[int] | None = None) -> dict[str, object]:
    """Read an order."""
    return {"order": order_id, "lines": lines}


@shop.tool(name="orders.note", annotations=ToolAnnotations(idempotent_hint=True), structured_output=False)
async def note(order_id: str) -> list[str]:
    """Put a note on an order."""
    return ["noted", order_id]


@shop.tool(annotations=ToolAnnotations(destructive_hint=True, idempotent_hint=False))
async def drop(order_id: str) -> str:
    """Drop an order."""
    raise ToolError(f"{order_id} is shipped")


@shop.tool(annotations=ToolAnnotations(read_only_hint=True), structured_output=False)
async def meet(seat: int) -> str:
    """Wait until every seat is taken."""
    await everyone.wait()
    return f"seat {seat}"


@shop.tool(structured_output=False)
async def crash() -> str:
    """End the server's process."""
    os._exit(1)


@shop.tool(structured_output=False)
async def picture() -> Image:
    """Draw."""
    return Image(data=b"x", format="png")


async def list_tools(context: object, params: PaginatedRequestParams | None) -> ListToolsResult:
    """Return two tools from the cursor on, which is a position."""
    del context
    start = int(params.cursor) if params and params.cursor else 0
    tools = await shop.list_tools()
    more = start + 2 < len(tools)
    return ListToolsResult(tools=tools[start : start + 2], next_cursor=str(start + 2) if more else None)


async def call_tool(context: object, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
    """Call the tool; an error of it is a result."""
    del context
    try:
        return await shop.call_tool(params.name, params.arguments or {})
    except ToolError as error:
        return CallToolResult(content=[TextContent(type="text", text=str(error))], is_error=True)


server = Server("shop", on_list_tools=list_tools, on_call_tool=call_tool)


async def serve() -> None:
    """Serve until the streams close."""
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(serve())
