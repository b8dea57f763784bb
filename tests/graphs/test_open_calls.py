"""Conversations that an interruption left with open calls."""

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from trunkline.graphs.open_calls import with_open_calls_closed


def asks(*ids: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": id_, "type": "tool_call"} for id_ in ids])


def told(id_: str) -> ToolMessage:
    return ToolMessage("found", tool_call_id=id_)


def outline(messages: list[AnyMessage]) -> list[str]:
    """Each message in a word; a result that was put in ends in an exclamation mark."""
    return [
        f"{each.tool_call_id}{'!' if 'interrupted' in each.text else ''}"
        if isinstance(each, ToolMessage)
        else each.type
        for each in messages
    ]


def test_a_conversation_without_open_calls_is_left_as_it_is() -> None:
    """The very same messages, in a list of their own."""
    messages = [HumanMessage("Hi"), asks("a", "b"), told("b"), told("a"), AIMessage("There")]
    closed = with_open_calls_closed(messages)

    assert closed == messages
    assert closed is not messages


def test_an_open_call_is_closed_right_behind_its_message() -> None:
    """Endpoints refuse a call without a result before the next message."""
    messages = [HumanMessage("Hi"), asks("a", "b", "c"), told("b"), HumanMessage("Hello?")]

    assert outline(with_open_calls_closed(messages)) == ["human", "ai", "a!", "c!", "b", "human"]


def test_the_model_reads_that_the_outcome_is_not_known() -> None:
    """It is neither told that it worked nor that it did not."""
    [_, closing] = with_open_calls_closed([asks("a")])

    assert isinstance(closing, ToolMessage)
    assert closing.status == "error"
    assert closing.text == '{"error":"unknown","message":"the run was interrupted before this call had a result"}'


def test_ids_that_come_again_are_told_apart() -> None:
    """Some endpoints number the calls of each answer anew; an old result is not one for a new call."""
    before = [asks("x"), told("x"), HumanMessage("And?"), asks("x")]
    after = [asks("x"), HumanMessage("And?"), asks("x"), told("x")]

    assert outline(with_open_calls_closed(before)) == ["ai", "x", "human", "ai", "x!"]
    assert outline(with_open_calls_closed(after)) == ["ai", "x!", "human", "ai", "x"]


def test_calls_that_were_no_json_are_closed_too() -> None:
    """They go back to the endpoint as calls, and it wants results for them."""
    broken = AIMessage("")
    broken.invalid_tool_calls = [{"name": "look", "args": "{", "id": "a", "error": "", "type": "invalid_tool_call"}]

    assert outline(with_open_calls_closed([broken, HumanMessage("Hello?")])) == ["ai", "a!", "human"]
