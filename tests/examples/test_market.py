"""The market example: prices, their resumable table, features, regimes, the calendar and the validation.

Expected values are worked out by other means than the example's: by hand, with `statistics` and `decimal`,
from the exchange's published calendar, or from the packaged prices themselves.
"""

import hashlib
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal, localcontext
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "market"))

import feature_table
import features
import files
from feature_table import LabelledRow, format_number, format_table, label_prices
from price_table import BackfillCheckpoint, PriceTable, chunks, parse_checkpoint, remove_table
from prices import HEADER, DailyPrice, MarketDataError, parse_day, parse_symbol, parse_table
from regime import Regime, RegimeRule, Swing
from source import PACKAGE, Request, Source, packaged_source, parse_source, read_source, select

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "market"
SYMBOLS = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
WHOLE_RANGE = Request(SYMBOLS, date(2000, 3, 1), date(2013, 3, 1))
SOURCE_HEADER = "Ticker,Date,Open,High,Low,Close,Volume,Adj Close\n"


def is_installed(package: str) -> bool:
    """Whether a distribution of this name is there."""
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


needs_prices = pytest.mark.skipif(not is_installed(PACKAGE), reason=f"{PACKAGE} is not installed")


@pytest.fixture(scope="module")
def source() -> Source:
    """Return the packaged file."""
    return packaged_source()


@pytest.fixture(scope="module")
def real_prices(source: Source) -> list[DailyPrice]:
    """Return every packaged price in table order."""
    return select(read_source(source.body), WHOLE_RANGE)


@pytest.fixture(scope="module")
def real_rows(real_prices: list[DailyPrice]) -> list[LabelledRow]:
    """Return features and labels of every packaged price by the default rule."""
    return label_prices(real_prices, RegimeRule())


def price(day: date, symbol: str = "IBM", close: str = "100", adjusted: str | None = None) -> DailyPrice:
    """Return a plausible price of one day."""
    value = Decimal(close)
    return DailyPrice(
        day,
        symbol,
        value,
        value + 1,
        value - Decimal("0.5"),
        value,
        1000,
        Decimal(adjusted) if adjusted else value,
    )


def series(closes: Sequence[float], symbol: str = "IBM") -> list[DailyPrice]:
    """Return prices of successive days with these closes."""
    return [price(date(2020, 1, 1) + timedelta(at), symbol, str(close)) for at, close in enumerate(closes)]


def two_symbols(days: int) -> list[DailyPrice]:
    """Return prices of two symbols on each of so many days, in table order."""
    first = date(2020, 1, 1)
    return [price(first + timedelta(at), name, str(50 + at)) for at in range(days) for name in ("GOOG", "IBM")]


def spell(prices: Sequence[DailyPrice]) -> str:
    """Return the bytes of a table of these prices."""
    return HEADER + "".join(one.line() for one in prices)


class TestPrices:
    """The value, its parser and its printed form."""

    def test_a_row_is_printed_with_fixed_places(self) -> None:
        """Prices have 4 places, adjusted closes 10, whatever digits the value came with."""
        one = DailyPrice(
            date(2000, 3, 1),
            "AAPL",
            Decimal("118.56"),
            Decimal("132.06"),
            Decimal("118.5"),
            Decimal("130.31"),
            9616100,
            Decimal("4.186662803811"),
        )
        assert one.line() == "2000-03-01,AAPL,118.5600,132.0600,118.5000,130.3100,9616100,4.1866628038\n"

    def test_what_is_printed_parses_to_the_same_value(self) -> None:
        """A table survives a round trip, byte for byte and value for value."""
        prices = two_symbols(3)
        assert list(parse_table(spell(prices).splitlines(keepends=True))) == prices

    def test_a_table_of_a_header_alone_is_empty(self) -> None:
        """No row is no price and no error."""
        assert list(parse_table([HEADER])) == []

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda _: "", "line 1: expected day,symbol"),
            (lambda text: text.replace("day,", "date,"), "line 1: expected day,symbol"),
            (lambda text: text.replace("2020-01-02", "2020-02-30"), "line 3: day: expected YYYY-MM-DD"),
            (lambda text: text.replace("2020-01-02", "20200102"), "line 3: day: expected YYYY-MM-DD"),
            (lambda text: text.replace("2020-01-02,IBM", "2020-01-02,ibm"), "line 3: symbol"),
            (lambda text: text.replace("2020-01-02", "2020-01-01"), "line 3: 2020-01-01 IBM repeats"),
            (lambda text: text.replace("2020-01-03", "2019-12-31"), "line 4: 2019-12-31 IBM repeats"),
            (lambda text: text.replace(",1000,", ",10.5,", 1), "line 2: volume: expected a whole number"),
            (lambda text: text.replace(",1000,", ",-1,", 1), "line 2: volume: expected a decimal number"),
            (lambda text: text.replace(",1000,", ",,", 1), "line 2: volume: expected a decimal number"),
            (lambda text: text.replace("101.0000", "1e2", 1), "line 2: high: expected a decimal number"),
            (lambda text: text.replace("101.0000", "NaN", 1), "line 2: high: expected a decimal number"),
            (lambda text: text.replace(",1000,", ",1000,7,", 1), "line 2: expected 8 fields, found 9"),
            (lambda text: text[:-20], "line 4: expected 8 fields"),
        ],
    )
    def test_a_damaged_table_is_refused_by_line(self, damage: Callable[[str], str], message: str) -> None:
        """The error names the line, the field, and what was expected."""
        text = damage(spell(series([100, 101, 102])))
        with pytest.raises(MarketDataError, match=message):
            list(parse_table(text.splitlines(keepends=True)))

    @pytest.mark.parametrize("text", ["", "2013-3-1", "2013-03-01T00:00", "٢٠١٣-03-01", " 2013-03-01"])
    def test_a_day_has_one_form(self, text: str) -> None:
        """Only YYYY-MM-DD in ASCII digits names a day."""
        with pytest.raises(MarketDataError, match="expected YYYY-MM-DD"):
            parse_day(text)

    @pytest.mark.parametrize("text", ["", "ibm", "A,B", "TOOLONGNAME", "1BM", "IBM\n"])
    def test_a_symbol_is_a_ticker(self, text: str) -> None:
        """Nothing that would break a line of the table is a symbol."""
        with pytest.raises(MarketDataError, match="expected a ticker"):
            parse_symbol(text)


class TestSource:
    """The packaged prices, found without importing their package."""

    @needs_prices
    def test_the_file_is_the_published_one(self, source: Source) -> None:
        """The bytes have the digest of the package's RECORD, which is the one of version 2026.1."""
        assert source.intact
        assert source.sha256 == "5abadf99b2d394f920120a27de6f0df129859d71d4cfb0bf661bcc99446ab1fd"

    @needs_prices
    def test_the_package_is_not_imported(self, source: Source) -> None:
        """Reading its file needs none of its dependencies."""
        assert source.ref == "bokeh-sampledata==2026.1:bokeh_sampledata/_data/stocks.csv.gz"
        assert "bokeh_sampledata" not in sys.modules

    @needs_prices
    def test_it_holds_five_real_series(self, real_prices: list[DailyPrice]) -> None:
        """Facebook and Google begin with their first day of trading; the others cover the whole range."""
        assert Counter(one.symbol for one in real_prices) == {
            "AAPL": 3270,
            "FB": 196,
            "GOOG": 2148,
            "IBM": 3270,
            "MSFT": 3270,
        }
        first = {name: min(one.day for one in real_prices if one.symbol == name) for name in SYMBOLS}
        assert first["FB"] == date(2012, 5, 18)
        assert first["GOOG"] == date(2004, 8, 19)
        assert first["IBM"] == date(2000, 3, 1)

    @needs_prices
    def test_nothing_is_lost_in_print(self, real_prices: list[DailyPrice]) -> None:
        """Four places hold every as-traded price exactly, and ten an adjusted close within half a unit."""
        printed = list(parse_table(spell(real_prices).splitlines(keepends=True)))
        for before, after in zip(real_prices, printed, strict=True):
            assert replace(before, adj_close=after.adj_close) == after
            assert abs(before.adj_close - after.adj_close) <= Decimal("0.00000000005")

    def test_another_layout_is_refused(self) -> None:
        """A column that moved is an error, not a wrong price."""
        with pytest.raises(MarketDataError, match="line 1: expected Ticker,Date"):
            list(parse_source(["Date,Ticker,Open,High,Low,Close,Volume,Adj Close\n"]))

    def test_rows_of_the_source_take_our_names(self) -> None:
        """The source's columns become the table's."""
        (one,) = parse_source([SOURCE_HEADER, "FB,2012-05-18,42.05,45.0,38.0,38.2318,573576400,38.2318\n"])
        assert one.line() == "2012-05-18,FB,42.0500,45.0000,38.0000,38.2318,573576400,38.2318000000\n"

    def test_selection_keeps_both_ends_and_sorts(self) -> None:
        """First and last day are included; the order is by day, then symbol."""
        wanted = Request(("GOOG", "IBM"), date(2020, 1, 2), date(2020, 1, 3))
        chosen = select(reversed(two_symbols(5)), wanted)
        assert [(one.day.day, one.symbol) for one in chosen] == [
            (2, "GOOG"),
            (2, "IBM"),
            (3, "GOOG"),
            (3, "IBM"),
        ]

    def test_an_empty_range_selects_nothing(self) -> None:
        """A range between two days of the data holds no price."""
        assert select(two_symbols(5), Request(("IBM",), date(2021, 1, 1), date(2021, 1, 3))) == []

    def test_a_missing_package_says_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without the package the error points at the requirements."""
        monkeypatch.setattr("source.PACKAGE", "no-such-distribution-of-prices")
        with pytest.raises(MarketDataError, match=r"not installed: see requirements\.txt"):
            packaged_source()


def backfill_of(prices: Sequence[DailyPrice], source_sha256: str = "0" * 64) -> BackfillCheckpoint:
    """Return the beginning of a backfill of these prices."""
    names = tuple(sorted({one.symbol for one in prices}))
    return BackfillCheckpoint(source_sha256, names, prices[0].day.isoformat())


def fill(directory: Path, prices: Sequence[DailyPrice], sessions: int) -> PriceTable:
    """Open the table in `directory` and write what it lacks of `prices`."""
    table = PriceTable(directory, backfill_of(prices))
    for chunk in chunks([one for one in prices if one.day.isoformat() > table.checkpoint.last_day], sessions):
        table.append(chunk)
    return table


class PowerCut(BaseException):
    """The process ends here."""


class TestPriceTable:
    """A table that is filled in pieces and goes on after any interruption."""

    PRICES = two_symbols(7)
    WHOLE = spell(PRICES).encode()

    @pytest.mark.parametrize("sessions", [1, 2, 3, 6, 7, 100])
    def test_the_bytes_do_not_depend_on_the_chunks(self, tmp_path: Path, sessions: int) -> None:
        """Pieces of any size give one table and one checkpoint."""
        table = fill(tmp_path, self.PRICES, sessions)
        assert (tmp_path / files.PRICES).read_bytes() == self.WHOLE
        assert table.checkpoint.rows == len(self.PRICES)
        assert table.checkpoint.size_bytes == len(self.WHOLE)
        assert table.checkpoint.sha256 == hashlib.sha256(self.WHOLE).hexdigest()

    @pytest.mark.parametrize("rows", range(len(PRICES) + 1))
    @pytest.mark.parametrize("sessions", [1, 2, 3])
    def test_it_resumes_at_every_row(self, tmp_path: Path, rows: int, sessions: int) -> None:
        """Cut off after any row, with the checkpoint of the last whole chunk, no row is lost or doubled."""
        whole_rows = rows - rows % (2 * sessions)
        if whole_rows:
            fill(tmp_path, self.PRICES[:whole_rows], sessions)
        else:
            PriceTable(tmp_path, backfill_of(self.PRICES))
        (tmp_path / files.PRICES).write_bytes(spell(self.PRICES[:rows]).encode())
        fill(tmp_path, self.PRICES, sessions)
        assert (tmp_path / files.PRICES).read_bytes() == self.WHOLE

    def test_it_resumes_at_every_byte(self, tmp_path: Path) -> None:
        """A chunk that was cut inside a line is written again, whole."""
        six = spell(self.PRICES[:6]).encode()
        fill(tmp_path, self.PRICES[:4], 2)
        checkpoint = (tmp_path / files.PRICES_CHECKPOINT).read_bytes()
        for size in range(len(spell(self.PRICES[:4])), len(six) + 1):
            (tmp_path / files.PRICES).write_bytes(six[:size])
            (tmp_path / files.PRICES_CHECKPOINT).write_bytes(checkpoint)
            fill(tmp_path, self.PRICES[:6], 2)
            assert (tmp_path / files.PRICES).read_bytes() == six

    @pytest.mark.parametrize("sessions", [1, 3])
    def test_it_survives_a_cut_at_every_sync(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sessions: int
    ) -> None:
        """A process that ends at any sync or rename leaves a table that the next one completes."""
        for survived in range(1000):
            directory = tmp_path / str(survived)
            directory.mkdir()
            with monkeypatch.context() as patch:
                cut_after(patch, survived)
                try:
                    fill(directory, self.PRICES, sessions)
                except PowerCut:
                    ended = False
                else:
                    ended = True
            fill(directory, self.PRICES, sessions)
            assert (directory / files.PRICES).read_bytes() == self.WHOLE
            if ended:
                break
        assert ended
        assert survived > 10

    def test_a_complete_table_stays_as_it_is(self, tmp_path: Path) -> None:
        """A second backfill of the same range writes no row."""
        fill(tmp_path, self.PRICES, 2)
        assert fill(tmp_path, self.PRICES, 3).checkpoint.rows == len(self.PRICES)
        assert (tmp_path / files.PRICES).read_bytes() == self.WHOLE

    def test_a_later_last_day_goes_on(self, tmp_path: Path) -> None:
        """The daily job appends the new days to yesterday's table."""
        fill(tmp_path, self.PRICES[:8], 3)
        fill(tmp_path, self.PRICES, 3)
        assert (tmp_path / files.PRICES).read_bytes() == self.WHOLE

    def test_an_empty_range_leaves_a_header(self, tmp_path: Path) -> None:
        """No price is a table of no rows, and a second run finds it well."""
        for _ in range(2):
            assert PriceTable(tmp_path, backfill_of(self.PRICES)).checkpoint.rows == 0
            assert (tmp_path / files.PRICES).read_text() == HEADER

    def test_one_row_is_a_table(self, tmp_path: Path) -> None:
        """A single price is written and counted."""
        assert fill(tmp_path, self.PRICES[:1], 5).checkpoint.rows == 1
        assert (tmp_path / files.PRICES).read_text() == spell(self.PRICES[:1])

    @pytest.mark.parametrize(
        "chunk",
        [
            [*PRICES[2:4], PRICES[3]],
            [PRICES[3], PRICES[2]],
            PRICES[:2],
        ],
        ids=["duplicate", "out of order", "a day that is there"],
    )
    def test_rows_that_do_not_rise_are_refused(self, tmp_path: Path, chunk: list[DailyPrice]) -> None:
        """A duplicate or an old day is an error, and the table stays as it was."""
        table = fill(tmp_path, self.PRICES[:2], 1)
        with pytest.raises(MarketDataError, match="a row after"):
            table.append(chunk)
        assert (tmp_path / files.PRICES).read_text() == spell(self.PRICES[:2])

    @pytest.mark.parametrize(
        "other",
        [
            replace(backfill_of(PRICES), source_sha256="1" * 64),
            replace(backfill_of(PRICES), symbols=("IBM",)),
            replace(backfill_of(PRICES), first_day="2019-12-31"),
        ],
        ids=["source", "symbols", "first day"],
    )
    def test_another_backfill_is_refused(self, tmp_path: Path, other: BackfillCheckpoint) -> None:
        """Another source, symbol or first day would mix two tables in one."""
        fill(tmp_path, self.PRICES, 2)
        with pytest.raises(MarketDataError, match="holds another backfill"):
            PriceTable(tmp_path, other)

    def test_a_changed_table_is_refused(self, tmp_path: Path) -> None:
        """One edited digit is found, and nothing is overwritten."""
        fill(tmp_path, self.PRICES, 2)
        edited = self.WHOLE.replace(b"51.0000", b"51.0001", 1)
        (tmp_path / files.PRICES).write_bytes(edited)
        with pytest.raises(MarketDataError, match="changed since its checkpoint"):
            fill(tmp_path, self.PRICES, 2)
        assert (tmp_path / files.PRICES).read_bytes() == edited

    def test_a_shortened_table_is_refused(self, tmp_path: Path) -> None:
        """Rows that a checkpoint vouches for and that are gone are not silently left out."""
        fill(tmp_path, self.PRICES, 2)
        (tmp_path / files.PRICES).write_bytes(self.WHOLE[:-1])
        with pytest.raises(MarketDataError, match="changed since its checkpoint"):
            fill(tmp_path, self.PRICES, 2)

    def test_somebody_elses_table_is_refused(self, tmp_path: Path) -> None:
        """A table without a checkpoint is not a backfill's, and is left alone."""
        (tmp_path / files.PRICES).write_text("mine\n")
        with pytest.raises(MarketDataError, match="has no checkpoint"):
            fill(tmp_path, self.PRICES, 2)
        assert (tmp_path / files.PRICES).read_text() == "mine\n"

    def test_a_removed_table_starts_anew(self, tmp_path: Path) -> None:
        """After `remove_table` nothing of the old backfill is left."""
        (tmp_path / files.PRICES).write_text("mine\n")
        remove_table(tmp_path)
        fill(tmp_path, self.PRICES, 2)
        assert (tmp_path / files.PRICES).read_bytes() == self.WHOLE

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"symbols":["IBM"]}', b"\xff"])
    def test_a_damaged_checkpoint_is_refused(self, body: bytes) -> None:
        """What is no checkpoint is an error with the file's name."""
        with pytest.raises(MarketDataError, match=r"prices\.checkpoint\.json"):
            parse_checkpoint(body)

    def test_a_checkpoint_survives_a_round_trip(self) -> None:
        """Its file spells the same checkpoint."""
        checkpoint = replace(backfill_of(self.PRICES), rows=3, size_bytes=99, last_day="2020-01-02")
        assert parse_checkpoint(checkpoint.to_json()) == checkpoint

    def test_a_chunk_has_a_day(self) -> None:
        """No session in a chunk is wrong use, not an endless loop."""
        with pytest.raises(MarketDataError, match="expected 1 or more"):
            list(chunks(self.PRICES, 0))

    def test_a_day_is_never_split(self) -> None:
        """Both symbols of a day are in one chunk."""
        assert [len(chunk) for chunk in chunks(self.PRICES, 3)] == [6, 6, 2]


def cut_after(patch: pytest.MonkeyPatch, calls: int) -> None:
    """Let so many syncs and renames of this thread through, then cut the power before the next takes effect."""
    left, own = iter(range(calls)), threading.get_ident()
    fsync, rename = os.fsync, Path.replace

    def cut_fsync(descriptor: int) -> None:
        if threading.get_ident() == own and next(left, None) is None:
            raise PowerCut
        fsync(descriptor)

    def cut_rename(path: Path, target: Path) -> Path:
        if next(left, None) is None:
            raise PowerCut
        return rename(path, target)

    patch.setattr(os, "fsync", cut_fsync)
    patch.setattr(Path, "replace", cut_rename)


class TestFeatures:
    """Features, each against figures worked out by other means."""

    def test_returns_of_three_days(self) -> None:
        """Up a tenth, then down a tenth, and nothing for the first day."""
        first, second, third = features.simple_returns([100.0, 110.0, 99.0])
        assert first is None
        assert second == pytest.approx(0.1)
        assert third == pytest.approx(-0.1)

    def test_log_returns_add_up(self) -> None:
        """Their sum is the logarithm of the whole change."""
        known = [value for value in features.log_returns([100.0, 110.0, 99.0, 120.0]) if value is not None]
        assert math.fsum(known) == pytest.approx(math.log(1.2))

    def test_an_average_waits_for_its_window(self) -> None:
        """The mean of three, from the third value on."""
        assert features.moving_average([1.0, 2.0, 6.0, 10.0], 3) == [None, None, 3.0, 6.0]

    def test_volatility_is_the_yearly_sample_deviation(self) -> None:
        """The `statistics` module's deviation of the window, times the root of 252."""
        returns = [None, 0.01, -0.02, 0.03, 0.0]
        found = features.annual_volatility(returns, 3)
        assert found[:3] == [None, None, None]
        assert found[3] == pytest.approx(statistics.stdev([0.01, -0.02, 0.03]) * math.sqrt(252))
        assert found[4] == pytest.approx(statistics.stdev([-0.02, 0.03, 0.0]) * math.sqrt(252))

    def test_drawdown_is_from_the_highest_so_far(self) -> None:
        """Zero at a high, a quarter down at three quarters of it, also after a partial recovery."""
        assert features.drawdowns([80.0, 100.0, 75.0, 90.0, 120.0]) == [
            0.0,
            0.0,
            -0.25,
            pytest.approx(-0.1),
            0.0,
        ]

    def test_change_over_a_span(self) -> None:
        """Absent where either end is absent."""
        found = features.relative_change([None, 100.0, 105.0, 110.0], 2)
        assert found == [None, None, None, pytest.approx(0.1)]

    def test_a_days_range_is_relative_to_its_close(self) -> None:
        """High 101, low 99.5, close 100: one and a half percent."""
        assert features.day_range(price(date(2020, 1, 1))) == pytest.approx(0.015)

    def test_no_rows_have_no_features(self) -> None:
        """An empty series is an empty result from every function."""
        assert features.derive_features([]) == []
        assert features.simple_returns([]) == features.log_returns([]) == features.drawdowns([]) == []
        assert features.moving_average([], 20) == features.relative_change([], 20) == []

    def test_one_row_has_what_one_day_shows(self) -> None:
        """A first day has a range and no drawdown, and everything else is absent, not zero."""
        (row,) = features.derive_features(series([100]))
        assert row.drawdown == 0.0
        assert row.day_range == pytest.approx(0.015)
        absent = (row.return_1d, row.log_return_1d, row.sma_fast, row.sma_slow, row.sma_slope, row.volatility)
        assert absent == (None,) * 6

    def test_windows_fill_at_their_length(self) -> None:
        """Each feature begins on the first day that has enough days behind it."""
        rows = features.derive_features(series([100 + at % 7 for at in range(80)]))
        begins = {
            name: next(at for at, row in enumerate(rows) if getattr(row, name) is not None)
            for name in ("return_1d", "sma_fast", "volatility", "sma_slow", "sma_slope")
        }
        assert begins == {"return_1d": 1, "sma_fast": 19, "volatility": 20, "sma_slow": 49, "sma_slope": 69}

    def test_nothing_looks_ahead(self) -> None:
        """The features of a day are the same when later days are not known yet."""
        prices = series([100 + (at * 37) % 23 for at in range(90)])
        rows = features.derive_features(prices)
        assert all(features.derive_features(prices[:days]) == rows[:days] for days in range(len(prices) + 1))

    def test_a_gap_is_a_longer_step(self) -> None:
        """Rows around a missing day are taken as neighbours: its return spans both days."""
        prices = series([100, 110, 121])
        rows = features.derive_features([prices[0], prices[2]])
        assert rows[1].return_1d == pytest.approx(0.21)

    @pytest.mark.parametrize("order", [(0, 1, 1), (0, 2, 1)], ids=["duplicate", "backwards"])
    def test_days_must_rise(self, order: tuple[int, ...]) -> None:
        """A duplicate or an older day is an error that names it."""
        prices = series([100, 101, 102])
        with pytest.raises(MarketDataError, match="found IBM 2020-01-02"):
            features.derive_features([prices[at] for at in order])

    def test_a_series_has_one_symbol(self) -> None:
        """Two symbols in one series are an error."""
        with pytest.raises(MarketDataError, match="a day of GOOG after"):
            features.derive_features(two_symbols(1))

    def test_a_price_of_zero_is_refused(self) -> None:
        """No return can be had from it."""
        with pytest.raises(MarketDataError, match="IBM 2020-01-02: a price above zero expected"):
            features.derive_features([*series([100]), price(date(2020, 1, 2), adjusted="0.0")])

    @needs_prices
    def test_a_split_is_no_crash(self, real_prices: list[DailyPrice]) -> None:
        """Apple's two-for-one split halved the price on 2005-02-28; that day's return is under a percent."""
        apple = [one for one in real_prices if one.symbol == "AAPL"]
        at = next(at for at, one in enumerate(apple) if one.day == date(2005, 2, 28))
        assert apple[at].close / apple[at - 1].close == pytest.approx(Decimal("0.504"), rel=Decimal("0.01"))
        returned = features.derive_features(apple)[at].return_1d
        assert returned is not None
        assert abs(returned) < 0.01

    @needs_prices
    def test_real_features_agree_with_exact_arithmetic(
        self, real_prices: list[DailyPrice], real_rows: list[LabelledRow]
    ) -> None:
        """Every 97th row of IBM, worked out again with 50 decimal digits, is the same to 9 places."""
        ibm = [one for one in real_prices if one.symbol == "IBM"]
        rows = [row.features for row in real_rows if row.features.symbol == "IBM"]
        for at in range(70, len(ibm), 97):
            expected = exact_features([one.adj_close for one in ibm[: at + 1]])
            found = {name: getattr(rows[at], name) for name in expected}
            assert found == pytest.approx({name: float(value) for name, value in expected.items()}, abs=1e-9)


def exact_features(closes: Sequence[Decimal]) -> dict[str, Decimal]:
    """Return the last day's features of at least 71 closes, by the textbook formulas with 50 digits."""
    with localcontext(prec=50):
        logs = [(closes[at] / closes[at - 1]).ln() for at in range(len(closes) - 20, len(closes))]
        mean = sum(logs, Decimal(0)) / 20
        variance = sum(((value - mean) ** 2 for value in logs), Decimal(0)) / 19
        slow, slow_before = sum(closes[-50:], Decimal(0)) / 50, sum(closes[-70:-20], Decimal(0)) / 50
        return {
            "return_1d": closes[-1] / closes[-2] - 1,
            "log_return_1d": logs[-1],
            "sma_fast": sum(closes[-20:], Decimal(0)) / 20,
            "sma_slow": slow,
            "sma_slope": slow / slow_before - 1,
            "volatility": (variance * 252).sqrt(),
            "drawdown": closes[-1] / max(closes) - 1,
        }


def features_with(slope: float | None = None, volatility: float | None = None) -> features.FeatureRow:
    """Return a session's features with these two figures."""
    return replace(features.derive_features(series([100]))[0], sma_slope=slope, volatility=volatility)


class TestRegime:
    """Labels from the slope and the volatility."""

    @pytest.mark.parametrize(
        ("slope", "threshold", "expected"),
        [
            (0.021, 0.02, Regime.UP),
            (0.02, 0.02, Regime.UP),
            (0.019, 0.02, Regime.SIDEWAYS),
            (0.0, 0.02, Regime.SIDEWAYS),
            (-0.019, 0.02, Regime.SIDEWAYS),
            (-0.02, 0.02, Regime.DOWN),
            (0.021, 0.03, Regime.SIDEWAYS),
            (0.0001, 0.0, Regime.UP),
            (-0.0001, 0.0, Regime.DOWN),
        ],
    )
    def test_the_threshold_parts_trends_from_sideways(self, slope: float, threshold: float, expected: Regime) -> None:
        """A slope of the threshold is a trend of its sign; under a higher threshold it is none."""
        assert RegimeRule(trend=threshold).regime(features_with(slope=slope)) is expected

    def test_swing_is_wild_above_its_threshold(self) -> None:
        """At the threshold itself prices are calm."""
        rule = RegimeRule(volatility=0.4)
        assert [rule.swing(features_with(volatility=value)) for value in (0.4, 0.41)] == [
            Swing.CALM,
            Swing.WILD,
        ]

    def test_without_a_window_there_is_no_label(self) -> None:
        """Absent figures give absent labels, not `sideways`."""
        assert (RegimeRule().regime(features_with()), RegimeRule().swing(features_with())) == (None, None)

    def test_a_still_price_is_calm_and_sideways(self) -> None:
        """A price that never moves has no slope and no volatility."""
        last = label_prices(series([100] * 80), RegimeRule())[-1]
        assert (last.regime, last.swing) == (Regime.SIDEWAYS, Swing.CALM)

    def test_a_steady_climb_is_calm_and_up(self) -> None:
        """One percent a day is a trend without a swing."""
        last = label_prices(series([round(100 * 1.01**at, 4) for at in range(80)]), RegimeRule())[-1]
        assert (last.regime, last.swing) == (Regime.UP, Swing.CALM)

    @pytest.mark.parametrize("trend", [-0.1, math.nan, math.inf])
    def test_a_trend_threshold_is_a_finite_size(self, trend: float) -> None:
        """A threshold that no slope can be held against is refused."""
        with pytest.raises(MarketDataError, match="trend threshold: expected a number ≥ 0"):
            RegimeRule(trend=trend)

    @pytest.mark.parametrize("volatility", [0.0, -0.1, math.nan, math.inf])
    def test_a_volatility_threshold_is_a_finite_size_above_zero(self, volatility: float) -> None:
        """A threshold that everything passes is refused."""
        with pytest.raises(MarketDataError, match="volatility threshold: expected a number > 0"):
            RegimeRule(volatility=volatility)

    @needs_prices
    def test_a_higher_threshold_only_calls_more_sideways(self, real_prices: list[DailyPrice]) -> None:
        """On real prices every step of the threshold changes labels, and only towards `sideways`."""
        labels = [
            [row.regime for row in label_prices(real_prices, RegimeRule(trend=trend))]
            for trend in (0.0, 0.01, 0.02, 0.05)
        ]
        for lower, higher in pairwise(labels):
            changes = {(before, after) for before, after in zip(lower, higher, strict=True) if before != after}
            assert changes == {(Regime.UP, Regime.SIDEWAYS), (Regime.DOWN, Regime.SIDEWAYS)}

    @needs_prices
    def test_the_crash_of_2008_is_a_wild_fall(self, real_rows: list[LabelledRow]) -> None:
        """On the market's low of 2008-11-20 every listed symbol goes down in wild swings."""
        on_the_low = [row for row in real_rows if row.features.day == date(2008, 11, 20)]
        labels = {row.features.symbol: (row.regime, row.swing) for row in on_the_low}
        assert labels == dict.fromkeys(("AAPL", "GOOG", "IBM", "MSFT"), (Regime.DOWN, Swing.WILD))


class TestFeatureTable:
    """The printed table of features and labels."""

    def test_absent_is_empty_and_zero_is_zero(self) -> None:
        """`None` prints nothing; a value that rounds to zero has no sign."""
        assert [format_number(value) for value in (None, 0.0, -0.0, -1e-12, -0.125)] == [
            "",
            "0.00000000",
            "0.00000000",
            "0.00000000",
            "-0.12500000",
        ]

    def test_no_rows_are_a_header(self) -> None:
        """An empty table still says its columns."""
        assert format_table([]).decode() == feature_table.HEADER

    def test_one_row_has_every_field(self) -> None:
        """The first day of a symbol prints its range and its drawdown between empty fields."""
        table = format_table(label_prices(series([100]), RegimeRule())).decode()
        assert table == feature_table.HEADER + "2020-01-01,IBM,,,,,,,0.00000000,0.01500000,,\n"

    def test_rows_are_in_order_whatever_order_came(self) -> None:
        """Symbols one after another and days across give the same bytes."""
        across = two_symbols(75)
        by_symbol = sorted(across, key=lambda one: one.symbol)
        assert format_table(label_prices(across, RegimeRule())) == format_table(label_prices(by_symbol, RegimeRule()))

    def test_symbols_do_not_touch_each_other(self) -> None:
        """A symbol's rows are the same with and without another in the table."""
        together = label_prices(two_symbols(75), RegimeRule())
        alone = label_prices([one for one in two_symbols(75) if one.symbol == "IBM"], RegimeRule())
        assert [row for row in together if row.features.symbol == "IBM"] == alone

    def test_sessions_are_counted_by_regime(self) -> None:
        """The summary counts labels, and sessions without one under `none`."""
        rows = label_prices(series([100] * 72), RegimeRule())
        assert feature_table.format_regime_counts(rows) == b"symbol,regime,sessions\nIBM,none,69\nIBM,sideways,3\n"


def awk_sessions(first: str, last: str) -> list[str]:
    """Return the trading days that the example's calendar prints."""
    command = ["awk", "-v", f"from={first}", "-v", f"to={last}", "-f", "sessions.awk", "closures.csv"]
    return subprocess.run(command, cwd=EXAMPLE, check=True, capture_output=True, text=True).stdout.split()


needs_awk = pytest.mark.skipif(not shutil.which("awk"), reason="awk is not installed")


@needs_awk
class TestSessions:
    """The exchange's calendar, worked out by awk."""

    @needs_prices
    def test_it_is_the_calendar_of_thirteen_real_years(self, real_prices: list[DailyPrice]) -> None:
        """Rules and closures give exactly the days on which anything was traded."""
        traded = sorted({one.day.isoformat() for one in real_prices})
        assert awk_sessions("2000-03-01", "2013-03-01") == traded

    def test_each_year_has_the_published_number(self) -> None:
        """The number of sessions that the exchange counts for each year."""
        counts = Counter(day[:4] for day in awk_sessions("2000-01-01", "2024-12-31"))
        published = {
            2000: 252, 2001: 248, 2002: 252, 2003: 252, 2004: 252, 2005: 252, 2006: 251, 2007: 251, 2008: 253,
            2009: 252, 2010: 252, 2011: 252, 2012: 250, 2013: 252, 2014: 252, 2015: 252, 2016: 252, 2017: 251,
            2019: 252, 2020: 253, 2021: 252, 2022: 251, 2023: 250, 2024: 252,
        }  # fmt: skip
        assert {year: counts[str(year)] for year in published} == published

    @pytest.mark.parametrize(
        ("day", "why"),
        [
            ("2008-03-21", "Good Friday"),
            ("2010-12-24", "Christmas on a Saturday"),
            ("2011-12-26", "Christmas on a Sunday"),
            ("2012-05-28", "the last Monday of May"),
            ("2012-10-29", "Hurricane Sandy"),
            ("2022-06-20", "Juneteenth on a Sunday"),
        ],
    )
    def test_a_closed_day_is_no_session(self, day: str, why: str) -> None:
        """Holidays, kept on their day or beside a weekend, and closures that no rule foretells."""
        assert awk_sessions(day, day) == [], why

    @pytest.mark.parametrize("day", ["2010-12-31", "2021-06-18", "2008-02-29"])
    def test_an_open_day_is_a_session(self, day: str) -> None:
        """New Year's Day on a Saturday closes no Friday, nor did Juneteenth before 2022; leap days count."""
        assert awk_sessions(day, day) == [day]

    def test_years_before_the_rules_are_refused(self) -> None:
        """The calendar says where it ends instead of guessing."""
        with pytest.raises(subprocess.CalledProcessError):
            awk_sessions("1997-12-31", "1998-01-31")


Damage = Callable[[str], str]


def drop(line_start: str) -> Damage:
    """Leave the line out that begins so."""
    return lambda text: "".join(line for line in text.splitlines(keepends=True) if not line.startswith(line_start))


def double(line_start: str) -> Damage:
    """Write the line twice that begins so."""
    return lambda text: "".join(
        line * (2 if line.startswith(line_start) else 1) for line in text.splitlines(keepends=True)
    )


def put(line_start: str, column: int, value: str) -> Damage:
    """Put `value` in a column, counted from 1, of the line that begins so."""

    def damage(text: str) -> str:
        lines = text.splitlines()
        (at,) = (at for at, line in enumerate(lines) if line.startswith(line_start))
        fields = lines[at].split(",")
        fields[column - 1] = value
        lines[at] = ",".join(fields)
        return "\n".join(lines) + "\n"

    return damage


def insert_copy(line_start: str, new_day: str) -> Damage:
    """Repeat the line that begins so, as of another day, in order."""

    def damage(text: str) -> str:
        header, *lines = text.splitlines(keepends=True)
        (copied,) = (line for line in lines if line.startswith(line_start))
        return header + "".join(sorted([*lines, new_day + copied[len(new_day) :]]))

    return damage


@pytest.fixture(scope="module")
def sound_data(tmp_path_factory: pytest.TempPathFactory, real_prices: list[DailyPrice]) -> Path:
    """Real tables of three symbols around Google's first day of trading and Apple's split."""
    directory = tmp_path_factory.mktemp("sound")
    request = Request(("AAPL", "GOOG", "IBM"), date(2004, 6, 1), date(2005, 3, 31))
    prices = select(real_prices, request)
    fill(directory, prices, 63)
    files.replace_file(directory / files.FEATURES, format_table(label_prices(prices, RegimeRule())))
    return directory


def validate(directory: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run the validation of a directory's tables."""
    environment = {**os.environ, files.DATA_ENV: str(directory)}
    command = ["bash", str(EXAMPLE / "validate.sh"), *options]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)


def failed_checks(report: str) -> set[str]:
    """Return the checks that a report says failed."""
    return {line.split()[1] for line in report.splitlines() if line.startswith("FAIL")}


@needs_prices
@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("awk")), reason="bash or awk is not installed")
class TestValidation:
    """The validation of real tables, sound and damaged."""

    def test_sound_tables_pass(self, sound_data: Path) -> None:
        """Every check passes, and the notes show the split."""
        done = validate(sound_data)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "result: 17 checks passed, 0 failed" in done.stdout
        assert "2005-02-28 AAPL  x 2.0000" in done.stdout
        assert done.stderr == ""

    def test_every_check_is_shown_to_fail(self) -> None:
        """The damages below cover every check of the script."""
        script = (EXAMPLE / "validate.sh").read_text()
        checks = {line.split()[1] for line in script.splitlines() if line.startswith("    check ")}
        assert checks == {name for *_, names in self.DAMAGES for name in names}
        assert f" {len(checks)} checks " in (EXAMPLE / "README.md").read_text()

    DAMAGES = (
        ("header", files.PRICES, lambda text: text.replace("adj_close", "adjusted"), {"prices.layout"}),
        ("carriage return", files.PRICES, lambda text: text.replace("\n", "\r\n", 3), {"prices.layout"}),
        ("missing field", files.PRICES, put("2004-07-01,IBM", 7, "1000,"), {"prices.layout"}),
        ("no close", files.PRICES, put("2004-07-01,IBM", 6, ""), {"prices.layout", "prices.high_low"}),
        ("out of order", files.PRICES, lambda text: swap_rows(text, 10), {"prices.order"}),
        ("duplicate", files.PRICES, double("2004-07-01,IBM"), {"prices.unique_keys", "prices.row_count"}),
        (
            "gap",
            files.PRICES,
            drop("2004-07-01,IBM"),
            {"prices.sessions", "prices.row_count", "features.keys"},
        ),
        ("late listing", files.PRICES, drop("2004-08-19,GOOG"), {"prices.sessions"}),
        ("holiday", files.PRICES, insert_copy("2004-07-02,IBM", "2004-07-05"), {"prices.closed_days"}),
        ("Sunday", files.PRICES, insert_copy("2004-07-02,IBM", "2004-07-04"), {"prices.closed_days"}),
        ("low above high", files.PRICES, put("2004-07-01,IBM", 5, "999.0000"), {"prices.high_low"}),
        ("no trade", files.PRICES, put("2004-07-01,IBM", 7, "0"), {"prices.volume"}),
        ("stuck feed", files.PRICES, lambda text: repeat_figures(text), {"prices.stale"}),
        (
            "wild price",
            files.PRICES,
            put("2004-07-01,IBM", 8, "999.0"),
            {"prices.outliers", "features.returns"},
        ),
        ("feature header", files.FEATURES, lambda text: text.replace("swing", "mood"), {"features.layout"}),
        ("text in a number", files.FEATURES, put("2005-01-03,IBM", 5, "nan"), {"features.layout"}),
        ("double feature", files.FEATURES, double("2005-01-03,IBM"), {"features.unique_keys"}),
        ("lost feature", files.FEATURES, drop("2005-01-03,IBM"), {"features.keys"}),
        ("empty late", files.FEATURES, put("2005-01-03,IBM", 6, ""), {"features.nulls"}),
        ("empty range", files.FEATURES, put("2004-06-01,IBM", 10, ""), {"features.nulls"}),
        ("high drawdown", files.FEATURES, put("2005-01-03,IBM", 9, "0.1"), {"features.ranges"}),
        ("negative volatility", files.FEATURES, put("2005-01-03,IBM", 8, "-0.1"), {"features.ranges"}),
        ("wrong return", files.FEATURES, put("2005-01-03,IBM", 3, "0.12345678"), {"features.returns"}),
        (
            "flipped label",
            files.FEATURES,
            lambda text: text.replace(",up,", ",down,", 1),
            {"features.regimes"},
        ),
        ("lost label", files.FEATURES, put("2005-01-03,IBM", 11, ""), {"features.regimes"}),
        ("trend near zero", files.FEATURES, put("2005-01-03,AAPL", 7, "0.00000001"), {"features.regimes"}),
    )

    @pytest.mark.parametrize(
        ("table", "damage", "found"), [case[1:] for case in DAMAGES], ids=[case[0] for case in DAMAGES]
    )
    def test_a_damage_is_found(
        self, sound_data: Path, tmp_path: Path, table: str, damage: Damage, found: set[str]
    ) -> None:
        """Each defect fails at least the checks that are there for it, and the script's status says so."""
        for name in (files.PRICES, files.FEATURES):
            shutil.copy(sound_data / name, tmp_path / name)
        before = (tmp_path / table).read_text()
        after = damage(before)
        assert after != before
        (tmp_path / table).write_text(after, newline="")
        done = validate(tmp_path)
        assert failed_checks(done.stdout) >= found, done.stdout
        assert done.returncode == 1
        assert "the check itself failed" not in done.stdout

    def test_a_missing_beginning_is_found_by_its_range(self, sound_data: Path) -> None:
        """With the days that were asked for, rows missing at either end are a gap."""
        done = validate(sound_data, "--from", "2004-05-27", "--to", "2005-04-01")
        assert failed_checks(done.stdout) == {"prices.sessions", "prices.row_count"}
        assert "2004-05-28,IBM" in done.stdout

    def test_a_missing_symbol_is_found_by_its_name(self, sound_data: Path) -> None:
        """A symbol that was asked for and has no row is a gap on every session."""
        done = validate(sound_data, "--symbols", "AAPL,GOOG,IBM,MSFT")
        assert failed_checks(done.stdout) == {"prices.sessions", "prices.row_count"}

    def test_the_outlier_limit_is_an_option(self, sound_data: Path) -> None:
        """A tighter limit finds Google's day of 15 percent."""
        done = validate(sound_data, "--max-return", "0.15")
        assert failed_checks(done.stdout) == {"prices.outliers"}
        assert "2004-10-22 GOOG: 0.1543" in done.stdout

    def test_no_rows_fail(self, tmp_path: Path) -> None:
        """A table of a header alone is said to have no rows."""
        (tmp_path / files.PRICES).write_text(HEADER)
        (tmp_path / files.FEATURES).write_text(feature_table.HEADER)
        done = validate(tmp_path)
        assert (done.returncode, "no rows" in done.stderr) == (1, True)

    def test_one_row_passes(self, tmp_path: Path) -> None:
        """One session of one symbol is a sound table."""
        prices = [price(date(2012, 5, 18), "FB", "38.2318")]
        (tmp_path / files.PRICES).write_text(spell(prices))
        (tmp_path / files.FEATURES).write_bytes(format_table(label_prices(prices, RegimeRule())))
        done = validate(tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_a_directory_may_have_any_name(self, sound_data: Path, tmp_path: Path) -> None:
        """Spaces, an equals sign and a leading dash in the directory's name are part of the name."""
        for name in ("a=b c", "-x"):
            shutil.copytree(sound_data, tmp_path / name)
            done = subprocess.run(
                ["bash", str(EXAMPLE / "validate.sh")],
                cwd=tmp_path,
                env={**os.environ, files.DATA_ENV: name},
                check=False,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr

    def test_wrong_use_is_status_2(self, tmp_path: Path) -> None:
        """A missing table or directory, an unknown option, an option without value, no directory."""
        assert validate(tmp_path).returncode == 2
        assert validate(tmp_path / "nowhere").returncode == 2
        assert validate(tmp_path, "--nonsense", "1").returncode == 2
        assert validate(tmp_path, "--from").returncode == 2
        command = ["bash", str(EXAMPLE / "validate.sh")]
        bare = {name: value for name, value in os.environ.items() if name != files.DATA_ENV}
        assert subprocess.run(command, env=bare, check=False, capture_output=True).returncode == 2


def swap_rows(text: str, at: int) -> str:
    """Exchange two neighbouring lines."""
    lines = text.splitlines(keepends=True)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    return "".join(lines)


def repeat_figures(text: str) -> str:
    """Give IBM's row of 2004-07-02 the figures of the day before."""
    rows = {line[:14]: line for line in text.splitlines(keepends=True)}
    return text.replace(rows["2004-07-02,IBM"], "2004-07-02,IBM" + rows["2004-07-01,IBM"][14:])


def run_step(script: str, work: Path, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a script of the example in `work`, with its data in `data` unless `environment` says otherwise."""
    variables = {**os.environ, files.DATA_ENV: "data", **environment}
    variables.pop("RUNSTONE_STORE", None)
    command = [sys.executable, str(EXAMPLE / script), *options]
    return subprocess.run(command, cwd=work, env=variables, check=False, capture_output=True, text=True)


def records(work: Path, pipeline_id: str) -> list[Path]:
    """Return the directories of a pipeline's records, oldest first."""
    return sorted((work / "reports" / "runs").glob(f"*__{pipeline_id}__*"))


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file."""
    value: dict[str, Any] = json.loads(path.read_bytes())
    return value


def check_statuses(record: Path) -> dict[str, str]:
    """Return how each check of a record ended, by its identifier."""
    return {one["id"]: one["status"] for one in read_json(record / "checks.json")["checks"]}


FEW = ("--symbols", "AAPL,IBM", "--from", "2004-01-01", "--to", "2004-12-31")


@needs_prices
class TestBackfillStep:
    """The first step under its record."""

    def test_its_record_says_what_was_copied(self, tmp_path: Path) -> None:
        """Input, range, rows and checks stand in the record; 252 sessions of two symbols were copied."""
        done = run_step("backfill.py", tmp_path, *FEW)
        assert done.returncode == 0, done.stderr
        (record,) = records(tmp_path, "P2-Backfill")
        run = read_json(record / "run.json")
        assert run["status"] == "success"
        assert run["env"] == {"missing": [], "present": ["MARKET_DATA"]}
        assert [one["range"] for one in run["inputs"]] == ["2004-01-01..2004-12-31"]
        assert [(one["ref"], one["rows_written"]) for one in run["outputs"]] == [("data/prices.csv", 504)]
        checks = check_statuses(record)
        assert (checks["source_intact"], checks["rows_match_source"], checks["range_complete"]) == ("pass",) * 3

    def test_stopped_early_it_is_partial_and_goes_on(self, tmp_path: Path) -> None:
        """Two chunks now and the rest later make the table that one run makes."""
        (tmp_path / "whole").mkdir()
        (tmp_path / "parts").mkdir()
        assert run_step("backfill.py", tmp_path / "whole", *FEW).returncode == 0
        for _ in range(4):
            done = run_step("backfill.py", tmp_path / "parts", *FEW, "--max-chunks", "2", "--chunk-sessions", "40")
            assert done.returncode == 0, done.stderr
        statuses = [read_json(one / "run.json")["status"] for one in records(tmp_path / "parts", "P2-Backfill")]
        written = [
            read_json(one / "run.json")["outputs"][0]["rows_written"]
            for one in records(tmp_path / "parts", "P2-Backfill")
        ]
        assert statuses == ["partial", "partial", "partial", "success"]
        assert written == [160, 160, 160, 24]
        tables = [(tmp_path / name / "data" / files.PRICES).read_bytes() for name in ("whole", "parts")]
        assert tables[0] == tables[1]

    def test_without_its_variable_it_does_nothing(self, tmp_path: Path) -> None:
        """The record says which variable was missing; there is no table."""
        done = run_step("backfill.py", tmp_path, *FEW, MARKET_DATA="")
        assert done.returncode == 1
        assert "MARKET_DATA must name" in done.stderr
        (record,) = records(tmp_path, "P2-Backfill")
        run = read_json(record / "run.json")
        assert (run["status"], run["env"]["missing"]) == ("failed", ["MARKET_DATA"])
        assert not (tmp_path / "data").exists()

    def test_an_unknown_symbol_is_a_failed_run(self, tmp_path: Path) -> None:
        """The error is said once on stderr and stands in the record."""
        done = run_step("backfill.py", tmp_path, "--symbols", "IBM,TSLA")
        assert done.returncode == 1
        assert "has no prices of TSLA" in done.stderr
        assert "Traceback" not in done.stderr
        (record,) = records(tmp_path, "P2-Backfill")
        assert read_json(record / "run.json")["status"] == "failed"
        assert "has no prices of TSLA" in (record / "run.log").read_text()

    def test_an_empty_range_is_partial(self, tmp_path: Path) -> None:
        """A weekend has no session: a header, no failure, and a skipped check that says why."""
        done = run_step("backfill.py", tmp_path, "--from", "2005-01-01", "--to", "2005-01-02")
        assert done.returncode == 0, done.stderr
        (record,) = records(tmp_path, "P2-Backfill")
        assert check_statuses(record)["range_complete"] == "skip"
        assert (tmp_path / "data" / files.PRICES).read_text() == HEADER

    def test_wrong_use_leaves_no_record(self, tmp_path: Path) -> None:
        """A malformed option ends with status 2 before anything is recorded."""
        for options in (("--symbols", "ibm"), ("--from", "yesterday"), ("--chunk-sessions", "0")):
            assert run_step("backfill.py", tmp_path, *options).returncode == 2
        assert not (tmp_path / "reports").exists()


@needs_prices
class TestDeriveStep:
    """The second step under its record."""

    def test_its_record_has_thresholds_and_counts(self, tmp_path: Path) -> None:
        """The thresholds stand with the output, the counts of regimes are an artifact of the run."""
        run_step("backfill.py", tmp_path, *FEW)
        done = run_step("derive.py", tmp_path, "--trend-threshold", "0.03")
        assert done.returncode == 0, done.stderr
        (record,) = records(tmp_path, "B1-DerivedC1")
        run = read_json(record / "run.json")
        assert run["status"] == "success"
        assert run["outputs"][0]["extra"] == {"trend_threshold": "0.03", "volatility_threshold": "0.4"}
        assert (record / "artifacts" / "regimes.csv").read_text() in done.stdout

    def test_the_threshold_changes_the_labels_alone(self, tmp_path: Path) -> None:
        """Under another threshold only the regime column differs."""
        run_step("backfill.py", tmp_path, *FEW)
        tables = []
        for threshold in ("0.02", "0.05"):
            run_step("derive.py", tmp_path, "--trend-threshold", threshold)
            lines = (tmp_path / "data" / files.FEATURES).read_text().splitlines()
            tables.append([line.split(",") for line in lines])
        at = feature_table.COLUMNS.index("regime")
        assert [row[at] for row in tables[0]] != [row[at] for row in tables[1]]
        assert [row[:at] + row[at + 1 :] for row in tables[0]] == [row[:at] + row[at + 1 :] for row in tables[1]]

    def test_without_prices_it_says_what_to_run(self, tmp_path: Path) -> None:
        """The missing table is a failed run, not a traceback."""
        done = run_step("derive.py", tmp_path)
        assert done.returncode == 1
        assert "data/prices.csv is missing: run backfill.py first" in done.stderr
        (record,) = records(tmp_path, "B1-DerivedC1")
        assert read_json(record / "run.json")["status"] == "failed"
        assert "data/prices.csv is missing" in (record / "run.log").read_text()

    def test_a_damaged_table_is_a_failed_run(self, tmp_path: Path) -> None:
        """A doubled row is named with its line, and no features are written."""
        run_step("backfill.py", tmp_path, *FEW)
        table = tmp_path / "data" / files.PRICES
        table.write_text(double("2004-07-01,IBM")(table.read_text()))
        done = run_step("derive.py", tmp_path)
        assert done.returncode == 1
        assert "data/prices.csv: line 252: 2004-07-01 IBM repeats or is out of order" in done.stderr
        assert not (tmp_path / "data" / files.FEATURES).exists()


@needs_prices
@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("awk")), reason="bash or awk is not installed")
class TestPipeline:
    """The three steps in order."""

    def test_all_three_leave_a_record(self, tmp_path: Path) -> None:
        """Backfill, derivation and validation succeed, one record each, and the wrapped report is in the log."""
        done = run_step("pipeline.py", tmp_path, "--work", "work", *FEW)
        assert done.returncode == 0, done.stdout + done.stderr
        for pipeline_id in ("P2-Backfill", "B1-DerivedC1", "B2-DerivedValidation"):
            (record,) = records(tmp_path / "work", pipeline_id)
            assert read_json(record / "run.json")["status"] == "success"
        assert "result: 17 checks passed, 0 failed" in (record / "run.log").read_text()

    def test_again_with_another_threshold_nothing_is_copied(self, tmp_path: Path) -> None:
        """The second backfill writes no row; the second validation passes with other labels."""
        for threshold in ("0.02", "0.05"):
            done = run_step("pipeline.py", tmp_path, "--trend-threshold", threshold, *FEW)
            assert done.returncode == 0, done.stdout + done.stderr
        written = [
            read_json(one / "run.json")["outputs"][0]["rows_written"] for one in records(tmp_path, "P2-Backfill")
        ]
        assert written == [504, 0]
        assert len(records(tmp_path, "B2-DerivedValidation")) == 2

    def test_a_failed_step_ends_it(self, tmp_path: Path) -> None:
        """A bad threshold stops the pipeline at the derivation, with that step's status."""
        done = run_step("pipeline.py", tmp_path, "--trend-threshold", "nan", *FEW)
        assert done.returncode == 2
        assert "pipeline: derive ended with status 2" in done.stderr
        assert records(tmp_path, "B2-DerivedValidation") == []

    def test_a_failed_validation_is_a_failed_run(self, tmp_path: Path) -> None:
        """A gap that the range reveals fails the wrapped script; its status is the pipeline's."""
        assert run_step("backfill.py", tmp_path, *FEW).returncode == 0
        table = tmp_path / "data" / files.PRICES
        table.write_text(drop("2004-07-01,IBM")(table.read_text()))
        assert run_step("derive.py", tmp_path).returncode == 0
        command = [sys.executable, "-m", "runstone.contracts.ovc", "--pipeline-id", "B2-DerivedValidation"]
        command += ["--pipeline-version", "0.1.0", "--required-env", files.DATA_ENV]
        command += ["--", "bash", str(EXAMPLE / "validate.sh"), *FEW]
        variables = {**os.environ, files.DATA_ENV: "data"}
        variables.pop("RUNSTONE_STORE", None)
        done = subprocess.run(command, cwd=tmp_path, env=variables, check=False, capture_output=True, text=True)
        assert done.returncode == 1
        assert failed_checks(done.stdout) == {"prices.sessions", "prices.row_count"}
        (record,) = records(tmp_path, "B2-DerivedValidation")
        assert read_json(record / "run.json")["status"] == "failed"
