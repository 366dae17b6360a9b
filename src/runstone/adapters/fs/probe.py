"""What a store's file system is, and what it does when it is tried: a lock, a sync, a create-once name.

It is tried in the store's temporary folder, or in the nearest folder above a store that is not there yet, with
files that are removed again. Nothing here is guessed from a name but the standing of a kind of file system.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

from runstone.adapters.fs import durable
from runstone.adapters.fs.places import Places, translated
from runstone.errors import RunstoneError, error

PROMISED: Final = "promised"
NOT_CHECKED: Final = "not checked"
NOT_PROMISED: Final = "not promised"
_TRIAL: Final = ".runstone-probe-"
_SWEPT_AFTER_S: Final = 60
STANDINGS: Final = {
    "ext4": PROMISED,
    **dict.fromkeys(("apfs", "bcachefs", "btrfs", "f2fs", "ntfs", "ntfs3", "xfs", "zfs"), NOT_CHECKED),
    **dict.fromkeys(("9p", "afs", "ceph", "cifs", "lustre", "nfs", "nfs4", "smb2", "smb3", "smbfs"), NOT_PROMISED),
    **dict.fromkeys(("aufs", "drvfs", "ecryptfs", "overlay", "virtiofs"), NOT_PROMISED),
    **dict.fromkeys(("ramfs", "tmpfs", "vboxsf", "vmhgfs"), NOT_PROMISED),
}
"""Kind of file system → whether its durability is shown by the crash tests, designed for, or neither."""

_NO_BARRIERS: Final = frozenset({"barrier=0", "nobarrier"})
_MOUNTS: Final = "/proc/self/mountinfo"
_TRIES: Final = 5


class Mount(NamedTuple):
    """A mounted file system: its kind (`unknown` where the system does not say), where it is, and its options."""

    kind: str
    point: str
    options: tuple[str, ...]

    @property
    def standing(self) -> str:
        """Whether durability is promised on it."""
        if self.kind.startswith("fuse") or not _NO_BARRIERS.isdisjoint(self.options):
            return NOT_PROMISED
        return STANDINGS.get(self.kind, NOT_CHECKED)


def probe(root: str) -> dict[str, Any]:
    """Facts about the file system below a store at `root`.

    `kind point options standing folder free_bytes`, then what was tried: `writable locks create_once` (bool, `None`
    where it could not be tried), `sync_file_ms sync_folder_ms` (median, `None` where it failed), `problems` (texts).
    """
    folder = _nearest(Places(root).temporary, root)
    mount = mount_of(folder, _read_mounts())
    facts: dict[str, Any] = {
        **mount._asdict(),
        "standing": mount.standing,
        "folder": folder,
        "free_bytes": _free_bytes(folder),
        "writable": False,
        "locks": None,
        "create_once": None,
        "sync_file_ms": None,
        "sync_folder_ms": None,
        "problems": [],
    }
    try:
        obstacle = in_the_way(root)
    except OSError as exc:
        obstacle = f"{root}: {exc.strerror or exc}"
    if obstacle is not None:
        facts["problems"].append(obstacle)
        return facts
    trial = os.path.join(folder, _TRIAL + os.urandom(8).hex())
    try:
        _sweep(folder)
        held = durable.make_held_folder(trial)
        facts["writable"] = True
        try:
            _try(trial, facts)
        finally:
            durable.remove_tree(trial)
            durable.let_go(held)
    except OSError as exc:
        facts["problems"].append(f"{folder}: {exc.strerror or exc}")
    return facts


def _sweep(folder: str) -> None:
    """Remove trials of processes that were killed amid one. One that is younger than a minute may not be locked yet."""
    for name in os.listdir(folder):
        if re.fullmatch(_TRIAL + "[0-9a-f]{16}", name):
            with suppress(OSError):  # it is gone by now, or somebody else's
                _sweep_one(os.path.join(folder, name))


def _sweep_one(path: str) -> None:
    if time.time() - os.lstat(path).st_mtime > _SWEPT_AFTER_S:
        fd = os.open(path, durable.READ_FOLDER)
        try:
            if durable.try_lock(fd):
                durable.remove_tree(path)
        finally:
            os.close(fd)


def in_the_way(path: str) -> str | None:
    """What keeps a folder from being at `path`, in words: what stands there, or above, and is none. `None` else.
    Raises `OSError` where that cannot be looked at."""
    while (there := _mode(os.lstat, path)) is None and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    if there is None or stat.S_ISDIR(_mode(os.stat, path) or 0):
        return None
    if stat.S_ISLNK(there):
        return f"{path} is a link to {os.readlink(path)}, where no folder is"
    return f"{path} is no folder"


def _mode(look: Callable[[str], os.stat_result], path: str) -> int | None:
    try:
        return look(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def no_store(root: str) -> RunstoneError:
    """What is raised where a store is to be at `root` and no folder is: `store_not_found`, or with what is in its way
    `store_unavailable`, as it raises where that cannot be looked at."""
    with translated(root):
        obstacle = in_the_way(root)
    message = f"there is no store at {root}"
    if obstacle is None:
        return error("store_not_found", message, store=root)
    return error("store_unavailable", f"{message}: {obstacle}", store=root, reason=obstacle)


def _try(trial: str, facts: dict[str, Any]) -> None:
    path = os.path.join(trial, "file")
    fd = durable.create(path)
    try:
        facts["locks"] = _locks(fd, path)
        if not facts["locks"]:
            facts["problems"].append("locks do nothing here: a live run cannot be told from a dead one")
        facts["create_once"] = _create_once(trial)
        if not facts["create_once"]:
            facts["problems"].append("a name that is taken can be taken again: two sealers can overwrite each other")
        facts["sync_file_ms"] = _median_ms(lambda: _write_and_sync(fd))
        facts["sync_folder_ms"] = _median_ms(lambda: durable.sync_folder(trial))
    finally:
        os.close(fd)


def _locks(fd: int, path: str) -> bool:
    """Whether a lock is given once, and refused to the second who asks."""
    try:
        if not durable.try_lock(fd):
            return False
        other = os.open(path, os.O_RDWR | durable.NO_FOLLOW)
    except OSError:
        return False
    try:
        return not durable.try_lock(other)
    finally:
        os.close(other)


def _create_once(trial: str) -> bool:
    """Whether a folder that is put where one stands is refused."""
    one, other, target = (os.path.join(trial, name) for name in ("one", "other", "target"))
    for folder in (one, other):
        os.mkdir(folder)
        os.close(durable.create(os.path.join(folder, "file")))
    durable.publish_folder(one, target)
    try:
        durable.publish_folder(other, target)
    except FileExistsError:
        return True
    return False


def _write_and_sync(fd: int) -> None:
    durable.write_all(fd, bytes(4096))
    durable.sync(fd)


def _median_ms(action: Callable[[], None]) -> float:
    taken = []
    for _ in range(_TRIES):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return round(sorted(taken)[_TRIES // 2] * 1000, 3)


def _nearest(path: str, root: str) -> str:
    """`path`, or where it is not there the nearest folder at or above `root` that is."""
    if os.path.isdir(path):
        return path
    found = root
    while not os.path.isdir(found) and os.path.dirname(found) != found:
        found = os.path.dirname(found)
    return found


def _free_bytes(folder: str) -> int | None:
    if not hasattr(os, "statvfs"):
        return None
    facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize


def _read_mounts() -> str:
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def mount_of(folder: str, mounts: str) -> Mount:
    """The mount that holds `folder`, by the text of `/proc/self/mountinfo` (proc(5)); of two at one point the last."""
    real = os.path.realpath(folder)
    found = Mount("unknown", "", ())
    for line in mounts.splitlines():
        fields, _, tail = line.partition(" - ")
        parts, kinds = fields.split(" "), tail.split(" ")
        if len(parts) < 6 or len(kinds) < 3:
            continue
        point = _unescaped(parts[4])
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(found.point):
            found = Mount(kinds[0], point, tuple(dict.fromkeys([*parts[5].split(","), *kinds[2].split(",")])))
    return found


def _unescaped(text: str) -> str:
    for code, mark in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, mark)
    return text
