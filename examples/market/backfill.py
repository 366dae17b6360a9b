"""Step 1, `P2-Backfill`: copy real daily prices into `prices.csv`, going on where the last run stopped.

    MARKET_DATA=data python backfill.py [--symbols AAPL,IBM] [--from DAY] [--to DAY]
                                        [--chunk-sessions N] [--max-chunks N] [--restart]

Exit status: 0 the table is complete, or `--max-chunks` ended the run early (its record says `partial`);
1 a check or the step failed; 2 wrong use.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from pathlib import Path

from files import PRICES
from price_table import BackfillCheckpoint, PriceTable, chunks, remove_table
from prices import DailyPrice, MarketDataError, parse_day, parse_symbol, parse_table
from source import Request, Source, packaged_source, read_source, select
from step import Check, check, run_step

from runstone.contracts.ovc import RunWriter

PIPELINE_ID = "P2-Backfill"
DEFAULT_SYMBOLS = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
DEFAULT_FIRST_DAY = date(2000, 3, 1)
DEFAULT_LAST_DAY = date(2013, 3, 1)
# About a quarter of a year: few enough syncs to be quick, small enough that an interruption costs little.
DEFAULT_CHUNK_SESSIONS = 63


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step under a record and return its exit status."""
    options = parse_options(arguments)
    return run_step(PIPELINE_ID, lambda writer, directory: backfill(options, writer, directory))


def backfill(options: argparse.Namespace, writer: RunWriter, directory: Path) -> Iterator[Check]:
    """Fill the table under `directory` as `options` ask, and yield the checks of what then stands in it.

    A source that is not the published one is a failed check, and nothing is written from it.
    """
    request = Request(options.symbols, options.first_day, options.last_day)
    source = packaged_source()
    writer.add_input("csv", source.ref, range=f"{request.first_day}..{request.last_day}")
    yield check("source_intact", "The package's file is as published", source.intact, source.sha256)
    if not source.intact:
        return
    wanted = wanted_prices(source, request)
    if options.restart:
        remove_table(directory)
    table = open_table(directory, source, request)
    rows_before = table.checkpoint.rows
    writer.log(f"going on after {rows_before} of {len(wanted)} rows")
    for chunk in islice(chunks(remaining(wanted, table), options.chunk_sessions), options.max_chunks):
        table.append(chunk)
        writer.log(f"wrote {len(chunk)} rows, {chunk[0].day} to {chunk[-1].day}")
    rows_written = table.checkpoint.rows - rows_before
    writer.add_output("csv", (directory / PRICES).as_posix(), rows_written=rows_written, rows_updated=0)
    yield from table_checks(directory / PRICES, wanted, table.checkpoint)


def wanted_prices(source: Source, request: Request) -> list[DailyPrice]:
    """Return the requested prices in table order; `MarketDataError` for a symbol that the source lacks."""
    prices = list(read_source(source.body))
    unknown = set(request.symbols) - {price.symbol for price in prices}
    if unknown:
        raise MarketDataError(f"{source.ref} has no prices of {', '.join(sorted(unknown))}")
    return select(prices, request)


def open_table(directory: Path, source: Source, request: Request) -> PriceTable:
    """Open the table of this source and request, refusing to end before a day that is already in it."""
    backfill_asked = BackfillCheckpoint(source.sha256, request.symbols, request.first_day.isoformat())
    table = PriceTable(directory, backfill_asked)
    if table.checkpoint.last_day > request.last_day.isoformat():
        raise MarketDataError(f"{PRICES} goes to {table.checkpoint.last_day}: --restart makes a shorter one")
    return table


def remaining(wanted: Sequence[DailyPrice], table: PriceTable) -> list[DailyPrice]:
    """Return the prices that come after the last day in the table."""
    return [price for price in wanted if price.day.isoformat() > table.checkpoint.last_day]


def table_checks(path: Path, wanted: Sequence[DailyPrice], reached: BackfillCheckpoint) -> Iterator[Check]:
    """Yield the checks of the table at `path`, read back, against the prices wanted of it so far."""
    with path.open(encoding="utf-8", newline="") as lines:
        found = [price.line() for price in parse_table(lines)]
    expected = [price.line() for price in wanted if price.day.isoformat() <= reached.last_day]
    yield check("rows_match_source", "The table is the source's rows", found == expected, f"{len(found)} rows")
    missing = len(wanted) - len(expected)
    shown = f"{missing} rows to go" if wanted else "no session of these symbols in the range"
    yield Check("range_complete", "The range is complete", "skip" if missing or not wanted else "pass", shown)


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; wrong use ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="backfill.py", description="Copy daily prices into prices.csv.")
    parser.add_argument("--symbols", type=symbols, default=DEFAULT_SYMBOLS, help="comma-separated tickers")
    parser.add_argument("--from", type=day, default=DEFAULT_FIRST_DAY, dest="first_day", metavar="DAY")
    parser.add_argument("--to", type=day, default=DEFAULT_LAST_DAY, dest="last_day", metavar="DAY")
    parser.add_argument("--chunk-sessions", type=count, default=DEFAULT_CHUNK_SESSIONS, metavar="N")
    parser.add_argument("--max-chunks", type=count, metavar="N", help="stop early; the next run goes on")
    parser.add_argument("--restart", action="store_true", help="forget the table and start anew")
    options = parser.parse_args(arguments)
    if options.first_day > options.last_day:
        parser.error(f"--from {options.first_day} is after --to {options.last_day}")
    return options


def symbols(text: str) -> tuple[str, ...]:
    """Return the tickers of a comma-separated list, sorted and unique."""
    return tuple(sorted({parse_symbol(part) for part in text.split(",")}))


def day(text: str) -> date:
    """Return the day that `text` names."""
    return parse_day(text)


def count(text: str) -> int:
    """Return the whole number ≥ 1 that `text` spells."""
    number = int(text)
    if number < 1:
        raise ValueError(f"expected 1 or more, found {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
