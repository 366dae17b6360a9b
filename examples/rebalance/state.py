"""What a portfolio is worth, as Lotus tells it: positions, cash, and shares by instrument and by asset class.

What nobody knows the worth of is in no position and no total: the universe names it, and the plan is blocked. Shares
are in millionths, and those by asset class, of which cash is one, come to exactly 1.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine import CENT, Holdings, Market, weights_of

CASH = "CASH"


def text(number: Decimal) -> str:
    """Decimal text without an exponent and without noughts that say nothing."""
    plain = format(number, "f")
    return (plain.rstrip("0").rstrip(".") or "0") if "." in plain else plain


def cents(amount: Decimal) -> str:
    """An amount of money, to the hundredth."""
    return format(amount.quantize(CENT), "f")


def money(amount: Decimal, currency: str) -> dict[str, str]:
    """The same with its currency."""
    return {"amount": cents(amount), "currency": currency}


def worth(holdings: Holdings, market: Market) -> dict[str, Decimal]:
    """What each position and all cash is worth in the base currency, as far as that is known."""
    known = {name: market.value(name, pieces) for name, pieces in holdings.quantities.items() if market.knows(name)}
    cash = {currency: amount for currency, amount in holdings.cash.items() if currency in market.rates}
    return {**{f"position:{name}": known[name] for name in sorted(known)}, CASH: market.money(cash)}


def state_of(holdings: Holdings, market: Market) -> dict[str, Any]:
    """What is there, and what it is worth."""
    values = worth(holdings, market)
    weights = weights_of(values)
    names = [key.removeprefix("position:") for key in values if key != CASH]

    def share(key: str, label: str) -> dict[str, Any]:
        return {"key": label, "value": money(values[key], market.base), "weight": format(weights[key], "f")}

    shares = [share(f"position:{name}", name) for name in names]
    return {
        "total_value": money(sum(values.values(), Decimal(0)), market.base),
        "cash_balances": [
            {"currency": currency, "amount": cents(holdings.cash[currency]), "settled": None, "pending": None}
            for currency in sorted(holdings.cash)
        ],
        "positions": [_position(name, holdings.quantities[name], shares[at], market) for at, name in enumerate(names)],
        "allocation": shares,
        "allocation_by_instrument": shares,
        "allocation_by_asset_class": [*_classes(names, values, weights, market), share(CASH, CASH)],
        "allocation_by_attribute": {},
    }


def _position(name: str, pieces: Decimal, share: dict[str, Any], market: Market) -> dict[str, Any]:
    item = market.instruments[name]
    assert item.price is not None
    return {
        "instrument_id": name,
        "quantity": text(pieces),
        "instrument_currency": item.currency,
        "asset_class": item.asset_class,
        "price": {"amount": text(item.price), "currency": item.currency},
        "value_in_instrument_ccy": money(pieces * item.price, item.currency),
        "value_in_base_ccy": share["value"],
        "weight": share["weight"],
    }


def _classes(
    names: list[str], values: dict[str, Decimal], weights: dict[str, Decimal], market: Market
) -> list[dict[str, Any]]:
    """The shares of the instruments by their asset class."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for name in names:
        kind, key = market.instruments[name].asset_class, f"position:{name}"
        value, weight = found.get(kind, (Decimal(0), Decimal(0)))
        found[kind] = value + values[key], weight + weights[key]
    return [
        {"key": kind, "value": money(value, market.base), "weight": format(weight, "f")}
        for kind, (value, weight) in sorted(found.items())
    ]
