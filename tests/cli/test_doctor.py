"""`runstone doctor`: what is tried, and what is promised where."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Invoke, seal
from runstone.adapters.fs import probe as probing
from runstone.adapters.fs.probe import NOT_CHECKED, NOT_PROMISED, PROMISED, Mount, mount_of, probe
from runstone.cli.doctor import ALIVE, KILL, ONCE, POWER, SIGNED, promises
from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.locate import __version__, open_store

MOUNTS = """\
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,barrier=1
22 21 0:20 / /proc rw,nosuid - proc proc rw
35 21 0:30 / /mnt/team\\040share rw shared:9 - nfs4 server:/x rw,vers=4.2
36 21 0:31 / /mnt rw - tmpfs tmpfs rw,size=1k
37 21 8:1 / /fast rw - ext4 /dev/sdb1 rw,nobarrier
"""


def test_a_healthy_store(store: Store, invoke: Invoke) -> None:
    """What was tried works, the promises stand, and nothing of the trial remains."""
    seal(store)
    before = sorted(Path(store.url).rglob("*"))
    answer = invoke("doctor")
    assert answer.status == 0
    assert f"Runstone {__version__}" in answer.out
    assert "1 sealed run" in answer.out
    assert [path for path in sorted(Path(store.url).rglob("*")) if not path.name.startswith("catalog.")] == before


ENDED = """
import os, signal, sys
from runstone.adapters.fs import probe
from runstone.cli import process
number = int(sys.argv.pop(1))
signal.signal(number, signal.SIG_DFL)
probe._try = lambda *_: os.kill(os.getpid(), number)
process()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_takes_back_what_was_begun(tmp_path: Path, number: int) -> None:
    """The status is the one that a shell tells of it."""
    words = [sys.executable, "-c", ENDED, str(int(number)), "doctor", "--store", "nowhere"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, b"", b"")
    assert os.listdir(tmp_path) == []


def test_what_a_killed_trial_has_left_goes(tmp_path: Path, invoke: Invoke) -> None:
    """Not the one of a process that lives, nor one that began this moment, nor what only looks like one."""
    dead, living, young, other = (
        tmp_path / f".runstone-probe-{name}" for name in ("0" * 16, "1" * 16, "2" * 16, "mine" * 4)
    )
    for folder in (dead, living, young, other):
        (folder / "target").mkdir(parents=True)
        (folder / "target" / "file").write_text("")
        if folder != young:
            os.utime(folder, (0, 0))
    fd = os.open(living, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert invoke("doctor", "--store", str(tmp_path / "nowhere")).status == 0
    os.close(fd)
    assert sorted(tmp_path.glob(".runstone-probe-*")) == [living, young, other]


def test_json_tells_everything(store: Store, invoke: Invoke) -> None:
    """Versions, store, file system, trials and promises, each as a field."""
    seal(store)
    value = invoke("doctor", "--json").value
    assert value["versions"]["runstone"] == __version__
    counts = {"sealed": 1, "open": 0, "to_recover": 0, "foreign": 0, "leftovers": 0, "leftover_bytes": 0}
    counts |= {"unkept": 0, "unkept_bytes": 0}
    assert value["store"] == {"url": store.url, "exists": True, **counts}
    disk = value["file_system"]
    assert disk["locks"]
    assert disk["create_once"]
    assert disk["sync_file_ms"] > 0
    assert set(value["promised"] + value["not_checked"] + value["not_promised"]) >= {KILL, POWER, ONCE, ALIVE, SIGNED}


def test_files_that_no_run_kept_are_told(store: Store, invoke: Invoke) -> None:
    """They take space, nothing removes them, and somebody may want them."""
    seal(store)
    folder = Path(store.url, ".runstone/unkept/dead")
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(b"x" * 1200)
    assert "files of 1 run that no bundle has, 1.2 kB" in invoke("doctor").out
    found = invoke("doctor", "--json").value["store"]
    assert (found["unkept"], found["unkept_bytes"]) == (1, 1200)


def test_a_store_that_is_not_there_yet_is_not_made(invoke: Invoke, tmp_path: Path) -> None:
    """It is tried above the store, and nothing stays."""
    answer = invoke("doctor")
    assert answer.status == 0
    assert "not there yet" in answer.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("store", "why"),
    [
        ("link", "link is a link to {0}/gone/runs, where no folder is"),
        ("link/runs", "link is a link to {0}/gone/runs, where no folder is"),
        ("file", "file is no folder"),
        ("file/runs", "file is no folder"),
    ],
)
def test_a_place_where_no_store_can_be_made(invoke: Invoke, tmp_path: Path, store: str, why: str) -> None:
    """A disk that is not mounted, a file: it is a problem."""
    Path("link").symlink_to(tmp_path / "gone/runs")
    Path("file").touch()
    why = f"{tmp_path}/{why.format(tmp_path)}"
    answer = invoke("doctor", "--store", store, "--json")
    assert (answer.status, answer.value["problems"]) == (1, [why])
    assert not set(answer.value["promised"]) & {KILL, POWER, ONCE, ALIVE}


READERS = [
    ("ls",),
    ("ls", "--json"),
    ("show", "r"),
    ("logs", "r"),
    ("get", "r", "-o", "x"),
    ("find", "file"),
    ("audit", "r"),
    ("diff", "r", "s"),
    ("judge", "r"),
    ("replay", "r"),
    ("annotate", "r", "--note", "x"),
    ("alias",),
    ("verify", "r"),
    ("verify", "--all"),
    ("reindex",),
    ("recover",),
    ("purge", "--list"),
    ("pack",),
    ("export", "r", "-o", "x"),
]


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_who_reads_a_store_that_is_no_folder_is_told(invoke: Invoke, tmp_path: Path, words: tuple[str, ...]) -> None:
    """By the place that was named, whichever of a store's files is looked for first. Nobody is told that nothing was
    recorded yet."""
    Path("file").touch()
    Path("link").symlink_to("gone")
    for store in ("file", "file/runs", "link", "link/runs"):
        answer = invoke(*words, "--store", store)
        why = "is no folder" if store.startswith("file") else "is a link to gone, where no folder is"
        told = f"runstone: there is no store at {tmp_path / store}: {tmp_path / store[:4]} {why}\n"
        assert (answer.status, answer.err) == (5, told)


@pytest.mark.parametrize("place", ["file", "file/runs", "link", "link/runs"])
def test_who_would_make_a_store_where_something_else_stands_is_told(
    store: Store, invoke: Invoke, tmp_path: Path, place: str
) -> None:
    """The same as who reads it: of an import, and of a run that is not recorded."""
    run_id = seal(store)
    Path("file").touch()
    Path("link").symlink_to("gone")
    why = "is no folder" if place.startswith("file") else "is a link to gone, where no folder is"
    told = f"there is no store at {tmp_path / place}: {tmp_path / place[:4]} {why}"
    brought = invoke("import", f"{store.url}/{run_id}", "--store", place)
    assert (brought.status, brought.err) == (5, f"runstone: {told}\n")
    with pytest.raises(RunstoneError, match=f"^{told}$"):
        open_store(tmp_path / place).run("job", strict=True)


def test_switched_off_recording_is_told(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that changes what is recorded is on the page."""
    monkeypatch.setenv("RUNSTONE_DISABLED", "1")
    assert "RUNSTONE_DISABLED=1" in invoke("doctor").out


def test_a_clock_that_stands_before_the_newest_run(
    store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs would not stand in the order of time, and somebody should know."""
    seal(store)
    monkeypatch.setattr("runstone.adapters.system.SystemClock.time_ns", staticmethod(lambda: 10**18))
    answer = invoke("doctor")
    assert answer.status == 1
    assert "PROBLEMS" in answer.out


def test_locks_that_do_nothing_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file system that gives a lock to everybody is not one to keep live runs on."""
    monkeypatch.setattr(probing.durable, "try_lock", lambda _: True)
    facts = probe(str(tmp_path))
    assert facts["locks"] is False
    assert "locks do nothing" in facts["problems"][0]
    assert ALIVE in promises(facts)["not_promised"]


def test_a_name_that_can_be_taken_twice_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A rename that overwrites is found by trying it."""
    monkeypatch.setattr(probing.durable, "publish_folder", lambda source, target: None)
    facts = probe(str(tmp_path))
    assert facts["create_once"] is False
    assert ONCE in promises(facts)["not_promised"]


def test_a_sync_that_fails_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a sync nothing survives power loss; what was tried before it is still told."""

    def fails(fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(probing.durable, "sync", fails)
    facts = probe(str(tmp_path))
    assert facts["sync_file_ms"] is None
    assert POWER in promises(facts)["not_promised"]
    assert "Input/output error" in facts["problems"][0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "kind", "standing"),
    [
        ("/home/me/runs", "ext4", PROMISED),
        ("/mnt/team share/runs", "nfs4", NOT_PROMISED),
        ("/mnt/else", "tmpfs", NOT_PROMISED),
        ("/mntx", "ext4", PROMISED),
        ("/fast/runs", "ext4", NOT_PROMISED),
    ],
)
def test_the_mount_that_holds_a_folder(folder: str, kind: str, standing: str) -> None:
    """The longest mount point counts, names with spaces are read, and switched-off barriers take the promise away."""
    mount = mount_of(folder, MOUNTS)
    assert (mount.kind, mount.standing) == (kind, standing)


@pytest.mark.parametrize(
    ("kind", "standing"),
    [
        ("xfs", NOT_CHECKED),
        ("apfs", NOT_CHECKED),
        ("unknown", NOT_CHECKED),
        ("fuse.sshfs", NOT_PROMISED),
        ("overlay", NOT_PROMISED),
    ],
)
def test_the_standing_of_a_kind(kind: str, standing: str) -> None:
    """Shown, designed for, or neither; what nobody knows is not checked."""
    assert Mount(kind, "/", ()).standing == standing


def test_without_the_systems_table_the_kind_is_unknown() -> None:
    """Other systems have no such file; the promise is then not checked."""
    assert mount_of(os.sep, "") == Mount("unknown", "", ())
