"""What the graphs know."""

import operator
from dataclasses import dataclass
from typing import Annotated, NotRequired, TypedDict


@dataclass(frozen=True)
class Refund:
    """An order to pay back."""

    order: int
    cents: int


class Case(TypedDict):
    """A refund under way."""

    refund: Refund
    agreed: NotRequired[bool]
    told: NotRequired[str]


class Answers(TypedDict):
    """What a caller said."""

    said: Annotated[list[str], operator.add]
