"""What the stores of crash_stores.py have to keep: run as `crash_checks.py NAME` on one crash state.

Exits 0 when the state is acceptable, else 1 after saying what is wrong with it.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator

ROOT, STDOUT = os.environ["CRASHPOINTS_DIR"], os.environ["CRASHPOINTS_STDOUT"]


def promised() -> list[str]:
    """The items that the store had promised before the crash."""
    with open(STDOUT, encoding="ascii") as file:
        return file.read().split()


def is_sound(sealed: bytes, separator: bytes) -> bool:
    """Whether a body is the one that the digest before it belongs to."""
    digest, _, body = sealed.partition(separator)
    return hashlib.sha256(body).hexdigest().encode() == digest


def items() -> Iterator[tuple[str, bytes]]:
    """Name and content of every item; what is or lies in a leftover is none."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.endswith(".tmp")]
        for name in names:
            if not name.endswith(".tmp"):
                with open(os.path.join(folder, name), "rb") as file:
                    yield name, file.read()


def items_whole() -> list[str]:
    """No item is damaged; lost ones are not missed."""
    return [f"{name}: damaged" for name, content in items() if not is_sound(content, b"\n")]


def items_promised() -> list[str]:
    """No item is damaged, and every promised one is there."""
    found = {name for name, _ in items()}
    return [*items_whole(), *(f"{item}: promised, but gone" for item in promised() if item not in found)]


def log_promised() -> list[str]:
    """As many good lines as were promised, before anything torn."""
    path, good = os.path.join(ROOT, "log"), 0
    if os.path.exists(path):
        with open(path, "rb") as file:
            for line in file.read().split(b"\n")[:-1]:
                if not is_sound(line, b" "):
                    break
                good += 1
    return [] if good >= len(promised()) else [f"{good} good lines, {len(promised())} promised"]


if __name__ == "__main__":
    problems = globals()[sys.argv[1]]()
    print("\n".join(problems))
    sys.exit(bool(problems))
