"""Price tables: exact costs by model, as decimal text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.tools.prices import SCALE, PriceTable, amount_of, amount_text
from runstone.errors import InvalidInput

NAMED = {"name": "t", "version": "2026-01", "currency": "USD"}


def table(**models: Any) -> PriceTable:
    return PriceTable.of({**NAMED, "models": models})


def usage(given: int, out: int = 0, cached: int = 0) -> dict[str, int]:
    return {"input_tokens": given, "output_tokens": out, "cached_tokens": cached}


def cost(prices: PriceTable, model: str, used: dict[str, int]) -> str | None:
    amount = prices.amount(model, used)
    return None if amount is None else prices.cost(amount)["amount"]


DECIMALS = st.decimals(0, 10**6, allow_nan=False, places=4).map(lambda number: format(number, "f"))


@given(DECIMALS, DECIMALS, DECIMALS, st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_costs_are_exact(
    given_price: str, out_price: str, cached_price: str, fresh: int, cached: int, out: int
) -> None:
    """As decimal arithmetic has them, whatever the prices and counts are."""
    prices = table(m={"input": given_price, "output": out_price, "cached_input": cached_price})
    expected = fresh * Decimal(given_price) + cached * Decimal(cached_price) + out * Decimal(out_price)
    found = cost(prices, "m", usage(fresh + cached, out, cached))
    assert found is not None
    assert Decimal(found) == expected.scaleb(-6)
    assert found == "0" or (not found.endswith(".") and "E" not in found)


def test_cached_tokens_are_a_part_of_the_input() -> None:
    """At their own price, or at that of the others where they have none; more than all of them counts once."""
    prices = table(a={"input": "2", "output": "0", "cached_input": "0.5"}, b={"input": "2", "output": "0"})
    assert cost(prices, "a", usage(1000, 0, 400)) == "0.0014"
    assert cost(prices, "b", usage(1000, 0, 400)) == "0.002"
    assert cost(prices, "a", usage(100, 0, 400)) == "0.0002"


def test_a_name_comes_before_patterns_and_the_longest_pattern_first() -> None:
    """A model that nothing names has no price, which is not 0."""
    prices = table(**{name: {"input": str(at), "output": "0"} for at, name in enumerate(("*-mini", "gpt-*", "gpt-5"))})
    million = usage(1_000_000)
    assert [cost(prices, model, million) for model in ("gpt-5", "gpt-4", "o-mini", "gpt-4-mini", "claude")] == [
        *("2", "1", "0", "0", None)
    ]


def test_a_cost_names_its_table() -> None:
    """Amount, currency, and the digest of the prices."""
    prices = table(m={"input": "1", "output": "1"})
    assert prices.cost(SCALE) == {"amount": "1", "currency": "USD", "prices_sha256": prices.sha256}
    assert prices.sha256 == PriceTable.of({"models": prices.data["models"], **NAMED}).sha256


@pytest.mark.parametrize(
    ("value", "text"),
    [("0", "0"), ("0.10", "0.1"), ("12", "12"), (0.5, "0.5"), (3, "3"), ("0.000000000001", "0.000000000001")],
)
def test_amounts_are_decimal_text(value: Any, text: str) -> None:
    """Without needless zeros."""
    amount = amount_of(value)
    assert amount is not None
    assert amount_text(amount) == text


@pytest.mark.parametrize(
    "value", ["", ".5", "1.", "-1", "+1", "1e3", "1,5", "²", "0.0000000000001", "1" * 16, None, True, -1, float("inf")]
)
def test_what_is_no_amount(value: Any) -> None:
    """No sign, no exponent, no digit that would be rounded away."""
    assert amount_of(value) is None


@pytest.mark.parametrize(
    "document",
    [
        {**NAMED},
        {**NAMED, "models": {"m": {"input": "1"}}},
        {**NAMED, "models": {"m": {"input": 1.5, "output": "1"}}},
        {**NAMED, "models": {"m": {"input": "1", "output": "1", "images": "1"}}},
        {**NAMED, "models": {"m": "1"}},
        {"name": "t", "version": "1", "models": {}},
        {**NAMED, "models": {}, "valid_until": "2026"},
        None,
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(document: Any) -> None:
    """A price is text: a number may have been rounded before it came here."""
    with pytest.raises(InvalidInput) as caught:
        PriceTable.of(document)
    assert caught.value.code == "invalid_price_table"
