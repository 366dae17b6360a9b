"""What led to a plan, as Lotus tells it: the universe, the targets, what was left undone, and from which data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from engine import CENT, VERSION, WEIGHT, Conversion, Market, Plan, Trade
from models import Instrument, RebalanceRequest
from state import cents, money, text, worth

from runstone.contracts.lotus import request_hash

NOT_BOUGHT = {"BLOCKED": "not traded at all", "SELL_ONLY": "never bought"}
SUPPRESSED = ("BELOW_LOT_SIZE", "BELOW_MIN_NOTIONAL")
"""Reasons for which an order that was meant is not made."""
SNAPSHOT_DIGITS = 16
NOT_MEASURED = (
    "cash_ladder", "cash_ladder_breaches", "dropped_intents", "group_constraint_events", "insufficient_cash",
    "tax_budget_constraint_events",
)  # fmt: skip
"""Diagnostics of which this engine has none: it knows no settlement, no groups and no taxes, and overdraws nothing."""
FROM_ELSEWHERE = (
    "integration_policy_version", "model_portfolio_id", "model_portfolio_version", "shelf_version",
    "source_lineage_bundle_id", "source_supportability_state", "source_system", "stateful_context_hash",
)  # fmt: skip
"""Of a run whose data come from another service; here all come with the request."""


def names_of(request: RebalanceRequest) -> list[str]:
    """What is held, or should be."""
    return sorted(request.portfolio.positions.keys() | request.targets.keys())


def universe(request: RebalanceRequest, plan: Plan, market: Market, run_id: str) -> dict[str, Any]:
    """What can be bought and sold, and why not."""
    names = names_of(request)
    known = [name for name in names if market.knows(name)]
    priced = sum(name in market.instruments and market.instruments[name].price is not None for name in names)
    needed = {
        market.instruments[name].currency for name in names if name in market.instruments
    } | plan.before.cash.keys()
    return {
        "universe_id": f"u_{run_id}",
        "eligible_for_buy": [name for name in known if market.instruments[name].status == "APPROVED"],
        "eligible_for_sell": [name for name in known if market.instruments[name].status != "BLOCKED"],
        "excluded": list(_excluded(names, plan, market)),
        "coverage": {
            "price_coverage_pct": _share(priced, len(names)),
            "fx_coverage_pct": _share(len(needed & market.rates.keys()), len(needed)),
        },
    }


def _share(part: int, whole: int) -> str:
    return text((Decimal(part) / whole).quantize(WEIGHT)) if whole else "1"


def _excluded(names: list[str], plan: Plan, market: Market) -> Iterator[dict[str, str]]:
    for name in names:
        item = market.instruments.get(name)
        if market.knows(name) and item is not None and item.status == "APPROVED":
            continue
        held = plan.before.quantities.get(name, Decimal(0))
        words = [NOT_BOUGHT.get(item.status, "") if item is not None else "", f"{text(held)} held"]
        reason = _reason(item, is_known=market.knows(name))
        yield {"instrument_id": name, "reason_code": reason, "details": "; ".join(filter(None, words))}


def _reason(item: Instrument | None, *, is_known: bool) -> str:
    if item is None:
        return "SHELF_MISSING"
    if item.price is None:
        return "PRICE_MISSING"
    return item.status if is_known else "FX_MISSING"


def target(request: RebalanceRequest, plan: Plan, market: Market, run_id: str) -> dict[str, Any]:
    """What was aimed at; what may not be bought, or not traded, stays at the weight that it has."""
    values = worth(plan.before, market)
    total = sum(values.values(), Decimal(0))
    tags = dict(plan.left)
    return {
        "target_id": f"t_{run_id}",
        "strategy": {},
        "targets": [
            {
                "instrument_id": name,
                "model_weight": text(weight),
                "final_weight": text(final.quantize(WEIGHT)),
                "final_value": money(final * total, market.base),
                "tags": [tags[name]] if name in tags else [],
            }
            for name in names_of(request)
            for weight in [request.targets.get(name, Decimal(0))]
            for final in [values[f"position:{name}"] / total if _stays(name, tags, values) else weight]
        ],
    }


def _stays(name: str, tags: dict[str, str], values: dict[str, Decimal]) -> bool:
    """Whether a position keeps its weight, as it may not be traded."""
    return tags.get(name) in NOT_BOUGHT and f"position:{name}" in values


def diagnostics(request: RebalanceRequest, plan: Plan, market: Market) -> dict[str, Any]:
    """What is not known, what was left undone, and how purchases abroad are paid."""
    pairs = [f"{currency}/{market.base}" for currency in plan.missing["rates"]]
    told = {name: list[Any]() for name in NOT_MEASURED}
    partial = ["PARTIAL_VALUATION"] if any(plan.missing.values()) else []
    return {
        **told,
        "data_quality": {
            "shelf_missing": plan.missing["instruments"],
            "price_missing": plan.missing["prices"],
            "fx_missing": pairs,
        },
        "missing_fx_pairs": pairs,
        "suppressed_intents": list(_suppressed(request, plan, market)),
        "funding_plan": list(_funding(plan)),
        "warnings": [*partial, *(f"{reason}:{name}" for name, reason in plan.left if reason not in SUPPRESSED)],
    }


def _suppressed(request: RebalanceRequest, plan: Plan, market: Market) -> Iterator[dict[str, Any]]:
    """Orders that would be too small."""
    total = sum(worth(plan.before, market).values(), Decimal(0))
    for name, reason in plan.left:
        if reason in SUPPRESSED:
            item = market.instruments[name]
            held = market.value(name, plan.before.quantities.get(name, Decimal(0)))
            least = max(request.options.min_notional, CENT * market.rates[item.currency])
            yield {
                "instrument_id": name,
                "reason": reason,
                "intended_notional": money(abs(request.targets.get(name, Decimal(0)) * total - held), market.base),
                "threshold": money(
                    market.value(name, item.lot_size) if reason == SUPPRESSED[0] else least, market.base
                ),
            }


def _funding(plan: Plan) -> Iterator[dict[str, Any]]:
    """For each conversion what its currency has to pay, and had before any conversion."""
    for order in plan.orders:
        if isinstance(order, Conversion):
            currency = order.bought
            yield {
                "target_currency": currency,
                "required": cents(_spent(plan, currency)),
                "available_before_fx": cents(
                    plan.before.cash.get(currency, Decimal(0)) + _traded(plan, "SELL", currency)
                ),
                "fx_needed": cents(order.bought_amount),
                "fx_pair": f"{currency}/{order.sold}",
                "funding_currency": order.sold,
            }


def _spent(plan: Plan, currency: str) -> Decimal:
    """What purchases and conversions take of a currency."""
    sold = (order.sold_amount for order in plan.orders if isinstance(order, Conversion) and order.sold == currency)
    return _traded(plan, "BUY", currency) + sum(sold, Decimal(0))


def _traded(plan: Plan, side: str, currency: str) -> Decimal:
    trades = (order for order in plan.orders if isinstance(order, Trade) and order.side == side)
    return sum((trade.notional for trade in trades if trade.instrument.currency == currency), Decimal(0))


def lineage(request: RebalanceRequest, idempotency_key: str | None) -> dict[str, Any]:
    """From which data the plan is: all of them came with the request, so their ids are digests of it."""
    recorded = json.loads(request.model_dump_json())
    market = request_hash({name: recorded[name] for name in ("instruments", "rates")})
    return {
        "portfolio_snapshot_id": request.portfolio.portfolio_id,
        "market_data_snapshot_id": f"md_{market.removeprefix('sha256:')[:SNAPSHOT_DIGITS]}",
        "request_hash": request_hash(recorded),
        "idempotency_key": idempotency_key,
        "engine_version": VERSION,
        "input_mode": "stateless",
        **dict.fromkeys(FROM_ELSEWHERE),
    }
