"""Comparisons of journals made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runstone.core.diff.comparison import Comparison, Side, compare
from runstone.core.digests import sha256_hex
from runstone.core.journal import Journal
from runstone.core.outcome import outcome_digest

from .journals import ARTIFACT, journal


def side(found: Journal, files: Mapping[str, bytes] | None = None) -> Side:
    """A side of a comparison; `files` are those that the run kept, by path."""
    about = {
        "run_id": found.opened["data"]["run_id"],
        "kind": found.opened["data"]["kind"],
        "version": found.opened["data"]["version"],
        "status": found.closed["data"]["status"],
        "opened_at": found.opened["ts"],
        "outcome_digest": outcome_digest(found),
    }
    kept = dict(files or {})
    return Side(about, found, {path: sha256_hex(data) for path, data in kept.items()}, kept.__getitem__)


def compared(a: Journal, b: Journal) -> Comparison:
    """The comparison of two journals."""
    return compare(side(a), side(b))


def told(comparison: Comparison, section: str) -> list[tuple[str, Any, Any]]:
    """Name, a and b of the differences of one section."""
    return [(item.name, item.a, item.b) for item in comparison.differences if item.section == section]


def kept_side(name: str, data: bytes, **facts: Any) -> Side:
    """A run that kept one output."""
    path = f"artifacts/{name}"
    event = {
        **ARTIFACT,
        "name": name,
        "ref": name,
        "sha256": sha256_hex(data),
        "size": len(data),
        "path": path,
        **facts,
    }
    return side(journal(("output", event)), {path: data})
