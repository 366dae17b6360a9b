"""SHA-256 of large pieces in a thread of its own, while the caller reads the next and writes this one. Hashing gives
the interpreter's lock away, so the two share two cores."""

from __future__ import annotations

import _thread
from _queue import SimpleQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from typing import Final

WAITING: Final = 2
"""So many pieces are on their way to the thread; then the caller waits, and memory stays flat."""


class Hashing:
    """Goes on with a running SHA-256. `close` it, and no thread is left."""

    def __init__(self, digest: hashlib._Hash) -> None:
        self._digest = digest
        self._pieces: SimpleQueue[bytes] = SimpleQueue()
        self._hashed: SimpleQueue[BaseException | None] = SimpleQueue()
        self._waiting = 0
        try:
            _thread.start_new_thread(_work, (digest, self._pieces, self._hashed))
        except RuntimeError:  # no thread can be had
            self._beside = False
        else:
            self._beside = True

    def update(self, piece: bytes) -> None:
        """Take in a piece, which must not change any more."""
        if not self._beside:
            self._digest.update(piece)
        elif piece:  # an empty one would end the thread
            self._wait(WAITING - 1)
            self._pieces.put(piece)
            self._waiting += 1

    def hexdigest(self) -> str:
        """The digest of all pieces, 64 hexadecimal digits."""
        self._wait(0)
        return self._digest.hexdigest()

    def close(self) -> None:
        """Let the thread go, when it has done what it was given."""
        self._pieces.put(b"")

    def _wait(self, left: int) -> None:
        """Until no more than so many pieces are not hashed."""
        while self._waiting > left:
            self._waiting -= 1
            failure = self._hashed.get()
            if failure is not None:
                raise failure


def _work(digest: hashlib._Hash, pieces: SimpleQueue[bytes], hashed: SimpleQueue[BaseException | None]) -> None:
    while piece := pieces.get():
        failure: BaseException | None = None
        try:
            digest.update(piece)
        except BaseException as exc:  # the caller raises it
            failure = exc
        hashed.put(failure)
