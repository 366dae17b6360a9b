"""Bundles in memory that somebody has changed, as carelessly or as carefully as a test wants."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from runstone.adapters.memory.adapter import MemoryBundle
from runstone.core.canonical import canonical_bytes
from runstone.core.journal import JournalIndex
from runstone.core.layout import JOURNAL, MANIFEST
from runstone.engine.reader import Sealed
from runstone.engine.verifier import Report, verify_bundle
from runstone.locate import contract_of

Files = dict[str, bytes]


def files_of(sealed: Sealed) -> Files:
    """Every file of a bundle."""
    return {entry.path: b"".join(sealed.bundle.read(entry.path)) for entry in sealed.bundle.entries()}


def verify(files: Files, **options: Any) -> Report:
    """Verify files as a bundle."""
    return verify_bundle(MemoryBundle("memory:forged", files), contract_of, **options)


def with_manifest(files: Files, change: Callable[[dict[str, Any]], Any]) -> Files:
    """The files with their manifest changed and printed canonically."""
    manifest = json.loads(files[MANIFEST])
    change(manifest)
    return {**files, MANIFEST: canonical_bytes(manifest)}


def listed_anew(files: Files) -> Files:
    """The files with sizes and digests in the manifest made to fit: what a careful forger does first."""

    def fit(manifest: dict[str, Any]) -> None:
        for entry in manifest["files"]:
            body = files.get(entry["path"], b"")
            entry |= {"size": len(body), "sha256": sha256(body).hexdigest()}

    return with_manifest(files, fit)


def with_journal(files: Files, change: Callable[[list[dict[str, Any]]], Any]) -> Files:
    """The files with events changed, and size, digest, count and root of the manifest made to fit."""
    events = [json.loads(line) for line in files[JOURNAL].splitlines()]
    change(events)
    return rooted_anew({**files, JOURNAL: b"".join(canonical_bytes(event) + b"\n" for event in events)})


def rooted_anew(files: Files) -> Files:
    """As `listed_anew`, with count and Merkle root too."""
    index = JournalIndex()
    index.feed(files[JOURNAL])

    def fit(manifest: dict[str, Any]) -> None:
        manifest["events"] = {"count": index.count, "root": index.root()}

    return with_manifest(listed_anew(files), fit)
