"""Many processes on one store: each answer is true, whoever is killed and whatever becomes of the catalog."""

from __future__ import annotations

from pathlib import Path

from faults.readers import SHORT, storm


def test_five_writers_and_five_readers_end_consistent(tmp_path: Path) -> None:
    """Readers are killed as they fill the catalog, it is deleted, runs are taken away; no reader fails, no answer lacks
    a run that was there or has one that was not, and the last answers are those of a reading of every bundle.

    `make faults` does the same for a minute.
    """
    result = storm(tmp_path / "storm", SHORT)
    assert result.problems == []
    assert result.passed, result
