"""Effects."""

import pytest

from trunkline.tools import Effect


@pytest.mark.parametrize(
    ("effect", "is_read", "repeatable"),
    [
        (Effect.READ, True, True),
        (Effect.WRITE, False, True),
        (Effect.WRITE_ONCE, False, False),
        (Effect.IRREVERSIBLE, False, False),
        (Effect.UNDECLARED, False, False),
    ],
)
def test_only_reads_and_keyed_writes_can_simply_be_made_again(effect: Effect, is_read: bool, repeatable: bool) -> None:
    """What is not declared is trusted least."""
    assert (effect.is_read, effect.repeatable) == (is_read, repeatable)
