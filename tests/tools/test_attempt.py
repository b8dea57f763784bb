"""What becomes of whatever a tool's function does."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from stand_ins.calls import ask, outcomes
from stand_ins.jumping_clock import in_jumping_time
from trunkline.tools import (
    CallExecutor,
    Done,
    Engine,
    Failed,
    FailureKind,
    Outcome,
    ToolRejectedError,
    ToolThreads,
    Unknown,
    tool,
)
from trunkline.tools.tool import EffectName

SAFE = "it may have taken effect; asking again with the same arguments is safe"
UNSAFE = "it may have taken effect; do not ask again, a person must look"


async def ending(error: BaseException, effect: EffectName | None) -> Outcome:
    """How a call ends whose function raises the error, beside a sibling that must go on."""

    @tool(effect=effect, key=None if effect == "read" else "key", approve=lambda _: None)
    async def act() -> str:
        """Act."""
        raise error

    @tool(effect="read", reads=())
    async def ping() -> str:
        """Answer."""
        return "pong"

    [ended, sibling] = await outcomes([act, ping], ask(act), ask(ping))
    assert sibling == Done(output="pong")
    return ended


@pytest.mark.parametrize("effect", ["read", "write", "write_once", "irreversible", None])
async def test_a_refusal_is_what_the_tool_said(effect: EffectName | None) -> None:
    """A business reason changes nothing and is no fault, whatever the effect."""
    ended = await ending(ToolRejectedError("remainder is 0"), effect)

    assert ended == Failed(kind=FailureKind.REJECTED, message="remainder is 0")


@pytest.mark.parametrize("error", [ConnectionResetError("gone"), TimeoutError("gone"), BrokenPipeError("gone")])
async def test_no_answer_means_try_again_for_a_read_and_unknown_for_an_effect(error: Exception) -> None:
    """Nobody can say whether an effect without an answer has happened."""
    said = f"{type(error).__name__}: gone"

    assert await ending(error, "read") == Failed(kind=FailureKind.RETRYABLE, message=said)
    assert await ending(error, "write") == Unknown(message=f"{said}; {SAFE}")
    assert await ending(error, "write_once") == Unknown(message=f"{said}; {UNSAFE}")
    assert await ending(error, "irreversible") == Unknown(message=f"{said}; {UNSAFE}")
    assert await ending(error, None) == Unknown(message=f"{said}; {UNSAFE}")


async def test_any_other_exception_is_a_bug_of_a_read_and_may_come_after_an_effect(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The model reads one line and the log has the traceback; whether an effect came before the fault is not known."""
    said = "tool 'act' is broken: it raised: KeyError: 'x'"

    assert await ending(KeyError("x"), "read") == Failed(kind=FailureKind.BUG, message=said)
    assert await ending(KeyError("x"), "write") == Unknown(message=f"{said}; {SAFE}")
    for effect in ("write_once", "irreversible", None):
        assert await ending(KeyError("x"), effect) == Unknown(message=f"{said}; {UNSAFE}")
    assert caplog.messages[0].startswith("call.broken tool=act call_id=c-")
    assert all(record.exc_info for record in caplog.records)


async def test_a_tool_that_is_cancelled_from_within_is_a_result() -> None:
    """A cancelled task inside a tool is the tool's own affair, not the end of the batch."""
    said = "its own work was cancelled"

    assert await ending(asyncio.CancelledError(), "read") == Failed(kind=FailureKind.RETRYABLE, message=said)
    assert await ending(asyncio.CancelledError(), "write") == Unknown(message=f"{said}; {SAFE}")


async def test_a_result_that_is_no_json_is_a_bug() -> None:
    """The siblings never notice."""

    @tool(effect="read")
    async def strange() -> object:
        """Return something strange."""
        return object()

    [ended] = await outcomes([strange], ask(strange))
    assert isinstance(ended, Failed)
    assert ended.message.startswith("tool 'strange' is broken: its result cannot be written as JSON: ")


async def test_a_text_that_no_encoding_holds_is_a_bug() -> None:
    """It is found here and not by the database, which would end the batch."""

    @tool(effect="read")
    async def cut() -> str:
        """Return half of an emoji."""
        return "\ud83d"

    [ended] = await outcomes([cut], ask(cut))
    assert isinstance(ended, Failed)
    assert ended.kind is FailureKind.BUG


async def test_numbers_that_json_lacks_become_words() -> None:
    """Databases and endpoints refuse a bare NaN."""

    @tool(effect="read")
    async def measure() -> list[float]:
        """Measure."""
        return [1.5, float("nan"), float("-inf")]

    assert await outcomes([measure], ask(measure)) == [Done(output=[1.5, "NaN", "-Infinity"])]


@tool(effect="read", timeout=3)
async def read(seconds: float) -> str:
    """Take some time."""
    await asyncio.sleep(seconds)
    return "read"


@tool(effect="write", key="write:{seconds}", writes="one thing", timeout=3)
async def write(seconds: float) -> str:
    """Take some time."""
    await asyncio.sleep(seconds)
    return "written"


@tool(effect="read", timeout=3, limit=1)
async def queue(seconds: float) -> str:
    """Take some time, one after another."""
    await asyncio.sleep(seconds)
    return "read"


def test_a_call_that_takes_longer_than_its_timeout_has_no_answer() -> None:
    """The others go on to their end."""
    ended = in_jumping_time(outcomes([read, write], ask(read, seconds=4), ask(read, seconds=2), ask(write, seconds=4)))

    assert ended == [
        Failed(kind=FailureKind.RETRYABLE, message="no result within 3 s"),
        Done(output="read"),
        Unknown(message=f"no result within 3 s; {SAFE}"),
    ]


@pytest.mark.parametrize("made", [queue, write])
def test_the_timeout_counts_from_the_start_of_the_run(made: Any) -> None:
    """Five calls of two seconds that go one by one all end, with a timeout of three: waiting does not count."""
    requests = [ask(made, seconds=2 + n / 10) for n in range(5)]

    assert all(isinstance(outcome, Done) for outcome in in_jumping_time(outcomes([made], *requests)))


async def test_the_timeout_of_a_blocking_call_counts_from_when_it_has_its_thread() -> None:
    """A call that waits for one of the threads is waiting, not running."""
    thread_is_free, runs, may_end = threading.Event(), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    @tool(effect="read")
    def hold() -> bool:
        """Keep the only thread."""
        return thread_is_free.wait(20)

    @tool(effect="read", timeout=1)
    def quick() -> bool:
        """Need the thread for a moment."""
        loop.call_soon_threadsafe(runs.set)
        return may_end.wait(20)

    @tool(effect="read")
    async def outlast() -> None:
        """Last longer than the quick call may, then let it run, and have its end come a little later."""
        await asyncio.sleep(1.1)
        thread_is_free.set()
        await runs.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        may_end.set()

    executor = CallExecutor(Engine(threads=ToolThreads(1)))
    ended = await outcomes([hold, quick, outlast], ask(hold), ask(quick), ask(outlast), executor=executor)
    assert ended == [Done(output=True), Done(output=True), Done(output=None)]


async def test_blocking_functions_run_in_threads_of_our_own() -> None:
    """The loop and its default executor, which others need, are left alone."""
    asyncio.get_running_loop().set_default_executor(_Closed())

    @tool(effect="read")
    def where() -> str:
        """Tell the thread."""
        return threading.current_thread().name

    [ended] = await outcomes([where], ask(where))
    assert isinstance(ended, Done)
    assert str(ended.output).startswith("trunkline-tool")


class _Closed(ThreadPoolExecutor):
    """An executor that takes no work."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"{fn} was given to the loop's default executor")
