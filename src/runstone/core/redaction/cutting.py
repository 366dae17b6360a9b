"""Where the bytes of a stream can be cut, so that nothing is divided that is found only whole.

- No rule but a private key's reaches over a line end: with its armour, in PuTTY's form, or as bare lines of base64.
- A line may name what the next one gives: `- name: PASSWORD`, and `value: x` below.
- A declared value may hold line ends of its own, or stand in base64 that does.
- A mark of an earlier redaction is never divided: half of one may read like a value.
- What holds zeros is also read without them: it may be text in UTF-16 or UTF-32.
"""

from __future__ import annotations

from runstone.core.limits import MAX_HELD_OUTPUT_BYTES
from runstone.core.redaction import names
from runstone.core.redaction.redactor import MARK
from runstone.core.redaction.zeros import narrowed, widened, without_zeros

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

    from runstone.core.redaction.gate import Scanner
    from runstone.core.redaction.redactor import Redactor

MIN_OVERLAP_BYTES: Final = 16 * 1024
"""No rule needs more of what came before, to find a secret that began there."""

BLOCKS: Final = ((b"-----BEGIN ", b"-----END ", b"G"), (b"Private-Lines: ", b"Private-MAC: ", b"P"))
"""A stream is not cut between the first two. The third is a letter of the first that is rare in output."""
BARE_KEYS: Final = (b"MII", b"MIG", b"MIH", b"MHcCAQEEI", b"MC4CAQAwBQYDK2V", b"b3BlbnNzaC1rZXktdjE")
"""How a private key begins in base64."""
MAX_NAME_LINE: Final = 256
MIN_KEY_LINE: Final = 20
MAX_KEY_LINE: Final = 100
MAX_KEY_LINES: Final = 400
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


_BY_FIRST: Final = {
    first: [key for key in BARE_KEYS if key.startswith(first)] for first in dict.fromkeys(key[:1] for key in BARE_KEYS)
}
"""To look for a letter takes a twentieth of what it takes to look for a word, or less."""
_MARK: Final = MARK.encode()
_MAX_MARK_BYTES: Final = 128


class Cutter:
    """Cuts bytes where no secret is divided by what a redactor knows. For one thread at a time."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._scanner: Scanner | None = None
        self.overlap_bytes = max([MIN_OVERLAP_BYTES, *map(len, redactor.known.encoded)])
        """How much of what comes behind a cut must be seen with it, so that no secret is divided."""

    def safe_end(self, data: bytes) -> int:
        """Where a stream's bytes can be cut so that no rule is in the middle of a match there.

        Everything before the answer may be recorded now; the rest waits for more, or for the end of the stream.
        No rule but a private key's reaches over a line end. At most 64 KiB wait: where no line ends in them, all
        that could be divided in their middle has come in whole, and the cut stands after it.
        """
        limit = max(0, len(data) - MAX_HELD_OUTPUT_BYTES)
        end = self._in_no_secret(data, line_end(data), limit)
        if end and b"\0" in data:
            plain = without_zeros(data)
            last, since = (len(plain) - narrowed(data[at:], len(data)) for at in (end, limit))
            safe = self._in_no_secret(plain, last, since)
            end = end if safe == last else widened(data, safe)
        if end >= limit:
            return end
        return self.after_matches(data, max(0, len(data) - max(MAX_HELD_OUTPUT_BYTES // 2, self.overlap_bytes)))

    def _in_no_secret(self, data: bytes, end: int, since: int) -> int:
        known = self._redactor.known
        end = before_keys(data, before_name(data, end), since)
        if known.wrapped is not None:
            end = known.wrapped.before(data, end)
        return before_values(data, end, known.encoded)

    def after_matches(self, data: bytes, cut: int) -> int:
        """`cut`, or the end of the secret or of the mark that it would divide."""
        first = max(0, cut - max(MAX_HELD_OUTPUT_BYTES, self.overlap_bytes))
        around = data[first:]
        spans = self._whole(around)
        end = after_spans(cut - first, spans)
        if b"\0" in around:
            narrow_spans = self._whole(without_zeros(around))
            while (safe := after_spans(last := narrowed(around, end), narrow_spans)) > last:
                end = after_spans(widened(around, safe), spans)
        return first + end

    def _whole(self, data: bytes) -> list[tuple[int, int]]:
        """All that must not be divided."""
        return [*_marks(data), *(self._secrets(data) if self._looks().hit(data) else ())]

    def _looks(self) -> Scanner:
        if self._scanner is None:
            self._scanner = self._redactor.gate.scanner()
        return self._scanner

    def _secrets(self, data: bytes) -> Iterator[tuple[int, int]]:
        text = data.decode("latin-1")
        for _, whole in self._redactor.found(text, self._redactor.scope_of(text)):
            yield whole
        for value in self._redactor.known.encoded:
            start = data.find(value)
            while start >= 0:
                yield start, start + len(value)
                start = data.find(value, start + 1)

    def spans_lines(self, data: bytes) -> bool:
        """Whether a secret in bytes may reach over a line end; false is a proof."""
        plain = without_zeros(data) if b"\0" in data else data
        readings = (data,) if plain is data else (data, plain)
        values = [value for value in self._redactor.known.encoded if b"\n" in value]
        values += self._redactor.known.halves
        if any(value in reading for reading in readings for value in values):
            return True
        if self._looks().over_lines(plain.lower()):  # an anchor has no zero in it, so it stands there if anywhere
            return True
        from runstone.core.redaction.given import may_stand_below

        return any(may_stand_below(reading.decode("latin-1")) for reading in readings)


def _marks(data: bytes) -> Iterator[tuple[int, int]]:
    """Where marks stand, and what only looks like one."""
    start = data.find(_MARK)
    while start >= 0:
        end = data.find(b"]", start, start + _MAX_MARK_BYTES) + 1
        if end:
            yield start, end
        start = data.find(_MARK, start + len(_MARK))


def beginning(redactor: Redactor, text: str, size: int) -> str:
    """The first `size` characters of a text, and the rest of what would be divided there. It is not redacted yet."""
    if len(text) <= size:
        return text
    around = text[: size + Cutter(redactor).overlap_bytes]
    return around[: after_spans(size, _whole_in(redactor, around))]


def ending(redactor: Redactor, text: str, size: int) -> str:
    """The last `size` characters of a text, without the rest of what would be divided there. It is not redacted yet."""
    if len(text) <= size:
        return text
    start = len(text) - size
    overlap = Cutter(redactor).overlap_bytes
    first = max(0, start - overlap)
    around = text[first : start + overlap]
    return text[first + after_spans(start - first, _whole_in(redactor, around)) :]


def _whole_in(redactor: Redactor, text: str) -> Iterator[tuple[int, int]]:
    """The same as `Cutter` must not divide, of a text."""
    for _, whole in redactor.found(text, redactor.scope_of(text)):
        yield whole
    start = text.find(MARK)
    while start >= 0:
        end = text.find("]", start, start + _MAX_MARK_BYTES) + 1
        if end:
            yield start, end
        start = text.find(MARK, start + len(MARK))


def line_end(data: bytes) -> int:
    """Behind the last line that has ended."""
    return _last_end(data, len(data))


def before_name(data: bytes, end: int) -> int:
    """`end` (of a line), or where that line begins, if it names what the next one may give."""
    start = _last_end(data, end - 1, end - MAX_NAME_LINE) if end else 0
    line = data[start:end]
    if not names.may_stand_in(line.lower()):  # the common case
        return end
    from runstone.core.redaction.given import names_below

    return start if names_below(line.decode("latin-1")) else end


def before_keys(data: bytes, end: int, since: int) -> int:
    """`end` (of a line), or where a private key begins that may go on behind it; none that began before `since`."""
    for first, last, letter in BLOCKS:
        if data.find(letter, since) >= 0 and data.find(first, since) >= 0:  # much quicker than `rfind`
            block = data.rfind(first)
            if block < end and data.find(last, block, end) < 0:
                end = block
    return _before_bare_key(data, end)


def _before_bare_key(data: bytes, end: int) -> int:
    stop = end
    for number in range(MAX_KEY_LINES):
        if number == 1:  # only where the last line may be of a key: no output is searched for its sake
            tail = data[max(0, end - MAX_KEY_LINES * MAX_KEY_LINE) : end]
            if not any(first in tail and any(key in tail for key in keys) for first, keys in _BY_FIRST.items()):
                return end
        start = _last_end(data, stop - 1, stop - 2 * MAX_KEY_LINE) if stop else 0
        line = data[start:stop].strip()
        if len(line) < MIN_KEY_LINE:
            return end
        if not _is_base64(line) or len(line) > MAX_KEY_LINE or line.startswith(BARE_KEYS):
            return start if any(_begins(line, key) for key in BARE_KEYS) else end
        stop = start
    return end


def _begins(line: bytes, key: bytes) -> bool:
    at = line.rfind(key)
    return at >= 0 and len(line) - at >= MIN_KEY_LINE and _is_base64(line[at:])


def _is_base64(line: bytes) -> bool:
    return not line.translate(None, _BASE64)


def _last_end(data: bytes, stop: int, since: int = 0) -> int:
    """Behind the last line end before `stop`, and no earlier than `since`."""
    since = max(0, since)
    end = max(data.rfind(b"\n", since, stop) + 1, since)
    return max(data.rfind(b"\r", end, stop) + 1, end)  # behind the LF only: most output has no CR to be found


def before_values(data: bytes, cut: int, values: Iterable[bytes]) -> int:
    """`cut`, or the start of a value that it would divide or that may be unfinished there."""
    for value in values:
        first = value[:1]
        start = data.find(first, max(0, cut - len(value) + 1), cut)
        while start >= 0:
            if value.startswith(data[start : start + len(value)]):
                cut = start
                break
            start = data.find(first, start + 1, cut)
    return cut


def after_spans(cut: int, spans: Iterable[tuple[int, int]]) -> int:
    """`cut`, or the end of what it would divide."""
    for start, stop in sorted(spans):
        if start < cut < stop:
            cut = stop
    return cut
