"""The golden bundles as they lie in the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from runstone.adapters.memory.adapter import MemoryBundle

if TYPE_CHECKING:
    from typing import Any, Final

    from tests.format.surroundings import Files

HERE: Final = Path(__file__).resolve().parent
GOLDEN: Final = HERE / "golden"
VECTORS: Final = HERE / "vectors"


def names(group: str) -> list[str]:
    """Names of the bundles of a group (`good`, `damaged`, `open`)."""
    return sorted(path.name for path in (GOLDEN / group).iterdir() if path.is_dir())


def read_files(group: str, name: str) -> Files:
    """A bundle's files, path to bytes."""
    root = GOLDEN / group / name
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def bundle_of(files: Files) -> MemoryBundle:
    """Files as a bundle that can be verified."""
    return MemoryBundle("memory:golden", files)


def expected_faults() -> dict[str, list[tuple[int, str]]]:
    """Name of each damaged bundle → the (step, code) of its faults."""
    rows = json.loads((GOLDEN / "damaged" / "findings.json").read_bytes())
    return {name: [(step, code) for step, code in row["faults"]] for name, row in rows.items()}


def vector(name: str) -> Any:
    """A file of vectors."""
    return json.loads((VECTORS / name).read_bytes())
