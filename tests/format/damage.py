"""How golden bundles are damaged: small changes to files, and a manifest that is made to agree with them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from runstone.core.canonical import canonical_bytes
from runstone.core.media import media_type
from runstone.core.merkle import MerkleTree

if TYPE_CHECKING:
    from typing import Any, Final

    from tests.format.surroundings import Files

JOURNAL: Final = "events.jsonl"
MANIFEST: Final = "manifest.json"


def manifest_of(files: Files) -> dict[str, Any]:
    """The manifest as a value."""
    return json.loads(files[MANIFEST])


def put_manifest(files: Files, manifest: dict[str, Any]) -> None:
    """Print the manifest, canonically."""
    files[MANIFEST] = canonical_bytes(manifest)


def change_manifest(files: Files, /, **values: Any) -> None:
    """Set members of the manifest."""
    put_manifest(files, {**manifest_of(files), **values})


def entry_of(manifest: dict[str, Any], path: str) -> dict[str, Any]:
    """The manifest's entry of a file."""
    return next(entry for entry in manifest["files"] if entry["path"] == path)


def adjust(files: Files) -> None:
    """Make the manifest name exactly these files, with their sizes and digests, and the journal's count and root."""
    manifest = manifest_of(files)
    known = {entry["path"]: entry for entry in manifest["files"]}
    manifest["files"] = [
        {
            "path": path,
            "media_type": media_type(path),
            "role": "document",
            **known.get(path, {}),
            "size": len(files[path]),
            "sha256": hashlib.sha256(files[path]).hexdigest(),
        }
        for path in sorted(set(files) - {MANIFEST}, key=str.encode)
    ]
    tree = MerkleTree()
    for line in files[JOURNAL].splitlines():
        tree.extend([line])
    manifest["events"] = {"count": tree.count, "root": tree.root()}
    put_manifest(files, manifest)


def swap(files: Files, path: str, old: bytes, new: bytes) -> None:
    """Replace `old`, which stands there exactly once."""
    assert files[path].count(old) == 1, f"{path} holds {old!r} {files[path].count(old)} times"
    files[path] = files[path].replace(old, new)


def rewrite(files: Files, old: bytes, new: bytes) -> None:
    """Replace something in the journal, and hide it."""
    swap(files, JOURNAL, old, new)
    adjust(files)


def change_kept(files: Files, **facts: Any) -> None:
    """Let the one `output` event tell something else of its file, and hide it."""
    lines = lines_of(files)
    (place,) = (number for number, line in enumerate(lines) if line.endswith(b'"type":"output"}\n'))
    event = json.loads(lines[place])
    event["data"].update(facts)
    lines[place] = canonical_bytes(event) + b"\n"
    put_lines(files, *lines)


def lines_of(files: Files) -> list[bytes]:
    """The journal's lines, LF included."""
    return files[JOURNAL].splitlines(keepends=True)


def put_lines(files: Files, *lines: bytes) -> None:
    """Make these lines the journal, and hide it."""
    files[JOURNAL] = b"".join(lines)
    adjust(files)
