"""A PostgreSQL server for tests: on a free port of the loopback, in a folder of its own, gone when it is stopped.

    python tools/postgres.py start FOLDER     prints the connection string once it answers
    python tools/postgres.py stop FOLDER      stops it and removes the folder

The programs are those of the system's package (`tools/system_packages.sh` installs it). The server refuses to be
root's, so root starts it as the user that the package makes, `postgres`. It trusts who connects: it listens to
127.0.0.1 alone, holds nothing, and nothing in it is synced.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "postgres"
OPTIONS = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=80 -p {port}"


class NoServerError(Exception):
    """PostgreSQL is not installed here, or cannot be started."""


def programs() -> Path:
    """The folder of the server's programs; raises `NoServerError`."""
    found = shutil.which("pg_ctl")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if all((folder / name).exists() for name in ("pg_ctl", "initdb", "postgres")):
            return folder
    raise NoServerError("PostgreSQL is not installed: sh tools/system_packages.sh")


def free_port() -> int:
    """A port of the loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def start(folder: Path) -> str:
    """Make a server in a folder that is not there yet and start it; its connection string."""
    binaries = programs()
    folder.mkdir(parents=True)
    data = folder / "data"
    if os.getuid() == 0:
        user = pwd.getpwnam(USER)
        os.chown(folder, user.pw_uid, user.pw_gid)
    _run([binaries / "initdb", "-D", data, "-U", USER, "-A", "trust", "-N", "-E", "UTF8"], folder)
    port = free_port()
    _run(
        [binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", OPTIONS.format(port=port), "start"], folder
    )
    return f"host=127.0.0.1 port={port} user={USER} dbname=postgres"


def stop(folder: Path) -> None:
    """Stop the server of a folder and remove it."""
    if (folder / "data" / "postmaster.pid").exists():
        _run([programs() / "pg_ctl", "-D", folder / "data", "-w", "-m", "immediate", "stop"], folder)
    shutil.rmtree(folder)


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The connection string of a server that is stopped behind the block."""
    dsn = start(folder)
    try:
        yield dsn
    finally:
        stop(folder)


def _run(command: list[str | Path], folder: Path) -> None:
    words = list(map(str, command))
    if os.getuid() == 0:
        words = ["runuser", "-u", USER, "--", *words]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(folder)}
    with (folder / "said").open("ab") as said:  # the server keeps it open: a pipe would never end
        done = subprocess.run(words, cwd=folder, env=environment, stdout=said, stderr=said, check=False, timeout=120)
    if done.returncode:
        raise NoServerError((folder / "said").read_text()[-2000:])


def main() -> int:
    """Start or stop, as the command line says."""
    if len(sys.argv) != 3 or sys.argv[1] not in ("start", "stop"):
        print(__doc__)
        return 2
    try:
        if sys.argv[1] == "start":
            print(start(Path(sys.argv[2]).absolute()))
        else:
            stop(Path(sys.argv[2]).absolute())
    except NoServerError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
