"""Messages that are written and built without pydantic, beside what pydantic makes of them."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from trunkline.runtime.storage.checkpoints.messages import is_settled, read_together, written, written_together

TEXT = st.text(max_size=5)
LEAF = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXT | st.binary()
KEY = TEXT | st.integers(0, 3) | st.booleans()
ANY = st.recursive(LEAF, lambda held: st.lists(held, max_size=2) | st.dictionaries(KEY, held, max_size=2), max_leaves=4)
DICT = st.dictionaries(TEXT, ANY, max_size=2)
COUNT = st.integers(0, 9)
CALL = st.fixed_dictionaries({"name": TEXT, "args": DICT, "id": st.none() | TEXT, "type": st.just("tool_call")})
CALL_TOLD_OTHERWISE = st.fixed_dictionaries({"id": TEXT, "args": DICT, "name": TEXT})
USAGE = st.fixed_dictionaries(
    {"input_tokens": COUNT, "output_tokens": COUNT, "total_tokens": COUNT},
    optional={
        "input_token_details": st.fixed_dictionaries({}, optional={"audio": COUNT, "cache_read": COUNT, "flex": COUNT}),
        "output_token_details": st.fixed_dictionaries({}, optional={"reasoning": COUNT, "audio": COUNT}),
    },
)
CONTENT = TEXT | st.lists(TEXT | st.fixed_dictionaries({"type": st.just("text"), "text": TEXT}) | DICT, max_size=3)
KWARGS = DICT | st.fixed_dictionaries(
    {"tool_calls": st.just([{"id": "c", "function": {"name": "f", "arguments": "{}"}}])}
)
COMMON: Any = {
    "content": CONTENT,
    "additional_kwargs": KWARGS,
    "response_metadata": DICT,
    "name": st.none() | TEXT,
    "id": st.none() | TEXT,
}
MESSAGES: Any = (
    st.builds(HumanMessage, **COMMON)
    | st.builds(SystemMessage, **COMMON)
    | st.builds(ToolMessage, **COMMON, tool_call_id=TEXT, artifact=ANY, status=st.sampled_from(["success", "error"]))
    | st.builds(
        AIMessage,
        **COMMON,
        tool_calls=st.lists(CALL | CALL_TOLD_OTHERWISE, max_size=2),
        usage_metadata=st.none() | USAGE,
    )
    | st.builds(AIMessageChunk, **COMMON)
)
FIELDS = st.sampled_from(
    ["content", "name", "id", "type", "tool_calls", "usage_metadata", "status", "artifact", "more"]
)
LANGGRAPH = JsonPlusSerializer()
UNREADABLE = [
    b"",
    LANGGRAPH.dumps_typed(["no message"])[1],
    LANGGRAPH.dumps_typed(HumanMessage("long " * 20_000))[1],
    LANGGRAPH.dumps_typed(HumanMessage("at", additional_kwargs={"time": datetime(2026, 1, 1, tzinfo=UTC)}))[1],
]


def changed(message: BaseMessage, field: str, value: Any) -> BaseMessage:
    """The message with a field set in place, which nobody checks."""
    if field in type(message).model_fields or field == "more":
        setattr(message, field, value)
    return message


CHANGED = MESSAGES | st.builds(changed, MESSAGES, FIELDS, ANY)


@given(CHANGED)
def test_the_bytes_of_a_settled_message_are_those_of_langgraphs_serialiser(message: BaseMessage) -> None:
    """Or one message would be stored twice."""
    made = written(message)

    assert made is None or ("msgpack", made[0]) == LANGGRAPH.dumps_typed(message)


@given(st.lists(CHANGED, min_size=1, max_size=20))
def test_the_bytes_of_a_list_are_those_of_langgraphs_serialiser(messages: list[BaseMessage]) -> None:
    """However many messages there are."""
    made = written_together(messages)

    assert made is None or ("msgpack", made) == LANGGRAPH.dumps_typed(messages)


@given(CHANGED)
def test_the_class_of_a_settled_message_keeps_its_fields_as_they_are(message: BaseMessage) -> None:
    """To their order, and to the types of what is in them."""
    made = written(message)
    found = read_together([made[0]])[0] if made else None
    assume(found)
    assert found
    kind, fields = found
    read: Any = kind(**fields)

    assert type(message) is kind
    assert repr(list(read.__dict__.items())) == repr(list(fields.items()))
    assert read.model_fields_set == set(fields)


@given(st.lists(MESSAGES, max_size=20), st.integers(0, 20), st.sampled_from(UNREADABLE))
def test_one_that_cannot_be_read_together_with_others_does_not_keep_them_from_it(
    messages: list[BaseMessage], at: int, unreadable: bytes
) -> None:
    """It is what it would be alone, and so are they."""
    packed = [LANGGRAPH.dumps_typed(message)[1] for message in messages]
    packed.insert(at, unreadable)

    assert read_together([unreadable]) == [None]
    assert repr(read_together(packed)) == repr([read_together([one])[0] for one in packed])


def test_ordinary_messages_are_settled() -> None:
    """Or all of this were for nothing."""
    call: Any = {"name": "look", "args": {"page": 1}, "id": "c", "type": "tool_call"}
    usage: Any = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    ordinary: list[Any] = [
        HumanMessage("hello"),
        SystemMessage([{"type": "text", "text": "be kind"}]),
        AIMessage("", tool_calls=[call], usage_metadata=usage, response_metadata={"model": "m"}),
        ToolMessage("found", tool_call_id="c"),
    ]

    assert all(is_settled(message.__class__, message.__dict__) for message in ordinary)
