"""A stream in the place of `sys.stdout` or `sys.stderr`: it hands on what is written, and tells of it.

- Whatever else is asked of it is asked of the stream that it stands for, its type, too: `encoding`, `fileno`,
  `reconfigure`. `buffer` is such a stream as well, of bytes.
- What is written is handed on first, and told only if that went well.
"""

from __future__ import annotations

import os

from runstone.engine.patches import PASSING, SAYING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Final, Self

    from runstone.engine.descriptors import Pipe
    from runstone.engine.patches import Patch

_OWN: Final = frozenset({"_patch", "_pipe", "_stream", "_tell"})


class Tee:
    """The stream of a patch, or its `buffer`.

    `tell` takes what was written and does not raise. `pipe` is what stands in the place of the descriptor to which
    the stream writes, while something does.
    """

    _stream: Any
    _patch: Patch
    _tell: Callable[[bytes], None]
    _pipe: Callable[[], Pipe | None]

    def __init__(
        self, stream: Any, patch: Patch, tell: Callable[[bytes], None], pipe: Callable[[], Pipe | None]
    ) -> None:
        self._stream = stream
        self._patch = patch
        self._tell = tell
        self._pipe = pipe

    def write(self, data: Any, /) -> Any:
        """As the stream's own."""
        if SAYING.depth:
            return self._said(data)
        if PASSING.depth or not self._patch.users:
            return self._stream.write(data)
        with PASSING:
            count = self._stream.write(data)
        self._tell(_bytes_of(data, count))
        return count

    def _said(self, data: Any) -> Any:
        """Write around the pipe: who empties it may be the one that speaks."""
        pipe = self._pipe()
        if pipe is None:
            return self._stream.write(data)
        pipe.hand_on(_bytes_of(data, None))
        return len(data)

    def writelines(self, lines: Iterable[Any], /) -> None:
        """As the stream's own."""
        for line in lines:
            self.write(line)

    def isatty(self) -> bool:
        """Whether what is written ends at a terminal."""
        pipe = self._pipe()
        return bool(self._stream.isatty()) if pipe is None else os.isatty(pipe.saved)

    @property
    def buffer(self) -> Tee:
        """The stream of bytes below."""
        return Tee(self._stream.buffer, self._patch, self._tell, self._pipe)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self._stream, name, value)

    @property  # type: ignore[misc]  # `isinstance` of it is that of the stream
    def __class__(self) -> type:
        return type(self._stream)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> Any:
        return self._stream.__exit__(*exc)

    def __repr__(self) -> str:
        return repr(self._stream)


def _bytes_of(data: Any, count: Any) -> bytes:
    """What was written; of bytes as much as the stream says that it took."""
    if not isinstance(data, str):
        return bytes(memoryview(data).cast("B")[: count if isinstance(count, int) else None])
    try:
        return data.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return data.encode("utf-8", "backslashreplace")
