"""`runstone import` as a command: what it takes for what."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

import runstone
from runstone.cli import main

RUN = {"run_id": "r1", "created_at_utc": "2026-02-03T04:05:06Z", "status": "OK", "mode": "saw", "tool_id": "saw:x"}


@pytest.mark.parametrize("form", ["folder", "file", "one"])
def test_artifacts_are_told_from_other_runs(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder by days, one file of many, and one run."""
    path = tmp_path / "old" / "2026-02-03" / "r1.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"r1": RUN} if form == "file" else RUN))
    source = path if form != "folder" else tmp_path / "old"
    assert main(["import", str(source), "--store", str(tmp_path / "runs"), "--json"]) == 0
    ((told,), store) = json.loads(capsys.readouterr().out), runstone.open(tmp_path / "runs")
    assert (told["run_id"], told["result"], told["digest"]) == ("r1", "created", store.get("r1").digest)
    assert store.get("r1").contract == "rmos/1"
    assert (tmp_path / "runs" / ".runstone" / "published" / "2026-02-03" / "r1.json").is_file()


def test_a_wrong_file_is_an_error_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its place, and nothing is made."""
    path = tmp_path / "runs.json"
    path.write_text("[]")
    assert main(["import", str(path), "--store", str(tmp_path / "store")]) == 1
    assert "expected an object of runs" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("packed", [False, True])
def test_a_store_is_told_from_a_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str], *, packed: bool) -> None:
    """By whoever reads one bundle: what is to be named instead. So is a pack."""
    source = str(tmp_path / "runs")
    for _ in range(2):
        runstone.open(source).run("job").finish()
    assert not packed or main(["pack", "--store", source]) == 0
    packs = [str(path) for path in (tmp_path / "runs").glob(".runstone/packs/*.tar")]
    assert len(packs) == packed
    told = {source: "is a store, and a run", **dict.fromkeys(packs, "holds 2 bundles")}
    for path, what in told.items():
        assert main(["import", path, "--store", str(tmp_path / "other")]) == 1
        assert f"{path} {what}" in capsys.readouterr().err
    for words in (["verify", source], ["diff", source, source], ["judge", source, "--cited"]):
        assert main([*words, "--store", str(tmp_path / "other")]) == 1
        assert f"{source} is a store and no bundle" in capsys.readouterr().err


@pytest.mark.parametrize("packed", [False, True])
def test_a_store_in_a_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], *, packed: bool) -> None:
    """By its own folder, from which the words to type export a run."""
    source = tmp_path / "a copy/runs"
    runstone.open(source).run("job", run_id="one").finish()
    assert not packed or main(["pack", "--store", str(source)]) == 0
    capsys.readouterr()
    assert main(["import", str(source.parent), "--store", str(tmp_path / "other")]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"runstone: {source} is a store, and a run")
    line = told.split("`")[1].replace("RUN", "one").replace("FILE", str(tmp_path / "one.tar"))
    assert main(shlex.split(line)[1:]) == 0
    assert main(["import", str(tmp_path / "one.tar"), "--store", str(tmp_path / "other")]) == 0


def test_a_folder_of_bundles_is_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which bundle is to be imported instead is said, by a name that can be; of an archive, what to take out of it."""
    runstone.open(tmp_path / "runs").run("job", run_id="one").finish()
    shutil.copytree(tmp_path / "runs/one", tmp_path / "x/got")
    shutil.make_archive(str(tmp_path / "x"), "tar", tmp_path, "x/got")
    monkeypatch.chdir(tmp_path / "x")
    assert main(["import", ".", "--store", "../other"]) == 1
    assert capsys.readouterr().err == "runstone: . holds the bundle got: import that\n"
    monkeypatch.chdir(tmp_path)
    assert main(["import", "x.tar", "--store", "other"]) == 1
    assert capsys.readouterr().err == "runstone: x.tar holds the bundle got: take out and import that\n"
    shutil.copytree("x/got", "x/got2")
    assert main(["import", "x", "--store", "other"]) == 1
    assert capsys.readouterr().err == "runstone: x holds 2 bundles, x/got among them: import one at a time\n"
    assert main(["import", "x/got", "--store", "other"]) == 0


@pytest.mark.parametrize(
    "held",
    [{}, {"notes.txt": "x"}, {"logs/a.jsonl": "{}\n"}, {"web/manifest.json": "{}"}],
    ids=["nothing", "a file", "logs", "an app"],
)
def test_a_folder_of_nothing_known_is_told_what_would_be(
    held: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every kind that can be imported, and where to read on."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in held.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    assert main(["import", str(folder), "--store", str(tmp_path / "store")]) == 1
    told = capsys.readouterr().err
    known = ("manifest.json", "run.json", "artifacts of RMOS", "project of rentl", "runstone import --help")
    assert [word for word in known if word not in told] == []
