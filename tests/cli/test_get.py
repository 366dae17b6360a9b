"""`runstone get`: copies that are proved on the way, and never more than was asked for."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import runstone
from cli.conftest import HOSTILE, Invoke, command_line, raw_controls, spoil
from runstone.core.canonical import canonical_bytes
from runstone.engine.store import Store


@pytest.fixture
def run(store: Store) -> str:
    """A run that keeps two files and has a log."""
    Path("a.csv").write_text("a\n")
    Path("-b.csv").write_text("b\n")
    with store.run("x", run_id="run-1") as recorded:
        recorded.log("a line")
        recorded.output("file", "a.csv", keep=True)
        recorded.output("file", "-b.csv", keep=True)
    return recorded.run_id


def test_all_files_are_a_bundle(run: str, store: Store, invoke: Invoke) -> None:
    """The copy verifies, with the digest that the store's run has."""
    answer = invoke("get", run, "-o", "out")
    assert answer.status == 0
    report = runstone.verify("out")
    assert report.ok
    assert report.digest == store.get(run).digest
    assert "out/artifacts/a.csv" in answer.out


def test_one_file_keeps_its_place(run: str, invoke: Invoke) -> None:
    """PATH is copied to DIR/PATH, and nothing else is."""
    assert invoke("get", run, "artifacts/a.csv", "-o", "out").status == 0
    assert [path.relative_to("out").as_posix() for path in Path("out").rglob("*") if path.is_file()] == [
        "artifacts/a.csv"
    ]


def test_a_folder_of_the_bundle(run: str, invoke: Invoke) -> None:
    """A folder means the files in it, also those whose names begin with a dash."""
    invoke("get", run, "artifacts", "-o", "out")
    assert sorted(path.name for path in Path("out/artifacts").iterdir()) == ["-b.csv", "a.csv"]


def test_a_derived_document(run: str, invoke: Invoke) -> None:
    """`run.log` is made when it is read."""
    invoke("get", run, "run.log", "-o", "out")
    assert Path("out/run.log").read_text() == "a line\n"


def test_to_standard_output_byte_by_byte(store: Store, invoke: Invoke) -> None:
    """Into a pipe goes what is sealed, controls and all."""
    Path("raw.bin").write_bytes(bytes(range(256)))
    with store.run("x") as recorded:
        recorded.output("file", "raw.bin", keep=True)
    assert invoke("get", "@latest", "artifacts/raw.bin", "-o", "-").out.encode(errors="surrogateescape") == bytes(
        range(256)
    )


def test_to_a_terminal_shown_escaped(store: Store, on_terminal: Callable[..., str]) -> None:
    """A terminal gets no bytes that it would obey."""
    with store.run("x") as recorded:
        recorded.log(HOSTILE)
    shown = on_terminal("get", "@latest", "run.log", "-o", "-")
    assert "\\x1b]52" in shown
    assert raw_controls(shown) == []
    assert "\x1b" not in shown


def test_json_tells_what_was_copied(run: str, invoke: Invoke) -> None:
    """Path, place, size and digest of each file."""
    (row,) = invoke("get", run, "artifacts/a.csv", "-o", "out", "--json").value
    assert row["path"] == "artifacts/a.csv"
    assert row["to"] == os.path.join("out", "artifacts", "a.csv")
    assert row["size"] == 2
    assert len(row["sha256"]) == 64


def test_nothing_is_overwritten(run: str, invoke: Invoke) -> None:
    """One file in the way, and nothing is copied at all."""
    Path("out").mkdir()
    Path("out/run.json").write_text("mine")
    answer = invoke("get", run, "-o", "out")
    assert answer.status == 4
    assert [path.name for path in Path("out").iterdir()] == ["run.json"]
    assert Path("out/run.json").read_text() == "mine"


def test_a_link_in_the_way_is_not_followed(run: str, invoke: Invoke) -> None:
    """A link that leads nowhere is a file in the way."""
    Path("out").mkdir()
    Path("out/run.json").symlink_to(Path.cwd() / "target")
    assert invoke("get", run, "-o", "out").status == 4
    assert not Path("target").exists()


def test_an_unknown_path_is_status_3_and_leaves_nothing(run: str, invoke: Invoke) -> None:
    """No file, no folder."""
    assert invoke("get", run, "artifacts/nothing", "-o", "out").status == 3
    assert not Path("out").exists()


def test_a_path_that_leads_outside_is_refused(run: str, invoke: Invoke) -> None:
    """The argument follows the grammar of paths too."""
    assert invoke("get", run, "../x", "-o", "out").status != 0
    assert not Path("x").exists()


@pytest.mark.parametrize("path", ["../evil", "/tmp/evil-runstone", "a/../../evil"])
def test_a_manifest_cannot_name_a_place_outside(run: str, store: Store, invoke: Invoke, path: str) -> None:
    """A manifest is somebody's claim: a hostile one is damage, and nothing is written anywhere."""
    manifest = Path(store.url, run, "manifest.json")
    value = json.loads(manifest.read_bytes())
    value["files"][0]["path"] = path
    manifest.chmod(0o644)
    manifest.write_bytes(canonical_bytes(value))
    before = sorted(Path.cwd().rglob("*"))
    answer = invoke("get", run, "-o", "out")
    assert answer.status == 1
    assert sorted(Path.cwd().rglob("*")) == before
    assert not Path("/tmp/evil-runstone").exists()


def test_a_changed_file_is_not_handed_out(run: str, store: Store, invoke: Invoke) -> None:
    """Bytes that are not those of the seal are removed again, with everything that was copied before."""
    spoil(Path(store.url, run, "artifacts/a.csv"))
    answer = invoke("get", run, "-o", "out")
    assert answer.status == 1
    assert "not what was sealed" in answer.err
    assert [path for path in Path("out").rglob("*") if path.is_file()] == []


def test_a_changed_file_on_standard_output_is_status_1(run: str, store: Store, invoke: Invoke) -> None:
    """A stream cannot be taken back, so the status says it."""
    spoil(Path(store.url, run, "artifacts/a.csv"))
    assert invoke("get", run, "artifacts/a.csv", "-o", "-").status == 1


@pytest.mark.parametrize("words", [["-o", "-"], ["run.json", "-o", "-", "--json"]])
def test_standard_output_is_for_one_file(run: str, invoke: Invoke, words: list[str]) -> None:
    """Several files, or a file and a list, would run into each other."""
    assert invoke("get", run, *words).status == 2


def test_a_target_that_takes_no_more_is_named(store: Store) -> None:
    """A disk that is full behind DIR is no fault of standard output: the file is named, and no copy stays."""
    Path("large.csv").write_text("line\n" * 40_000)
    with store.run("x", run_id="large") as recorded:
        recorded.output("file", "large.csv", keep=True)
    line = ["sh", "-c", 'ulimit -f 64; exec "$@"', "sh", *command_line("get", "large", "-o", "out")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 5
    assert done.stderr == "runstone: out/artifacts/large.csv: File too large\n"
    assert [path for path in Path("out").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("target", ["file", "file/out", "link", "link/out", "out"])
def test_what_stands_where_a_folder_would_be(run: str, invoke: Invoke, target: str) -> None:
    """It is in the way as a file is: the store is not at fault, and nothing is copied."""
    Path("file").write_text("mine")
    Path("link").symlink_to("nowhere")
    Path("out").mkdir()
    Path("out/artifacts").touch()
    answer = invoke("get", run, "-o", target, "--json")
    assert (answer.status, answer.value["code"]) == (4, "file_exists")
    assert sorted(map(str, Path().glob("[!r]*/**/*"))) == ["out/artifacts"]
    assert Path("file").read_text() == "mine"


def test_a_target_that_cannot_be_written_is_status_5(run: str, invoke: Invoke) -> None:
    """The target's trouble is named with its path."""
    answer = invoke("get", run, "-o", "/proc/out")
    assert answer.status == 5
    assert "/proc/out" in answer.err


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        ("nowhere/x.tar", "file_not_found", "there is no folder nowhere; nothing was written"),
        ("file/x.tar", "file_exists", "file is no folder; nothing was written"),
        ("file/in/x.tar", "file_exists", "file is no folder; nothing was written"),
    ],
)
def test_an_archive_needs_a_folder(run: str, invoke: Invoke, target: str, code: str, message: str) -> None:
    """It makes none, and says what is there or is not."""
    Path("file").write_text("mine")
    found = invoke("export", run, "-o", target, "--json").value
    assert (found["code"], found["message"]) == (code, message)


@pytest.mark.parametrize("verb", ["get", "export"])
def test_an_empty_target_is_wrong_use(run: str, invoke: Invoke, verb: str, tmp_path: Path) -> None:
    """A variable that is not set is no working directory: nothing is written anywhere."""
    before = sorted(tmp_path.iterdir())
    answer = invoke(verb, run, "-o", "", "--json")
    assert (answer.status, answer.value["code"]) == (2, "invalid_option")
    assert sorted(tmp_path.iterdir()) == before
