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

_ONE_LINE: Final = {10: "\\n", 13: "\\r", 0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def log_pieces(journal: Journal, head: bytes = b"", *, stamped: bool = False) -> Iterator[bytes]:
    """The bytes of `run.log` in pieces that end at line ends; `head` comes first.

    With `stamped`, a message carries its second (`2026-01-02T03:04:05Z message`); without, it stands alone.
    """
    if head:
        yield head
    waiting: dict[str, list[bytes]] = {}
    for event in journal.events("log"):
        data = event["data"]
        if "stream" not in data:
            yield message_line(event, stamped=stamped)
            continue
        whole, tail = _cut(chunk_bytes(data))
        held = waiting.setdefault(data["stream"], [])
        if whole:
            held.append(whole)
            yield b"".join(held)
            held.clear()
        if tail:
            held.append(tail)
    for held in waiting.values():
        if held:
            yield b"".join(held) + b"\n"


def message_line(event: Event, *, stamped: bool) -> bytes:
    """The line of one message, LF included."""
    text = one_line(event["data"]["text"])
    if stamped:
        text = f"{event['ts'][:19]}Z {text}"
    return text.encode() + b"\n"


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
