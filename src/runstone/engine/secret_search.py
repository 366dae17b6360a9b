"""Looks for secrets in the bytes of a file, piece by piece, before they are kept.

- A secret that two pieces divide is found: each piece is searched with the end of what came before it.
- A mark of an earlier redaction is never divided: half of one may read like a value.
"""

from __future__ import annotations

from runstone.core.redaction.redactor import MARK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from runstone.core.redaction.redactor import Redactor

    Finding = tuple[str, bytes]
    """The rule of a secret, and the bytes in which it was found."""

_MARK: Final = MARK.encode()
_MAX_MARK_BYTES: Final = 128
_IN_MARK: Final = b"abcdefghijklmnopqrstuvwxyz0123456789-:"


class SecretInFile(Exception):  # noqa: N818  # a finding, not a failure
    """The file holds what a rule takes for a secret."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def refusing(pieces: Iterator[bytes], redactor: Redactor) -> Iterator[bytes]:
    """The pieces, as they are. Raises `SecretInFile` where one is found, before the piece is handed on."""
    search = _Search(redactor)
    for piece in pieces:
        _refuse(search.found(piece))
        yield piece
    _refuse(search.rest())


def _refuse(found: Iterator[Finding]) -> None:
    for rule, _ in found:
        raise SecretInFile(rule)


def noting(pieces: Iterator[bytes], redactor: Redactor, rules: dict[str, None]) -> Iterator[bytes]:
    """The pieces, as they are; adds to `rules` those by which a secret is found in them."""
    search = _Search(redactor)
    for piece in pieces:
        _note(search.found(piece), redactor, rules)
        yield piece
    _note(search.rest(), redactor, rules)


def _note(found: Iterator[Finding], redactor: Redactor, rules: dict[str, None]) -> None:
    for rule, block in found:
        rules.setdefault(rule)
        for reading in {block.decode("latin-1"), block.decode("utf-8", "replace")}:
            rules.update(dict.fromkeys(sorted(redactor.text(reading)[1])))


class _Search:
    """Reads a file's pieces in order, with a scanner of its own: other threads record meanwhile."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._scanner = redactor.gate.scanner()
        self._tail = b""

    def found(self, piece: bytes) -> Iterator[Finding]:
        """What is a secret and ends in this piece."""
        window = self._tail + piece
        yield from self._look(window, whole_marks(window, len(window)))
        self._tail = window[whole_marks(window, max(0, len(window) - self._redactor.overlap_bytes)) :]

    def rest(self) -> Iterator[Finding]:
        """What is a secret at the end of the file, where nothing more comes that could make a mark of it."""
        if whole_marks(self._tail, len(self._tail)) < len(self._tail):
            yield from self._look(self._tail, len(self._tail))

    def _look(self, data: bytes, end: int) -> Iterator[Finding]:
        yield from self._in_blocks(data, end)
        if b"\0" in data:  # text in UTF-16 or UTF-32 is plain text with zeros between
            text = data.replace(b"\0", b"")
            yield from self._in_blocks(text, len(text) if end == len(data) else whole_marks(text, len(text)))

    def _in_blocks(self, data: bytes, end: int) -> Iterator[Finding]:
        """The careful look takes a hundred times as long: only at blocks that hit, each with what came before it."""
        if not self._scanner.hit(data):
            return
        step = self._redactor.overlap_bytes
        for start in range(0, end, step):
            stop = start + 2 * step
            block = data[whole_marks(data, start) : end if stop >= end else whole_marks(data, stop)]
            rule = self._redactor.found_in(block) if self._scanner.hit(block) else None
            if rule is not None:
                yield rule, block


def whole_marks(data: bytes, end: int) -> int:
    """`end`, moved back over the beginning of a mark that it would divide, or that is unfinished there."""
    start = data.rfind(b"[", max(0, end - _MAX_MARK_BYTES + 1), end)
    if start < 0:
        return end
    begun = data[start:end]
    if _MARK.startswith(begun) or (begun.startswith(_MARK) and not begun[len(_MARK) :].strip(_IN_MARK)):
        return start
    return end
