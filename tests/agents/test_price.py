"""What tokens cost."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.agents import ListPrice, OwnPrice, Usage

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DOLLARS = st.decimals(0, 1000, places=4)
TOKENS = st.integers(0, 2_000_000)
OWN = st.builds(OwnPrice, input=DOLLARS, cached=DOLLARS, output=DOLLARS)


def exact(price: OwnPrice, usage: Usage) -> Decimal:
    fresh = usage.input_tokens - usage.cached_tokens
    return fresh * price.input + usage.cached_tokens * price.cached + usage.output_tokens * price.output


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    read = draw(TOKENS)
    return Usage(input_tokens=read, cached_tokens=draw(st.integers(0, read)), output_tokens=draw(TOKENS))


@settings(deadline=None)
@given(OWN, usages())
def test_an_own_price_is_exact_to_half_a_micro_dollar(price: OwnPrice, usage: Usage) -> None:
    """Dollars for a million tokens are micro-dollars for one; fresh, cached and written tokens are priced apart."""
    cost = price.cost(usage, NOW)

    assert isinstance(cost, int)
    assert abs(cost - exact(price, usage)) <= Decimal("0.5")


@settings(deadline=None)
@given(OWN, usages(), usages())
def test_more_tokens_never_cost_less(price: OwnPrice, usage: Usage, more: Usage) -> None:
    """Whatever the prices are."""
    both = Usage(
        input_tokens=usage.input_tokens + more.input_tokens,
        cached_tokens=usage.cached_tokens + more.cached_tokens,
        output_tokens=usage.output_tokens + more.output_tokens,
    )

    assert (price.cost(both, NOW) or 0) >= (price.cost(usage, NOW) or 0) >= 0


@settings(deadline=None)
@given(OWN, usages())
def test_more_cached_tokens_than_read_ones_are_all_of_them(price: OwnPrice, usage: Usage) -> None:
    """Some endpoints count the two differently; a price is never negative for it."""
    odd = Usage(input_tokens=usage.cached_tokens, cached_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
    all_cached = Usage(
        input_tokens=usage.cached_tokens, cached_tokens=usage.cached_tokens, output_tokens=usage.output_tokens
    )

    assert price.cost(odd, NOW) == price.cost(all_cached, NOW)


def test_a_list_price_is_the_providers() -> None:
    """gpt-4o costs 2.50 for a million tokens read, 1.25 for cached ones, and 10.00 for written ones."""
    price = ListPrice(model="gpt-4o")

    assert price.cost(Usage(input_tokens=1_000_000, output_tokens=0), NOW) == 2_500_000
    assert price.cost(Usage(input_tokens=1_000_000, cached_tokens=1_000_000, output_tokens=0), NOW) == 1_250_000
    assert price.cost(Usage(input_tokens=0, output_tokens=1_000_000), NOW) == 10_000_000
    assert price.cost(Usage(input_tokens=10, cached_tokens=20, output_tokens=0), NOW) == 12


@pytest.mark.parametrize("price", [ListPrice(model="my-own-model"), ListPrice(model="gpt-4o", provider="nobody")])
def test_what_nobody_lists_has_no_price(price: ListPrice) -> None:
    """Not known is None, never zero."""
    assert price.cost(Usage(input_tokens=1, output_tokens=1), NOW) is None
