"""What a tool is, and how calls fan out: effects, conflicts, limits, the ledger's interface. Imports only errors."""

from trunkline.errors import ToolRejectedError
from trunkline.tools.access import ANYTHING, Access, predecessors
from trunkline.tools.approval import ApprovalRule, over
from trunkline.tools.call import CallId, CallResult, CallState, Origin, ToolCall, ToolRequest
from trunkline.tools.current import CurrentCall, current_call
from trunkline.tools.effect import Effect
from trunkline.tools.events import ToolCallFinished, ToolCallStarted
from trunkline.tools.executor import CallExecutor, Watcher
from trunkline.tools.ledger import Ledger, MemoryLedger
from trunkline.tools.limits import Limits
from trunkline.tools.mcp import mcp_tools
from trunkline.tools.outcome import Done, Failed, FailureKind, Outcome, Pending, Unknown
from trunkline.tools.parameters import FunctionParameters, Parameters, SchemaParameters
from trunkline.tools.signature import IdempotencyKey
from trunkline.tools.threads import ToolThreads
from trunkline.tools.tool import Tool, tool
from trunkline.tools.toolbox import Toolbox

__all__ = [
    "ANYTHING",
    "Access",
    "ApprovalRule",
    "CallExecutor",
    "CallId",
    "CallResult",
    "CallState",
    "CurrentCall",
    "Done",
    "Effect",
    "Failed",
    "FailureKind",
    "FunctionParameters",
    "IdempotencyKey",
    "Ledger",
    "Limits",
    "MemoryLedger",
    "Origin",
    "Outcome",
    "Parameters",
    "Pending",
    "SchemaParameters",
    "Tool",
    "ToolCall",
    "ToolCallFinished",
    "ToolCallStarted",
    "ToolRejectedError",
    "ToolRequest",
    "ToolThreads",
    "Toolbox",
    "Unknown",
    "Watcher",
    "current_call",
    "mcp_tools",
    "over",
    "predecessors",
    "tool",
]
