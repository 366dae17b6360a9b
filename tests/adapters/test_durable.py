"""The page of durable operations, and the file system's adapter where the disk fails (promise P5)."""

from __future__ import annotations

import copy
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runstone.adapters.fs import durable
from runstone.adapters.fs.objects import FsBundle, FsObjects
from runstone.adapters.fs.places import Places
from runstone.core.layout import MANIFEST
from runstone.errors import RunstoneError
from runstone.testing.ground import ONE, OTHER, code_of, contents, seal


@pytest.fixture
def store(tmp_path: Path) -> FsObjects:
    """A store that was made already."""
    places = Places(str(tmp_path / "runs"))
    places.prepare()
    return FsObjects(places)


def failing(monkeypatch: pytest.MonkeyPatch, name: str, nth: int, number: int = errno.EIO) -> list[int]:
    """Let the `nth` call of a function of `os` fail, once; answers the calls so far, by first argument."""
    real: Callable[..., Any] = getattr(os, name)
    calls: list[int] = []

    def call(*arguments: Any, **words: Any) -> Any:
        calls.append(arguments[0])
        if len(calls) == nth:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **words)

    monkeypatch.setattr(durable.os, name, call)
    return calls


# single operations


def test_create_refuses_a_name_that_is_taken(tmp_path: Path) -> None:
    """A file, a link, a dangling link: the name is taken."""
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("absent")
    for name in ("file", "link", "dangling"):
        with pytest.raises(FileExistsError):
            durable.create(str(tmp_path / name))
    assert ((tmp_path / "file").read_bytes(), (tmp_path / "absent").exists()) == (b"x", False)


def test_short_writes_are_completed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The kernel may take fewer bytes than it was given."""
    write = os.write
    monkeypatch.setattr(durable.os, "write", lambda fd, data: write(fd, bytes(data[:3])))
    fd = durable.create(str(tmp_path / "file"))
    durable.write_all(fd, b"0123456789")
    os.close(fd)
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_replaced_file_is_old_or_new(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If the sync fails, the old file stands as it was."""
    (tmp_path / "file").write_bytes(b"old")
    failing(monkeypatch, "fsync", 1)
    with pytest.raises(OSError, match="Input/output error"):
        durable.replace_file(str(tmp_path / "file"), b"new", str(tmp_path / "temporary"))
    assert (tmp_path / "file").read_bytes() == b"old"
    monkeypatch.undo()
    durable.replace_file(str(tmp_path / "file"), b"new", str(tmp_path / "another"))
    assert (tmp_path / "file").read_bytes() == b"new"


def test_claim_is_locked_and_whole_when_it_is_seen(tmp_path: Path) -> None:
    """Nobody else gets the lock of a claimed file while its descriptor is open; its content is there."""
    fd = durable.claim(str(tmp_path / "lease"), str(tmp_path / "temporary"), b"Run-A")
    other = os.open(tmp_path / "lease", os.O_RDWR)
    assert ((tmp_path / "lease").read_bytes(), durable.try_lock(other)) == (b"Run-A", False)
    os.close(fd)
    assert durable.try_lock(other)
    os.close(other)
    with pytest.raises(FileExistsError):
        durable.claim(str(tmp_path / "lease"), str(tmp_path / "temporary"), b"Run-B")
    assert sorted(os.listdir(tmp_path)) == ["lease"]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Two descriptors of one file, each opened for itself."""
    (tmp_path / "lease").write_bytes(b"x")
    one, other = (os.open(tmp_path / "lease", os.O_RDWR) for _ in range(2))
    yield one, other
    os.close(one)
    os.close(other)


def test_asking_about_a_lock_takes_nothing(pair: tuple[int, int]) -> None:
    """Who asks learns whether the lock is held, and holds nothing afterwards."""
    one, other = pair
    assert not durable.is_locked(one)
    assert durable.try_lock(other)
    assert durable.is_locked(one)


def test_who_asks_at_once_does_not_look_like_a_holder(pair: tuple[int, int]) -> None:
    """Two may ask at the same moment, and neither takes the other for somebody who holds the lock."""
    one, other = pair
    fcntl.flock(one, fcntl.LOCK_SH)  # as in the middle of asking
    assert not durable.is_locked(other)


def test_lock_waits_for_who_only_asks(pair: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that somebody asks about is free: it is had as soon as he has his answer."""
    one, other = pair
    fcntl.flock(one, fcntl.LOCK_SH)
    monkeypatch.setattr(durable.time, "sleep", lambda _: fcntl.flock(one, fcntl.LOCK_UN))
    assert durable.try_lock(other)


def test_lock_does_not_wait_for_ever(pair: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who was stopped while he asked is told of, and not taken for a holder."""
    one, other = pair
    fcntl.flock(one, fcntl.LOCK_SH)
    monkeypatch.setattr(durable.time, "sleep", lambda _: None)
    with pytest.raises(TimeoutError, match="does not let go"):
        durable.try_lock(other)


@pytest.mark.parametrize(
    ("text", "good", "left"),
    [
        (b"", 0, 0),
        (b"a\n", 2, 2),
        (b"a\nb\n", 2, 2),
        (b"a\nb", 2, 2),
        (b"abc", 0, 0),
        (b"abc", 9, 0),
        (b"a\nb", 9, 2),
        (b"a\n" + b"x" * 3_000_000, 4_000_000, 2),
        (b"x" * (1 << 20) + b"\n", 1 << 21, (1 << 20) + 1),
        (b"x" * ((1 << 20) - 1) + b"\ny", 1 << 21, 1 << 20),
    ],
)
def test_journal_is_cut_to_what_is_good(tmp_path: Path, text: bytes, good: int, left: int) -> None:
    """What lies behind the good bytes goes; where some of them are missing, whatever lies behind the last LF."""
    (tmp_path / "journal").write_bytes(text)
    fd, size = durable.reopen_cut(str(tmp_path / "journal"), good)
    os.write(fd, b"next\n")
    os.close(fd)
    assert (size, (tmp_path / "journal").read_bytes()) == (left, text[:left] + b"next\n")


def test_hint_that_fails_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that knows no write-back on request has taken the bytes all the same."""
    failing(monkeypatch, "posix_fadvise", 1, errno.EINVAL)
    fd = durable.create(str(tmp_path / "file"))
    durable.write_all(fd, b"x")
    durable.start_write_back(fd)
    os.close(fd)
    assert (tmp_path / "file").read_bytes() == b"x"


def test_removal_follows_no_link(tmp_path: Path) -> None:
    """Removing a tree removes its links and not what they point at."""
    (tmp_path / "outside/folder").mkdir(parents=True)
    (tmp_path / "outside/file").write_bytes(b"x")
    (tmp_path / "tree/deep").mkdir(parents=True)
    (tmp_path / "tree/to-folder").symlink_to(tmp_path / "outside")
    (tmp_path / "tree/deep/to-file").symlink_to(tmp_path / "outside/file")
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    durable.remove_tree(str(tmp_path / "link"))
    durable.remove_tree(str(tmp_path / "tree"))
    durable.remove_tree(str(tmp_path / "tree"))
    assert sorted(os.listdir(tmp_path)) == ["outside"]
    assert sorted(os.listdir(tmp_path / "outside")) == ["file", "folder"]


@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "empty folder", "folder"])
def test_published_folder_takes_no_name_that_is_taken(tmp_path: Path, kind: str) -> None:
    """Whatever stands under the name of a run, it stays; only an empty folder holds nothing that could be lost."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "file").write_bytes(b"new")
    if kind == "file":
        target.write_bytes(b"old")
    elif kind.endswith("link"):
        (tmp_path / "there").mkdir()
        target.symlink_to("there" if kind == "link" else "absent")
    else:
        target.mkdir()
        if kind == "folder":
            (target / "file").write_bytes(b"old")
    if kind == "empty folder":
        durable.publish_folder(str(source), str(target))
        assert (target / "file").read_bytes() == b"new"
        return
    with pytest.raises(FileExistsError):
        durable.publish_folder(str(source), str(target))
    assert (source / "file").read_bytes() == b"new"


# a disk that fails


@pytest.mark.parametrize("nth", range(1, 11))
def test_failed_sync_is_never_hidden(
    store: FsObjects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nth: int
) -> None:
    """Whichever of the nine syncs fails (four files, four folders, the root), it is `unsealed` and ends there."""
    asked = failing(monkeypatch, "fsync", nth)
    code = code_of(lambda: seal(store, "run", ONE))
    monkeypatch.undo()
    assert (code, len(asked)) == (("unsealed", nth) if nth <= 9 else (None, 9))
    assert store.exists("run") == (nth >= 9)  # the ninth is that of the root, after the rename
    assert seal(store, "run", ONE) == ("identical" if nth >= 9 else "created")
    assert contents(store, "run") == ONE


@pytest.mark.parametrize("name", ["write", "link", "rename", "open", "close", "mkdir", "chmod"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EMFILE, errno.EROFS])
def test_failed_call_leaves_nothing_half(
    store: FsObjects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, number: int
) -> None:
    """Whichever call of a commit fails and how: a typed error, no bundle or a whole one, and it can be done again."""
    for nth in range(1, 40):
        run_id = f"run-{nth}"
        with monkeypatch.context() as patch:
            calls = failing(patch, name, nth, number)
            code = code_of(lambda run_id=run_id: seal(store, run_id, ONE))  # type: ignore[misc]  # the recorder wraps a function
        assert code in (None, "store_unavailable", "unsealed", "file_not_found", "run_exists")
        if store.exists(run_id):
            assert contents(store, run_id) == ONE
        assert seal(store, run_id, ONE) in ("created", "identical")
        if len(calls) < nth:
            break
    else:
        pytest.fail("the commit makes more calls than this test counts")


def test_loser_of_a_race_syncs_the_root_before_it_says_identical(
    store: FsObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If that sync fails, `identical` is not said: nobody has promised that the winner's name is durable."""
    seal(store, "run", ONE)
    failing(monkeypatch, "fsync", 9)
    assert code_of(lambda: seal(store, "run", ONE)) == "unsealed"


# what is wrong with the process, and not with the bundle


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES, errno.ENOMEM])
def test_file_that_cannot_be_opened_now_is_not_called_missing(
    store: FsObjects, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """No descriptor, no memory, no right: the store is unavailable, the bundle is not damaged."""
    seal(store, "run", ONE)
    bundle = store.open("run")
    failing(monkeypatch, "open", 1, number)
    assert code_of(lambda: b"".join(bundle.read(MANIFEST))) == "store_unavailable"
    monkeypatch.undo()
    assert b"".join(bundle.read(MANIFEST)) == ONE[MANIFEST]
    bundle.close()


def test_store_that_cannot_be_listed_is_not_called_empty(store: FsObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that fails is an error, and no list of nothing."""
    seal(store, "run", ONE)

    def broken(_: str) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "scandir", broken)
    assert code_of(lambda: list(store.run_ids())) == "store_unavailable"


def test_reading_leaves_no_descriptor_open(store: FsObjects) -> None:
    """Reading to the end, half-way, or not at all; listing; resting: nothing is left open."""
    seal(store, "run", ONE)
    before = set(os.listdir("/proc/self/fd"))
    bundle = store.open("run")
    bundle.entries()
    b"".join(bundle.read(MANIFEST))
    half = bundle.read("artifacts/deep/er/data.bin")
    next(iter(half))
    del half
    code_of(lambda: b"".join(bundle.read("artifacts/absent/x")))
    bundle.close()
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_closes_no_descriptor_of_somebody_else(store: FsObjects, copied: Any) -> None:
    """A bundle that was copied gives its descriptor back once: the number may be another file's by then."""
    seal(store, "run", ONE)
    bundle = store.open("run")
    bundle.entries()
    again = copied(bundle)
    bundle.close()
    with Path("/dev/null").open("rb") as file:  # has the number now
        again.close()
        del again
        assert os.fstat(file.fileno())


# leases that were lost


@pytest.mark.parametrize("lease", [None, b"", b"\0\0\0", b"../x", b"other"])
def test_id_is_taken_without_its_lease(tmp_path: Path, lease: bytes | None) -> None:
    """A store whose leases were lost, or tell nothing, finds its runs by their names."""
    store = FsObjects(Places(str(tmp_path / "runs")))
    seal(store, "Run-A", ONE)
    path = tmp_path / "runs/.runstone/lease/run-a"
    path.unlink()
    if lease is not None:
        path.write_bytes(lease)
    assert (store.exists("run-a"), store.exists("RUN-A"), store.exists("run-b")) == (True, True, False)
    assert code_of(lambda: seal(store, "run-A", OTHER)) == "run_exists"
    assert seal(store, "Run-A", ONE) == "identical"


def test_import_that_stopped_before_its_name_can_be_done_again(store: FsObjects, tmp_path: Path) -> None:
    """An id that was claimed by a commit which never came to its rename is still that run's."""
    seal(store, "Run-A", ONE)
    durable.remove_tree(str(tmp_path / "runs/Run-A"))
    assert code_of(lambda: seal(store, "run-a", ONE)) == "run_exists"
    assert seal(store, "Run-A", ONE) == "created"


# folders that are none


@pytest.mark.parametrize(("linked", "path"), [("run.json", "run.json"), ("artifacts", "artifacts/deep/er/data.bin")])
def test_a_link_in_a_bundle_is_not_read(store: FsObjects, tmp_path: Path, linked: str, path: str) -> None:
    """Whoever exchanges a file, or a folder, for a link to a secret between two looks shows nobody the secret."""
    seal(store, "run", ONE)
    secret = tmp_path / "elsewhere" / path.removeprefix(linked + "/")
    secret.parent.mkdir(parents=True)
    secret.write_text("a secret")
    bundle = store.open("run")
    (tmp_path / "runs/run" / linked).rename(tmp_path / "away")
    (tmp_path / "runs/run" / linked).symlink_to(secret if linked == path else tmp_path / "elsewhere")
    assert code_of(lambda: b"".join(bundle.read(path))) == "file_not_found"


def test_bundle_that_is_a_link_is_not_opened(store: FsObjects, tmp_path: Path) -> None:
    """A link in the place of a run is no run that can be read, though its name is taken."""
    seal(store, "run", ONE)
    (tmp_path / "runs/linked").symlink_to("run")
    assert code_of(lambda: store.open("linked")) in ("store_unavailable", "run_not_found")
    assert store.exists("linked")
    with pytest.raises(OSError, match=r"symbolic|directory"):
        FsBundle(str(tmp_path / "runs/linked"))


def test_folders_nest_only_so_deep(store: FsObjects, tmp_path: Path) -> None:
    """A tree deeper than any bundle is told as something else, and listing it ends."""
    seal(store, "run", ONE)
    place = tmp_path / "runs/run"
    for _ in range(200):
        place /= "d"
        place.mkdir()
    bundle = store.open("run")
    entries = bundle.entries()
    bundle.close()
    assert [entry.kind for entry in entries if entry.path.startswith("d/")] == ["other"]


def test_error_of_the_system_keeps_its_words(tmp_path: Path) -> None:
    """A typed error tells path, number and the system's own words, and where it came from."""
    (tmp_path / ".runstone").write_bytes(b"in the way")
    with pytest.raises(RunstoneError) as caught:
        FsObjects(Places(str(tmp_path))).stage("run")
    assert (caught.value.code, caught.value.details["errno"] in (errno.ENOTDIR, errno.EEXIST)) == (
        "store_unavailable",
        True,
    )
    assert isinstance(caught.value.__cause__, OSError)
