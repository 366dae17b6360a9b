"""`runstone find` and `runstone reindex`."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

import runstone
from runstone.cli import find
from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex
from runstone.core.layout import CATALOG
from runstone.engine.store import Store

from .conftest import Invoke, raw_controls, seal

DIGEST = f"sha256:{sha256_hex(b'clean')}"


@pytest.fixture
def steps(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """raw.csv → clean → clean.csv → report."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw.csv").write_bytes(b"raw")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "clean.csv").write_bytes(b"clean")
    (tmp_path / "data" / "other.txt").write_bytes(b"other")
    for run_id, kind, reads, makes in (
        ("c1", "clean", "raw.csv", "data/clean.csv"),
        ("r1", "report", "data/clean.csv", ""),
    ):
        with store.run(kind, run_id=run_id) as run:
            run.input("file", reads)
            if makes:
                run.output("file", makes)
    return tmp_path


def rows(answer) -> list[tuple[str, str, str]]:
    return [(use["run_id"], use["role"], use["artifact"]["name"]) for one in answer.value for use in one["uses"]]


EXPECTED = {("c1", "made", "data/clean.csv"), ("r1", "read", "data/clean.csv")}


@pytest.mark.parametrize(
    "target", ["data/clean.csv", DIGEST, DIGEST.removeprefix("sha256:"), "data", "data/*.csv", "**/cl*"]
)
def test_a_file_is_found_by_its_bytes(steps: Path, invoke: Invoke, target: str) -> None:
    """A path, a digest with and without its prefix, a folder, a pattern."""
    assert set(rows(invoke("find", "--json", target))) == EXPECTED
    answer = invoke("find", target)
    assert answer.status == 0
    assert "made it" in answer.out
    assert "read it" in answer.out


def test_bytes_with_several_names_are_found_under_each(store: Store, invoke: Invoke) -> None:
    """Two empty files of one run: whoever asks for one of them sees its name."""
    Path("a.txt").touch()
    Path("b.txt").touch()
    with store.run("job", run_id="r") as run:
        run.output("file", "a.txt")
        run.output("file", "b.txt")
        run.output("file", "b.txt")
    assert rows(invoke("find", "--json", "b.txt")) == [("r", "made", "a.txt"), ("r", "made", "b.txt")]


POLICY = {
    "name": "saw",
    "version": "1",
    "levels": ["GREEN", "RED"],
    "blocks": "RED",
    "score": 100,
    "rules": [{"id": "rim", "fact": "/rim", "max": 80, "level": "RED", "cost": 60}],
}


@pytest.fixture
def cut(steps: Path, store: Store) -> str:
    """A run behind a gate that makes again what `c1` made."""

    @runstone.gate("cut", policy=POLICY, facts={"rim": 50.5}, store=store, run_id="g1")
    def work() -> None:
        run = runstone.current_run()
        assert run is not None
        run.output("file", "data/clean.csv")

    work()
    return "g1"


def uses(invoke: Invoke) -> dict[str, dict]:
    (one,) = invoke("find", "--json", "data/clean.csv").value
    return {use["run_id"]: use["decision"] for use in one["uses"]}


def test_the_decision_behind_a_file(cut: str, invoke: Invoke) -> None:
    """What was decided, by which policy, on which facts; nothing of a run that no gate stood before."""
    facts_sha256 = sha256_hex(canonical_bytes({"rim": 50.5}))
    policy = {"name": "saw", "version": "1", "sha256": runstone.load_policy(POLICY).sha256}
    told = {"outcome": "allow", "risk_level": "GREEN", "score": 100, "policy": policy, "facts_sha256": facts_sha256}
    assert uses(invoke) == {"g1": told, "c1": None, "r1": None}


def test_an_overridden_decision_behind_a_file(cut: str, invoke: Invoke, store: Store) -> None:
    """Has the outcome that counts now, and who said so."""
    store.override(cut, by="ann", reason="the blade was worn", outcome="block")
    decision = uses(invoke)[cut]
    assert (decision["outcome"], decision["risk_level"], decision["by"]) == ("block", "GREEN", "ann")
    assert "block GREEN by ann" in invoke("find", "data/clean.csv").out


def test_the_decision_stands_in_the_table(cut: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole, with the first digits of its facts, on 80 columns too; there is no such column where nothing was
    decided."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = [line.split() for line in invoke("find", "data/clean.csv").out.splitlines()]
    assert lines[2][-2:] == ["DECISION", "FACTS"]
    assert lines[lines.index(["g1"]) + 1][-3:] == ["allow", "GREEN", sha256_hex(canonical_bytes({"rim": 50.5}))[:12]]
    assert lines[lines.index(["c1"]) + 1][-2:] == ["-", "-"]
    assert "DECISION" not in invoke("find", "raw.csv").out


def test_the_store_is_not_searched_for_itself(steps: Path, invoke: Invoke) -> None:
    """A folder that holds the store: only what stands beside it is asked of."""
    targets = {one["target"] for one in invoke("find", "--json", ".").value}
    assert targets == {"./raw.csv", "./data/clean.csv", "./data/other.txt"}
    assert "1 file of 3 known to no run" in invoke("find", ".").out


def test_what_no_run_knows(steps: Path, invoke: Invoke, store: Store) -> None:
    """Status 3, and the store that was read."""
    answer = invoke("find", "data/other.txt")
    assert (answer.status, answer.out) == (3, "")
    assert answer.err == f"runstone: no run made or read it in {store.url}\n"
    assert invoke("find", "--json", "data/other.txt").value[0]["uses"] == []


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (["absent.csv"], "file_not_found", 3),
        (["no/*.csv"], "file_not_found", 3),
        (["sha256:12"], "invalid_digest", 2),
        (["--dot", "raw.csv"], "invalid_option", 2),
        (["--lineage", "--dot", "raw.csv"], "invalid_option", 2),
        (["--lineage", "raw.csv", "data"], "invalid_option", 2),
        (["--lineage", "nobody"], "run_not_found", 3),
    ],
)
def test_what_cannot_be_asked(steps: Path, invoke: Invoke, words: list[str], code: str, status: int) -> None:
    """A typed error, also as JSON."""
    answer = invoke("find", "--json", *words)
    assert (answer.status, answer.value["code"]) == (status, code)


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="no file here whose reading fails for everybody")
@pytest.mark.parametrize(("verb", "status"), [("find", 5), ("redact", 5), ("import", 1)])
def test_a_file_that_cannot_be_read_is_named(invoke: Invoke, verb: str, status: int) -> None:
    """As on a disk that fails: the file is at fault, and not standard output."""
    answer = invoke(verb, "/proc/self/mem")
    assert (answer.status, "/mem: " in answer.err) == (status, True), answer


@pytest.mark.parametrize("words", [["data"], ["data/*"]], ids=" ".join)
def test_a_file_that_goes_away_is_passed_over(
    steps: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Of a folder, or of what fits a pattern: it is said, and the others are told."""
    (steps / "data" / "before.txt").write_bytes(b"before")
    for name in ("files_below", "files_named"):
        monkeypatch.setattr(find, name, lambda *_, **__: ["data/before.txt", "data/gone.txt", "data/clean.csv"])
    answer = invoke("find", "--json", *words)
    assert answer.status == 0
    assert [one["target"] for one in answer.value] == ["data/before.txt", "data/clean.csv"]
    assert answer.err == "runstone: data/gone.txt: No such file or directory\n"


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="no file here whose reading fails for everybody")
def test_a_file_of_a_pattern_that_cannot_be_read_is_passed_over(steps: Path, invoke: Invoke) -> None:
    """As on a disk that fails: nothing of what else was asked for is lost."""
    answer = invoke("find", "--json", "/proc/self/me[m]", "raw.csv")
    assert (answer.status, [one["target"] for one in answer.value]) == (0, ["raw.csv"])
    assert answer.err.startswith("runstone: /proc/self/mem: ")


@pytest.mark.parametrize("options", [[], ["--lineage"]], ids=" ".join)
@pytest.mark.parametrize(
    ("name", "code", "status"),
    [("link", "file_not_found", 3), ("pipe", "invalid_option", 2), ("socket", "invalid_option", 2)],
)
def test_what_is_named_and_is_no_file(
    steps: Path, invoke: Invoke, options: list[str], name: str, code: str, status: int
) -> None:
    """A link that leads nowhere is not found; what has no bytes is wrong use. Neither is the store's fault."""
    os.symlink("nowhere", "link")
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        answer = invoke("find", "--json", *options, name)
    assert (answer.status, answer.value["code"]) == (status, code)
    assert name in answer.value["message"]


def test_progress_shows_names_escaped_and_cut(store: Store, tmp_path: Path, on_terminal: Callable[..., str]) -> None:
    """Somebody's file names set no title and wipe no screen, and a line that is written over is one line."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a\x1b]0;PWNED\x07\x1b[2Jb").write_bytes(b"x")
    (tmp_path / "in" / ("long" * 50)).write_bytes(b"x")
    seal(store)
    shown = on_terminal("find", "in")
    assert "a\\x1b]0;PWNED\\x07\\x1b[2Jb" in shown
    assert raw_controls(shown.replace("\r\x1b[K", "")) == []
    assert [part for part in shown.split("\r\x1b[K") if "longlong" in part and len(part) > 79] == []
    assert "longlong" in on_terminal("find", f"in/{'long' * 50}")


def test_lineage_goes_down_a_page_and_not_to_its_right(store: Store, invoke: Invoke) -> None:
    """A chain of a thousand nights is a thousand lines that can be read: behind twelve steps each has its number."""
    for night in range(20):
        with store.run("night", run_id=f"n{night}") as run:
            run.input(f"state-{night}", sha256=sha256_hex(b"%d" % night))
            run.output(f"state-{night + 1}", sha256=sha256_hex(b"%d" % (night + 1)))
    shown = invoke("find", "--lineage", "n19").out.splitlines()
    assert shown[13:16] == [
        f"{' ' * 22}read state-14  sha256:{sha256_hex(b'14')[:12]}",
        f"{' ' * 24}made by n13  night  success",
        f"{' ' * 24}13: read state-13  sha256:{sha256_hex(b'13')[:12]}",
    ]
    assert max(map(len, shown)) <= 80


def test_lineage_as_text(steps: Path, invoke: Invoke) -> None:
    """A tree up and a tree down, from a file, its digest, or a run."""
    shown = invoke("find", "--lineage", "data/clean.csv").out
    assert shown == invoke("find", "--lineage", DIGEST).out
    assert shown.splitlines() == [
        f"data/clean.csv  {DIGEST[:19]}",
        "",
        "came from",
        "  made by c1  clean  success",
        f"    read raw.csv  sha256:{sha256_hex(b'raw')[:12]}",
        "",
        "led to",
        "  read by r1  report  success",
    ]
    assert invoke("find", "--lineage", "r1").out.splitlines()[3:5] == [
        f"  read data/clean.csv  {DIGEST[:19]}",
        "    made by c1  clean  success",
    ]


def test_lineage_as_json_and_as_a_graph(steps: Path, invoke: Invoke) -> None:
    """The same edges in each."""
    value = invoke("find", "--lineage", "--json", "c1").value
    assert {(edge["from"], edge["relation"], edge["to"]) for edge in value["edges"]} == {
        (f"sha256:{sha256_hex(b'raw')}", "read", "run:c1"),
        ("run:c1", "made", DIGEST),
        (DIGEST, "read", "run:r1"),
    }
    dot = invoke("find", "--lineage", "--dot", "c1").out
    assert f'"run:c1" -> "{DIGEST}" [label="made"];' in dot


def test_reindex_without_a_store_is_status_3(invoke: Invoke) -> None:
    """What is not there is not found, and nothing is made in its place."""
    answer = invoke("reindex", "--store", "nowhere")
    assert answer.status == 3
    assert "there is no store at" in answer.err
    assert not Path("nowhere").exists()


def test_reindex_of_an_empty_folder(invoke: Invoke) -> None:
    """It is a store of no runs, as for every verb; nothing is made there."""
    Path("empty").mkdir()
    assert invoke("reindex", "--store", "empty") == (0, "0 runs read\n", "")
    assert list(Path("empty").iterdir()) == []


def test_reindex_reads_every_run(steps: Path, invoke: Invoke, store: Store) -> None:
    """And says how many."""
    assert invoke("reindex").out == "2 runs read\n"
    assert json.loads(invoke("reindex", "--json").out) == {"runs": 2}
    assert (Path(store.url) / CATALOG).is_file()
