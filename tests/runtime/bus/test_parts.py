"""Messages are cut into parts and put together again."""

from hypothesis import given
from hypothesis import strategies as st

from trunkline.runtime.bus.bus import Heard, Missed
from trunkline.runtime.bus.mailbox import Mailbox
from trunkline.runtime.bus.parts import HEADER_BYTES, Glue, Scissors
from trunkline.runtime.bus.switchboard import Switchboard

SIZE = HEADER_BYTES + 4


async def heard_of(parts: list[bytes]) -> list[Heard | Missed | None]:
    """Return what a listener hears when these come, up to the end."""
    switchboard = Switchboard()
    glue = Glue(switchboard)
    with switchboard.plugged_in("run:1") as mailbox:
        for part in parts:
            glue.add("run:1", part)
        return await everything_in(mailbox)


async def everything_in(mailbox: Mailbox) -> list[Heard | Missed | None]:
    """Empty the mailbox."""
    found: list[Heard | Missed | None] = []
    while (each := await mailbox.next(within=0)) is not None:
        found.append(each)
    return found


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=8))
async def test_the_parts_of_two_publishers_may_mix(messages: list[bytes]) -> None:
    """Each message comes once and whole, and those of one publisher in order."""
    queues = [
        [part for message in messages for part in scissors.cut(message)]
        for scissors in (Scissors(size=SIZE), Scissors(size=SIZE))
    ]
    mixed = [part for pair in zip(*queues, strict=True) for part in pair]
    wanted = [Heard(topic="run:1", message=message) for message in messages for _ in range(2)]

    assert all(len(part) <= SIZE for part in mixed)
    assert len(set(mixed)) == len(mixed)
    assert await heard_of(mixed) == wanted


@given(st.integers(min_value=0, max_value=5))
async def test_a_message_that_lacks_a_part_is_missed(lost: int) -> None:
    """The next one is whole again. Where the end is lost nobody knows of it until the next one comes."""
    scissors = Scissors(size=SIZE)
    parts = list(scissors.cut(b"a message in six parts"))
    del parts[lost]
    heard = await heard_of([*parts, *scissors.cut(b"whole")])

    assert heard[-1] == Heard(topic="run:1", message=b"whole")
    assert heard[:-1] == [Missed()]
