"""`runstone verify`, for one bundle and for a whole store."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import runstone
from cli.conftest import HOSTILE, Invoke, raw_controls, seal, spoil
from runstone.adapters.fs.objects import FsObjects
from runstone.adapters.fs.probe import probe
from runstone.engine.store import Store
from runstone.engine.verifier import STEPS


@pytest.fixture
def run(store: Store) -> str:
    """A run that keeps a file."""
    Path("a.csv").write_text("a\n")
    with store.run("x", run_id="run-1") as recorded:
        recorded.log("one line")
        recorded.output("file", "a.csv", keep=True)
    return recorded.run_id


@contextmanager
def as_nobody() -> Iterator[None]:
    """Who may do everything is, for a while, somebody who may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_run_that_may_not_be_read_is_not_passed_over(invoke: Invoke) -> None:
    """A bundle in somebody else's folder is listed, and is a fault of its store: nobody has proved it."""
    with TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        store = runstone.open(Path(place, "runs"))
        seal(store, run_id="mine")
        seal(store, run_id="theirs")
        words = ("--store", store.url)
        assert invoke("verify", "--all", *words).status == invoke("ls", *words).status == 0
        Path(store.url, "theirs").chmod(0)
        with as_nobody():
            proved, listed = invoke("verify", "--all", "--json", *words), invoke("ls", "--json", *words)
        Path(store.url, "theirs").chmod(0o755)
    assert proved.status == 1
    assert (proved.value["foreign"], [run["ok"] for run in proved.value["runs"]]) == ([], [True, False])
    assert "Permission denied" in proved.value["runs"][1]["findings"][0]["message"]
    assert [(row["run_id"], row["state"]) for row in listed.value] == [("mine", "sealed"), ("theirs", "damaged")]


def test_a_good_run(run: str, store: Store, invoke: Invoke) -> None:
    """The verdict, the digest, every step, and what was not checked."""
    answer = invoke("verify", run)
    assert answer.status == 0
    assert answer.out.startswith("run-1  verified\n")
    assert store.get(run).digest in answer.out
    assert all(step in answer.out for step in STEPS)
    assert "NOT CHECKED" in answer.out
    assert "rewritten" in answer.out


def test_json_is_the_report(run: str, store: Store, invoke: Invoke) -> None:
    """`--json` prints the fields of the report."""
    value = invoke("verify", run, "--json").value
    assert value == store.verify(run).as_dict()
    assert value.keys() >= {"ok", "run_id", "digest", "checked", "not_checked", "findings"}


def test_a_changed_byte_is_named(run: str, store: Store, invoke: Invoke) -> None:
    """Status 1, the file, what was expected and what was found."""
    spoil(Path(store.url, run, "artifacts/a.csv"))
    answer = invoke("verify", run)
    assert answer.status == 1
    assert answer.out.splitlines()[0].endswith("faults")
    assert "artifacts/a.csv" in answer.out
    findings = invoke("verify", run, "--json").value["findings"]
    assert {"code", "file", "expected", "found", "message"} <= findings[0].keys()
    assert {"wrong_size", "wrong_sha256"} <= {finding["code"] for finding in findings}


def test_quick_says_what_it_did_not_read(run: str, store: Store, invoke: Invoke) -> None:
    """A changed artifact is not found, and the answer does not say verified."""
    place = Path(store.url, run, "artifacts/a.csv")
    place.chmod(0o644)
    place.write_text("b\n")
    answer = invoke("verify", run, "--quick")
    assert answer.status == 0
    assert "no fault in what was read" in answer.out
    assert "verified" not in answer.out
    assert "artifacts/a.csv" in answer.out
    assert invoke("verify", run).status == 1


def test_digest_from_elsewhere(run: str, store: Store, invoke: Invoke) -> None:
    """The right digest takes the doubt away, another one is a fault."""
    good = invoke("verify", run, "--digest", store.get(run).digest)
    assert good.status == 0
    assert "rewritten" not in good.out
    assert invoke("verify", run, "--digest", "sha256:" + "0" * 64).status == 1


def test_a_path(run: str, store: Store, invoke: Invoke) -> None:
    """A folder anywhere, and a name in the working directory that no run has."""
    shutil.copytree(Path(store.url, run), "copy")
    assert invoke("verify", "./copy").status == 0
    assert invoke("verify", "copy").status == 0
    assert invoke("verify", str(Path(store.url, run)), "--store", "elsewhere").status == 0


def test_a_run_of_the_store_comes_before_a_folder(run: str, invoke: Invoke) -> None:
    """A folder of the same name does not stand in for the run."""
    Path(run).mkdir()
    assert invoke("verify", run).status == 0
    assert invoke("verify", f"./{run}").status == 1


def test_an_archive(run: str, invoke: Invoke) -> None:
    """What `export` writes verifies as it is."""
    assert invoke("export", run, "--as", "tar", "-o", "run.tar").status == 0
    assert invoke("verify", "run.tar").out.startswith("run-1  verified\n")


@pytest.mark.parametrize("path", ["artifacts/a.csv", "run.json", "events.jsonl"])
@pytest.mark.parametrize("spoiled", [spoil, Path.unlink], ids=["changed", "gone"])
def test_a_damaged_bundle_is_not_exported(
    run: str, store: Store, invoke: Invoke, path: str, spoiled: Callable[[Path], None]
) -> None:
    """Each file is proved on the way: the one that is not what was sealed is named, and no archive is left."""
    spoiled(Path(store.url, run, *path.split("/")))
    answer = invoke("export", run, "-o", "run.tar")
    assert (answer.status, path in answer.err) == (1, True)
    assert [name for name in os.listdir() if name not in ("runs", "a.csv")] == []


def test_what_the_seal_does_not_name_is_not_exported(run: str, store: Store, invoke: Invoke) -> None:
    """A file that somebody laid into a bundle does not travel with it."""
    Path(store.url, run, "stray.txt").write_text("x")
    assert invoke("verify", run).status == 1
    assert invoke("export", run, "-o", "run.tar").status == 0
    assert invoke("verify", "run.tar").out.startswith("run-1  verified\n")


@pytest.mark.parametrize("verb", ["verify", "diff"])
def test_a_folder_that_holds_no_bundle(verb: str, invoke: Invoke) -> None:
    """It is said to hold none, in a line, whatever else it holds; one that lost its manifest alone is a bad bundle."""
    os.mkdir("photos")
    for number in range(20):
        Path("photos", f"{number}?.jpg").touch()
    answer = invoke(verb, *["photos"] * (2 if verb == "diff" else 1))
    told = "runstone: photos holds no bundle: neither manifest.json nor events.jsonl is in it\n"
    assert (answer.status, answer.out, answer.err.replace("./", "")) == (1, "", told)
    Path("photos", "events.jsonl").touch()
    assert "missing_file manifest.json" in invoke("verify", "photos").out


def test_what_is_not_there_is_status_3(invoke: Invoke, store: Store) -> None:
    """Neither a run nor a path."""
    assert invoke("verify", "nothing").status == 3
    assert invoke("verify", "./nothing").status == 3
    assert store.url in invoke("verify", "nothing").err


def test_names_with_a_dash(run: str, store: Store, invoke: Invoke) -> None:
    """Behind `--` a name may begin with a dash."""
    shutil.copytree(Path(store.url, run), "-copy")
    assert invoke("verify", "--", "-copy").status == 0
    assert invoke("verify", "-copy").status == 2


def test_a_hostile_file_name_is_shown_escaped(run: str, store: Store, invoke: Invoke) -> None:
    """A finding names a file whatever it is called."""
    Path(store.url, run, "x" + HOSTILE.replace("/", "")).write_text("")
    answer = invoke("verify", run)
    assert answer.status == 1
    assert raw_controls(answer.out) == []
    assert "\\x1b]52" in answer.out


def test_all(crowd: Path, invoke: Invoke) -> None:
    """Three hundred runs, on as many processors as there are, in one line and what was not checked."""
    answer = invoke("verify", "--all", "--store", str(crowd))
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith(f"300 runs in {crowd}: 300 verified\n")


def test_all_names_the_bad_one(crowd: Path, invoke: Invoke, tmp_path: Path) -> None:
    """One changed byte in one of 300 runs is found and named, in text and in JSON."""
    shutil.copytree(crowd, tmp_path / "runs")
    victim = sorted(path.name for path in crowd.iterdir() if not path.name.startswith("."))[150]
    spoil(tmp_path / "runs" / victim / "checks.json")
    answer = invoke("verify", "--all")
    assert answer.status == 1
    assert f"FAULT  {victim}\n" in answer.out
    assert "299 verified, 1 with faults" in answer.out
    value = invoke("verify", "--all", "--json").value
    assert [report["run_id"] for report in value["runs"] if not report["ok"]] == [victim]
    assert len(value["runs"]) == 300


def test_all_with_a_lost_manifest(store: Store, invoke: Invoke) -> None:
    """A bundle that lost its manifest is listed nowhere, and is found all the same."""
    seal(store, run_id="whole")
    seal(store, run_id="robbed")
    Path(store.url, "robbed", "manifest.json").unlink()
    answer = invoke("verify", "--all")
    assert answer.status == 1
    assert "FAULT  robbed" in answer.out


def test_all_calls_other_folders_foreign(store: Store, invoke: Invoke) -> None:
    """What is no bundle is said and is no fault."""
    seal(store)
    Path(store.url, "notes").mkdir()
    answer = invoke("verify", "--all")
    assert answer.status == 0
    assert "foreign  notes" in answer.out
    assert invoke("verify", "--all", "--json").value["foreign"] == ["notes"]


def test_all_counts_what_is_open(store: Store, invoke: Invoke) -> None:
    """An open run is not verified, and the answer says so."""
    seal(store)
    run = store.run("x")
    try:
        assert "1 open run: not sealed yet" in invoke("verify", "--all").out
    finally:
        run.finish()


@pytest.mark.parametrize("others", [0, 32])
def test_all_leaves_out_what_is_purged_meanwhile(
    store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    """A run that went lawfully is no fault, nor is another one verified in its place; one that was lost is."""
    for run_id in ("gone", "stays", "stays-2", *(f"other-{number}" for number in range(others))):
        seal(store, run_id=run_id)
    listed, begun = FsObjects.run_ids, []

    def purge_behind(objects: FsObjects) -> list[str]:
        found = list(listed(objects))
        if not begun:
            begun.append(True)
            for run_id in ("gone", "stays"):
                store.purge({"rules": [{"query": f"id:{run_id}"}], "grace": "0"}, apply=True)
        return found

    monkeypatch.setattr(FsObjects, "run_ids", purge_behind)
    answer = invoke("verify", "--all", "--json")
    assert (answer.status, answer.value["ok"], answer.value["purged"]) == (0, True, 2)
    assert [report["run_id"] for report in answer.value["runs"]][-1:] == ["stays-2"]
    assert len(answer.value["runs"]) == others + 1
    begun.clear()
    seal(store, run_id="gone-2")
    monkeypatch.setattr(store, "purge", lambda *_, **__: shutil.rmtree(Path(store.url, "gone-2"), ignore_errors=True))
    robbed = invoke("verify", "--all", "--json")
    assert (robbed.status, robbed.value["purged"]) == (1, 0)


def test_all_finds_a_marked_run_that_was_damaged(store: Store, invoke: Invoke) -> None:
    """A mark is no purge: a run that waits for one and has lost its manifest is a fault."""
    seal(store, run_id="marked")
    store.purge({"rules": [{"query": "id:marked"}], "grace": "7d"}, apply=True)
    Path(store.url, "marked", "manifest.json").unlink()
    answer = invoke("verify", "--all", "--json")
    assert (answer.status, answer.value["purged"]) == (1, 0)
    assert [report["ok"] for report in answer.value["runs"]] == [False]


def test_all_leaves_no_process_behind_that_was_killed(crowd: Path) -> None:
    """Who reads its output gets to the end of it: the processes that verify end with the one that asked them."""
    program = f"""
        import os, signal
        from runstone.cli import fleet
        from runstone.locate import open_store

        fleet.Progress.show = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        fleet._processors = lambda: 3
        fleet.verify_all(open_store({str(crowd)!r}), quick=False, secrets=False)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, timeout=30)
    assert killed.returncode == -signal.SIGKILL


def test_all_of_no_store_is_status_3(invoke: Invoke) -> None:
    """A mistyped store is not good because nothing in it is bad."""
    assert invoke("verify", "--all", "--store", "nowhere").status == 3


@pytest.mark.parametrize("words", [("verify", "--all"), ("reindex",)], ids=" ".join)
def test_a_store_that_may_not_be_looked_at_is_not_told_to_be_none(invoke: Invoke, words: tuple[str, ...]) -> None:
    """Below a folder of somebody else's; why that is says the system. Doctor names it, too."""
    with TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        above = Path(place, "theirs")
        store = runstone.open(above / "runs")
        seal(store)
        above.chmod(0)
        with as_nobody():
            answer, tried = invoke(*words, "--store", store.url), invoke("doctor", "--json", "--store", store.url)
            there = probe(str(above))
        above.chmod(0o755)
    told = f"{store.url}: Permission denied"
    assert (answer.status, answer.err) == (5, f"runstone: {told}\n")
    assert (tried.status, tried.value["problems"][0]) == (1, told)
    assert (there["writable"], there["problems"]) == (False, [f"{above}: Permission denied"])


def test_all_of_an_empty_store_names_it(invoke: Invoke, tmp_path: Path) -> None:
    """Nothing to verify is said with the store's name."""
    (tmp_path / "runs").mkdir()
    answer = invoke("verify", "--all")
    assert (answer.status, answer.out) == (0, "")
    assert str(tmp_path / "runs") in answer.err


def test_progress_on_a_terminal_only(crowd: Path, on_terminal: Callable[..., str], process: Invoke) -> None:
    """A terminal sees how far the work is, and nothing of it remains; a pipe sees none of it."""
    shown = on_terminal("verify", "--all", "--store", str(crowd))
    assert "of 300 runs verified" in shown
    assert "\r\x1b[K" in shown
    assert process("verify", "--all", "--store", str(crowd)).err == ""
