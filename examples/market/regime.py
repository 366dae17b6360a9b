"""The market regime of a session: which way the slow average goes, and whether prices swing more than usual.

- `up` where the slow average rose by the trend threshold or more over its span, `down` where it fell by as
  much, `sideways` between.
- `wild` where the volatility is above its threshold, else `calm`.
- No label while a window is not full: unknown is not `sideways`.
- A trend threshold of 0 leaves no session sideways; a higher one only ever turns a trend into `sideways`.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from features import FeatureRow
from prices import MarketDataError

DEFAULT_TREND_THRESHOLD = 0.02
DEFAULT_VOLATILITY_THRESHOLD = 0.4


class Regime(StrEnum):
    """The direction of a session's trend."""

    UP = "up"
    DOWN = "down"
    SIDEWAYS = "sideways"


class Swing(StrEnum):
    """Whether prices swing more than the volatility threshold."""

    CALM = "calm"
    WILD = "wild"


@dataclass(frozen=True, slots=True)
class RegimeRule:
    """The thresholds of both labels.

    - `trend`: change of the slow average over `SLOPE_SPAN` sessions, fraction, ≥ 0 (0.02: 2 %).
    - `volatility`: annualised fraction, > 0 (0.4 is 40 % a year).
    """

    trend: float = DEFAULT_TREND_THRESHOLD
    volatility: float = DEFAULT_VOLATILITY_THRESHOLD

    def __post_init__(self) -> None:
        """Refuse a threshold that no figure can be held against."""
        if not (math.isfinite(self.trend) and self.trend >= 0):
            raise MarketDataError(f"trend threshold: expected a number ≥ 0, found {self.trend}")
        if not (math.isfinite(self.volatility) and self.volatility > 0):
            raise MarketDataError(f"volatility threshold: expected a number > 0, found {self.volatility}")

    def regime(self, features: FeatureRow) -> Regime | None:
        """Return the trend's direction, or `None` while its slope is not known."""
        slope = features.sma_slope
        if slope is None:
            return None
        if abs(slope) < self.trend:
            return Regime.SIDEWAYS
        return Regime.UP if slope >= 0 else Regime.DOWN

    def swing(self, features: FeatureRow) -> Swing | None:
        """Return whether prices swing, or `None` while the volatility is not known."""
        if features.volatility is None:
            return None
        return Swing.WILD if features.volatility > self.volatility else Swing.CALM
