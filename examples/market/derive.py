"""Step 2, `B1-DerivedC1`: derive features and a regime label for every price, into `features.csv`.

    MARKET_DATA=data python derive.py [--trend-threshold X] [--volatility-threshold Y]

The trend threshold is a fraction: 0.02 asks for 2 % of the slow average in 20 sessions, and a higher one
calls more sessions `sideways`. The volatility threshold is a fraction a year.
Exit status: 0 derived; 1 a check or the step failed; 2 wrong use.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from feature_table import LabelledRow, format_regime_counts, format_table, label_prices
from files import FEATURES, PRICES, replace_file
from prices import DailyPrice, MarketDataError, parse_table
from regime import DEFAULT_TREND_THRESHOLD, DEFAULT_VOLATILITY_THRESHOLD, RegimeRule
from step import Check, check, run_step

from runstone.contracts.ovc import RunWriter

PIPELINE_ID = "B1-DerivedC1"
REGIME_COUNTS = "regimes.csv"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step under a record and return its exit status."""
    rule = parse_options(arguments)
    return run_step(PIPELINE_ID, lambda writer, directory: derive(rule, writer, directory))


def derive(rule: RegimeRule, writer: RunWriter, directory: Path) -> Iterator[Check]:
    """Write the features and labels of the prices under `directory`, and yield the checks of them."""
    writer.log(f"trend threshold {rule.trend}, volatility threshold {rule.volatility}")
    prices = read_prices(directory / PRICES)
    spoken_range = f"{prices[0].day}..{prices[-1].day}" if prices else ""
    writer.add_input("csv", (directory / PRICES).as_posix(), range=spoken_range)
    rows = label_prices(prices, rule)
    replace_file(directory / FEATURES, format_table(rows))
    writer.add_output(
        "csv",
        (directory / FEATURES).as_posix(),
        rows_written=len(rows),
        extra={"trend_threshold": str(rule.trend), "volatility_threshold": str(rule.volatility)},
    )
    counts = format_regime_counts(rows)
    replace_file(writer.artifacts_dir / REGIME_COUNTS, counts)
    print(counts.decode(), end="")
    yield from feature_checks(prices, rows)


def read_prices(path: Path) -> list[DailyPrice]:
    """Return the table of prices at `path`; `MarketDataError` when it is missing or a line is no price."""
    if not path.exists():
        raise MarketDataError(f"{path.as_posix()} is missing: run backfill.py first")
    with path.open(encoding="utf-8", newline="") as lines:
        try:
            return list(parse_table(lines))
        except MarketDataError as error:
            raise MarketDataError(f"{path.as_posix()}: {error}") from error


def feature_checks(prices: Sequence[DailyPrice], rows: Sequence[LabelledRow]) -> Iterator[Check]:
    """Yield the checks that every price has its row and that the range was long enough for a label."""
    keys = [(row.features.day, row.features.symbol) for row in rows]
    same = keys == [price.key for price in prices]
    yield check("rows_match_prices", "One row for each price", same, f"{len(rows)} rows")
    labelled = sum(row.regime is not None for row in rows)
    shown = f"{labelled} of {len(rows)} sessions"
    yield Check("sessions_labelled", "Sessions have a regime", "pass" if labelled else "skip", shown)


def parse_options(arguments: Sequence[str] | None) -> RegimeRule:
    """Return the rule that the options spell; wrong use ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="derive.py", description="Derive features into features.csv.")
    parser.add_argument("--trend-threshold", type=float, default=DEFAULT_TREND_THRESHOLD, metavar="X")
    parser.add_argument("--volatility-threshold", type=float, default=DEFAULT_VOLATILITY_THRESHOLD, metavar="Y")
    options = parser.parse_args(arguments)
    try:
        return RegimeRule(options.trend_threshold, options.volatility_threshold)
    except MarketDataError as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
