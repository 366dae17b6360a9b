"""The output of a wrapped command, on its way into the journal.

- An event holds a chunk as it was read, cut at a safe place: what may be the middle of a secret waits.
- Up to a limit everything is kept; of what comes after, only the last part, and of the rest its size and digest.
"""

from __future__ import annotations

from runstone.core.digests import new_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.recorder import Run

DEFAULT_MAX_OUTPUT: Final = 1 << 30
TAIL_BYTES: Final = 1 << 20
MAX_CHUNK_BYTES: Final = 1 << 20


class Output:
    """Both streams of a command. `feed` what was read, `finish` at the end; nothing is recorded out of order."""

    def __init__(self, run: Run, redactor: Redactor, max_output: int = DEFAULT_MAX_OUTPUT) -> None:
        self._run = run
        self._redactor = redactor
        self._held: dict[str, bytes] = {}
        self._tail_bytes = min(TAIL_BYTES, max_output // 2)
        self._room = max_output - self._tail_bytes
        self._tail: list[tuple[str, bytes]] = []
        self._tail_size = 0
        self._left_out = 0
        self._left_out_bytes = 0
        self._left_out_hash: Any = None  # made when it is needed: a short process does not load OpenSSL
        self._open_lines: dict[str, None] = {}
        self.size = 0
        """Bytes fed so far."""

    def feed(self, stream: str, chunk: bytes) -> None:
        """Take in what a stream gave; records what is safe to record."""
        self.size += len(chunk)
        held = self._held.get(stream, b"")
        data = held + chunk if held else chunk
        end = _whole_characters(data, self._redactor.safe_end(data))
        self._held[stream] = data[end:]
        if end:
            self._record(stream, data[:end])

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Streams whose last recorded line has no end, in the order in which these lines were begun."""
        return tuple(self._open_lines)

    def _stream(self, stream: str, chunk: bytes) -> None:
        self._run.stream(stream, chunk)
        end = chunk.rfind(b"\n") + 1
        if end:
            self._open_lines.pop(stream, None)
        if end < len(chunk):
            self._open_lines.setdefault(stream)

    def _record(self, stream: str, chunk: bytes) -> None:
        if len(chunk) <= self._room:
            self._room -= len(chunk)
            self._stream(stream, chunk)
            return
        self._room = 0
        self._tail.append((stream, chunk))
        self._tail_size += len(chunk)
        while self._tail_size - len(self._tail[0][1]) >= self._tail_bytes:
            _, oldest = self._tail.pop(0)
            self._tail_size -= len(oldest)
            self._left_out_hash = self._left_out_hash or new_hash()
            self._left_out += 1
            self._left_out_bytes += len(oldest)
            self._left_out_hash.update(oldest)

    def finish(self) -> None:
        """Record what was held back, and say what was left out."""
        for stream, data in self._held.items():
            if data:
                self._record(stream, data)
        self._held.clear()
        if self._left_out:
            sha256 = self._left_out_hash.hexdigest()
            self._run.writer.left_out(self._left_out, self._left_out_bytes, "max_output", sha256)
        for stream, chunk in self._tail:
            self._stream(stream, chunk)
        self._tail.clear()


class Discarded:
    """The output of a command whose run is not recorded."""

    size = 0
    unfinished = ()

    def feed(self, stream: str, chunk: bytes) -> None:
        """Nothing; it has been shown."""

    def finish(self) -> None:
        """Nothing."""


def _whole_characters(data: bytes, end: int) -> int:
    """`end`, moved back over the beginning of a UTF-8 sequence that it would divide."""
    if end >= len(data) or data[end] & 0xC0 != 0x80:
        return end
    start = end - 1
    while start > max(0, end - 4) and data[start] & 0xC0 == 0x80:
        start -= 1
    return start if data[start] >= 0xC0 else end
