"""Make the golden bundles and vectors: `PYTHONPATH=src python -m tests.format.generate` from the project's root.

Everything is recorded by the kernel over fixed clock, entropy and host, so a second run writes the same bytes; a
test runs it again and compares. What a bundle must give when it is verified is written in the recipes, by hand.

`--digests [FOLDER]` writes nothing here: it prints the SHA-256 of every file that would be made, with the good bundles
recorded in a store on disk in FOLDER where one is given.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.format.damaged_bundles import BASES, DAMAGED
from tests.format.good_bundles import GOOD, OPEN
from tests.format.surroundings import Surroundings
from tests.format.vectors import vector_files, vector_json

if TYPE_CHECKING:
    from typing import Final

    from tests.format.surroundings import Files

    from runstone.ports.journals import Journals
    from runstone.ports.objects import Objects

HERE: Final = Path(__file__).resolve().parent
KEEP_BYTES: Final = b"* -text\n"
"""`.gitattributes`: a checkout must not change line ends."""


def good_files(objects: Objects | None = None, journals: Journals | None = None) -> Files:
    """All files of the good bundles, and what interrupted runs left behind."""
    files: Files = {}
    for name, recipe in GOOD.items():
        surroundings = Surroundings(name, objects, journals)
        recipe(surroundings)
        files |= {f"golden/good/{name}/{path}": body for path, body in surroundings.sealed().items()}
    for name, left in OPEN.items():
        files |= {f"golden/open/{name}/{path}": body for path, body in left.items()}
    return files


def damaged_files() -> Files:
    """All files of the damaged bundles, and the findings that each must give."""
    files: Files = {}
    for name, (_, base, damage, _) in DAMAGED.items():
        surroundings = Surroundings(base)
        BASES[base](surroundings)
        bundle = surroundings.sealed()
        damage(bundle)
        files |= {f"golden/damaged/{name}/{path}": body for path, body in bundle.items()}
    findings = {name: {"about": about, "faults": faults} for name, (about, _, _, faults) in DAMAGED.items()}
    files["golden/damaged/findings.json"] = vector_json(findings)
    return files


def all_files(objects: Objects | None = None, journals: Journals | None = None) -> Files:
    """Every generated file, by its path below this folder."""
    with contextlib.redirect_stderr(io.StringIO()):  # recipes lose things on purpose, and the recorder says so
        files = good_files(objects, journals) | damaged_files() | vector_files()
    for folder in ("golden", "vectors"):
        files[f"{folder}/.gitattributes"] = KEEP_BYTES
    return files


def write(files: Files, root: Path) -> None:
    """Make `golden/` and `vectors/` below `root` hold exactly `files`."""
    for old in stored_paths(root):
        if old not in files:
            (root / old).unlink()
    for path, body in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)


def stored_paths(root: Path) -> set[str]:
    """Paths of all files that lie in `golden/` and `vectors/` below `root`."""
    found = (path for folder in ("golden", "vectors") for path in (root / folder).rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix() for path in found}


def digests(files: Files) -> str:
    """One line a file, as `sha256sum` prints it."""
    return "".join(f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files))


def main(arguments: list[str]) -> None:
    """The command."""
    if arguments[:1] == ["--digests"]:
        sys.stdout.buffer.write(digests(all_files(*_on_disk(arguments[1:]))).encode())
    else:
        write(all_files(), HERE)


def _on_disk(arguments: list[str]) -> tuple[Objects, Journals] | tuple[()]:
    if not arguments:
        return ()
    from runstone.locate import open_store

    store = open_store(arguments[0])
    return store.objects, store.journals


if __name__ == "__main__":
    main(sys.argv[1:])
