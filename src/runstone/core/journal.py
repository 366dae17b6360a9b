"""Reading a journal: one line proved at a time, an index of what is where, and events by type.

- `LineReader` accepts the next line or says what is wrong with it: canonical bytes, known envelope, `seq`
  without gaps, `ts` that never goes back.
- `JournalIndex` is fed the bytes as they were written. It holds no event: a running SHA-256, a Merkle tree,
  and for each type how many there are and between which offsets.
- `Journal` gives folds the events that they ask for, one at a time.
"""

from __future__ import annotations

from runstone.core import canonical, parsing
from runstone.core.digests import new_hash
from runstone.core.events import CLOSED, OPENED, data_problem
from runstone.core.limits import MAX_LINE_BYTES
from runstone.core.merkle import MerkleTree
from runstone.core.printing import Stream
from runstone.core.times import is_time
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, Final

    from runstone.core.events import Event

    ReadRange = Callable[[int, int], Iterable[bytes]]
    """The journal's bytes between two offsets, in chunks of any size."""

HELD_BYTES: Final = 256 * 1024
"""Up to this size a journal's events are held in memory."""

_ENVELOPES: Final = (("data", "seq", "ts", "type"), ("data", "marks", "seq", "ts", "type"))
"""The keys of a line, which is canonical: they are sorted."""

_TYPE: Final = b'"type":"'
_TYPE_BYTES: Final = len(_TYPE)


class LineReader:
    """Proves journal lines in order. After a refusal it stands where it stood."""

    __slots__ = ("last_ts", "next_seq")

    def __init__(self) -> None:
        self.next_seq = 0
        self.last_ts = ""

    def read(self, line: bytes) -> Event:
        """The event of `line` (LF included); raises a typed error whose message says what is wrong."""
        if not line.endswith(b"\n"):
            raise error("invalid_json", "the line has no LF at its end", line=self.next_seq + 1)
        return self.read_text(line[:-1])

    def read_text(self, text: bytes) -> Event:
        """As `read`, of a line without its LF."""
        event = parsing.parse_canonical(text, limit=MAX_LINE_BYTES - 1)
        problem = _problem(event, self.next_seq, self.last_ts)
        if problem:
            raise error("invalid_event", problem, line=self.next_seq + 1)
        self.next_seq += 1
        self.last_ts = event["ts"]
        return event  # type: ignore[no-any-return]  # _problem has proved the envelope

    def read_block(self, texts: list[bytes]) -> list[Event] | None:
        """As `read_text` of each of these lines, where all are good and none follows `run.closed`; or `None`, and the
        reader stands where it stood: read one by one they tell what is wrong, if anything is."""
        short = max(map(len, texts), default=0) < MAX_LINE_BYTES
        events = parsing.try_canonical(texts) if short else None
        if events is None:
            return None
        seq, above, closed = self.next_seq, self.last_ts, False
        for event in events:
            if closed or _problem(event, seq, above):
                return None
            seq += 1
            above = event["ts"]
            closed = event["type"] == CLOSED
        self.next_seq, self.last_ts = seq, above
        return events


def _problem(event: Any, next_seq: int, above: str) -> str | None:
    """What is wrong with a line below one whose time is `above` (empty for the first one), or `None`. Hot."""
    if type(event) is not dict or tuple(event) not in _ENVELOPES:
        return "the envelope is not exactly data, seq, ts, type and perhaps marks"
    seq, ts, kind = event["seq"], event["ts"], event["type"]
    if type(seq) is not int or seq != next_seq:
        return f"expected seq {next_seq}, found {str(seq)[:20]}"
    if type(ts) is not str or not (_is_fraction(ts[20:]) if ts[:20] == above[:20] else is_time(ts)):
        return f"ts {str(ts)[:40]!r} is not a UTC time with six decimals and Z"
    if ts < above:
        return f"ts {ts} is before the line above ({above})"
    if type(kind) is not str:
        return "type is not text"
    if len(event) > 4 and not marks_fit(event["marks"]):
        return "marks are not sorted pairs of a pointer and a mark, without duplicates"
    if (kind == OPENED) != (seq == 0):
        return "run.opened must be the first line, and only that"
    return data_problem(kind, event["data"])


def _is_fraction(text: str) -> bool:
    """Whether this ends a time: six digits and Z. What stands before them the line above has proved."""
    return len(text) == 7 and text[6] == "Z" and text.isascii() and text[:6].isdigit()


def marks_fit(marks: Any) -> bool:
    """Whether `marks` has the form of the format: `[[pointer, mark], …]`, sorted, distinct, not empty. A pointer need
    not lead to anything."""
    if not isinstance(marks, list) or not marks:
        return False
    for mark in marks:
        if not isinstance(mark, list) or len(mark) != 2 or not all(isinstance(part, str) for part in mark):
            return False
        if not canonical.is_pointer(mark[0]):
            return False
        if mark[1] not in ("coerced", "truncated") and not (mark[1].startswith("redacted:") and len(mark[1]) > 9):
            return False
    spelled = [canonical.canonical_bytes(mark) for mark in marks]
    return spelled == sorted(set(spelled))


def redactions(event: Event) -> int:
    """How many `redacted:` marks an event carries."""
    return sum(mark[1].startswith("redacted:") for mark in event.get("marks", ()))


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their LF, across chunk borders; a last line without LF is yielded without it.

    Raises `too_large` when a line passes the limit, before more of it is read.
    """
    rest = b""
    for chunk in chunks:
        start = 0
        while (end := chunk.find(b"\n", start) + 1) > 0:
            line = rest + chunk[start:end] if rest else chunk[start:end]
            if len(line) > MAX_LINE_BYTES:
                raise _too_long()
            yield line
            rest = b""
            start = end
        rest += chunk[start:]
        if len(rest) >= MAX_LINE_BYTES:
            raise _too_long()
    if rest:
        yield rest


def whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, cut so that each piece ends a line; what follows the last LF is yielded without one.

    Fewer, larger pieces than `split_lines`; raises as that does, for an unfinished line.
    """
    rest = b""
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1
        if end:
            yield rest + chunk[:end] if rest or end < len(chunk) else chunk
            rest = chunk[end:]
        else:
            rest += chunk
        if len(rest) >= MAX_LINE_BYTES:
            raise _too_long()
    if rest:
        yield rest


def with_last_line(read: ReadRange, size: int, line: bytes) -> ReadRange:
    """`read`, of a journal of `size` bytes, as it is with one more line."""

    def extended(start: int, end: int) -> Iterator[bytes]:
        if start < size:
            yield from read(start, min(end, size))
        if end > size:
            yield line[max(0, start - size) : end - size]

    return extended


def _too_long() -> Exception:
    return error("too_large", f"a journal line has more than {MAX_LINE_BYTES} bytes", limit=MAX_LINE_BYTES)


class Span:
    """Where the events of one type are: how many, and between which byte offsets."""

    __slots__ = ("count", "end", "start")

    def __init__(self, start: int) -> None:
        self.count = 0
        self.start = start
        self.end = start


class JournalIndex:
    """What is known of a journal without holding it. Feed it whole lines, in order.

    `digest` is a running SHA-256 of the same bytes, of a caller who keeps one; otherwise the index does.
    """

    __slots__ = ("_hash", "_hashes", "_tree", "size", "types", "warnings")

    def __init__(self, digest: hashlib._Hash | None = None) -> None:
        self.size = 0
        self.types: dict[bytes, Span] = {}
        self.warnings = 0
        self._hash = digest
        self._hashes = digest is None
        self._tree = MerkleTree()

    def feed(self, lines: bytes) -> None:
        """Take in one or more whole lines."""
        leaves = lines[:-1].split(b"\n")
        self._hash_in(lines, leaves)
        self._note(leaves, 1)

    def feed_line(self, line: bytes) -> None:
        """Take in one whole line, which is neither searched nor copied: it may be long."""
        self._hash_in(line, (memoryview(line)[:-1],))
        self._note((line,), 0)

    def _hash_in(self, lines: bytes, leaves: Sequence[bytes | memoryview]) -> None:
        if self._hashes:
            self._hash = self._hash or new_hash(size=len(lines))
            self._hash.update(lines)
        self._tree.extend(leaves)

    def _note(self, lines: Sequence[bytes], ends: int) -> None:
        """Where the lines stand, by type; so many bytes of their `ends` have been taken off each."""
        types, size, last = self.types, self.size, ends - 3
        for line in lines:
            name = line[line.rfind(_TYPE) + _TYPE_BYTES : last]
            span = types.get(name)
            if span is None:
                span = types[name] = Span(size)
            size += len(line) + ends
            span.count += 1
            span.end = size
            if name == b"log" and _may_warn(line) and parsing.load(line)["data"].get("level") == "warning":
                self.warnings += 1
        self.size = size

    @property
    def count(self) -> int:
        """Lines so far."""
        return self._tree.count

    def sha256(self) -> str:
        """Digest of all bytes so far, 64 hexadecimal digits."""
        return (self._hash or new_hash()).hexdigest()

    def root(self) -> str:
        """Merkle root over the lines without their LF, 64 hexadecimal digits."""
        return self._tree.root()


_WARNING: Final = b'"level":"warning"'
_OUTPUT: Final = b'{"data":{"stream":'


def _may_warn(line: bytes) -> bool:
    """Whether a `log` line can be a warning. In output, the bulk of a large journal, `level` would stand first."""
    return not line.startswith(_OUTPUT) and _WARNING in line


class Journal:
    """A whole journal as folds see it: facts of the index, and events of chosen types in order.

    Of a small journal an event is parsed when its type is first asked for, and then held; of a large one, one event
    is held at a time. `events` are all of them, where the caller has them already. No fold changes an event.
    `is_held` tells a small one.
    """

    def __init__(self, index: JournalIndex, read: ReadRange, events: list[Event] | None = None) -> None:
        self.index = index
        self._read = read
        self.is_held = index.size <= HELD_BYTES
        self._lines: dict[str, list[tuple[int, bytes]]] | None = None
        self._held: dict[tuple[str, ...], list[Event]] = {}
        if self.is_held and events is not None:
            self._held[()] = events
            for event in events:
                self._held.setdefault((event["type"],), []).append(event)
        self.opened: Event = self._one(OPENED)
        self.closed: Event = self._one(CLOSED)

    def _one(self, kind: str) -> Event:
        event = self.last(kind)
        if event is None:
            raise error("invalid_event", f"the journal has no {kind} event", type=kind)
        return event

    def count(self, kind: str) -> int:
        """How many events of a type there are."""
        span = self.index.types.get(kind.encode())
        return span.count if span else 0

    def lines(self) -> Iterator[bytes]:
        """Every line as it was written, LF included."""
        return split_lines(self._read(0, self.index.size))

    def events(self, *kinds: str) -> Iterable[Event]:
        """Events of these types in order; all events where none is named."""
        if not self.is_held:
            return (event for _, event in self.located(*kinds))
        held = self._held.get(kinds)
        if held is None:
            held = self._held[kinds] = self._hold(kinds)
        return held

    def _hold(self, kinds: tuple[str, ...]) -> list[Event]:
        if kinds and not any(map(self.count, kinds)):
            return []
        if () in self._held:
            return [event for event in self._held[()] if event["type"] in kinds]
        if self._lines is None:
            self._lines = {}
            for number, line in enumerate(split_lines(self._read(0, self.index.size))):
                self._lines.setdefault(type_of(line), []).append((number, line))
        lines = [pair for kind in kinds or self._lines for pair in self._lines.get(kind, ())]
        if len(kinds) != 1:
            lines.sort()
        return [_loaded(line) for _, line in lines]

    def located(self, *kinds: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, Event]]:
        """Events of these types with the byte offsets of their lines, from those that begin at `start` to `end`."""
        spans = self.index.types
        wanted = [spans[kind.encode()] for kind in kinds if kind.encode() in spans]
        if kinds and not wanted:
            return
        offset = max(start, min(span.start for span in wanted) if kinds else 0)
        last = min(
            self.index.size if end is None else end, max(span.end for span in wanted) if kinds else self.index.size
        )
        endings = tuple(b'"type":"%b"}\n' % kind.encode() for kind in kinds)
        for line in split_lines(self._read(offset, last)):
            if not kinds or line.endswith(endings):
                yield offset, _loaded(line)
            offset += len(line)

    def data(self, *kinds: str) -> Iterable[dict[str, Any]]:
        """The `data` of events of these types, in order."""
        events = self.events(*kinds)
        return [event["data"] for event in events] if self.is_held else (event["data"] for event in events)

    def array(self, items: Callable[[], Iterable[Any]]) -> Stream | list[Any]:
        """What a fold of this journal makes, one for one, of its events: for a document to print."""
        return list(items()) if self.is_held else Stream(items)

    def last(self, kind: str) -> Event | None:
        """The last event of a type."""
        found = None
        for event in self.events(kind):
            found = event
        return found


def type_of(line: bytes) -> str:
    """The type of a journal line (LF included), read off its end."""
    return line[line.rfind(_TYPE) + len(_TYPE) : -3].decode()


def _loaded(line: bytes) -> Event:
    try:
        return parsing.load(line)  # type: ignore[no-any-return]  # a line that was proved, or written here
    except ValueError as exc:  # or neither: somebody else wrote into the journal
        raise error("invalid_json", f"a journal line is not JSON: {exc}") from exc


def proved_prefix(lines: Iterable[bytes]) -> Iterator[tuple[bytes, Event]]:
    """The longest run of good lines from the start, with their events; ends silently at the first bad one.

    Nothing after `run.closed` is good.
    """
    reader = LineReader()
    try:
        for line in lines:
            event = reader.read(line)
            yield line, event
            if event["type"] == CLOSED:
                return
    except RunstoneError:
        return
