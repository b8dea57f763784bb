"""What tokens cost: a list price from genai-prices, or an own one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NewType

MicroDollars = NewType("MicroDollars", int)
"""Money: a millionth of a US dollar, as a whole number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The tokens of one model call."""

    input_tokens: int
    cached_tokens: int = 0
    """Read from the provider's cache. Included in input_tokens."""

    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrice:
    """A price that the user sets, in US dollars for a million tokens."""

    input: Decimal
    cached: Decimal
    output: Decimal

    def cost(self, usage: Usage, at: datetime) -> MicroDollars | None:
        """Return the cost of the usage; the time does not matter."""
        del at
        cached = min(usage.cached_tokens, usage.input_tokens)
        fresh = usage.input_tokens - cached
        return _whole(fresh * self.input + cached * self.cached + usage.output_tokens * self.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPrice:
    """The provider's published price of a model, as the package genai-prices knows it."""

    model: str
    provider: str | None = None

    def cost(self, usage: Usage, at: datetime) -> MicroDollars | None:
        """Return the cost of the usage at that time, or None when the model's price is not known."""
        import genai_prices  # heavy: 0.3 s, and only needed when the first model call has ended

        cached = min(usage.cached_tokens, usage.input_tokens)
        counted = genai_prices.Usage(
            input_tokens=usage.input_tokens, cache_read_tokens=cached, output_tokens=usage.output_tokens
        )
        try:
            price = genai_prices.calc_price(
                counted, self.model, provider_id=self.provider, genai_request_timestamp=at.astimezone(UTC)
            )
        except LookupError:
            return None
        return _whole(price.total_price * 1_000_000)


Price = OwnPrice | ListPrice


def _whole(micro_dollars: Decimal) -> MicroDollars:
    return MicroDollars(int(micro_dollars.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)))
