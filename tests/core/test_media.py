"""The same file is named the same on every machine."""

from __future__ import annotations

import re

import pytest

from runstone.core.media import DEFAULT, TYPES, media_type


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("run.json", "application/json"),
        ("events.jsonl", "application/x-ndjson"),
        ("artifacts/A.CSV", "text/csv"),
        ("a.tar.gz", "application/gzip"),
        ("dir.json/file", DEFAULT),
        ("json", DEFAULT),
        (".json", "application/json"),
        ("a.", DEFAULT),
        ("a.unknown", DEFAULT),
        ("", DEFAULT),
        ("run.log", "text/plain"),
    ],
)
def test_the_last_extension_decides(path: str, expected: str) -> None:
    """Of the last component, without regard to case; without an answer the type for any bytes."""
    assert media_type(path) == expected


def test_the_table_is_well_formed() -> None:
    """Extensions are lower-case and types have the form of RFC 6838, without parameters."""
    for extension, media in TYPES.items():
        assert re.fullmatch(r"[a-z0-9]+", extension)
        assert re.fullmatch(r"[a-z]+/[a-z0-9][a-z0-9.+-]*", media)


def test_the_machine_s_own_table_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mimetypes` differs between machines; whatever it says, the answer stays."""
    import mimetypes

    monkeypatch.setitem(mimetypes.types_map, ".json", "text/x-mine")
    mimetypes.add_type("text/x-mine", ".unknown")
    assert media_type("a.json") == "application/json"
    assert media_type("a.unknown") == DEFAULT
