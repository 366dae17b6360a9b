"""Which runs made or read these bytes, and what led to what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runstone.core.digests import sha256_hex
from runstone.engine import tracing
from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.testing.fakes import FixedClock

from .scenes import open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """raw.csv → fetch → clean.csv → clean, twice → report; and a retry of report."""
    clock = FixedClock()
    store = open_store(tmp_path / "runs", clock=clock)
    for name in ("raw", "clean", "report"):
        (tmp_path / f"{name}.csv").write_text(f"{name}\n")

    def step(run_id: str, reads: str, makes: str, **options: object) -> None:
        clock.advance(1)
        with store.run(run_id.split("-")[0], run_id=run_id, **options) as run:
            run.input("file", tmp_path / f"{reads}.csv")
            run.output("file", tmp_path / f"{makes}.csv", name=f"{run_id}.csv")

    step("clean-1", "raw", "clean")
    step("clean-2", "raw", "clean")
    step("report-1", "clean", "report")
    step("report-2", "clean", "report", links=[{"rel": "retries", "run_id": "report-1", "digest": None}])
    step("clean-3", "raw", "clean")
    return store


def digest(name: str) -> str:
    return "sha256:" + sha256_hex(f"{name}\n".encode())


def told(store: Store, target: object) -> list[tuple[str, str, str]]:
    return [(use.row["run_id"], use.role, use.name) for use in store.find(target)]


def test_who_made_and_read_a_file(store: Store, tmp_path: Path) -> None:
    """Newest first, by its bytes: the name does not matter, nor where it stands now."""
    expected = [
        ("clean-3", "made", "clean-3.csv"),
        ("report-2", "read", "clean.csv"),
        ("report-1", "read", "clean.csv"),
        ("clean-2", "made", "clean-2.csv"),
        ("clean-1", "made", "clean-1.csv"),
    ]
    assert told(store, tmp_path / "clean.csv") == told(store, digest("clean")) == expected
    (tmp_path / "clean.csv").rename(tmp_path / "elsewhere")
    assert told(store, str(tmp_path / "elsewhere")) == expected
    assert told(store, digest("unknown")) == []


def test_one_run_can_do_both(store: Store, tmp_path: Path) -> None:
    """It made the file first, then read it."""
    with store.run("both", run_id="both") as run:
        run.output("file", tmp_path / "raw.csv")
        run.input("file", tmp_path / "raw.csv")
    assert [row for row in told(store, digest("raw")) if row[0] == "both"] == [
        ("both", "made", "raw.csv"),
        ("both", "read", "raw.csv"),
    ]


def test_what_is_no_digest_and_no_file(store: Store, tmp_path: Path) -> None:
    """A typed error, or the system's."""
    with pytest.raises(RunstoneError) as caught:
        store.find("sha256:abc")
    assert caught.value.code == "invalid_digest"
    with pytest.raises(FileNotFoundError):
        store.find(tmp_path / "absent")


def test_a_file_that_cannot_be_read_is_named(store: Store, tmp_path: Path) -> None:
    """Also where the system opens it first, as a folder: its words alone would not say which."""
    with pytest.raises(IsADirectoryError, match=str(tmp_path)):
        store.find(tmp_path)


def test_lineage_of_a_run(store: Store) -> None:
    """Up over what it read and its links, down over what it made; who made it only after it was read is left out."""
    found = store.lineage("run:report-2")
    edges = {(edge.source, edge.relation, edge.target) for edge in found.edges}
    assert edges == {
        (digest("clean"), "read", "run:report-2"),
        ("run:clean-1", "made", digest("clean")),
        ("run:clean-2", "made", digest("clean")),
        (digest("raw"), "read", "run:clean-1"),
        (digest("raw"), "read", "run:clean-2"),
        ("run:report-1", "retries", "run:report-2"),
        (digest("clean"), "read", "run:report-1"),
        ("run:report-2", "made", digest("report")),
    }
    assert (sorted(found.runs), found.whole) == (["clean-1", "clean-2", "report-1", "report-2"], True)
    assert (
        found.files[digest("clean")] == ["clean.csv", "clean-1.csv", "clean-2.csv"]
        or "clean.csv" in found.files[digest("clean")]
    )


def test_lineage_of_bytes(store: Store) -> None:
    """From the bytes that stand at the start of it all every run is reached, down, also over links."""
    found = store.lineage(digest("raw"))
    assert sorted(found.runs) == ["clean-1", "clean-2", "clean-3", "report-1", "report-2"]
    assert ("run:report-1", "retries", "run:report-2") in {(e.source, e.relation, e.target) for e in found.edges}


@pytest.mark.parametrize(
    ("start", "code"),
    [
        *[(start, "invalid_option") for start in ("raw", "report-2", "@latest", "", None, 7, [])],
        ("sha256:zz", "invalid_digest"),
    ],
)
def test_a_lineage_begins_at_a_run_or_at_bytes(store: Store, start: Any, code: str) -> None:
    """An id alone would be taken for a file that nobody has."""
    with pytest.raises(RunstoneError) as caught:
        store.lineage(start)
    assert caught.value.code == code


def test_a_walk_in_circles_ends(store: Store, tmp_path: Path) -> None:
    """A run that makes what it reads, and one whose link points at itself."""
    with store.run("turn", run_id="turn", links=[{"rel": "derives-from", "run_id": "turn", "digest": None}]) as run:
        run.input("file", tmp_path / "raw.csv")
        run.output("file", tmp_path / "raw.csv")
    assert "turn" in store.lineage("run:turn").runs


def test_a_walk_that_never_ends_is_ended(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so."""
    monkeypatch.setattr(tracing, "MAX_NODES", 3)
    assert store.lineage(digest("raw")).whole is False


def test_the_graph_for_graphviz_holds_any_name(store: Store, tmp_path: Path) -> None:
    """Quotes, backslashes, entities and control characters are escaped; no name makes a line beside its own."""
    with store.run('a "kind" \\ of\x1b &amp;\nforged\nfailed', run_id="odd") as run:
        run.output("file", tmp_path / "raw.csv", name='x";shape=box\n')
    dot = store.lineage("run:odd").dot()
    assert (
        '"run:odd" [shape=box, label="a \\"kind\\" \\\\ of\\\\x1b &amp;amp;\\\\nforged\\\\nfailed\\nodd\\nsuccess"];'
        in dot
    )
    assert 'label="x\\";shape=box\\\\n\\nsha256:' in dot
    assert dot.startswith("digraph lineage {\n")
    assert dot.endswith("}\n")
