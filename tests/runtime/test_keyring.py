"""Keys are read from a text, refused by name, and never shown."""

import base64

import pytest

from trunkline.errors import KeyringError
from trunkline.runtime.storage.checkpoints.keyring import Keyring, new_key

SECRET = bytes(range(200, 232))
ENCODED = base64.b64encode(SECRET).decode()


def test_the_first_key_is_the_one_to_write_with() -> None:
    """The others are to read with; spaces do not matter, and both alphabets of base64 will do."""
    web = base64.urlsafe_b64encode(SECRET).decode()
    ring = Keyring.from_text(f"2026-11:{ENCODED}, 2026-05:{web}")

    assert (ring.current, dict(ring.keys)) == ("2026-11", {"2026-11": SECRET, "2026-05": SECRET})


def test_a_new_key_is_written_as_it_is_read() -> None:
    """And no two are alike."""
    one, other = new_key("k"), new_key("k")

    assert Keyring.from_text(one).current == "k"
    assert one != other


def test_the_environment_may_hold_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or none: an empty variable is not set."""
    monkeypatch.setenv("TRUNKLINE_KEYS", f"k:{ENCODED}")
    given = Keyring.from_environment()
    monkeypatch.setenv("TRUNKLINE_KEYS", "")

    assert given == Keyring(current="k", keys={"k": SECRET})
    assert Keyring.from_environment() is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "every key is written as id:base64"),
        (ENCODED, "every key is written as id:base64"),
        (f"a:{ENCODED},", "every key is written as id:base64"),
        (f"a:{ENCODED[:-3]}", "key 'a' is not written in base64"),
        (f"a:{ENCODED[:-4]}", "key 'a' must have 32 bytes, got 30"),
        (f"a:{ENCODED},a:{ENCODED}", "key id 'a' is there twice"),
        (f"a b:{ENCODED}", "a key's id has 1 to 32 letters"),
        (f"{ENCODED}:a", "a key's id has 1 to 32 letters"),
    ],
)
def test_what_is_no_key_ring_is_refused_without_showing_a_key(text: str, problem: str) -> None:
    """The text says which part, and how to make a key."""
    with pytest.raises(KeyringError, match=problem) as caught:
        Keyring.from_text(text)

    assert ENCODED[:8] not in str(caught.value)
    assert "trunkline db new-key" in str(caught.value)


def test_the_current_key_must_be_there() -> None:
    """And is named."""
    with pytest.raises(KeyringError, match=r"the current key 'b' is not among the keys \['a'\]"):
        Keyring(current="b", keys={"a": SECRET})


def test_a_key_ring_does_not_show_its_keys() -> None:
    """In logs and tracebacks."""
    assert repr(Keyring(current="a", keys={"a": SECRET})) == "Keyring(current='a')"
