"""A plan that brings a portfolio to its targets: sell, convert, buy. Pure, and exact on `Decimal`.

- Sales come first, in whole lots; purchases are paid from all cash above the buffer, in whole lots, and are all scaled
  down alike where it does not suffice. What a currency lacks is bought for the base currency, which is topped up from
  other currencies where it runs short.
- A weight within the drift band of its target is left alone. What is sell-only is never bought, what is blocked not
  traded. Without a price or a rate for all that matters nothing is planned.
- Values are in the base currency unless they say otherwise. Cash moves in hundredths; what a conversion rounds away,
  less than a hundredth each, is kept back before anything is bought.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, localcontext

from models import Instrument, RebalanceRequest

VERSION = "1"
"""Goes up whenever the same request may have another plan than before: each run says which engine planned it."""
CENT = Decimal("0.01")
WEIGHT = Decimal("0.000001")
EXACT = Context(prec=80)
"""Enough for every product of three bounded inputs; only divisions are rounded."""
ROUNDINGS = 2
"""Conversions that one currency takes part in at most."""


@dataclass(frozen=True)
class Trade:
    """So many pieces bought or sold; the notional is in the instrument's currency."""

    side: str
    name: str
    instrument: Instrument
    quantity: Decimal
    notional: Decimal


@dataclass(frozen=True)
class Conversion:
    """Money of one currency sold for that of another."""

    sold: str
    sold_amount: Decimal
    bought: str
    bought_amount: Decimal


@dataclass(frozen=True)
class Rule:
    """A rule of the plan: `HARD` ones block, `SOFT` ones ask for somebody to look."""

    rule_id: str
    severity: str
    holds: bool
    measured: Decimal
    bound: str
    """What the threshold is: `max` and `min`, which are good themselves, or `above`."""
    threshold: Decimal
    reason: str


@dataclass
class Holdings:
    """What a portfolio has: pieces by instrument, money by currency."""

    quantities: dict[str, Decimal]
    cash: dict[str, Decimal]


@dataclass
class Plan:
    """What to do, why not, and what comes of it."""

    before: Holdings
    after: Holdings
    orders: list[Trade | Conversion] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    """Instruments that are away from their targets and not traded as far as that, with the reason."""
    missing: dict[str, list[str]] = field(default_factory=dict)
    """What is not known: `instruments`, `prices`, `rates`."""
    rules: list[Rule] = field(default_factory=list)

    @property
    def status(self) -> str:
        """`BLOCKED`, `PENDING_REVIEW` or `READY`."""
        broken = {rule.severity for rule in self.rules if not rule.holds}
        return "BLOCKED" if "HARD" in broken else "PENDING_REVIEW" if broken else "READY"


def plan(request: RebalanceRequest) -> Plan:
    """The plan of a request; the same for the same request, in whatever order its lists stand."""
    with localcontext(EXACT):
        return _Planner(request).plan()


class Market:
    """What things are worth, in the base currency."""

    def __init__(self, request: RebalanceRequest) -> None:
        self.base = request.portfolio.base_currency
        self.instruments = request.instruments
        self.rates = {**request.rates, self.base: Decimal(1)}

    def knows(self, name: str) -> bool:
        """Whether it is known what a piece is worth."""
        item = self.instruments.get(name)
        return item is not None and item.price is not None and item.currency in self.rates

    def value(self, name: str, quantity: Decimal) -> Decimal:
        """Of so many pieces."""
        item = self.instruments[name]
        assert item.price is not None
        return quantity * item.price * self.rates[item.currency]

    def money(self, cash: dict[str, Decimal]) -> Decimal:
        """Of money in several currencies."""
        return sum((amount * self.rates[currency] for currency, amount in cash.items()), Decimal(0))

    def total(self, holdings: Holdings) -> Decimal:
        """Of everything."""
        return self.money(holdings.cash) + sum(
            (self.value(name, quantity) for name, quantity in holdings.quantities.items()), Decimal(0)
        )


class _Planner:
    def __init__(self, request: RebalanceRequest) -> None:
        self._options = request.options
        self._market = Market(request)
        self._targets = request.targets
        quantities, cash = request.portfolio.positions, {self._market.base: Decimal(0), **request.portfolio.cash}
        self._names = sorted(quantities.keys() | self._targets.keys())
        self._plan = Plan(Holdings(dict(quantities), dict(cash)), Holdings(dict(quantities), dict(cash)))
        self._cash = self._plan.after.cash
        self._quantities = self._plan.after.quantities

    def plan(self) -> Plan:
        self._plan.missing = self._missing()
        total = Decimal(0) if any(self._plan.missing.values()) else self._market.total(self._plan.before)
        if total > 0 and sum(self._targets.values()) <= 1:
            wanted = self._wanted(total)
            self._trade("SELL", {name: -lots for name, lots in wanted.items() if lots < 0})
            self._trade("BUY", self._affordable({name: lots for name, lots in wanted.items() if lots > 0}, total))
        self._plan.rules = list(self._rules(total))
        return self._plan

    def _missing(self) -> dict[str, list[str]]:
        """What nobody can plan without: of all that is held, or should be."""
        known = self._market.instruments
        needed = {known[name].currency for name in self._names if name in known} | self._cash.keys()
        return {
            "instruments": [name for name in self._names if name not in known],
            "prices": [name for name in self._names if name in known and known[name].price is None],
            "rates": sorted(needed - self._market.rates.keys()),
        }

    def _wanted(self, total: Decimal) -> dict[str, Decimal]:
        """By instrument, pieces in whole lots from where it is to its target; minus is to be sold."""
        wanted: dict[str, Decimal] = {}
        for name in self._names:
            held = self._quantities.get(name, Decimal(0))
            distance = self._targets.get(name, Decimal(0)) * total - self._market.value(name, held)
            item = self._market.instruments[name]
            if abs(distance) <= self._options.drift_band * total:
                continue
            if item.status == "BLOCKED" or (item.status == "SELL_ONLY" and distance > 0):
                self._plan.left.append((name, item.status))
                continue
            pieces = _whole_lots(abs(distance) / self._market.value(name, Decimal(1)), item.lot_size)
            if not self._is_worth_an_order(name, pieces):
                self._plan.left.append((name, "BELOW_LOT_SIZE" if pieces == 0 else "BELOW_MIN_NOTIONAL"))
                continue
            wanted[name] = pieces if distance > 0 else -pieces
        return wanted

    def _affordable(self, wanted: dict[str, Decimal], total: Decimal) -> dict[str, Decimal]:
        """What of the purchases all cash above the buffer pays for."""
        cost = sum((self._market.value(name, pieces) for name, pieces in wanted.items()), Decimal(0))
        kept = self._options.cash_buffer * total + self._rounded_away(wanted)
        power = max(self._market.money(self._cash) - kept, Decimal(0))
        if cost <= power:
            return wanted
        bought: dict[str, Decimal] = {}
        for name, pieces in wanted.items():
            lot = self._market.instruments[name].lot_size
            paid = _whole_lots(pieces * power / cost, lot)
            self._plan.left.append((name, "INSUFFICIENT_CASH"))
            if self._is_worth_an_order(name, paid):
                bought[name] = paid
        return bought

    def _is_worth_an_order(self, name: str, pieces: Decimal) -> bool:
        """Not below the least order, and a hundredth of its currency at least: less moves no cash."""
        price = self._market.instruments[name].price
        assert price is not None
        return pieces * price >= CENT and self._market.value(name, pieces) >= self._options.min_notional

    def _rounded_away(self, wanted: dict[str, Decimal]) -> Decimal:
        """The most that rounding takes: of each purchase half a cent of its currency, of each conversion a cent."""
        rates = self._market.rates
        currencies = {self._market.instruments[name].currency for name in wanted} | self._cash.keys()
        notionals = sum((CENT * rates[self._market.instruments[name].currency] for name in wanted), Decimal(0))
        conversions = sum((ROUNDINGS * CENT * max(rates[currency], Decimal(1)) for currency in currencies), Decimal(0))
        return notionals + (conversions if currencies != {self._market.base} else Decimal(0))

    def _trade(self, side: str, quantities: dict[str, Decimal]) -> None:
        """Make the orders, the conversions that pay for purchases before them."""
        trades = []
        for name, pieces in quantities.items():
            item = self._market.instruments[name]
            assert item.price is not None
            notional = (pieces * item.price).quantize(CENT, ROUND_HALF_EVEN)
            sign = 1 if side == "BUY" else -1
            self._quantities[name] = self._quantities.get(name, Decimal(0)) + sign * pieces
            self._cash[item.currency] = self._cash.get(item.currency, Decimal(0)) - sign * notional
            trades.append(Trade(side, name, item, pieces, notional))
        self._plan.orders += [*(self._conversions() if side == "BUY" else ()), *trades]

    def _conversions(self) -> list[Conversion]:
        """What brings every currency back to nought or more; no money is spent before it is there."""
        base, rates = self._market.base, self._market.rates
        bought, topped_up = [], []
        for currency in sorted(self._cash.keys() - {base}):
            lacking = -self._cash[currency]
            if lacking > 0:
                paid = (lacking * rates[currency]).quantize(CENT, ROUND_CEILING)
                bought.append(self._convert(base, paid, currency, lacking))
        for currency in sorted(self._cash.keys() - {base}):
            lacking = -self._cash[base]
            if lacking > 0 and self._cash[currency] > 0:
                enough = (lacking / rates[currency]).quantize(CENT, ROUND_CEILING)
                sold = min(enough, self._cash[currency])
                got = (sold * rates[currency]).quantize(CENT, ROUND_FLOOR)
                if got > 0:
                    topped_up.append(self._convert(currency, sold, base, got))
        return [*topped_up, *bought]

    def _convert(self, sold: str, sold_amount: Decimal, bought: str, bought_amount: Decimal) -> Conversion:
        self._cash[sold] -= sold_amount
        self._cash[bought] += bought_amount
        return Conversion(sold, sold_amount, bought, bought_amount)

    def _rules(self, total: Decimal) -> Iterator[Rule]:
        """Each rule with what it measures; where something is not known there is nothing else to measure."""
        lacking = Decimal(sum(map(len, self._plan.missing.values())))
        yield _at_most("DATA_QUALITY", "HARD", lacking, Decimal(0), "MISSING_DATA")
        aimed = sum(self._targets.values(), Decimal(0))
        yield _at_most("TARGET_WEIGHTS", "HARD", aimed, Decimal(1), "MORE_THAN_ALL")
        if lacking:
            return
        yield Rule("POSITIVE_VALUE", "HARD", total > 0, total.quantize(CENT), "above", Decimal(0), "NOTHING_TO_WEIGH")
        least = min(self._quantities.values(), default=Decimal(0))
        yield _at_least("NO_SHORTING", "HARD", least, Decimal(0), "SHORT_POSITION")
        yield _at_least("INSUFFICIENT_CASH", "HARD", min(self._cash.values()), Decimal(0), "OVERDRAWN")
        if total > 0:
            yield from self._weighed(self._market.total(self._plan.after))

    def _weighed(self, total: Decimal) -> Iterator[Rule]:
        options, market = self._options, self._market
        weights = {name: market.value(name, quantity) / total for name, quantity in self._quantities.items()}
        heaviest = max(weights.values(), default=Decimal(0)).quantize(WEIGHT)
        if options.max_position is not None:
            yield _at_most("SINGLE_POSITION_MAX", "HARD", heaviest, options.max_position, "POSITION_TOO_LARGE")
        cash = (market.money(self._cash) / total).quantize(WEIGHT)
        yield _at_least("CASH_BUFFER", "SOFT", cash, options.cash_buffer, "CASH_BELOW_BUFFER")
        traded = sum((market.value(trade.name, trade.quantity) for trade in self._trades()), Decimal(0))
        if options.max_turnover is not None:
            share = (traded / total).quantize(WEIGHT)
            yield _at_most("TURNOVER_MAX", "SOFT", share, options.max_turnover, "TURNOVER_TOO_HIGH")
        drift = max((self._drift(name, weights, total) for name in self._names), default=Decimal(0))
        yield _at_most("DRIFT_LEFT", "SOFT", drift.quantize(WEIGHT), options.drift_band, "TARGET_NOT_REACHED")

    def _drift(self, name: str, weights: dict[str, Decimal], total: Decimal) -> Decimal:
        """How far a weight is from its target, but for the lot that cannot be divided."""
        lot = self._market.value(name, self._market.instruments[name].lot_size) / total
        distance = abs(weights.get(name, Decimal(0)) - self._targets.get(name, Decimal(0)))
        return max(distance - lot, Decimal(0))

    def _trades(self) -> list[Trade]:
        return [order for order in self._plan.orders if isinstance(order, Trade)]


def _whole_lots(pieces: Decimal, lot: Decimal) -> Decimal:
    return (pieces / lot).to_integral_value(ROUND_FLOOR) * lot


def _at_most(rule_id: str, severity: str, measured: Decimal, limit: Decimal, reason: str) -> Rule:
    return Rule(rule_id, severity, measured <= limit, measured, "max", limit, reason)


def _at_least(rule_id: str, severity: str, measured: Decimal, limit: Decimal, reason: str) -> Rule:
    return Rule(rule_id, severity, measured >= limit, measured, "min", limit, reason)


def weights_of(values: dict[str, Decimal]) -> dict[str, Decimal]:
    """Each value's share of them all in millionths that come to exactly 1 (largest remainders first).

    No share where the values come to nothing.
    """
    with localcontext(EXACT):
        total = sum(values.values(), Decimal(0))
        if total <= 0:
            return dict.fromkeys(values, Decimal(0))
        exact = {name: value / total for name, value in values.items()}
        shares = {name: share.quantize(WEIGHT, ROUND_FLOOR) for name, share in exact.items()}
        left = int((1 - sum(shares.values())) / WEIGHT)
        by_rest = sorted(exact, key=lambda name: (shares[name] - exact[name], name))
        for name in by_rest[:left]:
            shares[name] += WEIGHT
        return shares
