"""What the model reads."""

import pytest

from trunkline.tools import Done, Failed, FailureKind, Outcome, Pending, Unknown
from trunkline.tools.outcome import is_error, text_for_model


@pytest.mark.parametrize(
    ("outcome", "text", "error"),
    [
        (Done(output="plain words"), "plain words", False),
        (Done(output=""), "", False),
        (Done(output=None), "null", False),
        (Done(output={"a": [1, "ü"]}), '{"a":[1,"ü"]}', False),
        (Done(output=1, replayed=True), "1", False),
        (Failed(kind=FailureKind.REJECTED, message="no"), '{"error":"rejected","message":"no"}', True),
        (Failed(kind=FailureKind.RETRYABLE, message="no"), '{"error":"retryable","message":"no"}', True),
        (Failed(kind=FailureKind.BUG, message="no"), '{"error":"bug","message":"no"}', True),
        (Unknown(message="perhaps"), '{"error":"unknown","message":"perhaps"}', True),
        (
            Pending(call_id="c-1", reason="much"),
            '{"status":"pending_approval","approval":"c-1","reason":"much"}',
            False,
        ),
    ],
)
def test_each_outcome_has_words_for_the_model(outcome: Outcome, text: str, error: bool) -> None:
    """A text stands as it is; the rest is one line of JSON. Waiting for a person is no error."""
    assert (text_for_model(outcome), is_error(outcome)) == (text, error)
