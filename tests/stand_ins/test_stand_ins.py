import asyncio
import threading
from collections.abc import Iterator
from typing import Any, TypedDict

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tracers.langchain import LangChainTracer, wait_for_all_tracers
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from langsmith import Client, utils
from urllib3 import Retry

from stand_ins.langsmith_env import API_KEY, langsmith_environment
from stand_ins.langsmith_server import LangSmithServer, Mode
from stand_ins.openai_server import Answer, Call, Fault, Hang, OpenAIServer, Say, Usage

TWO_CALLS = [
    Call(name="get_order", arguments={"order_id": "A1"}),
    Call(name="get_order", arguments={"order_id": "Bü"}),
]
TREE = ["support", "support/plan", "support/plan/look_up", "support/answer"]


def chat(server: OpenAIServer, **settings: Any) -> ChatOpenAI:
    """Make the unmodified client, pointed at the stand-in."""
    defaults: dict[str, Any] = {"model": "stand-in", "api_key": "sk-test", "max_retries": 0, "stream_usage": True}
    return ChatOpenAI(base_url=server.url, **(defaults | settings))


def get_order(order_id: str) -> str:
    """Read one order."""
    return order_id


def hello(_: dict[str, Any]) -> Answer:
    return Say(text="Good morning to you", usage=Usage(prompt_tokens=40, completion_tokens=4, cached_tokens=32))


def two_calls(_: dict[str, Any]) -> Answer:
    return TWO_CALLS


class Question(TypedDict):
    order_id: str
    found: str


def look_up(order_id: str) -> str:
    if order_id == "lost":
        raise LookupError("no order lost")
    return f"order {order_id}"


async def plan(state: Question, config: RunnableConfig) -> dict[str, str]:
    return {"found": await RunnableLambda(look_up).ainvoke(state["order_id"], config)}


def answer(state: Question) -> dict[str, str]:
    return {"found": state["found"].upper()}


async def ask(order_id: str = "A1", config: RunnableConfig | None = None) -> None:
    """Run a graph of two steps; the first has a step of its own."""
    graph = StateGraph(Question)
    graph.add_node(plan)
    graph.add_node(answer)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "answer")
    graph.add_edge("answer", END)
    settings: RunnableConfig = {"run_name": "support", "tags": ["voice"], **(config or {})}
    await graph.compile().ainvoke({"order_id": order_id, "found": ""}, settings)


def test_an_answer_carries_its_text_and_its_usage() -> None:
    """A whole answer is read by the client with cached tokens told apart, and the request is on record."""
    with OpenAIServer(hello) as server:
        message = chat(server).invoke("Hi")

    assert isinstance(message, AIMessage)
    assert message.content == "Good morning to you"
    assert message.usage_metadata == {
        "input_tokens": 40,
        "output_tokens": 4,
        "total_tokens": 44,
        "input_token_details": {"audio": 0, "cache_read": 32},
        "output_token_details": {"audio": 0, "reasoning": 0},
    }
    [request] = server.requests
    assert request.authorization == "Bearer sk-test"
    assert request.body["messages"] == [{"role": "user", "content": "Hi"}]


def test_a_streamed_answer_comes_word_by_word_with_usage_at_the_end() -> None:
    """The pieces are words, and only a chunk after them carries usage."""
    with OpenAIServer(hello) as server:
        chunks = list(chat(server).stream("Hi"))

    words = [chunk.content for chunk in chunks if chunk.content]
    assert words == ["Good ", "morning ", "to ", "you"]
    assert [chunk.usage_metadata["total_tokens"] for chunk in chunks if chunk.usage_metadata] == [44]


def test_a_stream_reports_no_usage_unless_it_is_asked_to() -> None:
    """A client that does not ask for usage gets none, as with OpenAI."""
    with OpenAIServer(hello) as server:
        chunks = list(chat(server, stream_usage=False).stream("Hi"))

    assert [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata] == []


@pytest.mark.parametrize("streaming", [False, True])
def test_two_tool_calls_come_in_one_answer(streaming: bool) -> None:
    """Both calls are read with their arguments and ids, whole or streamed, and the tools were offered."""
    with OpenAIServer(two_calls) as server:
        message = chat(server, streaming=streaming).bind_tools([get_order]).invoke("Where are A1 and Bü?")

    assert isinstance(message, AIMessage)
    assert message.tool_calls == [
        {"name": "get_order", "args": {"order_id": "A1"}, "id": "call_0_0", "type": "tool_call"},
        {"name": "get_order", "args": {"order_id": "Bü"}, "id": "call_0_1", "type": "tool_call"},
    ]
    assert message.response_metadata["finish_reason"] == "tool_calls"
    assert server.requests[0].body["tools"][0]["function"]["name"] == "get_order"


def test_the_answer_may_depend_on_the_tool_results() -> None:
    """The function that plays the model reads the results of its own calls."""

    def model(request: dict[str, Any]) -> Answer:
        results = [message["content"] for message in request["messages"] if message["role"] == "tool"]
        return Say(text=" and ".join(results)) if results else TWO_CALLS

    with OpenAIServer(model) as server:
        question = HumanMessage("Where are they?")
        calls = chat(server).invoke([question])
        assert isinstance(calls, AIMessage)
        results = [
            ToolMessage(f"on way {call['args']['order_id']}", tool_call_id=call["id"]) for call in calls.tool_calls
        ]
        message = chat(server).invoke([question, calls, *results])

    assert message.content == "on way A1 and on way Bü"


def test_a_tool_call_without_a_result_is_refused() -> None:
    """OpenAI's own 400 names the calls that nobody answered."""
    with OpenAIServer(two_calls) as server:
        question = HumanMessage("Where are they?")
        calls = chat(server).invoke([question])
        result = ToolMessage("on its way", tool_call_id="call_0_0")
        with pytest.raises(openai.BadRequestError, match=r"did not have response messages: call_0_1"):
            chat(server).invoke([question, calls, result])


def test_a_result_without_a_tool_call_is_refused() -> None:
    """A tool message must answer a call of the message before it."""
    messages = [HumanMessage("Where is it?"), ToolMessage("on its way", tool_call_id="call_0_0")]
    with OpenAIServer(hello) as server, pytest.raises(openai.BadRequestError, match="must be a response to"):
        chat(server).invoke(messages)


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (Fault(status=400, code="context_length_exceeded"), openai.BadRequestError, "context_length_exceeded"),
        (Fault(status=401), openai.AuthenticationError, "invalid_api_key"),
        (Fault(status=429, retry_after=2), openai.RateLimitError, "rate_limit_exceeded"),
        (Fault(status=429, code="insufficient_quota"), openai.RateLimitError, "insufficient_quota"),
        (Fault(status=500), openai.InternalServerError, None),
        (Fault(status=503), openai.InternalServerError, None),
    ],
)
def test_a_fault_becomes_an_error_of_the_client(
    fault: Fault, error: type[openai.APIStatusError], code: str | None
) -> None:
    """Status, code and Retry-After reach the caller in the client's exception."""
    with OpenAIServer(lambda _: fault) as server, pytest.raises(error) as raised:
        chat(server).invoke("Hi")

    assert (raised.value.status_code, raised.value.code) == (fault.status, code)
    assert raised.value.response.headers.get("retry-after") == (f"{fault.retry_after}" if fault.retry_after else None)


def test_the_client_tries_again_after_a_429() -> None:
    """The client's own retry waits as Retry-After says and then gets the answer."""
    answers: Iterator[Answer] = iter([Fault(status=429, retry_after=0.001), Say(text="now")])
    with OpenAIServer(lambda _: next(answers)) as server:
        message = chat(server, max_retries=1).invoke("Hi")

    assert (message.content, len(server.requests)) == ("now", 2)


@pytest.mark.parametrize(
    ("settings", "error", "code"),
    [
        ({"api_key": "sk-wrong"}, openai.AuthenticationError, "invalid_api_key"),
        ({"model": "gpt-none"}, openai.NotFoundError, "model_not_found"),
        ({"use_responses_api": True}, openai.NotFoundError, None),
    ],
)
def test_what_the_server_does_not_have_is_refused(
    settings: dict[str, Any], error: type[openai.APIStatusError], code: str | None
) -> None:
    """A wrong key, an unknown model and the Responses endpoint get the errors that OpenAI gives."""
    with OpenAIServer(hello, api_key="sk-test") as server, pytest.raises(error) as raised:
        chat(server, **settings).invoke("Hi")

    assert raised.value.code == code


def test_a_hanging_answer_times_out_in_the_client() -> None:
    """No byte comes back, and closing the server does not wait for an answer."""
    with OpenAIServer(lambda _: Hang()) as server, pytest.raises(openai.APITimeoutError):
        chat(server, timeout=0.1).invoke("Hi")


async def test_a_hanging_answer_can_be_cancelled() -> None:
    """A caller that gives up leaves nothing behind that outlives the server."""
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(_: dict[str, Any]) -> Answer:
        loop.call_soon_threadsafe(arrived.set)
        return Hang()

    with OpenAIServer(hang) as server:
        answering = asyncio.create_task(chat(server).ainvoke("Hi"))
        await arrived.wait()
        answering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answering


def test_a_connection_error_hangs_up() -> None:
    """The client sees a connection that broke, and the server counts that as no failure of its own."""

    def hang_up(_: dict[str, Any]) -> Answer:
        raise ConnectionResetError

    with OpenAIServer(hang_up) as server, pytest.raises(openai.APIConnectionError):
        chat(server).invoke("Hi")


def test_the_models_are_listed() -> None:
    """`GET /v1/models` names the models that the server has."""
    server = OpenAIServer(hello, models=("small", "large"))
    with server, openai.OpenAI(base_url=server.url, api_key="sk-test") as client:
        models = [model.id for model in client.models.list()]

    assert models == ["small", "large"]


async def test_many_requests_are_answered_side_by_side() -> None:
    """Fifty calls at once each get the answer to their own question."""
    with OpenAIServer(lambda request: Say(text=request["messages"][-1]["content"])) as server:
        model = chat(server)
        messages = await asyncio.gather(*(model.ainvoke(f"question {n}") for n in range(50)))

    assert [message.content for message in messages] == [f"question {n}" for n in range(50)]


def test_an_error_in_the_answering_function_is_raised_when_the_server_closes() -> None:
    """A failed assertion about a request fails the test, not only the request."""

    def broken(request: dict[str, Any]) -> Answer:
        raise KeyError(request["model"])

    refused = pytest.raises(openai.APIConnectionError)
    with pytest.raises(ExceptionGroup) as raised, OpenAIServer(broken) as server, refused:
        chat(server).invoke("Hi")

    assert [repr(error) for error in raised.value.exceptions] == ["KeyError('stand-in')"]


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        ("multipart", ("/runs/multipart", None)),
        ("zstd", ("/runs/multipart", "zstd")),
        ("batch", ("/runs/batch", None)),
    ],
)
async def test_the_trace_of_a_graph_arrives_as_a_tree(
    monkeypatch: pytest.MonkeyPatch, mode: Mode, form: tuple[str, str | None]
) -> None:
    """In each form of the protocol the whole tree arrives, below one root, in its project."""
    with LangSmithServer(mode) as server, langsmith_environment(monkeypatch, server, project="voice line"):
        await ask()
        wait_for_all_tracers()
        await ask("B2")  # By now the client has read what the server offers.

    [first, second] = [run for run in server.runs() if run.parent_run_id is None]
    assert server.tree(first.trace_id) == server.tree(second.trace_id) == TREE
    assert {run.session_name for run in server.runs()} == {"voice line"}
    last = server.requests[-1]
    assert (last.path, last.headers.get("content-encoding")) == form
    assert last.headers["x-api-key"] == API_KEY


async def test_a_run_is_its_post_and_its_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run has what it began with and what it ended with; its parent is the run above it."""
    with LangSmithServer() as server, langsmith_environment(monkeypatch, server):
        await ask(config={"metadata": {"caller": "C7"}})

    root, step, inner, _ = server.runs()
    assert (root.inputs, root.outputs) == ({"order_id": "A1", "found": ""}, {"order_id": "A1", "found": "ORDER A1"})
    assert (root.run_type, root.tags, root.error) == ("chain", ["voice"], None)
    assert root.extra["metadata"]["caller"] == "C7"
    assert (inner.parent_run_id, step.parent_run_id, root.id) == (step.id, root.id, root.trace_id)
    assert root.start_time is not None
    assert root.end_time is not None
    assert root.start_time <= root.end_time


async def test_a_pending_run_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has begun is visible before it ends."""
    with LangSmithServer() as server, langsmith_environment(monkeypatch, server):
        began, go_on = asyncio.Event(), asyncio.Event()

        async def wait(_: str) -> str:
            began.set()
            await go_on.wait()
            return "done"

        running = asyncio.create_task(RunnableLambda(wait).ainvoke("now"))
        await began.wait()
        wait_for_all_tracers()
        pending = server.runs()
        go_on.set()
        await running

    assert [(run.name, run.end_time) for run in pending] == [("wait", None)]
    assert [run.outputs for run in server.runs()] == [{"output": "done"}]


async def test_a_failing_step_is_traced_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error stands on the step that raised it and on every run above."""
    with LangSmithServer() as server, langsmith_environment(monkeypatch, server), pytest.raises(LookupError):
        await ask("lost")

    failed = [(run.name, (run.error or "").split("Traceback")[0]) for run in server.runs()]
    assert failed == [(name, "LookupError('no order lost')") for name in ("support", "plan", "look_up")]


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_a_status_becomes_an_error_of_the_client_and_loses_the_traces(status: int) -> None:
    """The graph goes on, the client reports the status, and the server has nothing."""
    errors: list[Exception] = []
    with LangSmithServer(status) as server:
        client = Client(server.url, api_key=API_KEY, retry_config=Retry(0), tracing_error_callback=errors.append)
        await ask(config={"callbacks": [LangChainTracer(client=client)]})
        client.close()

    assert {type(error) for error in errors} == {
        {401: utils.LangSmithAuthError, 429: utils.LangSmithRateLimitError, 500: utils.LangSmithAPIError}[status]
    }
    assert server.runs() == []


async def test_without_a_multipart_endpoint_the_traces_arrive_as_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """After one 404 the client falls back by itself."""
    with LangSmithServer(404) as server, langsmith_environment(monkeypatch, server):
        await ask()

    assert server.tree() == TREE
    assert [request.path for request in server.requests] == ["/runs/multipart", "/runs/batch"]


async def test_nobody_listens_when_connections_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph ends without an error, and the environment does not wait for a server that is down."""
    with LangSmithServer("refused") as server, langsmith_environment(monkeypatch, server):
        await ask()

        assert server.requests == []
    assert server.runs() == []


async def test_what_hung_arrives_when_the_server_answers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it hangs nothing is taken and the graph ends all the same; afterwards all of it is."""
    with LangSmithServer("hang") as server, langsmith_environment(monkeypatch, server):
        await ask()
        before = server.runs()
        server.mode = "multipart"

    assert (before, server.tree()) == ([], TREE)


async def test_nothing_is_traced_once_the_environment_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the variables nor the client's cache of them nor its threads outlive the block, even if it fails."""
    before = set(threading.enumerate())
    with LangSmithServer() as server:
        with pytest.raises(LookupError), langsmith_environment(monkeypatch, server):
            await ask("lost")
        await ask("B2")

    assert (utils.tracing_is_enabled(), server.tree()) == (False, TREE[:3])
    left = [thread.name for thread in set(threading.enumerate()) - before]
    assert [name for name in left if not name.startswith("asyncio")] == []
