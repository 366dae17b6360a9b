"""A price table that is filled in pieces and survives an interruption at any byte.

- Rows come first and the checkpoint after them, each synced; the checkpoint says how many bytes are whole.
- Resuming cuts the table back to those bytes: what an interrupted run wrote after its last checkpoint is
  written again, never twice.
- The finished bytes do not depend on the size of the pieces nor on how often the work was interrupted.
- A table that was edited, or that is another source's, of other symbols or of another first day, is refused,
  not mended. A later last day is no other table: the next run goes on where this one ended.

It does not guard against two backfills of one table at once.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import groupby
from pathlib import Path

from files import PRICES, PRICES_CHECKPOINT, replace_file, sync_directory
from prices import HEADER, DailyPrice, MarketDataError

_NOTHING = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class BackfillCheckpoint:
    """How far a backfill came: the table's first `size_bytes`, of SHA-256 `sha256`, hold `rows` rows.

    `source_sha256`, `symbols` and `first_day` say which backfill it is. `last_day` is that of the last row,
    empty before there is one. Digests are lower-case hex, days YYYY-MM-DD.
    """

    source_sha256: str
    symbols: tuple[str, ...]
    first_day: str
    last_day: str = ""
    rows: int = 0
    size_bytes: int = 0
    sha256: str = _NOTHING

    def same_backfill(self, other: "BackfillCheckpoint") -> bool:
        """Whether both are about the same source, symbols and first day."""
        mine = (self.source_sha256, self.symbols, self.first_day)
        return mine == (other.source_sha256, other.symbols, other.first_day)

    def to_json(self) -> bytes:
        """Return the checkpoint as it stands in its file."""
        return (json.dumps(asdict(self), indent=2, sort_keys=True) + "\n").encode()


def parse_checkpoint(body: bytes) -> BackfillCheckpoint:
    """Return the checkpoint that `body` spells; `MarketDataError` when it spells none."""
    try:
        fields = json.loads(body)
        checkpoint = BackfillCheckpoint(**{**fields, "symbols": tuple(fields["symbols"])})
    except (ValueError, TypeError, KeyError) as error:
        raise MarketDataError(f"{PRICES_CHECKPOINT}: not a backfill checkpoint: {error}") from error
    if type(checkpoint.rows) is not int or type(checkpoint.size_bytes) is not int:
        raise MarketDataError(f"{PRICES_CHECKPOINT}: rows and size_bytes must be whole numbers")
    return checkpoint


class PriceTable:
    """`prices.csv` and its checkpoint in `directory`, opened to go on where the last backfill stopped."""

    def __init__(self, directory: Path, backfill: BackfillCheckpoint) -> None:
        """Open or resume the table; `MarketDataError` when it is another backfill's or was changed since."""
        self._table = directory / PRICES
        self._checkpoint_file = directory / PRICES_CHECKPOINT
        self.checkpoint = self._last_checkpoint(backfill)
        self._hash = hashlib.sha256(self._whole_bytes())
        self._cut_to_checkpoint()
        if not self.checkpoint.size_bytes:
            self._append(HEADER.encode(), self.checkpoint)

    def append(self, prices: Sequence[DailyPrice]) -> None:
        """Add `prices`, later than every row so far and in order; on return they survive a power cut."""
        previous = (self.checkpoint.last_day, "~")  # sorts after every symbol: the last day is closed
        for price in prices:
            key = (price.day.isoformat(), price.symbol)
            if key <= previous:
                raise MarketDataError(f"a row after {' '.join(previous)} expected, found {' '.join(key)}")
            previous = key
        body = "".join(price.line() for price in prices).encode()
        self._append(body, replace(self.checkpoint, last_day=previous[0], rows=self.checkpoint.rows + len(prices)))

    def _append(self, body: bytes, reached: BackfillCheckpoint) -> None:
        with self._table.open("ab") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        # The name must be durable before a checkpoint speaks of it.
        sync_directory(self._table.parent)
        self._hash.update(body)
        size_bytes = reached.size_bytes + len(body)
        self.checkpoint = replace(reached, size_bytes=size_bytes, sha256=self._hash.hexdigest())
        replace_file(self._checkpoint_file, self.checkpoint.to_json())

    def _last_checkpoint(self, backfill: BackfillCheckpoint) -> BackfillCheckpoint:
        if self._checkpoint_file.exists():
            last = parse_checkpoint(self._checkpoint_file.read_bytes())
            if not last.same_backfill(backfill):
                raise MarketDataError(
                    f"{self._table} holds another backfill ({','.join(last.symbols)} from {last.first_day}): "
                    "start it anew with --restart, or use another directory"
                )
            return last
        if self._table.exists():
            raise MarketDataError(f"{self._table} has no checkpoint, so no backfill wrote it: --restart replaces it")
        # A checkpoint of nothing goes first: a table without one is then always somebody else's.
        replace_file(self._checkpoint_file, backfill.to_json())
        return backfill

    def _whole_bytes(self) -> bytes:
        found = self._table.read_bytes() if self._table.exists() else b""
        whole = found[: self.checkpoint.size_bytes]
        if len(whole) < self.checkpoint.size_bytes or hashlib.sha256(whole).hexdigest() != self.checkpoint.sha256:
            raise MarketDataError(f"{self._table} was changed since its checkpoint: --restart writes it anew")
        return whole

    def _cut_to_checkpoint(self) -> None:
        if self._table.exists() and self._table.stat().st_size > self.checkpoint.size_bytes:
            os.truncate(self._table, self.checkpoint.size_bytes)


def remove_table(directory: Path) -> None:
    """Forget the table and its checkpoint; the table goes first, so that no table is left without one."""
    for name in (PRICES, PRICES_CHECKPOINT):
        (directory / name).unlink(missing_ok=True)
    sync_directory(directory)


def chunks(prices: Sequence[DailyPrice], sessions: int) -> Iterator[list[DailyPrice]]:
    """Yield `prices` in pieces of `sessions` (≥ 1) trading days; a day is never split."""
    if sessions < 1:
        raise MarketDataError(f"sessions in a chunk: expected 1 or more, found {sessions}")
    days: list[list[DailyPrice]] = [list(group) for _, group in groupby(prices, key=_day)]
    for first in range(0, len(days), sessions):
        yield [price for day in days[first : first + sessions] for price in day]


def _day(price: DailyPrice) -> date:
    return price.day
