"""The plan holds what it promises for every request, and the examples of the guide are planned as they say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from engine import Conversion, Market, Plan, Trade, plan, weights_of
from hypothesis import given
from hypothesis import strategies as st
from models import RebalanceRequest
from result import result_of
from state import text

CURRENCIES = ["EUR", "USD", "JPY", "CHF"]


def _decimal(least: str, most: str, places: int) -> st.SearchStrategy[str]:
    return st.decimals(Decimal(least), Decimal(most), places=places).map(lambda number: format(number, "f"))


@st.composite
def requests(draw: st.DrawFn) -> RebalanceRequest:
    """A request in which most things are known."""
    names = draw(st.lists(st.sampled_from([f"I{number}" for number in range(8)]), unique=True))
    held = draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    aimed = draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    shares = draw(st.lists(st.integers(0, 100), min_size=len(aimed), max_size=len(aimed)))
    whole = max(sum(shares), 100)
    odd = draw(st.integers(0, 9)) == 0
    return RebalanceRequest.model_validate(
        {
            "portfolio": {
                "portfolio_id": "p1",
                "base_currency": "EUR",
                "cash": {
                    currency: draw(_decimal("0", "100000", 2))
                    for currency in draw(st.lists(st.sampled_from(CURRENCIES), unique=True))
                },
                "positions": {name: draw(_decimal("0", "500", 3)) for name in held},
            },
            "instruments": {
                name: {
                    "currency": draw(st.sampled_from(CURRENCIES)),
                    "status": draw(st.sampled_from(["APPROVED"] * 6 + ["SELL_ONLY", "BLOCKED"])),
                    "lot_size": draw(st.sampled_from(["1", "10", "0.001", "7"])),
                    "price": None if odd and draw(st.booleans()) else draw(_decimal("0.01", "9999", 2)),
                }
                for name in names
            },
            "rates": {currency: draw(_decimal("0.001", "200", 4)) for currency in CURRENCIES[1 : 3 if odd else 4]},
            "targets": {name: format(Decimal(share) / whole, ".6f") for name, share in zip(aimed, shares, strict=True)},
            "options": {
                "drift_band": draw(st.sampled_from(["0", "0.01", "0.05"])),
                "cash_buffer": draw(st.sampled_from(["0", "0.02", "0.3"])),
                "min_notional": draw(st.sampled_from(["0", "250"])),
                "max_position": draw(st.sampled_from([None, "0.4"])),
                "max_turnover": draw(st.sampled_from([None, "0.5"])),
            },
        }
    )


def moves(made: Plan) -> Iterator[tuple[str, Decimal]]:
    """What each order brings to a currency or takes from it, in their order."""
    for order in made.orders:
        if isinstance(order, Conversion):
            yield order.sold, -order.sold_amount
            yield order.bought, order.bought_amount
        else:
            yield order.instrument.currency, order.notional if order.side == "SELL" else -order.notional


def flows(made: Plan) -> dict[str, Decimal]:
    """What the orders bring and take, by currency."""
    total: dict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in moves(made):
        total[currency] += amount
    return total


@given(requests())
def test_cash_is_conserved_in_each_currency(request: RebalanceRequest) -> None:
    """What was there, and what the orders bring and take, is what is there: to the hundredth, never below nought."""
    made = plan(request)
    moved = flows(made)
    currencies = made.before.cash.keys() | made.after.cash.keys() | moved.keys()
    for currency in currencies:
        before, after = (side.cash.get(currency, Decimal(0)) for side in (made.before, made.after))
        assert after == before + moved[currency]
        assert after >= 0


def lowest(made: Plan) -> Decimal:
    """The least that any currency comes to while the orders are made in their order."""
    cash: dict[str, Decimal] = defaultdict(Decimal, made.before.cash)
    least = min(cash.values(), default=Decimal(0))
    for currency, amount in moves(made):
        cash[currency] += amount
        least = min(least, cash[currency])
    return least


@given(requests())
def test_no_money_is_spent_before_it_is_there(request: RebalanceRequest) -> None:
    """Made in their order, the orders overdraw nothing."""
    assert lowest(plan(request)) >= 0


@given(requests())
def test_pieces_are_conserved_in_whole_lots(request: RebalanceRequest) -> None:
    """No order is below the lot size or less than whole lots, none is short, each instrument is traded once at most."""
    made = plan(request)
    traded: dict[str, Decimal] = {}
    for order in made.orders:
        if isinstance(order, Trade):
            name = order.name
            assert name not in traded
            assert order.quantity >= order.instrument.lot_size
            assert order.quantity % order.instrument.lot_size == 0
            traded[name] = order.quantity if order.side == "BUY" else -order.quantity
    for name in made.before.quantities.keys() | made.after.quantities.keys():
        before, after = (side.quantities.get(name, Decimal(0)) for side in (made.before, made.after))
        assert after == before + traded.get(name, Decimal(0))
        assert after >= 0


@given(requests())
def test_weights_sum_to_one(request: RebalanceRequest) -> None:
    """Exactly, in what is answered, where there is anything to weigh."""
    made = plan(request)
    answer = result_of(request, made, "rr_1", "c1")
    for side in ("before", "after_simulated"):
        classes = {line["key"]: Decimal(line["weight"]) for line in answer[side]["allocation_by_asset_class"]}
        positions = sum(Decimal(line["weight"]) for line in answer[side]["positions"])
        total = sum(classes.values())
        assert total == positions + classes["CASH"]
        assert total == (1 if Decimal(answer[side]["total_value"]["amount"]) > 0 or total else 0)


@given(requests())
def test_what_is_held_is_told(request: RebalanceRequest) -> None:
    """Each instrument is a position with its worth, or excluded with its pieces; all cash is there."""
    made = plan(request)
    answer = result_of(request, made, "rr_1", "c1")
    excluded = {line["instrument_id"]: line["details"] for line in answer["universe"]["excluded"]}
    told = {line["instrument_id"]: line["quantity"] for line in answer["before"]["positions"]}
    for name, pieces in request.portfolio.positions.items():
        assert Decimal(told[name]) == pieces if name in told else f"{text(pieces)} held" in excluded[name]
    for side, cash in (("before", made.before.cash), ("after_simulated", made.after.cash)):
        lines = {line["currency"]: Decimal(line["amount"]) for line in answer[side]["cash_balances"]}
        assert lines == cash


@given(requests())
def test_conversions_are_told_in_full(request: RebalanceRequest) -> None:
    """Each has its amounts, waits for orders before it alone, and what funds it is told."""
    made = plan(request)
    answer = result_of(request, made, "rr_1", "c1")
    conversions = [order for order in made.orders if isinstance(order, Conversion)]
    told = [intent for intent in answer["intents"] if intent["intent_type"] == "FX_SPOT"]
    funding = answer["diagnostics"]["funding_plan"]
    for order, intent, funded in zip(conversions, told, funding, strict=True):
        bought, sold = (
            (intent["buy_currency"], intent["buy_amount"]),
            (intent["sell_currency"], intent["sell_amount_estimated"]),
        )
        assert (bought, sold) == ((order.bought, str(order.bought_amount)), (order.sold, str(order.sold_amount)))
        assert (intent["pair"], funded["fx_pair"]) == (f"{order.bought}/{order.sold}",) * 2
        assert Decimal(funded["required"]) > 0
    ids = [intent["intent_id"] for intent in answer["intents"]]
    assert all(set(intent["dependencies"]) <= set(ids[:at]) for at, intent in enumerate(answer["intents"]))


@given(requests())
def test_what_is_answered_reconciles(request: RebalanceRequest) -> None:
    """Nothing is lost but what rounding takes; where something is not known nothing is reconciled."""
    made = plan(request)
    found = result_of(request, made, "rr_1", "c1")["reconciliation"]
    assert found is None if any(made.missing.values()) else found["status"] == "OK"


@given(requests())
def test_rules_of_who_may_be_traded_are_kept(request: RebalanceRequest) -> None:
    """Nothing blocked is traded, nothing sell-only bought, and nothing at all where something is not known."""
    made = plan(request)
    trades = [order for order in made.orders if isinstance(order, Trade)]
    assert all(order.instrument.status != "BLOCKED" for order in trades)
    assert all(order.instrument.status == "APPROVED" for order in trades if order.side == "BUY")
    if any(made.missing.values()):
        assert (made.orders, made.status) == ([], "BLOCKED")


@given(requests())
def test_the_order_of_a_request_does_not_count(request: RebalanceRequest) -> None:
    """The same facts in another order have the same plan."""
    other = RebalanceRequest.model_validate(_reversed(request.model_dump(mode="json")))
    assert result_of(other, plan(other), "rr_1", "c1") == result_of(request, plan(request), "rr_1", "c1")


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return value


@given(requests())
def test_little_is_lost_to_rounding(request: RebalanceRequest) -> None:
    """The portfolio is worth what it was, but for a hundredth of each currency an order."""
    made = plan(request)
    if not any(made.missing.values()):
        market = Market(request)
        dearest = max(market.rates.values())
        lost = abs(market.total(made.before) - market.total(made.after))
        assert lost <= Decimal("0.01") * dearest * len(made.orders)


@given(st.dictionaries(st.text("abc", min_size=1), st.decimals(0, 10**9, places=4), min_size=1))
def test_shares_come_to_one(values: dict[str, Decimal]) -> None:
    """Whatever the values, unless they are nothing; each is within a millionth of its own."""
    shares, total = weights_of(values), sum(values.values())
    assert sum(shares.values()) == (1 if total else 0)
    assert all(abs(shares[name] - (values[name] / total if total else 0)) < Decimal("0.000001") for name in values)


def simple(**changed: Any) -> RebalanceRequest:
    """Cash of 10,000 EUR, a share at 100 EUR and one at 50 USD, half and a quarter of which is wanted."""
    return RebalanceRequest.model_validate(
        {
            "portfolio": {"portfolio_id": "p1", "base_currency": "EUR", "cash": {"EUR": "10000.00"}},
            "instruments": {
                "HOME": {"currency": "EUR", "price": "100"},
                "AWAY": {"currency": "USD", "price": "50", "lot_size": "10"},
            },
            "rates": {"USD": "0.9"},
            "targets": {"HOME": "0.5", "AWAY": "0.25"},
            **changed,
        }
    )


def orders(made: Plan) -> list[str]:
    """Each order in a few words."""
    return [
        f"{order.sold_amount} {order.sold} > {order.bought_amount} {order.bought}"
        if isinstance(order, Conversion)
        else f"{order.side} {order.quantity} {order.name}"
        for order in made.orders
    ]


def test_what_is_bought_abroad_is_paid_by_a_conversion() -> None:
    """2,500 EUR buy 55 shares of 45 EUR, in lots of ten 50; the money is there before they are bought."""
    made = plan(simple())
    assert orders(made) == ["2250.00 EUR > 2500.00 USD", "BUY 50 AWAY", "BUY 50 HOME"]
    assert (made.status, made.after.cash) == ("READY", {"EUR": Decimal("2750.00"), "USD": Decimal("0.00")})


def test_the_base_currency_is_topped_up_before_it_pays() -> None:
    """All cash is in yen: they come first."""
    made = plan(
        simple(
            portfolio={"portfolio_id": "p1", "base_currency": "EUR", "cash": {"JPY": "1000000.00"}},
            rates={"USD": "0.9", "JPY": "0.01"},
        )
    )
    assert orders(made) == [
        "725000.00 JPY > 7250.00 EUR",
        "2250.00 EUR > 2500.00 USD",
        "BUY 50 AWAY",
        "BUY 50 HOME",
    ]
    assert lowest(made) == 0


def test_too_little_cash_buys_less_of_everything() -> None:
    """Of a buffer of half nothing is spent; somebody is asked to look."""
    made = plan(simple(options={"cash_buffer": "0.5"}))
    assert orders(made) == ["1350.00 EUR > 1500.00 USD", "BUY 30 AWAY", "BUY 34 HOME"]
    assert made.status == "PENDING_REVIEW"
    assert made.left == [("AWAY", "INSUFFICIENT_CASH"), ("HOME", "INSUFFICIENT_CASH")]


def test_a_missing_price_blocks() -> None:
    """Nothing is planned on what is not known, and it is named."""
    made = plan(simple(instruments={"HOME": {"currency": "EUR", "price": "100"}}))
    assert (made.status, made.orders, made.missing["instruments"]) == ("BLOCKED", [], ["AWAY"])


def test_a_position_too_large_blocks() -> None:
    """The plan is shown, and not to be carried out."""
    made = plan(simple(options={"max_position": "0.4"}))
    assert made.status == "BLOCKED"
    assert [rule.rule_id for rule in made.rules if not rule.holds] == ["SINGLE_POSITION_MAX"]


def test_the_gate_before_execution() -> None:
    """Says what is to be done next: carry it out, look at it, mend it, or nothing."""
    asked: tuple[dict[str, Any], ...] = (
        {},
        {"options": {"cash_buffer": "0.5"}},
        {"options": {"max_position": "0.4"}},
        {"targets": {}},
    )
    gates = [result_of(simple(**more), plan(simple(**more)), "rr_1", "c1")["gate_decision"] for more in asked]
    assert [gate["recommended_next_step"] for gate in gates] == ["EXECUTE", "RISK_REVIEW", "FIX_INPUT", "NONE"]
    assert [reason["reason_code"] for reason in gates[2]["reasons"]] == ["HARD_RULE_FAIL:SINGLE_POSITION_MAX"]
    assert [gate["summary"]["hard_fail_count"] for gate in gates] == [0, 0, 1, 0]


def test_the_largest_numbers_are_told() -> None:
    """To the hundredth: no digit of what the request may hold is too many."""
    most = {"currency": "USD", "price": "9999999999.999999"}
    portfolio = {"portfolio_id": "p1", "base_currency": "EUR", "positions": {"AWAY": "999999999999.999999"}}
    asked = simple(
        portfolio=portfolio, instruments={"AWAY": most}, targets={"AWAY": "1"}, rates={"USD": "99999999.99999999"}
    )
    state = result_of(asked, plan(asked), "rr_1", "c1")["before"]
    worth = Decimal(state["total_value"]["amount"])
    assert Decimal("9.99E29") < worth < Decimal("1E30")
    assert state["positions"][0]["weight"] == "1.000000"


def test_targets_of_more_than_everything_block() -> None:
    """Nothing is planned to an end that cannot be reached."""
    made = plan(simple(targets={"HOME": "0.6", "AWAY": "0.6"}))
    assert (made.status, made.orders) == ("BLOCKED", [])
    assert [rule.rule_id for rule in made.rules if not rule.holds] == ["TARGET_WEIGHTS", "DRIFT_LEFT"]
