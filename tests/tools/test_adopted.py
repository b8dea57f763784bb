"""Tools of LangChain in our toolboxes."""

import threading
from typing import Annotated, Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, InjectedToolArg, InjectedToolCallId, StructuredTool, ToolException
from langchain_core.tools import Tool as TextTool
from langchain_core.tools import tool as langchain_tool
from langgraph.prebuilt import ToolRuntime
from langgraph.types import Command
from pydantic import BaseModel, Field

from stand_ins.calls import ask, outcomes
from trunkline.errors import ToolDeclarationError
from trunkline.tools import Done, Effect, Failed, FailureKind, Outcome, Tool, Toolbox, current_call, tool


class Order(BaseModel):
    order_id: str
    lines: list[int] = Field(default=[1], description="which lines")


async def look(order_id: str, lines: list[int]) -> dict[str, object]:
    """Look at an order."""
    return {"order": order_id, "lines": lines, "call": current_call().tool}


def thread_name(order_id: str) -> str:
    """Tell the thread."""
    return f"{order_id} {threading.current_thread().name}"


class Finder(BaseTool):
    """A tool as integrations write them."""

    name: str = "find"
    description: str = "Find a thing."

    def _run(self, query: str, run_manager: object = None) -> str:
        return f"{query} {run_manager} {threading.current_thread().name}"


class AsyncFinder(Finder):
    async def _arun(self, query: str, run_manager: object = None) -> str:
        return f"{query} at once"


def adopted(function: Any, **settings: Any) -> Any:
    """A StructuredTool of LangChain."""
    make: Any = langchain_tool
    return make(function, **settings)


async def outcome(item: Any, /, **arguments: Any) -> Outcome:
    """How one call of the tool ends."""
    [ended] = await outcomes([item], ask(item.name, **arguments))
    return ended


def problems(item: Any) -> list[str]:
    with pytest.raises(ToolDeclarationError) as raised:
        Toolbox([item])
    return raised.value.problems


def test_a_tool_of_langchain_is_declared_like_a_function() -> None:
    """The same decorator, templates over its arguments, and its function's place in errors."""
    made = tool(effect="read", reads="order:{order_id}")(adopted(look, args_schema=Order))

    assert (made.name, made.description, made.effect) == ("look", "Look at an order.", Effect.READ)
    assert made.access({"order_id": "A", "lines": []}, made.effect).reads == {"order:A"}
    assert made.source == f"test_adopted.py:{look.__code__.co_firstlineno}"
    with pytest.raises(ToolDeclarationError, match=r"template field {ordre} is not one of its arguments"):
        tool(effect="read", reads="order:{ordre}")(adopted(look, args_schema=Order))


def test_undeclared_it_runs_alone() -> None:
    """A toolbox takes it as it is."""
    [made] = Toolbox([adopted(look)])

    assert made.effect is Effect.UNDECLARED


def test_a_model_reads_its_schema() -> None:
    """With defaults and descriptions, and without a docstring that is told already."""
    [made] = Toolbox([adopted(look, args_schema=Order)])
    told = made.specification()["function"]

    assert (told["name"], told["description"]) == ("look", "Look at an order.")
    assert set(told["parameters"]) == {"type", "properties", "required"}
    assert told["parameters"]["required"] == ["order_id"]
    assert told["parameters"]["properties"]["lines"]["description"] == "which lines"


async def test_it_runs_inside_the_call() -> None:
    """Arguments are checked by its model, defaults are filled, and the result stays data."""
    item = adopted(look, args_schema=Order)

    assert await outcome(item, order_id="A") == Done(output={"order": "A", "lines": [1], "call": "look"})
    assert "lines.0: Input should be a valid integer" in str(await outcome(item, order_id="A", lines=["x"]))


@pytest.mark.parametrize(
    ("item", "arguments"), [(adopted(thread_name), {"order_id": "A"}), (Finder(), {"query": "A None"})]
)
async def test_a_blocking_one_runs_in_our_threads(item: Any, arguments: dict[str, Any]) -> None:
    """Never in those of the event loop, which checkpoints need."""
    ended = await outcome(item, **arguments)

    assert isinstance(ended, Done)
    assert str(ended.output).split()[-1].startswith("trunkline-tool")


async def test_a_class_with_an_async_method_runs_on_the_loop() -> None:
    """The method that LangChain would await."""
    assert await outcome(AsyncFinder(), query="A") == Done(output="A at once")


async def test_a_json_schema_checks_what_it_says() -> None:
    """As tools of MCP adapters have one."""
    schema = {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}

    async def fetch(**arguments: Any) -> tuple[str, object]:
        return f"fetched {arguments}", object()

    item = StructuredTool(
        name="fetch", description="Fetch.", coroutine=fetch, args_schema=schema, response_format="content_and_artifact"
    )
    assert await outcome(item, order_id="A") == Done(output="fetched {'order_id': 'A'}")
    assert "order_id: 1 is not of type 'string'" in str(await outcome(item, order_id=1))


@pytest.mark.parametrize(
    ("handle", "said"),
    [
        (False, "not today"),
        (True, "not today"),
        ("ask later", "ask later"),
        ("no: {}".format, "no: not today"),
    ],
)
async def test_a_tool_exception_is_a_refusal(handle: Any, said: str) -> None:
    """In the words that the tool would have given the model."""

    def refuse(order_id: str) -> str:
        """Refuse."""
        raise ToolException("not today")

    item = adopted(refuse)
    item.handle_tool_error = handle
    assert await outcome(item, order_id="A") == Failed(kind=FailureKind.REJECTED, message=said)


def shout(text: str) -> str:
    return text.upper()


class Opaque:
    def __str__(self) -> str:
        return "a thing"


@pytest.mark.parametrize(
    ("result", "output"),
    [
        (
            Document("text", metadata={"page": 1}),
            {"id": None, "metadata": {"page": 1}, "page_content": "text", "type": "Document"},
        ),
        ([Opaque()], ["a thing"]),
        (ToolMessage("said", tool_call_id="x", artifact=Opaque()), "said"),
    ],
)
async def test_what_it_returns_is_data_or_at_least_a_text(result: Any, output: object) -> None:
    """As LangChain's model would read it."""

    async def give() -> Any:
        """Give."""
        return result

    assert await outcome(adopted(give)) == Done(output=output)


async def test_a_message_that_tells_of_an_error_is_a_refusal() -> None:
    """As the model would read it."""

    async def refuse() -> Any:
        """Refuse."""
        return ToolMessage([{"type": "text", "text": "no"}], tool_call_id="x", status="error")

    refused = Failed(kind=FailureKind.REJECTED, message='[{"text":"no","type":"text"}]')
    assert await outcome(adopted(refuse)) == refused


async def test_a_result_that_only_langgraph_understands_is_a_bug() -> None:
    """It is not passed on as if it were data."""

    async def go() -> Any:
        """Go."""
        return Command(goto="x")

    async def single() -> Any:
        """Give no pair."""
        return "alone"

    for item in (adopted(go), adopted(single, response_format="content_and_artifact")):
        [made] = Toolbox([tool(effect="read")(item)])
        ended = await outcome(made)
        assert isinstance(ended, Failed)
        assert (ended.kind, ended.message.startswith(f"tool '{item.name}' is broken: it raised: TypeError")) == (
            FailureKind.BUG,
            True,
        )


Hidden = Annotated[str | None, InjectedToolArg]


def with_runtime(order_id: str, runtime: ToolRuntime[Any, Any]) -> str:
    """Use the runtime."""
    return f"{order_id} {runtime}"


def with_call_id(order_id: str, call: Annotated[str, InjectedToolCallId]) -> str:
    """Use the id."""
    return f"{order_id} {call}"


def with_user(order_id: str, user: Annotated[str, InjectedToolArg]) -> str:
    """Use the user."""
    return f"{order_id} {user}"


def with_config(order_id: str, config: RunnableConfig) -> str:
    """Use the config."""
    return f"{order_id} {config}"


@pytest.mark.parametrize("function", [with_runtime, with_call_id, with_user, with_config])
def test_an_argument_that_langgraph_fills_is_refused(function: Any) -> None:
    """Where the tool is declared, and not first when it is called without."""
    name = list(function.__annotations__)[1]

    [problem] = problems(adopted(function))
    assert problem.startswith(f"parameter {name!r} is not one that a model passes, and only LangGraph's ToolNode fills")


async def test_an_argument_that_langgraph_may_fill_keeps_its_default() -> None:
    """The model neither sees nor passes it."""

    async def greet(name: str, user: Hidden = None) -> str:
        """Greet."""
        return f"{name} {user}"

    assert list(tool(adopted(greet)).specification()["function"]["parameters"]["properties"]) == ["name"]
    assert await outcome(adopted(greet), name="A", user="root") == Done(output="A None")


def test_what_cannot_work_outside_langchain_is_said_at_once() -> None:
    """Every problem of the tool in one error."""
    direct = adopted(look)
    direct.return_direct = True
    text = TextTool(name="text", description="Take a text.", func=shout)
    wrong = StructuredTool(name="w", description="W.", func=look, args_schema={"type": "array"})

    assert problems(direct) == ["return_direct=True ends LangChain's own agent loop and no other: leave it out"]
    assert "parameter 'text' is not one that a model passes" in problems(text)[0]
    assert problems(wrong)[0] == "its args_schema is not valid: it describes 'array' and not an object"


def test_a_name_that_no_endpoint_takes_can_be_replaced() -> None:
    """LangChain allows any."""
    item = StructuredTool.from_function(look, name="look it up")
    made: Tool = tool(name="look_up")(item)

    assert "its name 'look it up' is not one that models can call" in problems(item)[0]
    assert made.name == "look_up"
