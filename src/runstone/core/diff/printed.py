"""What two runs' commands printed, compared whatever pieces it was read in.

A command's output is recorded as it is read, so where a piece ends, and how two streams take turns, is chance. Between
two other events each stream is one text, and texts are compared line by line.
"""

from __future__ import annotations

from runstone.core import parsing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final, TypeAlias

    Alike: TypeAlias = Callable[[str, str], bool]
    Parted: TypeAlias = tuple[str, tuple[int, str], tuple[int, str]]
    """A stream, and of each side the line of the journal and the line of output at which they part."""

MAX_AHEAD_BYTES: Final = 8 * 1024 * 1024
"""How far the output of one run may be ahead of the other's before they count as parted."""

_BEGINNINGS: Final = (b'{"data":{"stream":', b'{"data":{"latin1":')
_LOG: Final = b'"type":"log"}\n'


def is_printed(line: bytes) -> bool:
    """Whether a line of a journal is a piece of a command's output."""
    return line.startswith(_BEGINNINGS) and line.endswith(_LOG)


class Cursor:
    """A place in a journal: a line and its number, from 1; behind the end `line` is empty."""

    __slots__ = ("_lines", "_passed", "line", "number")

    def __init__(self, lines: Iterator[bytes], passed: tuple[bytes, ...]) -> None:
        """`passed` is how lines end that are passed over."""
        self._lines = lines
        self._passed = passed
        self.number = 0
        self.line = b""
        self.advance()

    def advance(self) -> None:
        """Go to the next line."""
        self.line = next(self._lines, b"")
        self.number += 1
        while self.line.endswith(self._passed):
            self.line = next(self._lines, b"")
            self.number += 1

    def prints(self) -> bool:
        """Whether the line is a piece of output."""
        return is_printed(self.line)


class _Text:
    """What one side printed to a stream and the other side has not been seen to print."""

    __slots__ = ("_cut", "_ends", "data")

    def __init__(self) -> None:
        self.data = bytearray()
        self._cut = 0
        self._ends: list[tuple[int, int]] = []  # of each piece its line in the journal, and where it ends

    def add(self, number: int, piece: bytes) -> None:
        self.data += piece
        self._ends.append((number, self._cut + len(self.data)))

    def cut(self, size: int) -> None:
        del self.data[:size]
        self._cut += size
        if not self.data:
            self._ends.clear()

    def place(self, otherwise: int) -> tuple[int, str]:
        """The line of the journal in which what is left begins, and the first line of it."""
        number = next((number for number, end in self._ends if end > self._cut), otherwise)
        return number, self.data.partition(b"\n")[0].decode("utf-8", "backslashreplace")


def compare_printed(a: Cursor, b: Cursor, alike: Alike) -> Parted | None:
    """Take both cursors over the pieces of output that they stand before; where the output parts, if it does.

    `alike` says of two lines that have not the same text whether they count as the same.
    """
    streams: dict[str, tuple[_Text, _Text]] = {}
    while True:
        ahead = [sum(len(pair[side].data) for pair in streams.values()) for side in (0, 1)]
        side = 0 if ahead[0] < ahead[1] or (ahead[0] == ahead[1] and a.prints()) else 1
        behind = (a, b)[side]
        if not behind.prints() or max(ahead) > MAX_AHEAD_BYTES:
            break
        data = parsing.load(behind.line)["data"]
        pair = streams.setdefault(data["stream"], (_Text(), _Text()))
        pair[side].add(behind.number, data["latin1"].encode("latin-1") if "latin1" in data else data["text"].encode())
        behind.advance()
        if not _cancelled(*pair, alike):
            return data["stream"], pair[0].place(a.number), pair[1].place(b.number)
    for name, pair in streams.items():
        if pair[0].data != pair[1].data and not _are_alike(pair[0].data, pair[1].data, alike):
            return name, pair[0].place(a.number), pair[1].place(b.number)
    return None


def _cancelled(a: _Text, b: _Text, alike: Alike) -> bool:
    """Cut off what both begin with, in whole lines; false where a line is not the same."""
    size = a.data.rfind(b"\n", 0, min(len(a.data), len(b.data))) + 1
    if a.data[:size] == b.data[:size]:
        size = len(a.data) if a.data == b.data else size
        a.cut(size)
        b.cut(size)
        return True
    while (end := a.data.find(b"\n") + 1) and (other_end := b.data.find(b"\n") + 1):
        line, other = a.data[:end], b.data[:other_end]
        if line != other and not _are_alike(line, other, alike):
            return False
        a.cut(end)
        b.cut(other_end)
    return True


def _are_alike(a: bytearray, b: bytearray, alike: Alike) -> bool:
    return alike(a.decode("utf-8", "backslashreplace"), b.decode("utf-8", "backslashreplace"))
