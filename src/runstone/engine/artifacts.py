"""Files that a run consumed or produced: digest, size, name, and a copy where the run keeps one.

- A file is read once, through one descriptor; what was read is what the digest and the copy are of.
- A file that changes while it is read has no digest: the event says `changed_while_read`.
- A file that is not kept, as a secret is found in it, is told by the rule (`engine.keeping`, which keeps files).
"""

from __future__ import annotations

import os

from runstone.core import layout
from runstone.core.digests import new_hash
from runstone.core.media import media_type
from runstone.core.redaction.redactor import FAILED
from runstone.core.values import undecoded
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final

CHUNK_BYTES: Final = 1 << 20

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


def _identity(facts: os.stat_result) -> tuple[int, int, int]:
    return facts.st_size, facts.st_mtime_ns, facts.st_ino


def file_facts(path: str, keep: Callable[[], dict[str, Any]] | None = None) -> dict[str, Any]:
    """`sha256`, `size` and `path` of an artifact event, and `problem` where something is to be said.

    `keep` keeps the file and answers what is told of it. Never raises for what the file system answers: a file that
    is not there has no digest.
    """
    facts: dict[str, Any] = {"sha256": None, "size": None, "path": None}
    try:
        if not os.path.isfile(path):
            return {**facts, "problem": "not_a_file" if os.path.lexists(path) else "not_found"}
        if keep is not None:
            return keep()
        reader = FileReader(path, hashed=True)
        for _ in reader.chunks():
            pass
        return {**facts, "sha256": reader.sha256, "size": reader.size}
    except ChangedWhileRead:
        return {**facts, "problem": "changed_while_read"}
    except SecretInFile as exc:
        return {**file_facts(path), "problem": f"not_kept:redacted:{exc.rule}"}
    except OSError as exc:
        return {**facts, "problem": f"unreadable:{exc.strerror or exc}"}
    except RunstoneError as exc:  # the copy failed; the digest of the file itself can still be had
        return {**file_facts(path), "problem": f"not_kept:{exc.code}"}
    except Exception:  # the redactor failed: what it could not search is not kept
        if keep is None:
            raise
        return {**file_facts(path), "problem": f"not_kept:redacted:{FAILED}"}


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
