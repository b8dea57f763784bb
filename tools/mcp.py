"""Tools of an MCP server, called over a session that the program holds open. Needs the extra `mcp`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trunkline.errors import ToolDeclarationError, ToolRejectedError, UnknownMcpToolError
from trunkline.tools.declaration import Declaration
from trunkline.tools.decorator import tool
from trunkline.tools.parameters import InvalidSchemaError, SchemaParameters
from trunkline.tools.signature import Function, Implementation
from trunkline.tools.tool import Tool

if TYPE_CHECKING:
    from mcp import ClientSession, MCPError
    from mcp_types import CallToolResult
    from mcp_types import Tool as McpTool

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")


async def mcp_tools(
    session: ClientSession,
    *,
    declare: Mapping[str, Declaration] | None = None,
    prefix: str = "",
    trust_hints: bool = False,
) -> list[Tool]:
    """Return all tools of the server behind an initialized session, for a toolbox; calls share the session.

    What a tool does to the world is declared here: `declare={"get_order": {"effect": "read", "reads": "order:{id}"}}`,
    under the server's own names. Tools that are not named run alone. `prefix` is put before every name; what is no
    letter, digit, _ or - in a name becomes _.

    The protocol calls a server's hints untrusted unless the server is trusted; `trust_hints=True` says that it is.
    Then `readOnlyHint` makes a read, and `idempotentHint` a write that runs alone and may be made again with identical
    arguments while its outcome is unknown; give it a key if it should never take effect twice. `destructiveHint`, and
    no hint at all, leave a tool to run alone. A declaration goes before the hints.

    An error that the server reports in a result is a refusal, for which the model reads its text. A result is the
    structured content where there is one, else the text. Raises `UnknownMcpToolError` and `ToolDeclarationError`.
    """
    declarations = declare or {}
    found = await _listed(session)
    if unknown := declarations.keys() - {item.name for item in found}:
        raise UnknownMcpToolError(tools=sorted(unknown), known=[item.name for item in found])
    made: list[Tool] = []
    for item in found:
        hints = item.annotations if trust_hints else None
        reads = bool(hints and hints.read_only_hint)
        idempotent = bool(hints and hints.idempotent_hint) and not reads
        implementation = _implementation(session, item, prefix, idempotent=idempotent)
        made.append(_declared(implementation, declarations.get(item.name, {}), reads=reads))
    return made


async def _listed(session: ClientSession) -> list[McpTool]:
    from mcp_types import PaginatedRequestParams

    page = await session.list_tools()
    found = list(page.tools)
    while page.next_cursor is not None:
        page = await session.list_tools(params=PaginatedRequestParams(cursor=page.next_cursor))
        found += page.tools
    return found


def _implementation(session: ClientSession, item: McpTool, prefix: str, *, idempotent: bool) -> Implementation:
    name = prefix + _NOT_IN_A_NAME.sub("_", item.name)
    server = session.server_info.name if session.server_info else "unknown"
    source = f"MCP server {server}"
    try:
        parameters = SchemaParameters(item.input_schema)
    except InvalidSchemaError as error:
        problem = f"the server's schema of its arguments is not valid: {error}"
        raise ToolDeclarationError(tool=name, where=source, problems=[problem]) from error
    return Implementation(
        name=name,
        description=item.description or item.title or item.name,
        function=_caller(session, item.name),
        parameters=parameters,
        source=source,
        home=f"mcp {server}:{item.name}",
        idempotent=idempotent,
    )


def _declared(implementation: Implementation, declaration: Declaration, *, reads: bool) -> Tool:
    declared = declaration.copy()
    if reads:
        declared.setdefault("effect", "read")
    if implementation.idempotent:
        declared.setdefault("effect", "write")
    return tool(**declared)(implementation)


def _caller(session: ClientSession, name: str) -> Function:
    async def call(**arguments: Any) -> Any:
        from mcp import MCPError

        try:
            result = await session.call_tool(name, arguments)
        except MCPError as error:
            if (known := _known(error)) is None:
                raise
            raise known from error
        if result.is_error:
            raise ToolRejectedError(_text(result))
        return _text(result) if result.structured_content is None else result.structured_content

    return call


def _known(error: MCPError) -> Exception | None:
    from mcp_types import CONNECTION_CLOSED, INVALID_PARAMS, METHOD_NOT_FOUND, REQUEST_TIMEOUT

    if error.code == REQUEST_TIMEOUT:
        return TimeoutError(error.message)
    if error.code == CONNECTION_CLOSED:
        return ConnectionError(error.message)
    return ToolRejectedError(error.message) if error.code in {INVALID_PARAMS, METHOD_NOT_FOUND} else None


def _text(result: CallToolResult) -> Any:
    """Return the text of the content; with images or links in it, the content as data."""
    from mcp_types import TextContent

    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    if len(texts) == len(result.content):
        return "\n".join(texts)
    return [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content]
