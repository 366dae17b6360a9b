"""SHA-256 of what is written, piece by piece: of large pieces in a thread of its own, while the caller reads the next
and writes this one. Hashing gives the interpreter's lock away, so the two share two cores."""

from __future__ import annotations

import _thread

from runstone.core.digests import new_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from _queue import SimpleQueue
    from typing import Final, Self

BESIDE_BYTES: Final = 256 * 1024
"""A thread begins with a piece of so many bytes: it is at work in a third of the time that hashing them takes."""
WAITING: Final = 2
"""So many pieces are on their way to the thread; then the caller waits, and memory stays flat."""


class Hashing:
    """A running SHA-256. Leave its `with` block, and no thread is left."""

    def __init__(self) -> None:
        self._digest: hashlib._Hash | None = None
        self._pieces: SimpleQueue[bytes] | None = None
        self._hashed: SimpleQueue[BaseException | None]
        self._waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def update(self, piece: bytes) -> None:
        """Take in a piece, which must not change any more."""
        if not piece:  # it would end the thread
            return
        if self._digest is None:
            self._digest = new_hash(size=len(piece))
        if self._pieces is None and len(piece) >= BESIDE_BYTES:
            self._begin(self._digest)
        if self._pieces is None:
            self._digest.update(piece)
        else:
            self._wait(WAITING - 1)
            self._pieces.put(piece)
            self._waiting += 1

    def hexdigest(self) -> str:
        """The digest of all pieces, 64 hexadecimal digits."""
        self._wait(0)
        return (self._digest or new_hash(size=0)).hexdigest()

    def _begin(self, digest: hashlib._Hash) -> None:
        from _queue import SimpleQueue  # most recordings keep no large file

        pieces: SimpleQueue[bytes] = SimpleQueue()
        self._hashed = SimpleQueue()
        try:
            _thread.start_new_thread(_work, (digest, pieces, self._hashed))
        except RuntimeError:  # no thread can be had
            return
        self._pieces = pieces

    def _wait(self, left: int) -> None:
        """Until no more than so many pieces are not hashed."""
        while self._waiting > left:
            self._waiting -= 1
            failure = self._hashed.get()
            if failure is not None:
                raise failure

    def _end(self) -> None:
        if self._pieces is not None:
            self._pieces.put(b"")


def _work(digest: hashlib._Hash, pieces: SimpleQueue[bytes], hashed: SimpleQueue[BaseException | None]) -> None:
    while piece := pieces.get():
        failure: BaseException | None = None
        try:
            digest.update(piece)
        except BaseException as exc:  # the caller raises it
            failure = exc
        hashed.put(failure)
