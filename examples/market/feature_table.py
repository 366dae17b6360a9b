"""The table of features and labels: every symbol's rows together, in one printed form.

- One row for each price, ordered by (day, symbol), whatever order the prices came in.
- A number has 8 places, half to even, and no negative zero; an absent value is an empty field.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from features import FeatureRow, derive_features
from prices import DailyPrice
from regime import Regime, RegimeRule, Swing

COLUMNS = (
    "day",
    "symbol",
    "return_1d",
    "log_return_1d",
    "sma_fast",
    "sma_slow",
    "sma_slope",
    "volatility",
    "drawdown",
    "day_range",
    "regime",
    "swing",
)
HEADER = ",".join(COLUMNS) + "\n"


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """One session's features with its labels, `None` while a window is not full."""

    features: FeatureRow
    regime: Regime | None
    swing: Swing | None

    def line(self) -> str:
        """Return the row's one printed form, with its LF."""
        row = self.features
        numbers = (
            row.return_1d,
            row.log_return_1d,
            row.sma_fast,
            row.sma_slow,
            row.sma_slope,
            row.volatility,
            row.drawdown,
            row.day_range,
        )
        words = (self.regime or "", self.swing or "")
        return ",".join((row.day.isoformat(), row.symbol, *map(format_number, numbers), *words)) + "\n"


def label_prices(prices: Iterable[DailyPrice], rule: RegimeRule) -> list[LabelledRow]:
    """Return the features and labels of every price, ordered by (day, symbol)."""
    series: dict[str, list[DailyPrice]] = defaultdict(list)
    for price in prices:
        series[price.symbol].append(price)
    features = [row for one in series.values() for row in derive_features(one)]
    features.sort(key=lambda row: (row.day, row.symbol))
    return [LabelledRow(row, rule.regime(row), rule.swing(row)) for row in features]


def format_table(rows: Iterable[LabelledRow]) -> bytes:
    """Return the table's bytes, header first."""
    return (HEADER + "".join(row.line() for row in rows)).encode()


def format_regime_counts(rows: Sequence[LabelledRow]) -> bytes:
    """Return, as a CSV of symbol, regime and sessions, how many sessions each symbol spent in each regime.

    Sessions without a label yet count under `none`.
    """
    counts = Counter((row.features.symbol, row.regime or "none") for row in rows)
    lines = (f"{symbol},{regime},{sessions}\n" for (symbol, regime), sessions in sorted(counts.items()))
    return ("symbol,regime,sessions\n" + "".join(lines)).encode()


def format_number(value: float | None) -> str:
    """Return `value` with 8 places, or nothing for `None`; a value that rounds to zero has no sign."""
    if value is None:
        return ""
    text = f"{value:.8f}"
    return "0.00000000" if text == "-0.00000000" else text
