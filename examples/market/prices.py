"""Daily prices: the value, its strict parser and its one printed form.

- Money is `Decimal`, never a binary fraction. As-traded prices have 4 places, as many as the source; adjusted
  closes 10, half to even, where the source has up to 15.
- A row is `day,symbol,open,high,low,close,volume,adj_close`; rows are ordered by (day, symbol), a unique key.
- Printing depends on the value alone: not on the locale, the machine or the digits that the source used.

It does not judge the market: a high below a low parses, and the validation step reports it.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

COLUMNS = ("day", "symbol", "open", "high", "low", "close", "volume", "adj_close")
HEADER = ",".join(COLUMNS) + "\n"

_PRICE_STEP = Decimal("0.0001")
_ADJUSTED_STEP = Decimal("0.0000000001")
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,18})?", re.ASCII)
_SYMBOL = re.compile(r"[A-Z][A-Z0-9.]{0,9}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class MarketDataError(ValueError):
    """Prices, a request or a file is not what it must be; the text says what, expected and found."""


@dataclass(frozen=True, slots=True)
class DailyPrice:
    """One symbol on one trading day.

    - `open`, `high`, `low`, `close`: US dollars a share as traded that day, ≥ 0.
    - `volume`: shares, ≥ 0.
    - `adj_close`: the close, dollars, less every later split and dividend; only ratios mean something.
    """

    day: date
    symbol: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    adj_close: Decimal

    @property
    def key(self) -> tuple[date, str]:
        """What is unique in a table of prices, and its order."""
        return (self.day, self.symbol)

    def line(self) -> str:
        """Return the row's one printed form, with its LF."""
        traded = (
            str(value.quantize(_PRICE_STEP, ROUND_HALF_EVEN)) for value in (self.open, self.high, self.low, self.close)
        )
        adjusted = str(self.adj_close.quantize(_ADJUSTED_STEP, ROUND_HALF_EVEN))
        return ",".join((self.day.isoformat(), self.symbol, *traded, str(self.volume), adjusted)) + "\n"


def parse_day(text: str) -> date:
    """Return the day that `text` names as YYYY-MM-DD; `MarketDataError` for any other form."""
    if _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise MarketDataError(f"day: expected YYYY-MM-DD, found {text!r}")


def parse_symbol(text: str) -> str:
    """Return `text` if it is a ticker symbol of at most 10 characters; `MarketDataError` otherwise."""
    if not _SYMBOL.fullmatch(text):
        raise MarketDataError(f"symbol: expected a ticker such as IBM, found {text!r}")
    return text


def parse_table(lines: Iterable[str]) -> Iterator[DailyPrice]:
    """Yield the prices of a table this pipeline wrote; `MarketDataError` names the line.

    The header must be `COLUMNS`, and keys must rise strictly: a duplicate or a row out of order is an error.
    """
    previous: tuple[date, str] | None = None
    for line, price in parse_rows(lines, {name: name for name in COLUMNS}):
        if previous is not None and price.key <= previous:
            raise MarketDataError(f"line {line}: {price.day} {price.symbol} repeats or is out of order")
        previous = price.key
        yield price


def parse_rows(lines: Iterable[str], columns: Mapping[str, str]) -> Iterator[tuple[int, DailyPrice]]:
    """Yield each row of a CSV with its line number; `MarketDataError` names the line.

    `columns` is the header that must be found, in order, each name with the one of `COLUMNS` it stands for.
    """
    rows = csv.reader(lines)
    try:
        header = next(rows, [])
        if header != list(columns):
            raise MarketDataError(f"expected {','.join(columns)}, found {','.join(header)}")
        for row in rows:
            yield rows.line_num, _parse_row(row, columns)
    except (MarketDataError, csv.Error, UnicodeDecodeError) as error:
        raise MarketDataError(f"line {max(rows.line_num, 1)}: {error}") from error


def _parse_row(row: list[str], columns: Mapping[str, str]) -> DailyPrice:
    if len(row) != len(columns):
        raise MarketDataError(f"expected {len(columns)} fields, found {len(row)}")
    field = dict(zip(columns.values(), row, strict=True))
    return DailyPrice(
        day=parse_day(field["day"]),
        symbol=parse_symbol(field["symbol"]),
        open=_number(field, "open"),
        high=_number(field, "high"),
        low=_number(field, "low"),
        close=_number(field, "close"),
        volume=_whole(field, "volume"),
        adj_close=_number(field, "adj_close"),
    )


def _number(field: Mapping[str, str], name: str) -> Decimal:
    if not _NUMBER.fullmatch(field[name]):
        raise MarketDataError(f"{name}: expected a decimal number ≥ 0, found {field[name]!r}")
    return Decimal(field[name])


def _whole(field: Mapping[str, str], name: str) -> int:
    value = _number(field, name)
    if value != value.to_integral_value():
        raise MarketDataError(f"{name}: expected a whole number, found {field[name]!r}")
    return int(value)
