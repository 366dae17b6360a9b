"""A program that makes every kind of change to a directory, for the crash-state tool to record.

Run as `filesystem_tour.py COPY` with CRASHPOINTS_DIR naming the directory to change. It ends by copying
that directory, hard links and modes included, to COPY: what the disk really held.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import threading

ROOT = os.environ["CRASHPOINTS_DIR"]
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def make_directory(name: str, above: int) -> int:
    """A new directory, opened relative to the one above."""
    os.mkdir(name, 0o750, dir_fd=above)
    return os.open(name, DIRECTORY, dir_fd=above)


def lock_and_journal(folder: int) -> int:
    """A locked, advised, cut journal with its mode changed; returned open."""
    lock = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    journal = os.open("journal", CREATE | os.O_APPEND, 0o600, dir_fd=folder)
    os.write(journal, b'{"event":1}\n{"event":2}\n{"torn')
    os.ftruncate(journal, 24)
    os.posix_fadvise(journal, 0, 0, os.POSIX_FADV_DONTNEED)
    os.write(journal, b'{"event":3}\n')
    os.fchmod(journal, 0o440)
    os.fdatasync(journal)
    return journal


def link_into_place(source: int, target: int) -> None:
    """link() and unlink() across two directories, and a second name that stays."""
    descriptor = os.open("object.tmp", CREATE, 0o600, dir_fd=source)
    os.pwrite(descriptor, b"world", 6)
    os.pwrite(descriptor, b"hello ", 0)
    os.fchmod(descriptor, 0o444)
    os.fsync(descriptor)
    os.link("object.tmp", "object", src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    os.link("object.tmp", "second", src_dir_fd=source, dst_dir_fd=source, follow_symlinks=False)
    os.unlink("object.tmp", dir_fd=source)
    os.close(descriptor)


def write_while_unlinked(folder: int) -> None:
    """A file written after it lost its name, reopened without one, and its name used anew."""
    old = os.open("scratch", CREATE, 0o600, dir_fd=folder)
    os.write(old, b"before")
    os.unlink("scratch", dir_fd=folder)
    new = os.open("scratch", CREATE, 0o600, dir_fd=folder)
    os.write(old, b" and after")
    again = os.open(f"/proc/self/fd/{old}", os.O_WRONLY)
    os.write(again, b"BEFORE")
    os.ftruncate(old, 3)
    os.write(new, b"the new one")
    for descriptor in (old, again, new):
        os.close(descriptor)


def write_while_replaced(folder: int) -> None:
    """A file written after another was renamed over it."""
    old = os.open("current", CREATE, 0o644, dir_fd=folder)
    new = os.open("next", CREATE, 0o644, dir_fd=folder)
    os.write(new, b"new")
    os.replace("next", "current", src_dir_fd=folder, dst_dir_fd=folder)
    os.write(old, b"to nobody")
    os.write(new, b"er")
    os.close(old)
    os.close(new)


def move_directory(above: int, folder: int, journal: int) -> None:
    """A directory renamed while it, a file in it and the working directory below it are in use."""
    os.mkdir("deep", dir_fd=folder)
    os.chdir(f"{ROOT}/open/run/deep")
    sealed = make_directory("sealed", above)
    os.rename("open/run", "run-1", src_dir_fd=above, dst_dir_fd=sealed)
    os.write(journal, b'{"event":4}\n')
    os.close(os.open("after-move", CREATE, 0o600, dir_fd=folder))
    os.mkdir("below")
    with open("relative", "w", encoding="ascii") as file:
        file.write("made in a moved working directory")
    with open("../upwards", "w", encoding="ascii") as file:
        file.write("one above it")
    os.chdir("/")


def remove_things(folder: int) -> None:
    """Files and directories that are gone at the end; an emptied directory's name goes to a file."""
    inner = make_directory("gone", folder)
    os.close(os.open("file", CREATE, 0o600, dir_fd=inner))
    os.unlink("file", dir_fd=inner)
    os.rmdir("gone", dir_fd=folder)
    os.close(os.open("gone", CREATE, 0o600, dir_fd=folder))
    os.makedirs(f"{ROOT}/tree/of/many")
    shutil.rmtree(f"{ROOT}/tree")


def links_and_refusals(folder: int) -> None:
    """Symbolic links: made, followed, refused, renamed."""
    os.symlink("target", "link", dir_fd=folder)
    with contextlib.suppress(OSError):
        os.open("link", CREATE, dir_fd=folder)
    with contextlib.suppress(OSError):
        os.open("link", os.O_WRONLY | os.O_NOFOLLOW, dir_fd=folder)
    os.close(os.open("link", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=folder))
    os.rename("link", "renamed-link", src_dir_fd=folder, dst_dir_fd=folder)


def share_descriptors(folder: int) -> None:
    """One offset shared with a copy and a child; a number that was a file becomes something else."""
    first = os.open("shared", CREATE, 0o600, dir_fd=folder)
    os.write(first, b"one ")
    os.write(os.dup(first), b"two ")
    if os.fork() == 0:
        os.write(first, b"three ")
        os.close(first)
        os._exit(0)
    os.wait()
    os.write(first, b"four")
    os.closerange(first, first + 1)  # one call for many descriptors, and not one that is traced
    if os.memfd_create("other") != first:
        raise SystemExit("the memory file was to take over the descriptor's number")
    os.write(first, b"not for the file on disk")


def copy_and_grow(folder: int) -> None:
    """Copies inside the kernel, holes and preallocation."""
    source = os.open("source", CREATE, 0o600, dir_fd=folder)
    os.writev(source, [bytes(range(256)) * 3, bytes(range(255, -1, -1)) * 3])
    copy = os.open("copy", CREATE, 0o600, dir_fd=folder)
    os.sendfile(copy, source, 100, 800)
    os.lseek(source, 300, os.SEEK_SET)
    os.copy_file_range(source, copy, 200)
    os.copy_file_range(source, copy, 100)
    os.lseek(copy, 2000, os.SEEK_SET)
    os.write(copy, b"past a hole")
    os.posix_fallocate(copy, 0, 3000)
    os.truncate(f"{ROOT}/source", 10)


def name_the_unnamed(folder: int) -> None:
    """A file made without a name, written through its number in /proc, then linked into place."""
    unnamed = os.open(ROOT, os.O_TMPFILE | os.O_RDWR, 0o640)
    again = os.open(f"/proc/self/fd/{unnamed}", os.O_WRONLY)
    os.write(again, b"written without a name")
    os.link(f"/proc/self/fd/{unnamed}", "named", dst_dir_fd=folder, follow_symlinks=True)
    os.close(again)
    os.close(unnamed)


def by_a_thread() -> None:
    """A thread's working directory, umask and open file are those of all threads."""
    opened: list[int] = []

    def begin() -> None:
        os.chdir(f"{ROOT}/sealed")
        os.umask(0o027)
        opened.append(os.open("by-thread", CREATE, 0o666))
        os.write(opened[0], b"begun by a thread")

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    os.write(opened[0], b", ended by another")
    os.mkdir("by-main", 0o777)


def by_another_program() -> None:
    """A shell's working directory and umask are its own."""
    script = 'umask 077; cd "$1"; mkdir shell; echo text >shell/file; mv shell shell-2; cp shell-2/file .'
    subprocess.run(["sh", "-c", script + "; echo x >shell-2/file", "sh", ROOT], check=True)
    os.mkdir("after-shell", 0o777)


def main() -> None:
    """Make every change, then copy what the disk holds."""
    above = os.open(ROOT, DIRECTORY)
    opened = make_directory("open", above)
    run = make_directory("run", opened)
    journal = lock_and_journal(run)
    link_into_place(run, opened)
    write_while_unlinked(run)
    write_while_replaced(opened)
    move_directory(above, run, journal)
    remove_things(above)
    links_and_refusals(above)
    share_descriptors(above)
    copy_and_grow(above)
    name_the_unnamed(above)
    by_a_thread()
    by_another_program()
    os.fsync(above)
    subprocess.run(["cp", "-a", ROOT, sys.argv[1]], check=True)


if __name__ == "__main__":
    main()
