"""What a tool is, and how calls fan out: effects, conflicts, limits, the ledger's interface. Imports only errors."""

from trunkline.errors import ToolRejectedError
from trunkline.tools.access import ANYTHING, Access, predecessors
from trunkline.tools.approval import Ask, Rule, asking, over
from trunkline.tools.call import CallId, CallResult, CallState, Origin, ToolCall, ToolRequest
from trunkline.tools.clock import Clock, ManualClock, SystemClock
from trunkline.tools.current import CurrentCall, current_call
from trunkline.tools.deadline import Deadline
from trunkline.tools.declaration import Declaration
from trunkline.tools.decorator import tool
from trunkline.tools.effect import Effect
from trunkline.tools.engine import Engine
from trunkline.tools.events import ToolCallFinished, ToolCallRetried, ToolCallStarted
from trunkline.tools.executor import CallExecutor
from trunkline.tools.lane import Lane
from trunkline.tools.ledger import Ledger
from trunkline.tools.limits import Limits
from trunkline.tools.mcp import mcp_tools
from trunkline.tools.memory_ledger import MemoryLedger
from trunkline.tools.outcome import Done, Failed, FailureKind, Outcome, Pending, StillRunning, Unknown
from trunkline.tools.parameters import FunctionParameters, Parameters, SchemaParameters
from trunkline.tools.rate import Rate
from trunkline.tools.signature import IdempotencyKey
from trunkline.tools.threads import ToolThreads
from trunkline.tools.tool import Tool
from trunkline.tools.toolbox import Toolbox
from trunkline.tools.trust import untrusted
from trunkline.tools.watcher import Unwatched, Watcher

__all__ = [
    "ANYTHING",
    "Access",
    "Ask",
    "CallExecutor",
    "CallId",
    "CallResult",
    "CallState",
    "Clock",
    "CurrentCall",
    "Deadline",
    "Declaration",
    "Done",
    "Effect",
    "Engine",
    "Failed",
    "FailureKind",
    "FunctionParameters",
    "IdempotencyKey",
    "Lane",
    "Ledger",
    "Limits",
    "ManualClock",
    "MemoryLedger",
    "Origin",
    "Outcome",
    "Parameters",
    "Pending",
    "Rate",
    "Rule",
    "SchemaParameters",
    "StillRunning",
    "SystemClock",
    "Tool",
    "ToolCall",
    "ToolCallFinished",
    "ToolCallRetried",
    "ToolCallStarted",
    "ToolRejectedError",
    "ToolRequest",
    "ToolThreads",
    "Toolbox",
    "Unknown",
    "Unwatched",
    "Watcher",
    "asking",
    "current_call",
    "mcp_tools",
    "over",
    "predecessors",
    "tool",
    "untrusted",
]
