"""A graph whose node does to its process what it is asked to."""

import asyncio
import ctypes
import os
import resource
import signal
from typing import Any

from langgraph.graph import START, MessagesState, StateGraph


async def _deed(state: MessagesState) -> dict[str, Any]:
    match str(state["messages"][-1].content).split():
        case ["exit", code]:
            print("about to leave", flush=True, file=__import__("sys").stderr)
            os._exit(int(code))
        case ["signal", number]:
            os.kill(os.getpid(), int(number))
            await asyncio.sleep(60)
        case ["segfault"]:
            ctypes.string_at(0)
        case ["memory"]:
            resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28))
            bytearray(2**30)
        case ["parent"]:
            os.kill(os.getppid(), signal.SIGKILL)
            await asyncio.sleep(60)
        case ["sleep", seconds]:
            await asyncio.sleep(float(seconds))
        case _:
            pass
    return {"messages": [("ai", f"done in process {os.getpid()}")]}


graph = StateGraph(MessagesState).add_node("deed", _deed).add_edge(START, "deed")
