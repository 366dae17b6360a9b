"""Features of one symbol's daily prices: plain functions of earlier and present rows; nothing looks ahead.

- Returns, averages, volatility and drawdown come from adjusted closes, so that a split is no crash; the day's
  range comes from as-traded prices of one day.
- A value whose window is not full yet is `None`, never 0: absent is not the same as flat.
- Sums are `math.fsum`, exact up to one rounding, so that no result depends on the order or the machine.
- Rows are taken as successive sessions; whether a session is missing is for the validation step to say.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from prices import DailyPrice, MarketDataError

# Sessions in a year of a US exchange: the usual figure that makes a daily deviation an annual one.
SESSIONS_A_YEAR = 252
FAST_WINDOW = 20
SLOW_WINDOW = 50
VOLATILITY_WINDOW = 20
SLOPE_SPAN = 20


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """What is derived for one symbol and session; `None` while a window is not full.

    - `return_1d`: fraction, > -1; `log_return_1d`: its natural logarithm form.
    - `sma_fast`, `sma_slow`: means of `FAST_WINDOW` and `SLOW_WINDOW` closes, adjusted dollars.
    - `sma_slope`: change of the slow mean over `SLOPE_SPAN` sessions, fraction.
    - `volatility`: annualised fraction, ≥ 0.
    - `drawdown`: distance below the highest adjusted close so far, fraction in (-1, 0].
    - `day_range`: (high - low) / close, ≥ 0.
    """

    day: date
    symbol: str
    return_1d: float | None
    log_return_1d: float | None
    sma_fast: float | None
    sma_slow: float | None
    sma_slope: float | None
    volatility: float | None
    drawdown: float
    day_range: float


def derive_features(prices: Sequence[DailyPrice]) -> list[FeatureRow]:
    """Return one row for each of one symbol's `prices`, which must rise strictly by day and be above zero.

    `MarketDataError` names the first row that is another symbol's, repeats a day, goes back or has no price.
    """
    _check_series(prices)
    closes = [float(price.adj_close) for price in prices]
    returns, logs = simple_returns(closes), log_returns(closes)
    fast, slow = moving_average(closes, FAST_WINDOW), moving_average(closes, SLOW_WINDOW)
    slopes = relative_change(slow, SLOPE_SPAN)
    volatilities = annual_volatility(logs, VOLATILITY_WINDOW)
    falls = drawdowns(closes)
    return [
        FeatureRow(
            day=price.day,
            symbol=price.symbol,
            return_1d=returns[at],
            log_return_1d=logs[at],
            sma_fast=fast[at],
            sma_slow=slow[at],
            sma_slope=slopes[at],
            volatility=volatilities[at],
            drawdown=falls[at],
            day_range=day_range(price),
        )
        for at, price in enumerate(prices)
    ]


def simple_returns(closes: Sequence[float]) -> list[float | None]:
    """Return close / previous close - 1 for each session, `None` for the first."""
    return [*_absent(min(1, len(closes))), *(close / before - 1 for before, close in pairwise(closes))]


def log_returns(closes: Sequence[float]) -> list[float | None]:
    """Return ln(close / previous close) for each session, `None` for the first."""
    return [*_absent(min(1, len(closes))), *(math.log(close / before) for before, close in pairwise(closes))]


def moving_average(values: Sequence[float], window: int) -> list[float | None]:
    """Return the mean of the last `window` (≥ 1) values at each place, `None` before there are so many."""
    full = [math.fsum(values[end - window : end]) / window for end in range(window, len(values) + 1)]
    return [*_absent(min(window - 1, len(values))), *full]


def annual_volatility(returns: Sequence[float | None], window: int) -> list[float | None]:
    """Return the sample standard deviation (n - 1) of the last `window` (≥ 2) daily log returns times √252.

    Close-to-close historical volatility: Hull, *Options, Futures, and Other Derivatives*, "Estimating
    volatility from historical data". `None` while fewer than `window` returns are known.
    """
    return [_deviation(returns[max(0, end - window) : end], window) for end in range(1, len(returns) + 1)]


def drawdowns(closes: Sequence[float]) -> list[float]:
    """Return close / highest close so far - 1 for each session: 0 at a high, else negative and above -1."""
    highest = 0.0
    result = []
    for close in closes:
        highest = max(highest, close)
        result.append(close / highest - 1)
    return result


def relative_change(values: Sequence[float | None], span: int) -> list[float | None]:
    """Return value / value `span` (≥ 1) sessions ago - 1, `None` where either is missing."""
    pairs = zip(values, values[span:], strict=False)
    changes = [None if before is None or value is None else value / before - 1 for before, value in pairs]
    return [*_absent(min(span, len(values))), *changes]


def day_range(price: DailyPrice) -> float:
    """Return (high - low) / close of one day's as-traded prices."""
    return float((price.high - price.low) / price.close)


def _check_series(prices: Sequence[DailyPrice]) -> None:
    for price in prices:
        if min(price.low, price.close, price.adj_close) <= 0:
            raise MarketDataError(f"{price.symbol} {price.day}: a price above zero expected")
    for before, price in pairwise(prices):
        if price.symbol != before.symbol or price.day <= before.day:
            expected = f"a day of {before.symbol} after {before.day}"
            raise MarketDataError(f"{expected} expected, found {price.symbol} {price.day}")


def _absent(count: int) -> list[None]:
    return [None] * count


def _deviation(returns: Sequence[float | None], window: int) -> float | None:
    known = [value for value in returns if value is not None]
    if len(known) < window:
        return None
    mean = math.fsum(known) / window
    variance = math.fsum((value - mean) ** 2 for value in known) / (window - 1)
    return math.sqrt(variance * SESSIONS_A_YEAR)
