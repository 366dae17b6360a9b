"""Small programs with one known defect each, or none, for the crash-state tool to judge.

Run as `crash_stores.py NAME` with CRASHPOINTS_DIR naming the directory to fill. A store keeps items: files
of a digest line and a body. It prints the number of an item once that item is promised to survive.
Leftovers named *.tmp are allowed.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import shutil
import subprocess
import sys
import threading

ROOT = os.environ["CRASHPOINTS_DIR"]


def body(item: int) -> bytes:
    """What is stored for an item."""
    return (f"item {item} " * 40).encode()


def sealed(item: int) -> bytes:
    """An item's file: its digest on a line, then its body."""
    return hashlib.sha256(body(item)).hexdigest().encode() + b"\n" + body(item)


def log_line(item: int) -> bytes:
    """An item as a line of a log."""
    return hashlib.sha256(body(item)).hexdigest().encode() + b" " + body(item) + b"\n"


def promise(item: int) -> None:
    """Say that an item is durable."""
    os.write(1, f"{item}\n".encode())


def write(path: str, data: bytes) -> int:
    """Write a new file in two writes and return its open descriptor."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(descriptor, data[:100])
    os.write(descriptor, data[100:])
    return descriptor


def write_synced(path: str, data: bytes) -> None:
    """Write a new file and make its content durable."""
    descriptor = write(path, data)
    os.fsync(descriptor)
    os.close(descriptor)


def sync_directory(path: str) -> None:
    """Make the entries of a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def publish(folder: str, item: int) -> None:
    """The correct end: rename of the temporary file, fsync of the directory, promise."""
    os.rename(f"{folder}/{item}.tmp", f"{folder}/{item}")
    sync_directory(folder)
    promise(item)


def rename_into_place(folder: str, item: int) -> None:
    """The correct way: temporary file, fsync, and the correct end."""
    write_synced(f"{folder}/{item}.tmp", sealed(item))
    publish(folder, item)


def good() -> None:
    """Every item by the correct way."""
    for item in range(3):
        rename_into_place(ROOT, item)


def good_after_initial() -> None:
    """One item more, in a directory that holds items already."""
    rename_into_place(ROOT, 7)


def written_in_place() -> None:
    """No temporary file: a crash in the middle leaves half an item."""
    for item in range(2):
        os.close(write(f"{ROOT}/{item}", sealed(item)))
        promise(item)


def no_fsync_of_file() -> None:
    """The name is made durable before the content."""
    for item in range(3):
        os.close(write(f"{ROOT}/{item}.tmp", sealed(item)))
        publish(ROOT, item)


def no_fsync_of_directory() -> None:
    """The content is durable, its name is not."""
    for item in range(3):
        write_synced(f"{ROOT}/{item}.tmp", sealed(item))
        os.rename(f"{ROOT}/{item}.tmp", f"{ROOT}/{item}")
        promise(item)


def sync_after_rename() -> None:
    """Everything is synced before the promise, but the name can be durable before the content."""
    for item in range(2):
        descriptor = write(f"{ROOT}/{item}.tmp", sealed(item))
        os.rename(f"{ROOT}/{item}.tmp", f"{ROOT}/{item}")
        os.fsync(descriptor)
        os.close(descriptor)
        sync_directory(ROOT)
        promise(item)


def promise_before_sync() -> None:
    """The promise comes one call too early."""
    for item in range(2):
        write_synced(f"{ROOT}/{item}.tmp", sealed(item))
        os.rename(f"{ROOT}/{item}.tmp", f"{ROOT}/{item}")
        promise(item)
        sync_directory(ROOT)


def fsync_before_last_write() -> None:
    """The second half of an item is written after the fsync."""
    for item in range(2):
        descriptor = os.open(f"{ROOT}/{item}.tmp", os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(descriptor, sealed(item)[:50])
        os.fsync(descriptor)
        os.write(descriptor, sealed(item)[50:])
        os.close(descriptor)
        publish(ROOT, item)


def new_folder_not_synced_above() -> None:
    """A new folder's own entries are durable, but not the folder's name in the one above."""
    for item in range(2):
        os.mkdir(f"{ROOT}/d{item}")
        rename_into_place(f"{ROOT}/d{item}", item)


def new_folder_synced_above() -> None:
    """As before, with the folder above synced too."""
    for item in range(2):
        os.mkdir(f"{ROOT}/d{item}")
        sync_directory(ROOT)
        rename_into_place(f"{ROOT}/d{item}", item)


def link_and_unlink() -> None:
    """Items come into place by link(): from an unnamed temporary file, and from a copy inside the kernel."""
    write_synced(f"{ROOT}/source.tmp", sealed(0))
    os.chdir(ROOT)
    folder = os.open(".", os.O_RDONLY)
    unnamed = os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o644)
    os.write(unnamed, sealed(1))
    os.fsync(unnamed)
    os.link(f"/proc/self/fd/{unnamed}", "1", dst_dir_fd=folder, follow_symlinks=True)
    os.fsync(folder)
    promise(1)
    shutil.copyfile("source.tmp", "copy.tmp")
    descriptor = os.open("copy.tmp", os.O_RDWR)
    os.fsync(descriptor)
    os.link("copy.tmp", "0")
    os.unlink("copy.tmp")
    os.fsync(folder)
    promise(0)


def folder_renamed_into_place() -> None:
    """A whole folder is prepared, synced and renamed: it appears complete or not at all."""
    os.mkdir(f"{ROOT}/new.tmp")
    write_synced(f"{ROOT}/new.tmp/3", sealed(3))
    sync_directory(f"{ROOT}/new.tmp")
    os.rename(f"{ROOT}/new.tmp", f"{ROOT}/items")
    sync_directory(ROOT)
    promise(3)


def threads_and_children() -> None:
    """Items by two threads, and one renamed and synced by a child process."""
    threads = [threading.Thread(target=rename_into_place, args=(ROOT, item)) for item in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    write_synced(f"{ROOT}/7.tmp", sealed(7))
    subprocess.run(["sh", "-c", 'cd "$1" && mv 7.tmp 7 && sync && echo 7', "sh", ROOT], check=True)


def log_synced() -> None:
    """A log that is synced before each promise."""
    descriptor = os.open(f"{ROOT}/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sync_directory(ROOT)
    for item in range(3):
        os.writev(descriptor, [log_line(item)[:70], log_line(item)[70:]])
        os.fsync(descriptor)
        promise(item)


def log_only_flushed() -> None:
    """A log whose lines reach the kernel but not the disk."""
    with open(f"{ROOT}/log", "ab") as log:
        sync_directory(ROOT)
        for item in range(3):
            log.write(log_line(item))
            log.flush()
            promise(item)


def log_opened_synchronous() -> None:
    """A log whose every write is durable on return."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_DSYNC
    descriptor = os.open(f"{ROOT}/log", flags, 0o644)
    sync_directory(ROOT)
    for item in range(3):
        os.write(descriptor, log_line(item))
        promise(item)


def mapped() -> None:
    """Changes a file through a shared mapping, which no system call shows."""
    write_synced(f"{ROOT}/map", bytes(4096))
    with open(f"{ROOT}/map", "r+b") as file, mmap.mmap(file.fileno(), 4096) as mapping:
        mapping[:5] = b"hello"


def moved_in_from_outside() -> None:
    """Prepares an item outside the directory under test."""
    outside = ROOT + ".outside"
    write_synced(outside, sealed(0))
    os.rename(outside, f"{ROOT}/0")


def nothing() -> None:
    """Changes nothing."""


def failing() -> None:
    """Does its work and then fails."""
    good()
    sys.exit(3)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
