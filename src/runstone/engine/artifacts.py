"""Files that a run consumed or produced: digest, size, name, and a copy where the run keeps one.

- A file is read once, through one descriptor; what was read is what the digest and the copy are of.
- A file whose size, time or inode change while it is read has no digest: the event says `changed_while_read`. A write
  that shows in none of them, as one that began before the reading, is not seen; no number of readings would prove it.
- A file that is not kept, as a secret is found in it, is told by the rule (`engine.keeping`, which keeps files).
"""

from __future__ import annotations

import os
import stat

from runstone.core import layout
from runstone.core.digests import new_hash
from runstone.core.faults import FaultError
from runstone.core.media import media_type
from runstone.core.redaction.redactor import FAILED
from runstone.core.values import undecoded
from runstone.errors import CODES, RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Final, Protocol, TypedDict

    class ArtifactFacts(TypedDict, total=False):
        """What `Run.input` and `Run.output` take by name."""

        name: str | None
        sha256: str | None
        size: int | None
        media_type: str | None
        keep: bool | str | None
        asked_by: str | None
        extra: Mapping[str, Any] | None

    class Reader(Protocol):
        """Reads once; `size` is known afterwards, and `sha256` if that was asked for."""

        size: int
        sha256: str

        def chunks(self) -> Iterator[bytes]:
            """The bytes. Raises `OSError` and `ChangedWhileRead`."""
            ...

    class Source(Protocol):
        """Bytes that an artifact event is of."""

        def reader(self, *, hashed: bool) -> Reader:
            """What reads them once."""
            ...

        def problem(self) -> str | None:
            """Why they cannot be read, as far as can be told before they are."""
            ...

    from runstone.core.digests import Digest
    from runstone.engine.writer import JournalWriter

CHUNK_BYTES: Final = 1 << 20
MAX_EXTENSION: Final = 10
"""Characters of a file's extension."""
NOT_WRITTEN: Final = "not_written:"
"""Begins the problem of an object that could not be made a file."""

CLEAN: Final = "if clean"
REDACTED: Final = "redacted"
ANYWAY: Final = "anyway"
"""Ways to keep a file (`engine.keeping`)."""
NOT_KEPT: Final = "not_kept:invalid_option"
"""The problem of a file that is not kept, as the caller's way to keep it is none."""


class ChangedWhileRead(Exception):  # noqa: N818  # a finding, not a failure
    """Size, time or identity of the file were not the same before and after reading."""


class SecretInFile(Exception):  # noqa: N818  # a finding, not a failure
    """The file holds what a rule takes for a secret."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def way_of(keep: Any, asked_by: Any) -> str | None:
    """Which way the argument `keep` means, `None` for not at all. Raises `invalid_option`."""
    if keep is None or keep is False:
        return None
    if keep is True:
        return CLEAN
    if not isinstance(keep, str) or keep not in (REDACTED, ANYWAY):
        raise error("invalid_option", "keep is True, False, 'redacted' or 'anyway'", option="keep")
    if keep == ANYWAY and not (isinstance(asked_by, str) and asked_by.strip()):
        raise error("invalid_option", "keep='anyway' needs asked_by, the name of who asks for it", option="asked_by")
    return str(keep)


def asked_way(writer: JournalWriter, keep: Any, asked_by: Any) -> str | None:
    """How to keep a file; in a tolerant run a wrong word is said, and keeps nothing."""
    try:
        return way_of(True if keep is None else keep, asked_by)
    except RunstoneError as exc:
        if writer.strict:
            raise
        writer.say("keep", f"run {writer.run_id} does not keep a file: {exc.message}")
        return NOT_KEPT


def artifact_name(path: str, cwd: str | None) -> str:
    """The path below the working directory with `/`; outside it the last component; never absolute."""
    full = os.path.normpath(os.path.join(cwd or os.sep, path))
    if cwd is not None and full.startswith(os.path.join(cwd, "")):
        name = os.path.relpath(full, cwd)
    else:
        name = os.path.basename(full) or "file"
    return _unicode(name.replace(os.sep, "/"))


def _unicode(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        return undecoded(name)
    return name


class FileReader:
    """Reads one file once: `chunks` yields its bytes; `size` is known afterwards, and `sha256` if it is `hashed`."""

    def __init__(self, path: str, *, hashed: bool) -> None:
        self._path = path
        self._hashed = hashed
        self.size = 0
        self.sha256 = ""

    def chunks(self) -> Iterator[bytes]:
        """The bytes. Raises `OSError` and `ChangedWhileRead`."""
        digest = new_hash() if self._hashed else None
        fd = os.open(self._path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            before = os.fstat(fd)
            while chunk := os.read(fd, CHUNK_BYTES):
                if digest is not None:
                    digest.update(chunk)
                self.size += len(chunk)
                if self.size > before.st_size:
                    raise ChangedWhileRead  # it may grow as fast as it is read, for ever
                yield chunk
            after = os.fstat(fd)
        finally:
            os.close(fd)
        if _identity(before) != _identity(after) or after.st_size != self.size:
            raise ChangedWhileRead
        if digest is not None:
            self.sha256 = digest.hexdigest()


def digest_of_file(path: str) -> Digest:
    """The digest of a file's bytes, read once in pieces. Raises `OSError`, and `changed_while_read`."""
    reader = FileReader(path, hashed=True)
    try:
        for _ in reader.chunks():
            pass
    except ChangedWhileRead:
        raise error("changed_while_read", f"{path} changed while it was read", path=path) from None
    except OSError as exc:
        exc.filename = path  # a read that fails, as of a folder, does not say of which file
        raise
    return f"sha256:{reader.sha256}"


class MemoryReader:
    """Reads bytes as `FileReader` reads a file."""

    def __init__(self, data: bytes, *, hashed: bool) -> None:
        self._data = data
        self._hashed = hashed
        self.size = 0
        self.sha256 = ""

    def chunks(self) -> Iterator[bytes]:
        """The bytes."""
        view = memoryview(self._data)
        for start in range(0, len(view), CHUNK_BYTES):
            yield bytes(view[start : start + CHUNK_BYTES])
        self.size = len(view)
        self.sha256 = new_hash(self._data).hexdigest() if self._hashed else ""


class FileSource:
    """A file on disk, to be read as often as it takes."""

    def __init__(self, path: str) -> None:
        self._path = path

    def reader(self, *, hashed: bool) -> FileReader:
        """What reads it once."""
        return FileReader(self._path, hashed=hashed)

    def problem(self) -> str | None:
        """Why it cannot be read, as far as can be told before it is."""
        try:
            return None if stat.S_ISREG(os.stat(self._path).st_mode) else "not_a_file"
        except (FileNotFoundError, NotADirectoryError):
            return "not_a_file" if os.path.lexists(self._path) else "not_found"
        except ValueError:  # a path with a NUL, or one that has no bytes
            return "not_found"
        except OSError as exc:
            return f"unreadable:{exc.strerror or exc}"


class MemorySource:
    """The bytes of a file that is on no disk."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def reader(self, *, hashed: bool) -> MemoryReader:
        """What reads it once."""
        return MemoryReader(self._data, hashed=hashed)

    def problem(self) -> None:
        """Nothing."""


def _identity(facts: os.stat_result) -> tuple[int, int, int]:
    return facts.st_size, facts.st_mtime_ns, facts.st_ino


def report(writer: JournalWriter, facts: Mapping[str, Any], ref: str) -> None:
    """Say what is wrong with an artifact that is recorded; in a strict run raise it."""
    if not (problem := facts.get("problem")) or problem == NOT_KEPT:
        return
    if writer.strict:
        raise problem_error(problem, ref)
    what = " has no digest in the record" if facts["sha256"] is None else ""
    writer.say(f"artifact {ref}", f"{ref}{what}: {problem_text(problem)}")


def problem_text(problem: str) -> str:
    """A problem of `facts_of` as it is said to people."""
    code, _, more = problem.partition(":")
    words = {
        "not_found": "there is no such file",
        "not_a_file": "it is no file",
        "changed_while_read": "it changed while it was read",
        "unreadable": f"it cannot be read: {more}",
    }
    return words.get(code, problem)


def problem_error(problem: str, ref: str) -> RunstoneError:
    """The error of a strict run for a problem of `facts_of`: of what could not be kept the error of that."""
    kind, _, more = problem.partition(":")
    code = _CODES.get(kind, kind)
    if kind == "not_kept" and more in CODES:
        code = more
    return error(code, f"{ref}: {problem_text(problem)}", path=ref, problem=problem)


_CODES: Final = {"not_found": "file_not_found", "not_a_file": "file_unreadable", "unreadable": "file_unreadable"}
"""By the first word of a problem; the others are codes themselves."""


def file_facts(path: str) -> dict[str, Any]:
    """`facts_of` a file on disk."""
    return facts_of(FileSource(path))


def facts_of(source: Source, keep: Callable[[], dict[str, Any]] | None = None) -> dict[str, Any]:
    """`sha256`, `size` and `path` of an artifact event, and `problem` where something is to be said.

    `keep` keeps the file and answers what is told of it. Never raises for what the file system answers: a file that
    is not there has no digest.
    """
    facts: dict[str, Any] = {"sha256": None, "size": None, "path": None}
    try:
        if problem := source.problem():
            return {**facts, "problem": problem}
        if keep is not None:
            return keep()
        reader = source.reader(hashed=True)
        for _ in reader.chunks():
            pass
        return {**facts, "sha256": reader.sha256, "size": reader.size}
    except ChangedWhileRead:
        return {**facts, "problem": "changed_while_read"}
    except SecretInFile as exc:
        return {**facts_of(source), "problem": f"not_kept:redacted:{exc.rule}"}
    except OSError as exc:
        if exc.errno is None:  # no file system's: a timeout, say, that a signal handler raises
            raise
        return {**facts, "problem": f"unreadable:{exc.strerror or exc}"}
    except RunstoneError as exc:  # the copy failed, unless it is the file itself that cannot be read
        return {"problem": f"not_kept:{exc.code}", **facts_of(source)}
    except (FaultError, ImportError, MemoryError, RecursionError):  # what could not be searched is not kept
        if keep is None:
            raise
        return {**facts_of(source), "problem": f"not_kept:redacted:{FAILED}"}


def is_object(ref: Any) -> bool:
    """Whether a second argument is an object to be written, and no reference: text, a path, a number."""
    return ref is not None and not isinstance(ref, (str, int, float, os.PathLike))


def extension_of(name: Any) -> str | None:
    """The extension of a file's name, in lower case; `None` for what is no file's name."""
    if not isinstance(name, str):
        return None
    stem, dot, extension = name.rpartition("/")[2].rpartition(".")
    fits = stem and dot and extension.isascii() and extension.isalnum() and len(extension) <= MAX_EXTENSION
    return extension.lower() if fits else None


def kept_names(name: str) -> Iterator[str]:
    """Names under which a file may be kept: its own where a bundle can hold it, then numbered ones.

    Where the name is taken a number for the file helps, where its folder's is, a number for the topmost folder.
    """
    own = name if layout.path_problem(layout.artifact(name)) is None else "file"
    yield own
    folder, slash, file = own.rpartition("/")
    top, first_slash, below = own.partition("/")
    number = 1
    while True:
        number += 1
        yield folder + slash + _numbered(file, number)
        if slash:
            yield _numbered(top, number) + first_slash + below


def _numbered(name: str, number: int) -> str:
    stem, _, extension = name.rpartition(".")
    return f"{stem}-{number}.{extension}" if stem else f"{name}-{number}"


def artifact_event(
    kind: str, ref: str | None, name: str | None, facts: dict[str, Any], media: str | None
) -> dict[str, Any]:
    """The `data` of an `input` or `output` event."""
    chosen = name if name is not None else (ref or kind)
    known = media if media is not None else (media_type(chosen) if facts["size"] is not None else None)
    return {"name": chosen, "type": kind, "ref": ref, "media_type": known, **facts}
