"""`runstone get`: copy files of a run out of the store, and prove each against the manifest on the way."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from itertools import chain
from typing import Any, BinaryIO, Final

import click

from runstone.cli.measures import size_text
from runstone.cli.parameters import json_option, run_argument, store_option
from runstone.cli.rendering import Column, Screen, print_json
from runstone.cli.runs import sealed_run
from runstone.core import layout
from runstone.core.digests import PREFIX, new_hash
from runstone.engine.reader import Sealed
from runstone.errors import error
from runstone.locate import hidden, open_store

STDOUT: Final = "-"
NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@click.command()
@run_argument()
@click.argument("path", required=False)
@click.option(
    "-o", "--output", "target", metavar="DIR", required=True, help="Where to; - is standard output, for one file."
)
@store_option()
@json_option("Print what was copied as a JSON list.")
def command(run: str, path: str | None, target: str, store: str | None, *, as_json: bool) -> None:
    """Copy the files of a run to DIR/<path>: all of them, or PATH alone (a file, or a folder such as artifacts).

    The copy of all files is a bundle that `runstone verify DIR` proves. PATH may also be a document that is made
    when it is read, such as run.log. A file that exists is never overwritten: then nothing is copied.
    """
    opened = open_store(store)
    with sealed_run(opened, run) as sealed:
        if target == STDOUT:
            _to_stdout(sealed, path, as_json=as_json)
            return
        copied = _copy(sealed, _chosen(sealed, path), target)
    if as_json:
        print_json(copied)
    else:
        Screen().table(
            (Column("COPIED"), Column("SIZE", right=True)), [[hidden(c["to"]), size_text(c["size"])] for c in copied], 0
        )


def _to_stdout(sealed: Sealed, path: str | None, *, as_json: bool) -> None:
    if path is None or as_json:
        raise error("invalid_option", "`-o -` is for one file: name it, and without --json", option="-o")
    if sys.stdout.isatty():  # a terminal would obey what a file says; a pipe gets the bytes
        Screen().pieces(sealed.pieces(path))
        return
    sys.stdout.flush()
    _write(sealed, path, sealed.pieces(path), sys.stdout.buffer)


def _chosen(sealed: Sealed, path: str | None) -> list[str]:
    """The paths to copy, each one that a bundle can hold. Raises `invalid_path`, `path_collision`."""
    named = [layout.MANIFEST, *(entry["path"] for entry in sealed.manifest["files"])]
    if path is None:
        chosen = named
    else:
        below = path.rstrip("/") + "/"
        chosen = [name for name in named if name.startswith(below)] or [path]
    for name in chosen:
        layout.check_path(name)  # the manifest is somebody's claim: it must not name a place outside DIR
    layout.check_distinct(chosen)
    return chosen


def _copy(sealed: Sealed, paths: list[str], folder: str) -> list[dict[str, Any]]:
    targets = {path: os.path.join(folder, *path.split("/")) for path in paths}
    for target in targets.values():
        if os.path.lexists(target):
            raise error("file_exists", f"{target} exists; nothing was copied", path=target)
    copied: list[dict[str, Any]] = []
    try:
        for path, target in targets.items():
            pieces = sealed.pieces(path)
            first = next(pieces, b"")  # a file that is not there leaves no folder behind
            os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
            with open(os.open(target, NEW_FILE, 0o644), "wb") as file:
                copied.append({"path": path, "to": target, "size": 0, "sha256": None})
                copied[-1]["size"], copied[-1]["sha256"] = _write(sealed, path, chain((first,), pieces), file)
    except BaseException:
        for made in copied:
            os.unlink(made["to"])
        raise
    return copied


def _write(sealed: Sealed, path: str, pieces: Iterable[bytes], file: BinaryIO) -> tuple[int, str]:
    """Write one file; answers its size and SHA-256. Raises `digest_mismatch` where they are not the manifest's."""
    digest, size = new_hash(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        file.write(piece)
    file.flush()
    found, expected = PREFIX + digest.hexdigest(), _expected(sealed, path)
    if expected not in (None, found):
        message = f"{path} of run {sealed.run_id} is not what was sealed: expected {expected}, found {found}"
        raise error("digest_mismatch", message, path=path, expected=expected, found=found)
    return size, digest.hexdigest()


def _expected(sealed: Sealed, path: str) -> str | None:
    """The digest that the seal gives a file; `None` for a document that is folded when it is read."""
    if path == layout.MANIFEST:
        return sealed.digest
    return next((PREFIX + entry["sha256"] for entry in sealed.manifest["files"] if entry["path"] == path), None)
