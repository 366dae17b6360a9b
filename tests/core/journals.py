"""Journals made by hand: lines in canonical form, and a `Journal` over bytes in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from runstone.core.canonical import canonical_bytes
from runstone.core.events import event_line
from runstone.core.journal import Journal, JournalIndex
from runstone.core.times import SECOND_NS, time_text

START_NS = 1_767_323_045 * SECOND_NS  # 2026-01-02T03:04:05Z

OPENED: dict[str, Any] = {
    "run_id": "r1",
    "kind": "backfill",
    "version": "0.1.0",
    "contract": {"name": "runstone", "version": "1"},
    "generator": {"name": "runstone", "version": "0.1.0"},
    "ruleset": {"name": "runstone", "sha256": "0" * 64},
    "labels": {},
    "links": [],
    "idempotency": None,
    "argv": None,
    "cwd": None,
    "git": None,
    "platform": None,
    "entry": None,
}
CLOSED: dict[str, Any] = {
    "status": "success",
    "exit": None,
    "error": None,
    "result": None,
    "duration_ns": 1_000_000,
    "redactions": 0,
    "dropped": 0,
    "resources": None,
    "torn_bytes": 0,
    "lost": [],
}
ARTIFACT: dict[str, Any] = {
    "name": "prices.csv",
    "type": "file",
    "ref": "prices.csv",
    "sha256": None,
    "size": None,
    "media_type": None,
    "path": None,
}
DECISION: dict[str, Any] = {
    "call": None,
    "outcome": "blocked",
    "risk_level": "RED",
    "score": None,
    "block_reason": None,
    "warnings": [],
    "rules": [],
    "details": None,
    "policy": None,
}


def line(kind: str, data: Any, seq: int, marks: Iterable[list[str]] = ()) -> bytes:
    """One journal line; its time is `seq` seconds after the start."""
    return event_line(kind, canonical_bytes(data), seq, time_text(START_NS + seq * SECOND_NS), list(marks))


def lines(*facts: tuple[str, dict[str, Any]], opened: dict[str, Any] | None = None, **closed: Any) -> list[bytes]:
    """A whole journal: `run.opened` (with the given fields changed), the facts, `run.closed` (likewise)."""
    events = [("run.opened", {**OPENED, **(opened or {})}), *facts, ("run.closed", {**CLOSED, **closed})]
    return [line(kind, data, seq) for seq, (kind, data) in enumerate(events)]


def journal_of(journal_lines: Iterable[bytes], chunk_bytes: int = 1 << 20) -> Journal:
    """The journal of these lines, read in chunks of the given size."""
    data = b"".join(journal_lines)
    index = JournalIndex()
    index.feed(data)

    def read(start: int, end: int) -> Iterator[bytes]:
        for at in range(start, end, chunk_bytes):
            yield data[at : min(at + chunk_bytes, end)]

    return Journal(index, read)


def journal(*facts: tuple[str, dict[str, Any]], opened: dict[str, Any] | None = None, **closed: Any) -> Journal:
    """A whole journal, folded from `lines`."""
    return journal_of(lines(*facts, opened=opened, **closed))


def log(text: str, level: str = "info") -> tuple[str, dict[str, Any]]:
    """A message of `Run.log`."""
    return "log", {"level": level, "text": text}


def stream(text: str, name: str = "stdout") -> tuple[str, dict[str, Any]]:
    """A chunk of a stream that is UTF-8."""
    return "log", {"stream": name, "text": text}


def check(id: str, status: str, *evidence: str) -> tuple[str, dict[str, Any]]:
    """A check and its evidence."""
    return "check", {"id": id, "name": id, "status": status, "evidence": list(evidence)}
