"""How much calls may use: how many, how many tokens, at what cost, how often; and what they have used.

- A call counts from the moment that it is let through; its tokens and its cost once they are known. So the call behind
  the one that went over the limit is the first to be blocked by these.
- What cannot be known blocks: a cost limit does not hold for tokens that have no price.
"""

from __future__ import annotations

from bisect import bisect_right, insort

from runstone.core.policy.decision import FAIL, UNKNOWN
from runstone.core.times import SECOND_NS
from runstone.core.tools.prices import amount_of, amount_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Final

    from runstone.core.policy.loading import Place

BLOCK: Final = "block"
"""The severity of every rule over calls: none of them only warns."""
MINUTE_NS: Final = 60 * SECOND_NS


def fired(
    identity: str, reason: str, measured: Any, threshold: Any, unit: str | None = None, status: str = FAIL
) -> dict[str, Any]:
    """A rule that fired, with the fields of a decision's rule."""
    rule = {"id": identity, "status": status, "severity": BLOCK, "reason_code": reason}
    return {**rule, "measured": measured, "threshold": threshold, "unit": unit}


class Spent:
    """What calls have used so far. Its owner lets one thread at a time at it."""

    __slots__ = ("_times", "calls", "costs", "tokens", "unpriced")

    def __init__(self) -> None:
        self.calls = 0
        self.tokens = 0
        self.costs: dict[str, int] = {}
        self.unpriced: str | None = None
        self._times: list[int] = []

    def count(self, now_ns: int, kept: int) -> None:
        """One call more. `kept` is how many calls are to be told apart by their time."""
        self.calls += 1
        if kept:
            insort(self._times, now_ns)  # of two threads the later one may come first
            if len(self._times) > 2 * kept + 64:
                del self._times[:-kept]

    def give_back(self, at_ns: int) -> None:
        """One that was counted was not let through after all."""
        self.calls -= 1
        place = bisect_right(self._times, at_ns) - 1  # two of one moment are alike
        if place >= 0 and self._times[place] == at_ns:
            del self._times[place]

    def add(self, tokens: int, amount: int | None, currency: str | None, model: str | None) -> None:
        """Tokens that were used, and their cost; `amount` is `None` where they have no price."""
        self.tokens += tokens
        if amount is not None and currency is not None:
            self.costs[currency] = self.costs.get(currency, 0) + amount
        elif tokens:
            self.unpriced = model or "a model without a name"

    def since(self, then_ns: int) -> int:
        """How many calls were counted after a moment, of those that are told apart."""
        return len(self._times) - bisect_right(self._times, then_ns)


class Limits:
    """Limits of a policy or of a tool's contract, each `None` where there is none; `prefix` is where its rules are."""

    __slots__ = ("_calls", "_cost", "_prefix", "_rate", "_rate_id", "_tokens")

    def __init__(
        self, budget: Mapping[str, Any], rate: tuple[int, int] | None, prefix: str = "", rate_id: str = "rate"
    ) -> None:
        self._prefix = prefix
        self._calls: int | None = budget.get("calls")
        self._tokens: int | None = budget.get("tokens")
        self._cost: int | None = None if budget.get("cost") is None else amount_of(budget["cost"])
        self._rate = rate
        self._rate_id = prefix + rate_id

    @property
    def kept(self) -> int:
        """How many calls are to be told apart by their time."""
        return 0 if self._rate is None else self._rate[0]

    @property
    def none(self) -> bool:
        """Whether nothing is limited."""
        return self._rate is None and self._calls is None and self._tokens is None and self._cost is None

    def used_up(self, spent: Spent, currency: str | None) -> dict[str, Any] | None:
        """The rule that fires on tokens or cost, which are limits of what models use, too."""
        return next(self._used_up(spent, currency), None)

    def exceeded(self, spent: Spent, now_ns: int, currency: str | None) -> dict[str, Any] | None:
        """The rule that fires on one call more, at a moment of a clock that never goes back."""
        if self._calls is not None and spent.calls >= self._calls:
            return fired(f"{self._prefix}budget.calls", "budget_exceeded", spent.calls, self._calls, "calls")
        if self._rate is not None:
            most, window_ns = self._rate
            found = most if most == 0 else spent.since(now_ns - window_ns)
            if found >= most:
                unit = f"calls in {amount_text(amount_of(window_ns / SECOND_NS) or 0)} s"
                return fired(self._rate_id, "rate_exceeded", found, most, unit)
        return self.used_up(spent, currency)

    def _used_up(self, spent: Spent, currency: str | None) -> Iterator[dict[str, Any]]:
        if self._tokens is not None and spent.tokens >= self._tokens:
            yield fired(f"{self._prefix}budget.tokens", "budget_exceeded", spent.tokens, self._tokens, "tokens")
        if self._cost is not None:
            identity, limit = f"{self._prefix}budget.cost", amount_text(self._cost)
            if spent.unpriced is not None:
                yield fired(identity, "price_unknown", spent.unpriced, limit, currency, UNKNOWN)
                return
            unit, amount = max(spent.costs.items(), key=lambda item: item[1], default=(currency, 0))
            if amount >= self._cost:
                yield fired(identity, "budget_exceeded", amount_text(amount), limit, unit)


def limits_of_contract(budget: Mapping[str, Any] | None) -> Limits:
    """The limits that a tool's contract sets for each run: `calls`, `tokens`, `cost`, and `per_minute`, calls."""
    given = budget or {}
    per_minute = given.get("per_minute")
    rate = None if per_minute is None else (per_minute, MINUTE_NS)
    return Limits(given, rate, "contract.", "budget.per_minute")


def check_budget(place: Place) -> None:
    """Raise what is wrong with a table of `calls`, `tokens` and `cost`."""
    for key in ("calls", "tokens"):
        count(place, key)
    if place.value.get("cost") is not None and amount_of(place.value["cost"]) is None:
        raise place.wrong("has a 'cost' that is no amount, as decimal text with at most 12 digits behind the point")


def count(place: Place, key: str) -> int | None:
    """An integer of 0 or more, if it is there."""
    value = place.value.get(key)
    if value is not None and (type(value) is not int or value < 0):
        raise place.wrong(f"has a {key!r} that is no integer of 0 or more")
    return None if value is None else int(value)
