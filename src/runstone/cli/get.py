"""`runstone get`: copy files of a run out of the store, and prove each against the manifest on the way."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from itertools import chain
from typing import Any, BinaryIO, Final

import click

from runstone.cli.measures import count_text, size_text
from runstone.cli.parameters import complete_file, complete_folder, json_option, run_argument, store_option
from runstone.cli.rendering import Column, Screen, print_json, say
from runstone.cli.runs import sealed_run
from runstone.core import layout
from runstone.core.digests import PREFIX, new_hash
from runstone.engine.age import identities_of
from runstone.engine.debug_reading import DebugTexts
from runstone.engine.exporter import check_sealed
from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.errors import RunstoneError, error
from runstone.locate import hidden, in_the_way, open_store, read_file

Source = Sealed | DebugTexts
STDOUT: Final = "-"
OWNERS_MODE: Final = 0o600
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@click.command()
@run_argument()
@click.argument("path", required=False)
@click.option(
    "-o",
    "--output",
    "target",
    metavar="DIR",
    required=True,
    shell_complete=complete_folder,
    help="Where to; - is standard output, for one file.",
)
@click.option("--debug", is_flag=True, help="Prompts and answers that debug mode has kept, decrypted.")
@click.option(
    "--identity",
    metavar="FILE",
    shell_complete=complete_file,
    help="With --debug: the file of age with the private key.",
)
@store_option()
@json_option("Print what was copied as a JSON list.")
def command(
    run: str, path: str | None, target: str, identity: str | None, store: str | None, *, debug: bool, as_json: bool
) -> None:
    """Copy the files of a run to DIR/<path>: all of them, or PATH alone (a file, or a folder such as artifacts).

    The copy of all files is a bundle that `runstone verify DIR` proves. PATH may also be a document that is made
    when it is read, such as run.log. A file that exists is never overwritten: then nothing is copied.

    With --debug it is what debug mode has kept of the calls of models, in files that their owner alone can read:
    call-1.prompt, call-1.output and, after an exception, call-1.error; PATH is one of these.
    """
    if debug != (identity is not None):
        raise error("invalid_option", "--debug and --identity FILE go together", option="--debug")
    if not target:
        raise error("invalid_option", "-o is empty: name a folder, . for the working directory", option="-o")
    opened = open_store(store)
    with sealed_run(opened, run) as sealed:
        source = sealed if identity is None else _debug_texts(opened, sealed, identity)
        if target == STDOUT:
            _to_stdout(source, path, as_json=as_json)
            return
        copied = _copy(source, _chosen(source, path), target)
    if as_json:
        print_json(copied)
    else:
        Screen().table(
            (Column("COPIED"), Column("SIZE", right=True)), [[hidden(c["to"]), size_text(c["size"])] for c in copied], 0
        )


def _debug_texts(store: Store, sealed: Sealed, identity: str) -> DebugTexts:
    texts = DebugTexts(store, sealed, identities_of(read_file(identity), identity))
    if texts.missing:
        say(f"{count_text(len(texts.missing), 'text')} of debug mode not in this store: {', '.join(texts.missing)}")
    return texts


def _to_stdout(source: Source, path: str | None, *, as_json: bool) -> None:
    if path is None or as_json:
        raise error("invalid_option", "`-o -` is for one file: name it, and without --json", option="-o")
    if sys.stdout.isatty():  # a terminal would obey what a file says; a pipe gets the bytes
        Screen().pieces(source.pieces(path))
        return
    sys.stdout.flush()
    _write(source, path, source.pieces(path), sys.stdout.buffer)


def _chosen(source: Source, path: str | None) -> list[str]:
    """The paths to copy, each one that a bundle can hold. Raises `invalid_path`, `path_collision`."""
    if isinstance(source, DebugTexts):
        return source.paths if path is None else [layout.check_path(path)]
    named = [layout.MANIFEST, *(entry["path"] for entry in source.manifest["files"])]
    if path is None:
        chosen = named
    else:
        below = path.rstrip("/") + "/"
        chosen = [name for name in named if name.startswith(below)] or [path]
    for name in chosen:
        layout.check_path(name)  # the manifest is somebody's claim: it must not name a place outside DIR
    layout.check_distinct(chosen)
    return chosen


def _copy(source: Source, paths: list[str], folder: str) -> list[dict[str, Any]]:
    targets = {path: os.path.join(folder, *path.split("/")) for path in paths}
    for target in targets.values():
        if os.path.lexists(target):
            raise _in_the_way(f"{target} exists", target)
    for below in {os.path.dirname(target) for target in targets.values()}:
        if (obstacle := in_the_way(below)) is not None:
            raise _in_the_way(obstacle, below)
    copied: list[dict[str, Any]] = []
    mode = OWNERS_MODE if isinstance(source, DebugTexts) else 0o644
    try:
        for path, target in targets.items():
            pieces = source.pieces(path)
            first = next(pieces, b"")  # a file that is not there leaves no folder behind
            os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
            with open(os.open(target, _NEW_FILE, mode), "wb") as file:
                copied.append({"path": path, "to": target, "size": 0, "sha256": None})
                copied[-1]["size"], copied[-1]["sha256"] = _write(source, path, chain((first,), pieces), file)
    except BaseException as exc:
        for made in copied:
            os.unlink(made["to"])
        if isinstance(exc, FileExistsError):  # it was made at this moment
            raise _in_the_way(f"{exc.filename} exists", exc.filename) from None
        if isinstance(exc, OSError) and exc.filename is None and copied:
            exc.filename = copied[-1]["to"]  # a write that fails does not say of which file
        raise
    return copied


def _in_the_way(what: str, path: str) -> RunstoneError:
    return error("file_exists", f"{what}; nothing was copied", path=path)


def _write(source: Source, path: str, pieces: Iterable[bytes], file: BinaryIO) -> tuple[int, str]:
    """Write one file; answers its size and SHA-256. Raises `digest_mismatch` where they are not the manifest's."""
    digest, size = new_hash(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        file.write(piece)
    file.flush()
    found, expected = PREFIX + digest.hexdigest(), _expected(source, path)
    if expected is not None:
        check_sealed(source.run_id, path, expected, found)
    return size, digest.hexdigest()


def _expected(source: Source, path: str) -> str | None:
    """The digest that the seal gives a file; `None` for a document that is folded when it is read."""
    if isinstance(source, DebugTexts):
        return source.expected(path)
    if path == layout.MANIFEST:
        return source.digest
    return next((PREFIX + entry["sha256"] for entry in source.manifest["files"] if entry["path"] == path), None)
