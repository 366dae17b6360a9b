"""The real prices: one file of the `bokeh-sampledata` package, found and read without importing the package.

- The file holds daily prices of AAPL, FB, GOOG, IBM and MSFT from 2000-03-01 to 2013-03-01, taken from the
  WIKI Prices that Quandl gave to the public domain; all but the adjusted close are as traded.
- The package's own RECORD says what the file's SHA-256 must be, so that a changed file is seen.
- Nothing is fetched: without the package there is an error that says how to install it.
"""

import base64
import gzip
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from pathlib import Path

from prices import DailyPrice, MarketDataError, parse_rows

PACKAGE = "bokeh-sampledata"
MEMBER = "bokeh_sampledata/_data/stocks.csv.gz"

# The source's names for our columns, in its order.
_SOURCE_COLUMNS = {
    "Ticker": "symbol",
    "Date": "day",
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Volume": "volume",
    "Adj Close": "adj_close",
}


@dataclass(frozen=True, slots=True)
class Source:
    """The packaged file: how a record names it, its bytes, and its SHA-256 (hex), found and promised."""

    ref: str
    body: bytes
    sha256: str
    recorded_sha256: str

    @property
    def intact(self) -> bool:
        """Whether the bytes are the ones that the package was published with."""
        return self.sha256 == self.recorded_sha256


@dataclass(frozen=True, slots=True)
class Request:
    """Which prices are wanted: symbols, sorted and unique, and days, the first and the last included."""

    symbols: tuple[str, ...]
    first_day: date
    last_day: date

    def wants(self, price: DailyPrice) -> bool:
        """Whether `price` is one of the wanted."""
        return price.symbol in self.symbols and self.first_day <= price.day <= self.last_day


def packaged_source() -> Source:
    """Read the packaged file; `MarketDataError` when the package is not installed or lacks the file."""
    try:
        distribution = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise MarketDataError(f"{PACKAGE} is not installed: see requirements.txt") from error
    for member in distribution.files or ():
        if member.as_posix() == MEMBER:
            body = Path(str(distribution.locate_file(member))).read_bytes()
            recorded = _hex_of_record(member.hash.value) if member.hash else ""
            ref = f"{PACKAGE}=={distribution.version}:{MEMBER}"
            return Source(ref, body, hashlib.sha256(body).hexdigest(), recorded)
    raise MarketDataError(f"{PACKAGE} {distribution.version} has no {MEMBER}: version 2026.1 is needed")


def read_source(body: bytes) -> Iterator[DailyPrice]:
    """Yield every price of the packaged file's bytes, in its order; `MarketDataError` names the line."""
    with gzip.open(io.BytesIO(body), "rt", encoding="utf-8", newline="") as lines:
        yield from parse_source(lines)


def parse_source(lines: Iterable[str]) -> Iterator[DailyPrice]:
    """Yield the prices that lines in the source's layout spell; `MarketDataError` names the line."""
    return (price for _, price in parse_rows(lines, _SOURCE_COLUMNS))


def select(prices: Iterable[DailyPrice], request: Request) -> list[DailyPrice]:
    """Return the wanted prices in table order; a key that comes twice stays twice, for others to refuse."""
    return sorted(filter(request.wants, prices), key=lambda price: price.key)


def _hex_of_record(value: str) -> str:
    """Return a RECORD's digest, URL-safe base64 without padding (Binary distribution format), as hex."""
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
