"""Cards of runs for the catalog's port, with no bundle behind them; and the same rows in a table by hand."""

import hashlib
import itertools
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.many import SmallRun

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
APART = timedelta(seconds=3)
CHUNK = 1_000
COLUMNS = "run_id, kind, name, contract, status, state, opened_at, closed_at, duration_ms, digest"


def opened_at(number: int) -> str:
    """When run `number` was opened, as the format spells times."""
    return (BEGUN + number * APART).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def row_of(number: int) -> dict[str, Any]:
    """What a list shows of a run."""
    small = SmallRun(number)
    return {
        "run_id": small.run_id,
        "kind": small.kind,
        "name": None,
        "contract": "runstone/1",
        "status": "failed" if small.failed else "success",
        "state": "sealed",
        "opened_at": opened_at(number),
        "closed_at": opened_at(number + 1),
        "duration_ms": 3000,
        "digest": f"sha256:{hashlib.sha256(small.run_id.encode()).hexdigest()}",
    }


def card_of(number: int) -> dict[str, Any]:
    """The card that the engine would make of a bundle of the run."""
    from runstone.core.card import EMPTY
    from runstone.core.fulltext import searchable

    small = SmallRun(number)
    return {
        **EMPTY,
        **row_of(number),
        "version": "1",
        "outcome_digest": f"sha256:{hashlib.sha256(small.kind.encode()).hexdigest()}",
        "labels": {"team": small.team},
        "metrics": {"loss": small.loss},
        "config": {"/k0": f"v{number % 100}", "/lr": 0.01 + number % 10},
        "outputs": [["result", "table", small.output_sha256, "result"]],
        "words": searchable([small.kind, small.text, f"team {small.team}"]),
    }


def chunks(count: int) -> Iterator[list[int]]:
    """Numbers from 0, a thousand at a time."""
    numbers = iter(range(count))
    while chunk := list(itertools.islice(numbers, CHUNK)):
        yield chunk


class Table:
    """The floor: one table by hand with an index for each question, rows in columns, words by FTS5."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS runs (run INTEGER PRIMARY KEY, run_id TEXT, kind TEXT, name TEXT, "
            "contract TEXT, status TEXT, state TEXT, opened_at TEXT, closed_at TEXT, duration_ms INTEGER, "
            "digest TEXT, team TEXT, loss REAL, output TEXT)"
        )
        for column in ("kind", "team", "status"):
            self._db.execute(f"CREATE INDEX IF NOT EXISTS by_{column} ON runs ({column}, opened_at, run_id)")
        self._db.execute("CREATE INDEX IF NOT EXISTS newest ON runs (opened_at, run_id)")
        self._db.execute("CREATE INDEX IF NOT EXISTS by_loss ON runs (loss)")
        self._db.execute("CREATE INDEX IF NOT EXISTS by_output ON runs (output)")
        self._db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS search USING fts5 (words, content='')")

    def put(self, numbers: list[int]) -> None:
        """Insert some runs in one transaction."""
        self._db.execute("BEGIN")
        for number in numbers:
            self.put_one(number, SmallRun(number).output_sha256)
        self._db.execute("COMMIT")

    def put_one(self, number: int, output_sha256: str) -> None:
        """Insert a run whose output has a digest."""
        small, row = SmallRun(number), row_of(number)
        values = (number, *row.values(), small.team, small.loss, output_sha256)
        self._db.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(values))})", values)
        self._db.execute("INSERT INTO search (rowid, words) VALUES (?, ?)", (number, small.text))

    def ask(self, where: str, values: tuple[Any, ...], limit: int) -> list[dict[str, Any]]:
        """The newest rows where something holds."""
        sql = f"SELECT {COLUMNS} FROM runs WHERE {where} ORDER BY opened_at DESC, run_id DESC LIMIT {limit}"
        names = COLUMNS.split(", ")
        return [dict(zip(names, row, strict=True)) for row in self._db.execute(sql, values)]

    def close(self) -> None:
        self._db.close()
