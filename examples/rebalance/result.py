"""A plan as JSON, in the members that readers of Lotus know: money is decimal text, and nothing depends on the order in
which the request stood."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import localcontext
from typing import Any

from engine import CENT, EXACT, Conversion, Market, Plan, Rule, Trade
from models import RebalanceRequest
from origins import diagnostics, lineage, target, universe
from state import cents, money, state_of, text

HINTS = {
    "CASH_BUFFER": "Lower the targets, or the buffer.",
    "DATA_QUALITY": "Send a price for every instrument and a rate for every currency.",
    "DRIFT_LEFT": "Look at suppressed intents and warnings in the diagnostics.",
    "SINGLE_POSITION_MAX": "Lower the target of the heaviest position.",
    "TARGET_WEIGHTS": "Lower the targets: they come to more than everything.",
    "TURNOVER_MAX": "Spread the trades over several days, or widen the drift band.",
}
GATES = {
    "BLOCKED": ("BLOCKED", "FIX_INPUT"),
    "PENDING_REVIEW": ("RISK_REVIEW_REQUIRED", "RISK_REVIEW"),
    "READY": ("EXECUTION_READY", "EXECUTE"),
}
"""By status: the gate before execution, and what to do next."""
NOTHING_TO_DO = ("NONE", "NONE")


def result_of(
    request: RebalanceRequest, plan: Plan, run_id: str, correlation_id: str, idempotency_key: str | None = None
) -> dict[str, Any]:
    """What is answered, and recorded."""
    with localcontext(EXACT):
        market = Market(request)
        before, after = (state_of(side, market) for side in (plan.before, plan.after))
        return {
            "rebalance_run_id": run_id,
            "correlation_id": correlation_id,
            "status": plan.status,
            "before": before,
            "universe": universe(request, plan, market, run_id),
            "target": target(request, plan, market, run_id),
            "intents": list(_intents(request, plan, market)),
            "after_simulated": after,
            "reconciliation": None if any(plan.missing.values()) else _reconciliation(plan, market),
            "tax_impact": None,
            "rule_results": [_rule(rule) for rule in plan.rules],
            "explanation": {"summary": _summary(plan)},
            "diagnostics": diagnostics(request, plan, market),
            "gate_decision": _gate(plan),
            "lineage": lineage(request, idempotency_key),
        }


def _intents(request: RebalanceRequest, plan: Plan, market: Market) -> Iterator[dict[str, Any]]:
    """Orders in the order in which they can be made: a purchase waits for the sales and conversions before it."""
    before: list[str] = []
    for number, order in enumerate(plan.orders, 1):
        intent_id = f"oi_{number}"
        waits = [] if isinstance(order, Trade) and order.side == "SELL" else list(before)
        told = _conversion(order) if isinstance(order, Conversion) else _trade(order, request, plan, market)
        yield {"intent_id": intent_id, **told, "dependencies": waits}
        if not (isinstance(order, Trade) and order.side == "BUY"):
            before.append(intent_id)


def _conversion(order: Conversion) -> dict[str, Any]:
    return {
        "intent_type": "FX_SPOT",
        "pair": f"{order.bought}/{order.sold}",
        "buy_currency": order.bought,
        "buy_amount": cents(order.bought_amount),
        "sell_currency": order.sold,
        "sell_amount_estimated": cents(order.sold_amount),
        "rationale": {"code": "FUNDING", "message": f"pays for what is bought in {order.bought}"},
    }


def _trade(order: Trade, request: RebalanceRequest, plan: Plan, market: Market) -> dict[str, Any]:
    applied = ["LOT_SIZE"] + ["MIN_NOTIONAL"] * (request.options.min_notional > 0)
    applied += ["AVAILABLE_CASH"] * ((order.name, "INSUFFICIENT_CASH") in plan.left)
    return {
        "intent_type": "SECURITY_TRADE",
        "side": order.side,
        "instrument_id": order.name,
        "quantity": text(order.quantity),
        "notional": money(order.notional, order.instrument.currency),
        "notional_base": money(market.value(order.name, order.quantity), market.base),
        "constraints_applied": applied,
        "rationale": {"code": "DRIFT_REBALANCE", "message": "brings the weight to its target"},
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "rule_id": rule.rule_id,
        "severity": rule.severity,
        "status": "PASS" if rule.holds else "FAIL",
        "measured": text(rule.measured),
        "threshold": {rule.bound: text(rule.threshold)},
        "reason_code": "OK" if rule.holds else rule.reason,
        "remediation_hint": None if rule.holds else HINTS.get(rule.rule_id),
    }


def _reconciliation(plan: Plan, market: Market) -> dict[str, Any]:
    """What rounding has taken: at most a hundredth of the dearest currency an order."""
    before, after = market.total(plan.before), market.total(plan.after)
    tolerance = CENT * max(market.rates.values()) * len(plan.orders)
    told = {
        "before_total_value": before,
        "after_total_value": after,
        "delta": after - before,
        "tolerance": tolerance,
    }
    return {
        **{name: money(amount, market.base) for name, amount in told.items()},
        "status": "OK" if abs(after - before) <= tolerance else "MISMATCH",
    }


def _gate(plan: Plan) -> dict[str, Any]:
    """Whether the plan can be carried out, and what is to be done before."""
    broken = [rule for rule in plan.rules if not rule.holds]
    gate, step = NOTHING_TO_DO if plan.status == "READY" and not plan.orders else GATES[plan.status]
    failed = [rule.severity for rule in broken]
    return {
        "gate": gate,
        "recommended_next_step": step,
        "reasons": [
            {
                "reason_code": f"{rule.severity}_RULE_FAIL:{rule.rule_id}",
                "severity": "HIGH" if rule.severity == "HARD" else "MEDIUM",
                "source": "RULE_ENGINE",
                "details": {"reason_code": rule.reason},
            }
            for rule in broken
        ],
        "summary": {
            "hard_fail_count": failed.count("HARD"),
            "soft_fail_count": failed.count("SOFT"),
            "new_high_suitability_count": 0,
            "new_medium_suitability_count": 0,
        },
    }


def _summary(plan: Plan) -> str:
    broken = [rule.rule_id for rule in plan.rules if not rule.holds]
    if broken:
        return f"{plan.status}: {', '.join(broken)}"
    return f"{plan.status}: {len(plan.orders)} orders" if plan.orders else f"{plan.status}: nothing to do"
