"""No space, no descriptors, no right to write: the work goes on, the loss is told, nothing is torn (promise P6)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.errors import RunstoneError

from .scenes import of_type, open_store, python

PIECE = "x" * 1000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "runstone-test", str(place)]
    if not hasattr(os, "geteuid") or os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Take all the space that is left; answers the file that holds it."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return path


def test_full_disk_loses_events_and_says_so(small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While there is no space nothing is raised; it is said once; with space again the record tells what is missing."""
    store = open_store(small_disk / "runs")
    run = store.run("job", run_id="r")
    run.log("before")
    filler = fill(small_disk)
    for _ in range(50):
        run.log(PIECE)
    filler.unlink()
    run.log("after")
    assert run.finish() is not None
    report = store.verify("r")
    assert report.ok, report.findings
    lost = sum(data["events"] for data in of_type(store, "r", "dropped"))
    texts = [data["text"] for data in of_type(store, "r", "log")]
    assert (texts[0], texts[-1], lost + len(texts)) == ("before", "after", 52)
    assert lost > 0
    assert of_type(store, "r", "run.closed")[0]["dropped"] == lost
    err = capsys.readouterr().err
    assert (err.count("\n"), err.count("No space left on device")) == (1, 1)


def test_strict_run_raises_on_a_full_disk_and_goes_on_after(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `strict` the caller is told each time, and nobody else; when space is back the same run records again."""
    store = open_store(small_disk / "runs")
    run = store.run("job", run_id="r", strict=True)
    filler = fill(small_disk)
    codes = set()
    for _ in range(20):
        try:
            run.log(PIECE)
        except RunstoneError as exc:
            codes.add(exc.code)
    filler.unlink()
    run.log("after")
    run.finish()
    assert (codes, capsys.readouterr().err) == ({"store_unavailable"}, "")
    assert store.verify("r").ok


def test_run_that_cannot_be_sealed_is_recovered_when_there_is_space(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk at the end leaves the run open, with no half bundle in sight; recovery seals it later."""
    store = open_store(small_disk / "runs")
    run = store.run("job", run_id="r")
    run.log("one")
    filler = fill(small_disk)
    for _ in range(5):
        run.log(PIECE)
    assert run.finish() is None
    assert not store.objects.exists("r")
    with pytest.raises(RunstoneError) as refused:
        store.recover()
    assert refused.value.code == "store_unavailable"
    filler.unlink()
    [recovery] = store.recover()
    assert (recovery.outcome, store.verify("r").ok, store.open_runs()) == ("sealed", True, [])
    assert "is not sealed" in capsys.readouterr().err


def test_run_that_cannot_be_opened_leaves_the_work_alone(small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a full disk a run is not recorded, and said to be not; its id can be taken when space is back."""
    store = open_store(small_disk / "runs")
    with store.run("job", run_id="first"):
        pass
    filler = fill(small_disk)
    with store.run("job", run_id="r") as run:
        run.log("one")
    filler.unlink()
    store.recover()
    assert capsys.readouterr().err.count("is not recorded") == 1
    with store.run("job", run_id="r"):
        pass
    assert store.verify("r").ok


def test_kept_file_that_does_not_fit_is_recorded_by_digest(small_disk: Path, tmp_path: Path) -> None:
    """A copy for which there is no space is left out; the event has the digest and says why."""
    (tmp_path / "large").write_bytes(b"x" * 2_000_000)
    store = open_store(small_disk / "runs")
    with store.run("job", run_id="r") as run:
        run.output("file", tmp_path / "large", keep=True)
        run.log("after")
    [data] = of_type(store, "r", "output")
    assert (data["path"], data["size"], data["problem"]) == (None, 2_000_000, "not_kept:store_unavailable")
    assert store.verify("r").ok
    assert list((small_disk / "runs/.runstone/tmp").iterdir()) == []


def test_import_that_does_not_fit_leaves_nothing(small_disk: Path, tmp_path: Path) -> None:
    """An import on a full disk fails as a whole, and can be done again."""
    (tmp_path / "large").write_bytes(b"x" * 2_000_000)
    origin = open_store(tmp_path / "runs")
    with origin.run("job", run_id="r") as run:
        run.output("file", tmp_path / "large", keep=True)
    store = open_store(small_disk / "runs")
    with pytest.raises(RunstoneError) as caught:
        store.import_bundle(origin.get("r").bundle)
    assert (caught.value.code, store.objects.exists("r")) == ("store_unavailable", False)
    assert list((small_disk / "runs/.runstone/tmp").iterdir()) == []


def test_read_only_store_can_be_read_and_stops_no_work(small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A store mounted read-only lists, shows and verifies; a new run is not recorded, and the work goes on."""
    store = open_store(small_disk / "runs")
    with store.run("job", run_id="r"):
        pass
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    reader = open_store(small_disk / "runs")
    assert ([sealed.run_id for sealed in reader.runs()], reader.verify("r").ok, reader.recover()) == (["r"], True, [])
    with reader.run("job") as run:
        run.log("x")
    assert (run.recording, capsys.readouterr().err.count("Read-only file system")) == (False, 1)


LIMITED_SIZE = """
import resource, runstone, sys
store = runstone.open(sys.argv[1])
run = store.run("job", run_id="r")
run.log("before")
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
for number in range(100):
    run.log("x" * 1000)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
run.log("after")
print(run.finish() is not None)
"""


def test_file_size_limit_loses_events_and_says_so(tmp_path: Path) -> None:
    """Under `ulimit -f` lines that do not fit are counted; a half-written one is cut off, not left in the middle."""
    done = python(LIMITED_SIZE, tmp_path / "runs")
    store = open_store(tmp_path / "runs")
    assert (done.stdout, done.stderr.count("\n"), done.returncode) == ("True\n", 1, 0)
    report = store.verify("r")
    assert report.ok, report.findings
    lost = sum(data["events"] for data in of_type(store, "r", "dropped"))
    texts = [data["text"] for data in of_type(store, "r", "log")]
    assert (texts[-1], lost + len(texts), lost > 50) == ("after", 102, True)


NO_DESCRIPTORS = """
import os, resource, runstone, sys
store = runstone.open(sys.argv[1])
with store.run("job", run_id="warm") as warm:  # what is imported late is imported now, the rules as well
    warm.log("password=hunter2-Xq9")
run = store.run("job", run_id="r")
open(sys.argv[2], "w").close()
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
held = []
try:
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
run.log("during")
run.output("file", sys.argv[2], keep=True)
with store.run("job", run_id="other") as other:
    other.log("x")
print(other.recording)
if "seal" in sys.argv:
    print(run.finish() is None)
for fd in held:
    os.close(fd)
run.log("after")
run.finish()
with store.run("job", run_id="later"):
    pass
print([recovery.outcome for recovery in store.recover()])
"""


def test_no_descriptors_leave_the_work_alone(tmp_path: Path) -> None:
    """With every descriptor taken an open run goes on, a new one is not recorded; afterwards all is as before."""
    done = python(NO_DESCRIPTORS, tmp_path / "runs", tmp_path / "file")
    store = open_store(tmp_path / "runs")
    assert (done.returncode, done.stdout) == (0, "False\n[]\n"), done.stderr
    assert [data["text"] for data in of_type(store, "r", "log")] == ["during", "after"]
    assert of_type(store, "r", "output")[0]["sha256"] is None
    assert [store.verify(run_id).ok for run_id in ("r", "later")] == [True, True]


def test_no_descriptors_at_the_seal_leave_a_run_to_recover(tmp_path: Path) -> None:
    """A seal that finds no descriptor is reported; the run stays whole, and recovery seals it with its own end."""
    done = python(NO_DESCRIPTORS, tmp_path / "runs", tmp_path / "file", "seal")
    store = open_store(tmp_path / "runs")
    assert (done.returncode, done.stdout) == (0, "False\nTrue\n['sealed']\n"), done.stderr
    assert (store.get("r").status, store.verify("r").ok) == ("success", True)


FULL_DEVICE = """
import runstone, sys
with runstone.open(sys.argv[1]).run("job", run_id="r", strict=False) as run:
    for _ in range(3):
        run.config([[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]])
"""


def test_standard_error_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """What has to be said is said to nobody where standard error is full or closed."""
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-c", FULL_DEVICE, str(tmp_path / "runs")],
            stderr=full,
            check=False,
            timeout=60,
        )
    store = open_store(tmp_path / "runs")
    assert (store.get("r").status, len(of_type(store, "r", "dropped"))) == ("success", 3)
    assert done.returncode in (0, 120)  # 120: the interpreter itself could not flush standard error
