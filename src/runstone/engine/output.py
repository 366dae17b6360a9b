"""The output of a wrapped command, on its way into the journal.

- An event holds a chunk as it was read, cut at a safe place: what may be the middle of a secret waits.
- Up to a limit everything is kept. Of more, the first part and the last are, together as many bytes as the limit or
  fewer; of what lies between, size and digest.
- Nothing here raises: a command that was started is shown and waited for, whatever becomes of its record.
"""

from __future__ import annotations

from runstone.core.readable import count_text
from runstone.engine.streams import Streams
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.output_limit import Tail
    from runstone.engine.recorder import Run

DEFAULT_MAX_OUTPUT: Final = 1 << 30
TAIL_BYTES: Final = 1 << 20
_INDEX_BESIDE_BYTES: Final = 64 * 1024


class Recording:
    """What a run takes in while its command runs: the output, its digest, whether the working tree is dirty.

    Where the recorder fails, the first error is kept as `problem`.
    """

    def __init__(self, run: Run, max_output: int) -> None:
        self._run = run
        self._output = Output(run, run.redactor, max_output) if run.recording else Discarded()
        self._at_end: list[Callable[[], None]] = [self._finish_output]
        self._may_index = run.recording
        self._failure: Exception | None = None

    @property
    def problem(self) -> Exception | None:
        """Why the run does not hold everything that it should; `None` where it does or says so itself."""
        return self._failure or self._output.problem

    @property
    def unfinished(self) -> tuple[str, ...]:
        """As of `Output`."""
        return self._output.unfinished

    def begin(self) -> None:
        """The command has been started."""
        if not self._run.recording or self._run.git is None:
            return
        try:
            from runstone.engine.git import DirtyCheck

            self._at_end.append(DirtyCheck(self._run).finish)
        except Exception as exc:  # out of descriptors, say
            self._failure = exc

    def feed(self, stream: str, chunk: bytes) -> None:
        """Take in what a stream gave."""
        try:
            self._output.feed(stream, chunk)
        except Exception as exc:  # a fault of ours must not stop the command
            self._give_up(exc)
        if self._may_index and self._output.size > _INDEX_BESIDE_BYTES:
            self._may_index = False
            self._index_beside()

    def finish(self) -> None:
        """The command has ended: everything is recorded, and every line of it is in the index."""
        for step in self._at_end:
            try:
                step()
            except Exception as exc:  # the steps that follow end what runs beside us
                self._failure = self._failure or exc

    def _finish_output(self) -> None:
        try:
            self._output.finish()
        except Exception as exc:  # as in `feed`
            self._give_up(exc)

    def _index_beside(self) -> None:
        try:
            from runstone.engine.indexing import BackgroundIndex

            self._at_end.append(BackgroundIndex(self._run.writer).finish)
        except (ImportError, OSError, RunstoneError, RuntimeError):
            pass  # it saves time only; the sealer reads what has no index

    def _give_up(self, exc: Exception) -> None:
        self._failure = self._failure or exc
        self._output = Discarded()
        self._run.log(f"the output from here on is not recorded: {type(exc).__name__}", "warning")


class Output:
    """Both streams of a command. `feed` what was read, `finish` at the end; nothing is recorded out of order.

    What a strict run raises is kept as `problem`, the first of it: the run has counted the loss.
    """

    def __init__(self, run: Run, redactor: Redactor, max_output: int = DEFAULT_MAX_OUTPUT) -> None:
        self._run = run
        self._redactor = redactor
        self._streams = Streams(redactor)
        self._tail_bytes = min(TAIL_BYTES, max_output // 2)
        self._head_bytes = max_output - self._tail_bytes
        self._room = self._head_bytes
        self._tail: Tail | None = None  # made when it is needed: few commands print so much
        self._open_lines: dict[str, None] = {}
        self.problem: RunstoneError | None = None
        self.size = 0
        """Bytes fed so far."""

    def feed(self, stream: str, chunk: bytes) -> None:
        """Take in what a stream gave; records what is safe to record."""
        self.size += len(chunk)
        whole = self._streams.feed(stream, chunk)
        if whole:
            self._record(stream, whole)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Streams whose last recorded line has no end, in the order in which these lines were begun."""
        return tuple(self._open_lines)

    def _stream(self, stream: str, chunk: bytes) -> None:
        try:
            self._run.writer.stream(stream, chunk)
        except RunstoneError as exc:
            self.problem = self.problem or exc
        end = chunk.rfind(b"\n") + 1
        if end:
            self._open_lines.pop(stream, None)
        if end < len(chunk):
            self._open_lines.setdefault(stream)

    def _record(self, stream: str, chunk: bytes) -> None:
        if self._tail is None:
            if len(chunk) <= self._room:
                self._room -= len(chunk)
                self._stream(stream, chunk)
                return
            chunk = self._end_head(stream, chunk)
        assert self._tail is not None
        self._tail.add(stream, chunk)

    def _end_head(self, stream: str, chunk: bytes) -> bytes:
        """Record what of a chunk still has room, and answer the rest; the room that is over is the tail's."""
        from runstone.engine.output_limit import Tail, cut_before

        end = cut_before(self._redactor, chunk, self._room, self._room - self._head_bytes // 2)
        self._tail = Tail(self._redactor, self._tail_bytes + self._room - end)
        if end:
            self._stream(stream, chunk[:end])
        return chunk[end:]

    def finish(self) -> None:
        """Record what was held back, and say what was left out."""
        for stream, data in self._streams.rest():
            self._record(stream, data)
        tail, self._tail = self._tail, None
        if tail is None:
            return
        tail.trim()
        if tail.left_out:
            self._tell_left_out(tail)
        for stream, chunk in tail.chunks:
            self._stream(stream, chunk)

    def _tell_left_out(self, tail: Tail) -> None:
        try:
            message = f"output over --max-output is not kept: {count_text(tail.left_out_bytes, 'byte')}"
            self._run.writer.left_out("max_output", message, tail.left_out, tail.left_out_bytes, tail.sha256)
        except RunstoneError as exc:
            self.problem = self.problem or exc


class Discarded:
    """The output of a command whose run is not recorded."""

    problem = None
    size = 0
    unfinished = ()

    def feed(self, stream: str, chunk: bytes) -> None:
        """Nothing; it has been shown."""

    def finish(self) -> None:
        """Nothing."""
