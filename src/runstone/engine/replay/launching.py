"""Start the program of a recorded run again, in a process of its own that is guarded, and hear what it tells.

What it is told comes through a pipe and not through files: texts of debug mode are decrypted here and touch no disk.
What the program prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from runstone.engine.current import SWITCHED_OFF
from runstone.engine.replay.isolation import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

SITE: Final = "site"
_SHIM: Final = """\
from runstone.cli.replayed import begin
begin({site!r}, {python_path!r})
"""
MAX_TOLD: Final = 1000
"""Lines that are heard of a process; of refusals and remarks beyond that, a program goes round in circles."""
_MANY: Final = frozenset({"refused", "note"})
"""What a process may tell again and again; the rest it tells once."""
END_S: Final = 5
"""So long the process may take to end, once it is told to."""
_LEFT_OUT: Final = (SWITCHED_OFF, "RUNSTONE_DEBUG_KEY")


def launch(
    argv: list[str], cwd: str, plan: Mapping[str, Any], chosen: Mapping[str, str]
) -> tuple[int, list[dict[str, Any]]]:
    """Run a program to its end, with the variables that were `chosen` for it; answers its exit status (of a signal,
    minus its number) and what was told. Raises `OSError`, `ValueError` for a word that no system takes."""
    folder = plan["scratch"][0]
    site = os.path.join(folder, SITE)
    os.makedirs(os.path.join(folder, "tmp"), exist_ok=True)
    os.makedirs(site, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT} | dict(chosen)
    python_path = environment.get("PYTHONPATH")
    with open(os.path.join(site, "sitecustomize.py"), "w", encoding="utf-8") as file:
        file.write(_SHIM.format(site=site, python_path=python_path))
    plan_read, plan_write = os.pipe()
    told_read, told_write = os.pipe()
    environment |= {
        "PYTHONPATH": os.pathsep.join([site, *([python_path] if python_path else []), PACKAGE]),
        "RUNSTONE_REPLAY": f"{plan_read},{told_write}",
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), os.path.join(folder, "tmp")),
        "XDG_CACHE_HOME": os.path.join(folder, "cache"),
    }
    try:
        child = subprocess.Popen(  # noqa: S603  # what the record names: that is what a replay is
            argv,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=_standard_error(),
            pass_fds=(plan_read, told_write),
        )
    except BaseException:
        for fd in (plan_write, told_read):
            os.close(fd)
        raise
    finally:
        os.close(plan_read)
        os.close(told_write)
    told: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=_write, args=(plan_write, json.dumps(dict(plan)).encode())),
        threading.Thread(target=hear, args=(told_read, told)),
    ]
    for thread in threads:
        thread.start()
    status = _waited(child)
    for thread in threads:
        thread.join()
    return status, told


def _standard_error() -> Any:
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):  # of a program that has none, or one of its own
        return subprocess.DEVNULL


def _waited(child: subprocess.Popen[bytes]) -> int:
    """Its exit status. Who interrupts us ends it, too."""
    try:
        return child.wait()
    except BaseException:
        child.terminate()
        try:
            child.wait(END_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        raise


def _write(fd: int, data: bytes) -> None:
    try:
        with open(fd, "wb") as file:
            file.write(data)
    except OSError:  # it has ended before it has read
        return


def hear(fd: int, told: list[dict[str, Any]]) -> None:
    """Take in what a process tells, a line of JSON each, until it ends."""
    with open(fd, "rb") as file:
        for line in file:
            try:
                each = json.loads(line)
            except ValueError:  # the line in which it was killed
                return
            if len(told) < MAX_TOLD or _MANY.isdisjoint(each):
                told.append(each)
