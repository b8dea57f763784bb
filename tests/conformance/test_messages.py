"""Messages in the state: what a graph does to those that it was handed stays its own until it is saved."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from stand_ins.checkpoints import at, put, values
from trunkline import SQLAlchemySaver

Change = Callable[[Any], None]


def conversation() -> list[AnyMessage]:
    """Long enough for everything that is remembered of lists, with something of every kind in its middle."""
    said: list[AnyMessage] = [HumanMessage(f"question {number}", id=f"q{number}") for number in range(20)]
    call: Any = {"name": "look", "args": {"at": {"page": 1}}, "id": "c", "type": "tool_call"}
    usage: Any = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "input_token_details": {"cache_read": 1}}
    said[10:12] = [
        AIMessage(
            [{"type": "text", "text": "let me look"}],
            id="a",
            tool_calls=[call],
            usage_metadata=usage,
            response_metadata={"finish": {"reason": ["stop"]}, "score": 1},
        ),
        ToolMessage("found", id="t", tool_call_id="c", artifact={"rows": [1, 2]}),
    ]
    return said


CHANGES: dict[str, Change] = {
    "text": lambda said: setattr(said[3], "content", "another question"),
    "name": lambda said: setattr(said[3], "name", "Ann"),
    "field beside the declared": lambda said: setattr(said[3], "mood", "good"),
    "keyword": lambda said: said[3].additional_kwargs.update(seen=True),
    "block": lambda said: said[10].content[0].update(text="let me see"),
    "argument": lambda said: said[10].tool_calls[0]["args"]["at"].update(page=2),
    "count": lambda said: said[10].usage_metadata.update(input_tokens=5),
    "number that is equal": lambda said: said[10].response_metadata.update(score=1.0),
    "reason": lambda said: said[10].response_metadata["finish"]["reason"].append("length"),
    "row": lambda said: said[11].artifact["rows"].append(3),
    "order": lambda said: said.insert(2, said.pop()),
    "end": lambda said: said.pop(),
    "beginning": lambda said: said.pop(0),
}


@pytest.fixture(params=CHANGES)
def change(request: pytest.FixtureRequest) -> Change:
    return CHANGES[request.param]


async def messages(saver: SQLAlchemySaver) -> Any:
    return (await values(saver, at()) or {})["messages"]


def shown(said: list[Any]) -> str:
    """All there is in messages, to the types of their numbers."""
    return repr([(one.__class__, list(one.__dict__.items()), one.__pydantic_extra__) for one in said])


@pytest.mark.parametrize("kind", ["sqlite", "sqlite, encrypted"])
async def test_a_change_in_place_is_saved_and_changes_nothing_before(
    saver: SQLAlchemySaver, other: SQLAlchemySaver, change: Change
) -> None:
    """Whatever of a message it was, and however much the saver remembers of the list."""
    said = conversation()
    where = await put(saver, at(), {"messages": said}, versions={"messages": 1})
    first = shown(said)
    change(said)
    still = shown(await messages(saver)), shown(await messages(other))
    await put(saver, where, {"messages": said}, versions={"messages": 2})
    then = shown(await messages(saver)), shown(await messages(other))

    assert still == (first, first)
    assert then == (shown(said), shown(said))


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_readers_at_once_share_nothing_that_can_change(saver: SQLAlchemySaver, change: Change) -> None:
    """Nor does what is read later show what one of them did."""
    await put(saver, at(), {"messages": conversation()}, versions={"messages": 1})
    mine, theirs = await asyncio.gather(messages(saver), messages(saver))
    change(mine)

    assert shown(theirs) == shown(conversation())
    assert shown(await messages(saver)) == shown(conversation())


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_readers_of_what_is_not_remembered_share_nothing_either(saver: SQLAlchemySaver, change: Change) -> None:
    """What is handed out then was not made of an image, and the image not of it."""
    await put(saver, at(), {"messages": conversation()}, versions={"messages": 1})
    saver.forget()
    change(await messages(saver))

    assert shown(await messages(saver)) == shown(conversation())


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_a_message_that_is_there_twice_is_read_as_two(saver: SQLAlchemySaver) -> None:
    """Whoever changes one of them does not change the other."""
    message = HumanMessage("hello " * 20, id="1")
    await put(saver, at(), {"messages": [message, message]}, versions={"messages": 1})
    saver.forget()
    for _ in "not remembered", "remembered":
        one, two = await messages(saver)

        assert one == two == message
        assert one is not two
        assert one.additional_kwargs is not two.additional_kwargs


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_messages_read_from_images_are_those_that_were_read_from_bytes(
    saver: SQLAlchemySaver, other: SQLAlchemySaver
) -> None:
    """To which of their fields count as set."""
    await put(saver, at(), {"messages": conversation()}, versions={"messages": 1})
    remembered, read = await messages(saver), await messages(other)

    assert shown(remembered) == shown(read) == shown(await messages(other))
    assert [one.model_fields_set for one in remembered] == [one.model_fields_set for one in read]
