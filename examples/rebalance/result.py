"""A plan as JSON: money is decimal text, nothing depends on the order in which the request stood."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from engine import CENT, VERSION, Conversion, Holdings, Market, Plan, Rule, Trade, weights_of
from models import RebalanceRequest

HINTS = {
    "CASH_BUFFER": "Lower the targets, or the buffer.",
    "DATA_QUALITY": "Send a price for every instrument and a rate for every currency.",
    "DRIFT_LEFT": "Look at what is left in the diagnostics.",
    "SINGLE_POSITION_MAX": "Lower the target of the heaviest position.",
    "TARGET_WEIGHTS": "Lower the targets: they come to more than everything.",
    "TURNOVER_MAX": "Spread the trades over several days, or widen the drift band.",
}


def result_of(request: RebalanceRequest, plan: Plan, run_id: str, correlation_id: str) -> dict[str, Any]:
    """What is answered, and recorded."""
    market = Market(request)
    return {
        "rebalance_run_id": run_id,
        "correlation_id": correlation_id,
        "portfolio_id": request.portfolio.portfolio_id,
        "status": plan.status,
        "before": _holdings(plan.before, plan, market),
        "after_simulated": _holdings(plan.after, plan, market),
        "intents": list(_intents(plan, market)),
        "rule_results": [_rule(rule) for rule in plan.rules],
        "diagnostics": {
            "data_quality": {f"{what}_missing": names for what, names in plan.missing.items()},
            "left": [{"instrument_id": name, "reason_code": reason} for name, reason in plan.left],
        },
        "explanation": {"summary": _summary(plan)},
        "lineage": {"engine_version": VERSION},
    }


def text(number: Decimal) -> str:
    """Decimal text without an exponent and without noughts that say nothing."""
    plain = format(number, "f")
    return (plain.rstrip("0").rstrip(".") or "0") if "." in plain else plain


def _money(amount: Decimal, currency: str) -> dict[str, str]:
    return {"amount": format(amount.quantize(CENT), "f"), "currency": currency}


def _holdings(holdings: Holdings, plan: Plan, market: Market) -> dict[str, Any]:
    """Positions and cash; weighed where everything has a value."""
    known = not any(plan.missing.values())
    values: dict[str, Decimal] = {}
    if known:
        values = {f"position:{name}": market.value(name, pieces) for name, pieces in holdings.quantities.items()}
        values |= {f"cash:{currency}": amount * market.rates[currency] for currency, amount in holdings.cash.items()}
    weights = weights_of(values)

    def valued(key: str) -> dict[str, Any]:
        if not known:
            return {"value": None, "weight": None}
        return {"value": _money(values[key], market.base), "weight": format(weights[key], "f")}

    return {
        "total_value": _money(sum(values.values(), Decimal(0)), market.base) if known else None,
        "positions": [
            {"instrument_id": name, "quantity": text(holdings.quantities[name]), **valued(f"position:{name}")}
            for name in sorted(holdings.quantities)
        ],
        "cash_balances": [
            {**_money(holdings.cash[currency], currency), **valued(f"cash:{currency}")}
            for currency in sorted(holdings.cash)
        ],
    }


def _intents(plan: Plan, market: Market) -> Iterator[dict[str, Any]]:
    """Orders in the order in which they can be made: a purchase waits for the sales and conversions before it."""
    before: list[str] = []
    for number, order in enumerate(plan.orders, 1):
        intent_id = f"oi_{number}"
        waits = [] if isinstance(order, Trade) and order.side == "SELL" else list(before)
        if isinstance(order, Conversion):
            yield {
                "intent_id": intent_id,
                "intent_type": "FX_SPOT",
                "sell": _money(order.sold_amount, order.sold),
                "buy": _money(order.bought_amount, order.bought),
                "dependencies": waits,
                "rationale": {"code": "FUNDING", "message": f"pays for what is bought in {order.bought}"},
            }
        else:
            yield {
                "intent_id": intent_id,
                "intent_type": "SECURITY_TRADE",
                "side": order.side,
                "instrument_id": order.name,
                "quantity": text(order.quantity),
                "notional": _money(order.notional, order.instrument.currency),
                "notional_base": _money(market.value(order.name, order.quantity), market.base),
                "dependencies": waits,
                "rationale": {"code": "DRIFT_REBALANCE", "message": "brings the weight to its target"},
            }
        if not (isinstance(order, Trade) and order.side == "BUY"):
            before.append(intent_id)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "rule_id": rule.rule_id,
        "severity": rule.severity,
        "status": "PASS" if rule.holds else "FAIL",
        "measured": text(rule.measured),
        "threshold": None if rule.threshold is None else text(rule.threshold),
        "reason_code": "OK" if rule.holds else rule.reason,
        "remediation_hint": None if rule.holds else HINTS.get(rule.rule_id),
    }


def _summary(plan: Plan) -> str:
    broken = [rule.rule_id for rule in plan.rules if not rule.holds]
    if broken:
        return f"{plan.status}: {', '.join(broken)}"
    return f"{plan.status}: {len(plan.orders)} orders" if plan.orders else f"{plan.status}: nothing to do"
