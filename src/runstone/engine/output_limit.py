"""What is kept of output that is over its limit: where it is cut, and its last part.

- No cut divides a character or a secret: half of a secret is one that no rule finds.
- A cut stands at a line end where there is one near; half of the room at most is given up for that.
"""

from __future__ import annotations

from collections import deque

from runstone.core.digests import new_hash
from runstone.engine.characters import whole_characters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.core.redaction.redactor import Redactor


class Tail:
    """The last bytes of a command's streams, at most `room`; of what came before them, count, size and digest."""

    def __init__(self, redactor: Redactor, room: int) -> None:
        self._redactor = redactor
        self._room = room
        self._size = 0
        self._hash = new_hash()
        self.chunks: deque[tuple[str, bytes]] = deque()
        self.left_out = 0
        """Chunks that are not kept, or not as a whole."""
        self.left_out_bytes = 0

    def add(self, stream: str, chunk: bytes) -> None:
        """Take in what comes next. Up to one chunk more than `room` waits in memory."""
        self.chunks.append((stream, chunk))
        self._size += len(chunk)
        while self.chunks and self._size - len(self.chunks[0][1]) >= self._room:
            self._leave_out(self.chunks.popleft()[1])

    def trim(self) -> None:
        """No more comes: cut the first chunk, so that `chunks` are `room` bytes or less."""
        excess = self._size - self._room
        if excess <= 0:
            return
        stream, chunk = self.chunks.popleft()
        start = cut_from(self._redactor, chunk, excess, excess + self._room // 2)
        self._leave_out(chunk[:start])
        if start < len(chunk):
            self.chunks.appendleft((stream, chunk[start:]))

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of the bytes that are not kept, in their order."""
        digest: str = self._hash.hexdigest()
        return digest

    def _leave_out(self, data: bytes) -> None:
        self._size -= len(data)
        self._hash.update(data)
        self.left_out += 1
        self.left_out_bytes += len(data)


def cut_before(redactor: Redactor, data: bytes, most: int, near: int) -> int:
    """Where the beginning of `data` ends if it may have `most` bytes, fewer than there are.

    A line that ends before `near` is not gone back to; where that is 0 or less, nothing of `data` need be taken.
    """
    line = data.rfind(b"\n", max(0, near - 1), most) + 1
    if line or near <= 0:
        ends = [line]
    else:
        ends = [whole_characters(data, most), data.rfind(b"\n", 0, most) + 1]
    return next((end for end in ends if _is_safe(redactor, data, end)), 0)


def cut_from(redactor: Redactor, data: bytes, least: int, near: int) -> int:
    """Where the end of `data` begins if `least` bytes must go; a line that begins after `near` is not waited for."""
    line = data.find(b"\n", least - 1, near)
    starts = [line + 1] if line >= 0 else []
    character = least
    while character < min(len(data), least + 3) and data[character] & 0xC0 == 0x80:
        character += 1
    for start in (*starts, character, data.find(b"\n", least) + 1):
        if start >= least and _is_safe(redactor, data, start):
            return start
    return len(data)


def _is_safe(redactor: Redactor, data: bytes, at: int) -> bool:
    """Whether both parts, each recorded alone, tell no more than the whole does."""
    return _redacted(redactor, data) == _redacted(redactor, data[:at]) + _redacted(redactor, data[at:])


def _redacted(redactor: Redactor, data: bytes) -> str:
    try:
        return redactor.text(data.decode())[0]
    except UnicodeDecodeError:
        return redactor.text(data.decode("latin-1"))[0]
