"""The floor of a recording wrapper, by hand: `floor_wrapper.py STORE COMMAND...`.

Reads the command's output, hashes it, writes it to a file and to its own standard output; then writes a
manifest, syncs both files and the folder, renames it into place, syncs the parent, and passes the command's
status. No redaction, no events, no times of chunks. It imports little, as start-up is what one of the rows
measures.
"""

import os
import sys
from hashlib import sha256

CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
READ_BYTES = 1 << 20


def spawn(argv: list[str]) -> tuple[int, int]:
    """Start the command with its standard output on a pipe: its pid, and our end."""
    reader, writer = os.pipe()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)])
    os.close(writer)
    return pid, reader


def write_all(descriptor: int, data: bytes) -> None:
    """Write, also past a short count."""
    while data:
        data = data[os.write(descriptor, data) :]


def sync_folder(path: str) -> None:
    """Make a folder's names durable."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def main() -> int:
    """Record one command."""
    store, *argv = sys.argv[1:]
    name = os.urandom(8).hex()
    folder = f"{store}/.open-{name}"
    os.mkdir(folder)
    log = os.open(f"{folder}/run.log", CREATE)
    pid, reader = spawn(argv)
    digest = sha256()
    while chunk := os.read(reader, READ_BYTES):
        digest.update(chunk)
        write_all(log, chunk)
        write_all(1, chunk)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    manifest = os.open(f"{folder}/manifest.json", CREATE)
    write_all(manifest, b'{"sha256":"%b","status":%d}' % (digest.hexdigest().encode(), status))
    os.fsync(log)
    os.fsync(manifest)
    sync_folder(folder)
    os.rename(folder, f"{store}/{name}")
    sync_folder(store)
    return status


if __name__ == "__main__":
    sys.exit(main())
