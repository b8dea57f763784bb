"""What a model's message asks for."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from trunkline.graphs.requests import asks_for_tools, requests_of
from trunkline.tools import ToolRequest

CUT = "the answer was cut off at its length limit, perhaps within these arguments; ask again"
LOOK: dict[str, Any] = {"name": "look", "args": {"a": 1}, "id": "x", "type": "tool_call"}
PUT: dict[str, Any] = {"name": "put", "args": {"b": 2}, "id": None, "type": "tool_call"}
BROKEN: dict[str, Any] = {"name": "put", "args": '{"b', "id": "y", "error": "", "type": "invalid_tool_call"}


def test_requests_come_in_the_models_order() -> None:
    """A call without an id is named by its place."""
    assert requests_of(AIMessage("", tool_calls=[LOOK, PUT])) == [
        ToolRequest(name="look", arguments={"a": 1}, tool_call_id="x"),
        ToolRequest(name="put", arguments={"b": 2}, tool_call_id="call_1"),
    ]


def test_arguments_that_are_no_json_are_a_problem() -> None:
    """They come last, cut to a length that a model can bear."""
    long = BROKEN | {"name": None, "id": None, "args": "x" * 1000}
    message = AIMessage("", tool_calls=[LOOK], invalid_tool_calls=[BROKEN, long])
    whole, broken, longest = requests_of(message)

    assert whole.problem is None
    assert broken == ToolRequest(
        name="put", arguments={}, tool_call_id="y", problem='the arguments are not a JSON object: {"b'
    )
    assert (longest.name, longest.tool_call_id) == ("", "call_2")
    assert len(longest.problem or "") < 300


@pytest.mark.parametrize("ended", [{"finish_reason": "length"}, {"stop_reason": "max_tokens"}])
def test_the_last_call_of_an_answer_that_was_cut_off_is_a_problem(ended: dict[str, str]) -> None:
    """Its arguments may have been completed by guessing; those before it are whole."""
    message = AIMessage("", tool_calls=[LOOK, PUT], response_metadata=ended)

    assert [request.problem for request in requests_of(message)] == [None, CUT]
    assert requests_of(AIMessage("Once upon a", response_metadata=ended)) == []


def test_where_the_cut_call_is_known_the_others_are_whole() -> None:
    """A whole answer that was cut off has the cut call among those that are no JSON."""
    ended = {"finish_reason": "length"}
    message = AIMessage("", tool_calls=[LOOK], invalid_tool_calls=[BROKEN], response_metadata=ended)

    assert [request.problem is None for request in requests_of(message)] == [True, False]


def test_only_a_model_asks_for_tools() -> None:
    """Rightly or not."""
    asking = [AIMessage("", tool_calls=[LOOK]), AIMessage("", invalid_tool_calls=[BROKEN])]
    others = [AIMessage("Hi"), HumanMessage("Hi"), ToolMessage("Hi", tool_call_id="x")]

    assert [asks_for_tools(message) for message in [*asking, *others]] == [True, True, False, False, False]
