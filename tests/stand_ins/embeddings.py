"""An embedding function without a model: texts are near each other when they have the same letters."""

from collections.abc import Sequence
from math import sqrt

from langgraph.store.base import IndexConfig

LETTERS = "abcdefgh"


def letters(texts: Sequence[str]) -> list[list[float]]:
    """Return how often each of the first letters of the alphabet is in each text."""
    return [[float(text.count(letter)) for letter in LETTERS] for text in texts]


def cosine(one: str, other: str) -> float:
    """Return how near two texts are, computed the long way."""
    a, b = letters([one, other])
    lengths = sqrt(sum(x * x for x in a)) * sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0


def index(*fields: str) -> IndexConfig:
    """Return a store's configuration by which items are found by these fields; left out, by all they have."""
    return {"dims": len(LETTERS), "embed": letters, "fields": list(fields) or None}
