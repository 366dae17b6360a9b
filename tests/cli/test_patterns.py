"""Patterns of files: what `**` enters, and what it leaves alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.conftest import Invoke
from runstone.cli.patterns import files_named
from runstone.engine.store import Store


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files in folders, hidden ones, odd names, and links that lead round in circles."""
    monkeypatch.chdir(tmp_path)
    for path in ("a.csv", "out/b.csv", "out/deep/c.csv", "out/.hid/d.csv", "out/.e.csv", "[x]/*/f.csv", "other/g.txt"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(path)
    for link in ("round", "again", "out/round", "out/again"):
        Path(link).symlink_to(tmp_path, target_is_directory=True)
    Path("out/b-link.csv").symlink_to("b.csv")
    Path("out/to-nothing.csv").symlink_to("nothing")


SEEN = ["out/b-link.csv", "out/b.csv", "out/deep/c.csv"]
HIDDEN = ["out/.e.csv", "out/.hid/d.csv"]


@pytest.mark.parametrize(
    ("pattern", "hidden", "expected"),
    [
        ("out/**/*.csv", True, HIDDEN + SEEN),
        ("out/**/*.csv", False, SEEN),
        ("out/**", True, HIDDEN + SEEN),
        ("**/*.csv", False, ["[x]/*/f.csv", "a.csv", *SEEN]),
        ("**/**/c.csv", False, ["out/deep/c.csv"]),
        ("**/deep/**/*.csv", False, ["out/deep/c.csv"]),
        ("o*/**/*.txt", False, ["other/g.txt"]),
        ("out/round/**/g.txt", False, ["out/round/other/g.txt"]),
        ("*.csv", False, ["a.csv"]),
        ("out", True, []),
        ("", True, []),
    ],
)
def test_files_that_fit(pattern: str, hidden: bool, expected: list[str]) -> None:
    """Each once, in order; a link to a file is one, a link to a folder is entered only where the pattern names it."""
    assert files_named(pattern, hidden=hidden) == expected


def test_a_pattern_may_begin_at_the_root(tmp_path: Path) -> None:
    """As any path."""
    assert files_named(f"{tmp_path}/out/**/c.csv", hidden=False) == [f"{tmp_path}/out/deep/c.csv"]


def test_the_outputs_of_a_command_are_not_its_record(store: Store, process: Invoke) -> None:
    """Whoever asks for all files below has those of the command: each once, and none of the store's own."""
    assert process("run", "--run-id", "r", "--output", "**/*", "--", "sh", "-c", "echo x > made").status == 0
    named = sorted(event["data"]["name"] for event in store.get("r").events("output"))
    found = [os.path.join(folder, name) for folder, _, names in os.walk(".") for name in names]
    files = [path[2:] for path in found if os.path.isfile(path) and not path.startswith("./runs/")]
    assert named == sorted(files)
    assert "made" in named
