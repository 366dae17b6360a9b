"""Port `records`: bodies by key that are replaced as a whole, and lines that are added to one.

- A reader sees the old body or the new one, never a part; a line, or nothing of it.
- Who says what he expects to replace is told if it is no longer so (`record_conflict`): of all who expected the same,
  one wins. What takes more than one call is made `alone`.
- A line is a JSON value on one line. What stands behind the last line end of a body is a line of which only that is
  missing, if it is whole JSON; else it is torn: what a crash left of a line that nobody was promised.
"""

from __future__ import annotations

import _thread
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol, TypeVar

from runstone.core.digests import digest_of, sha256_hex
from runstone.core.layout import PRIVATE, path_problem
from runstone.core.parsing import parse_json
from runstone.errors import RunstoneError, error, excerpt

if TYPE_CHECKING:
    from collections.abc import Callable

    from runstone.core.digests import Digest

Answer = TypeVar("Answer")

ANY: Final = "any"
"""What is expected to be replaced: whatever is there, or nothing."""

Expected = str | None
"""The digest of the body that is to be replaced; `None`: there must be none; or `ANY`."""


class RecordProperties(NamedTuple):
    """What an adapter promises; declared, never guessed from its behaviour."""

    survives: Literal["nothing", "kill", "power"]
    """What a record survives, once the call that made it has returned."""
    backend: str
    """What references call it: `filesystem`, `sqlite`, `postgres`, `s3`, `gcs`, `azure_blob`, or `custom`."""


class Lines(NamedTuple):
    """The lines of a record."""

    whole: list[bytes]
    """Each without its line end."""
    torn: bytes
    """What a crash left behind the last of them; the next `append` takes it away."""


class Added(NamedTuple):
    """The lines of a record that somebody has not seen yet."""

    lines: list[bytes]
    """Each without its line end; what is torn is none."""
    mark: str
    """What the next call is given, to go on behind them."""
    anew: bool
    """Whether these are all lines: nothing that was seen before counts."""


class Records(Protocol):
    """Records by key. Keys are relative paths, as those of files in a bundle; none begins with `.runstone`.

    Safe for any number of threads and processes at once. What one has written, all see at their next call. Every method
    raises `invalid_path` for what is no key, and `store_unavailable`; a call that raised has changed nothing, or did
    what it was to do and cannot say that it lasts.
    """

    @property
    def properties(self) -> RecordProperties:
        """What this adapter promises."""
        ...

    def read(self, key: str) -> bytes | None:
        """The body, whole; `None` where there is none, which is not an empty one."""
        ...

    def replace(self, key: str, body: bytes, *, expected: Expected = ANY) -> Digest:
        """Put a body in the place of what is there, old or new and never torn; answers its digest.

        Raises `record_conflict` where something else stands there than was `expected`; then nothing is changed.
        """
        ...

    def append(self, key: str, lines: list[bytes]) -> bytes:
        """Add lines, in their order; without any nothing happens. Answers what was torn there, and is taken away.

        A crash meanwhile leaves the first of them, each whole; at return all are there. Raises `invalid_json` for a
        line that is empty or holds a line end.
        """
        ...

    def lines(self, key: str) -> Lines:
        """The lines of a body; none where there is none."""
        ...

    def added(self, key: str, since: str = "") -> Added:
        """The lines behind those of the call that answered the mark `since`; one that lacked its line end then comes
        again. All of them without a mark, and where another body stands there by now: that is told for certain
        where the last of those lines is no longer where it was."""
        ...

    def keys(self, prefix: str = "") -> list[str]:
        """The keys that begin with `prefix`, sorted."""
        ...

    def marks(self, prefix: str = "") -> dict[str, str]:
        """By key, of all that begin with `prefix`: a text that is another where the body is another one; empty where
        that cannot be told just now."""
        ...

    def remove(self, key: str, *, expected: Expected = ANY) -> bool:
        """Take a record away, for good at return; `False` where there is none. Raises `record_conflict`."""
        ...

    def alone(self, key: str, work: Callable[[], Answer]) -> Answer:
        """What `work` answers, which makes several calls: of all that are made alone with one key, in threads and in
        processes, one is made at a time; one whose process dies is over. Other calls are not kept out. What `work`
        raises goes on; what it has done until then stands, or nothing of it. It makes nothing alone itself."""
        ...

    def place(self, key: str) -> str:
        """Where a record is, for people and references: a path or a URL."""
        ...


class WholeRecords:
    """What an adapter is spared that can only read, replace, list and remove whole bodies: lines by what was expected.

    An adapter that can add to a body does so itself, at less cost; and it knows marks where it can tell of change. One
    whose records several processes write to has an `alone` of its own: here only threads keep out of each other's way.
    """

    def append(self: Records, key: str, lines: list[bytes]) -> bytes:
        """See `Records.append`."""
        data = joined(lines)
        while data:
            body = self.read(key)
            kept, torn = mended(body or b"")
            try:
                self.replace(key, kept + data, expected=None if body is None else digest_of(body))
            except RunstoneError as exc:
                if exc.code != "record_conflict":
                    raise
            else:
                return torn
        return b""

    def lines(self: Records, key: str) -> Lines:
        """See `Records.lines`."""
        return split(self.read(key) or b"")

    def added(self: Records, key: str, since: str = "") -> Added:
        """See `Records.added`."""
        body = self.read(key) or b""
        number, _, digest = since.partition("-")
        seen = int(number or 0)
        anew = not seen or sha256_hex(body[:seen]) != digest
        end = body.rfind(b"\n") + 1
        lines = split(body if anew else body[seen:]).whole
        return Added(lines, f"{end}-{sha256_hex(body[:end])}" if end else "", anew)

    def marks(self: Records, prefix: str = "") -> dict[str, str]:
        """See `Records.marks`."""
        return dict.fromkeys(self.keys(prefix), "")

    def alone(self, key: str, work: Callable[[], Answer]) -> Answer:
        """See `Records.alone`."""
        check_key(key)
        with _alone:
            return work()


_alone: Final = _thread.RLock()
"""Of all that is made alone in this process by adapters that have nothing of their own for it."""


def check_key(key: str) -> str:
    """`key`, if it is one; raises `invalid_path`."""
    problem = path_problem(key) or (f"{PRIVATE} is the adapter's own" if key.split("/")[0] == PRIVATE else "")
    if problem:
        shown = excerpt(str(key), 120)
        raise error("invalid_path", f"{shown!r} is no key of a record: {problem}", path=shown)
    return key


def joined(lines: list[bytes]) -> bytes:
    """Lines as they stand in a body; raises `invalid_json`."""
    for line in lines:
        if not line or b"\n" in line:
            found = "an empty one" if not line else "a line end in it"
            raise error("invalid_json", f"a line of a record is JSON on one line; found {found}", found=found)
    return b"".join(line + b"\n" for line in lines)


def split(body: bytes) -> Lines:
    """The lines of a body, and what is torn behind them."""
    kept, torn = mended(body)
    return Lines(kept.split(b"\n")[:-1], torn)


def mended(body: bytes) -> tuple[bytes, bytes]:
    """A body whose last line has its end, and what was torn behind it."""
    tail = body[body.rfind(b"\n") + 1 :]
    return (body + b"\n", b"") if is_whole(tail) else (body.removesuffix(tail), tail)


def is_whole(tail: bytes) -> bool:
    """Whether what stands behind the last line end lacks nothing else. Numbers are never known to be whole."""
    if not tail.rstrip().endswith((b"}", b"]", b'"')):
        return False
    try:
        parse_json(tail)
    except RunstoneError:
        return False
    return True


def check_expected(key: str, expected: Expected, body: bytes | None) -> None:
    """Raise `record_conflict` where a body is not the one that was expected."""
    if expected == ANY:
        return
    found = None if body is None else digest_of(body)
    if expected == found:
        return
    message = f"record {key} was to be replaced as {expected or 'a new one'}; there is {found or 'none'}: read it again"
    details: dict[str, Any] = {"key": key, "expected": expected, "found": found}
    raise error("record_conflict", message, **details)
