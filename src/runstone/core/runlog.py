"""`run.log`: the text of all `log` events, as it was written, line after line.

- A log line is one stream's: output of two streams never shares a line. Each stream's unfinished line waits
  until it is finished, so lines stand in the order of their completion.
- Lines end at LF bytes only. In a message of `Run.log`, what would end a line elsewhere is shown as an escape,
  so one message is one line.
- `latin1` text goes back to the bytes that the command wrote.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.events import Event
    from runstone.core.journal import Journal

HELD_BYTES: Final = 1 << 20
"""Of an unfinished line so much is kept in memory."""

_ONE_LINE: Final = {10: "\\n", 13: "\\r", 0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def log_pieces(journal: Journal, head: bytes = b"", *, stamped: bool = False) -> Iterator[bytes]:
    """The bytes of `run.log` in pieces; `head` comes first.

    With `stamped`, a message carries its second (`2026-01-02T03:04:05Z message`); without, it stands alone.
    """
    if head:
        yield head
    waiting: dict[str, _Unfinished] = {}
    for offset, event in journal.located("log"):
        data = event["data"]
        if "stream" not in data:
            yield message_line(event, stamped=stamped)
            continue
        stream = data["stream"]
        whole, tail = _cut(chunk_bytes(data))
        if whole:
            if stream in waiting:
                yield from waiting.pop(stream).pieces(journal, offset)
            yield whole
        if tail:
            waiting.setdefault(stream, _Unfinished(stream, offset, len(whole))).add(tail)
    for line in waiting.values():
        yield from line.pieces(journal, journal.index.size)
        yield b"\n"


class _Unfinished:
    """The beginning of a line whose end has not come. A long one is not held: it is read from the journal again."""

    def __init__(self, stream: str, offset: int, skip: int) -> None:
        self._stream = stream
        self._offset = offset
        self._skip = skip
        self._held: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > HELD_BYTES:
            self._held.clear()
        else:
            self._held.append(piece)

    def pieces(self, journal: Journal, end: int) -> Iterator[bytes]:
        """What there is of the line in events before the one at offset `end`."""
        if self._size <= HELD_BYTES:
            yield from self._held
            return
        skip = self._skip
        for _, event in journal.located("log", start=self._offset, end=end):
            if event["data"].get("stream") == self._stream:
                yield chunk_bytes(event["data"])[skip:]
                skip = 0


def message_line(event: Event, *, stamped: bool) -> bytes:
    """The line of one message, LF included."""
    text = one_line(event["data"]["text"])
    if stamped:
        text = f"{event['ts'][:19]}Z {text}"
    return text.encode() + b"\n"


def line_ends_in(line: bytes) -> int:
    """How many lines of `run.log` a journal line of type `log` ends: one for a message, for a chunk its LF bytes.

    Nothing is parsed: of large output this is all that is asked.
    """
    if line.startswith(MESSAGE):
        return 1
    text = line[: line.rfind(_NAME_BEHIND)] if line.startswith(_LATIN1) else line[line.find(_TEXT) :]
    return text.replace(_BACKSLASH, b"").count(_LF)


MESSAGE: Final = b'{"data":{"level":'
"""How the journal line of a message begins, by its keys in order."""
_LATIN1: Final = b'{"data":{"latin1":'
_NAME_BEHIND: Final = b'","stream":"'
_TEXT: Final = b'","text":"'
"""No string holds these: a quotation mark in one has a backslash before it."""
_BACKSLASH: Final = rb"\\"
_LF: Final = rb"\n"


def one_line(text: str) -> str:
    """`text` with LF, CR, NEL and the Unicode line and paragraph separators shown as escapes."""
    return text.translate(_ONE_LINE)


def chunk_bytes(data: dict[str, Any]) -> bytes:
    """The bytes that a stream's `log` event stands for."""
    if "latin1" in data:
        return bytes(data["latin1"].encode("latin-1", "replace"))
    return bytes(data["text"].encode())


def _cut(chunk: bytes) -> tuple[bytes, bytes]:
    end = chunk.rfind(b"\n") + 1
    return chunk[:end], chunk[end:]
