"""`runstone redact`: a text without its secrets, or where in files secrets stand, and why."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import click

from runstone.cli.measures import count_text, size_text
from runstone.cli.parameters import json_option
from runstone.cli.progress import Progress
from runstone.cli.rendering import Screen, Span, print_json, say
from runstone.core.canonical import is_unicode
from runstone.core.redaction.explain import about
from runstone.core.redaction.redactor import Redactor
from runstone.core.values import undecoded
from runstone.engine.search import ExplainedSearch, Found, Search
from runstone.engine.walk import LINK, SPECIAL, chunks_from, chunks_of, files_below, is_compressed
from runstone.errors import RunstoneError, error
from runstone.locate import open_redactor

STDIN: Final = "-"
BAD: Final = 1
PROGRESS_BYTES: Final = 16_000_000


@click.command()
@click.argument("paths", metavar="[FILE|DIR|-]...", nargs=-1, type=click.Path(readable=False))
@click.option("--check", is_flag=True, help="Tell where secrets stand, in files and in folders; change nothing.")
@click.option("--explain", is_flag=True, help="With --check: why each is one, and why what is nearly one is none.")
@json_option("With --check: print what was found as one JSON object.")
def command(paths: tuple[str, ...], *, check: bool, explain: bool, as_json: bool) -> int:
    """Print FILE (or standard input) with a mark in the place of each secret, everything else byte for byte.

    With --check tell where secrets stand, never what they are: file, line and rule. The exit status is 1 if there
    is one, or if something could not be read. Folders are read with all that is below them; links are not
    followed, and archives and compressed files are not unpacked.

    \b
      job 2>&1 | runstone redact > job.log
      runstone redact --check --explain src/ job.log
    """
    if not check:
        if explain or as_json or len(paths) > 1:
            raise error("invalid_option", "without --check give one FILE, or -, and no other option", option="--check")
        return _filter(paths[0] if paths else STDIN)
    redactor = open_redactor()
    for path in paths:
        if path != STDIN and not os.path.lexists(path):
            raise _missing(_shown(redactor, path))
    search = ExplainedSearch(redactor) if explain else Search(redactor)
    answer = _Answer(redactor, explained=explain)
    screen = Screen()
    for row in answer.rows(paths or (STDIN,), search, kept=as_json):
        if not as_json:
            answer.progress.clear()
            _print_row(screen, row)
    answer.progress.clear()
    if as_json:
        print_json(answer.as_dict())
    else:
        _print_summary(screen, answer)
    return BAD if answer.rules or answer.failed else 0


def _stdin() -> int:
    """The descriptor of standard input; raises `file_not_found` where the caller has closed it."""
    if sys.stdin is None:
        raise error("file_not_found", "standard input is closed", path=STDIN)
    return sys.stdin.fileno()


def _filter(path: str) -> int:
    redactor = open_redactor()
    search = Search(redactor)
    shown = "standard input" if path == STDIN else _shown(redactor, path)
    pieces = _cleaned(search, chunks_from(_stdin()) if path == STDIN else _to_filter(path, redactor), shown)
    if sys.stdout.isatty():  # a terminal would obey what a file says; a pipe gets the bytes
        Screen().pieces(pieces)
    else:
        sys.stdout.flush()
        for piece in pieces:
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
    if search.left:
        say("a secret between whose letters zeros stand was found and is still there")
    return BAD if search.left else 0


def _cleaned(search: Search, chunks: Iterator[bytes], shown: str) -> Iterator[bytes]:
    """What the filter writes. Raises `invalid_encoding`."""
    try:
        yield from search.cleaned(chunks)
    except UnicodeDecodeError as exc:
        message = f"{shown} is not in {exc.encoding.upper()}, as its byte order mark tells"
        raise error("invalid_encoding", message, path=shown) from None  # the cause holds bytes of the file


def _to_filter(path: str, redactor: Redactor) -> Iterator[bytes]:
    """The bytes of the one file. Raises `file_not_found`, `invalid_option`, `store_unavailable`."""
    shown = _shown(redactor, path)
    if os.path.isdir(path):
        raise error("invalid_option", f"{shown} is a folder: `runstone redact --check` reads those", path=shown)
    try:
        yield from _named(path)
    except FileNotFoundError as exc:
        raise _missing(shown) from exc
    except OSError as exc:
        raise error("store_unavailable", f"{shown}: {exc.strerror or exc}", path=shown, errno=exc.errno) from exc


def _named(path: str) -> Iterator[bytes]:
    """The bytes of a file that somebody named; it may be a pipe, or behind a link."""
    fd = os.open(path, os.O_RDONLY)
    try:
        yield from chunks_from(fd)
    finally:
        os.close(fd)


def _shown(redactor: Redactor, path: str) -> str:
    """A path as everybody may see it."""
    return redactor.text(path if is_unicode(path) else undecoded(path))[0]


def _missing(shown: str) -> RunstoneError:
    return error("file_not_found", f"{shown}: no such file or folder", path=shown)


class _Answer:
    """What was found in some files, and what was read of them."""

    def __init__(self, redactor: Redactor, *, explained: bool) -> None:
        self._redactor = redactor
        self._explained = explained
        self._rows: list[dict[str, Any]] = []
        self.rules: Counter[str] = Counter()
        self.not_read: list[dict[str, str]] = []
        self.compressed: list[str] = []
        self._names: list[str] = []  # of folders, and of what is not read: told with the next file
        self.failed = False
        self.files = 0
        self.size = 0
        self.progress = Progress()

    def rows(self, paths: tuple[str, ...], search: Search, *, kept: bool) -> Iterator[dict[str, Any]]:
        """What is found, as it is found; it is counted, and where it is `kept` also remembered."""
        for path, chunks in self._streams(paths):
            if path:
                self._names.append(path)
            yield from self._in_names(kept=kept)
            shown = _shown(self._redactor, path)
            try:
                for found in search.found(self._counted(shown, chunks)):
                    yield self._row(shown, found.line, found.reason.rule, found, kept=kept)
            except OSError as exc:
                self._skip(path, exc.strerror or str(exc))
                continue
            self.files += bool(path)

    def _in_names(self, *, kept: bool) -> Iterator[dict[str, Any]]:
        names, self._names = self._names, []
        for path in names:
            name = os.path.basename(path.rstrip(os.sep))
            for rule in dict.fromkeys(self._redactor.text(name)[1]):
                yield self._row(_shown(self._redactor, path), None, rule, None, kept=kept)

    def _streams(self, paths: tuple[str, ...]) -> Iterator[tuple[str, Iterator[bytes]]]:
        for path in paths:
            if path == STDIN:
                yield path, chunks_from(_stdin())
            elif os.path.isdir(path):
                for below in files_below(path, self._skip, lambda folder: self._names.append(folder + os.sep)):
                    yield below, chunks_of(below)
                yield "", iter(())
            else:
                yield path, _named(path)

    def _counted(self, shown: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        begun = False
        for chunk in chunks:
            if not begun and is_compressed(chunk):
                self.compressed.append(shown)
            begun = True
            self.size += len(chunk)
            self.progress.show(
                f"{count_text(self.files, 'file')}, {size_text(self.size)} searched", self.size // PROGRESS_BYTES
            )
            yield chunk

    def _skip(self, path: str, why: str) -> None:
        self._names.append(path)
        self.not_read.append({"path": _shown(self._redactor, path), "reason": why})
        self.failed = self.failed or why not in (LINK, SPECIAL)
        if why != LINK:
            self.progress.clear()
            say(f"{_shown(self._redactor, path)}: {why}")

    def _row(self, path: str, line: int | None, rule: str | None, found: Found | None, *, kept: bool) -> dict[str, Any]:
        row: dict[str, Any] = {"path": path, "line": line, "rule": rule}
        source = ""
        if rule is not None:
            self.rules[rule] += 1
            row["about"], source = about(self._redactor, rule)
        if self._explained and found is not None:
            row["because"], row["source"] = found.reason.because, source
            row["first_column"], row["last_column"] = found.first_column, found.last_column
        if kept:
            self._rows.append(row)
        return row

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "findings": [row for row in self._rows if row["rule"] is not None],
            "near_misses": [row for row in self._rows if row["rule"] is None],
            "files": self.files,
            "bytes": self.size,
            "rules": dict(sorted(self.rules.items())),
            "not_read": self.not_read,
            "compressed": self.compressed,
        }


def _print_row(screen: Screen, row: dict[str, Any]) -> None:
    place = row["path"] if row["line"] is None else f"{row['path']}:{row['line']}"
    if row["rule"] is None:
        screen.line(Span(place, "bold"), ": ", Span("not redacted", "dim"))
    else:
        kind = "folder" if row["path"].endswith(os.sep) else "file"
        in_name = "" if row["line"] is not None else f", in the name of the {kind}"
        screen.line(Span(place, "bold"), ": ", Span(row["rule"], "bad"), f"  {row['about']}{in_name}")
    if "because" in row:
        columns = _columns(row["first_column"], row["last_column"])
        screen.wrapped("", [f"{columns}: {row['because']}"], indent=4)
    if row.get("source"):
        screen.wrapped("", [Span(f"told by: {row['source']}", "dim")], indent=4)


def _columns(first: int, last: int | None) -> str:
    return f"column {first}" if last in (None, first) else f"columns {first} to {last}"


def _print_summary(screen: Screen, answer: _Answer) -> None:
    total = sum(answer.rules.values())
    what = Span(count_text(total, "secret"), "bad") if total else Span("no secret", "good")
    screen.line(what, f" in {count_text(answer.files, 'file')} of {size_text(answer.size)}")
    for rule, count in sorted(answer.rules.items(), key=lambda item: (-item[1], item[0])):
        screen.line(f"{count:>8}  {rule}")
    if answer.compressed:
        count = len(answer.compressed)
        names = answer.compressed[0] if count == 1 else count_text(count, "file")
        screen.line(Span(f"{names}: compressed, read without being unpacked", "warn"))
    links = sum(one["reason"] == LINK for one in answer.not_read)
    if links:
        screen.line(f"{count_text(links, 'link')} not followed")
    if len(answer.not_read) > links:
        screen.line(Span(f"{len(answer.not_read) - links} not read, named above", "warn"))
