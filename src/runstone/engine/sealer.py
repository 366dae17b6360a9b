"""Seal: fold the journal into documents and a manifest, and publish the bundle once and for ever.

Order of writing: documents, then the manifest, then `commit`, which syncs every file and folder and renames.
Until then the run is open, and recovery can seal it from its journal alone.
"""

from __future__ import annotations

import _thread
import sys

from runstone.core import layout
from runstone.core.contract import SEALED
from runstone.core.digests import PREFIX
from runstone.core.journal import Journal, JournalIndex, whole_lines
from runstone.core.manifest import kept_files, manifest_bytes
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType
    from typing import Final, TypeVar

    from runstone.core.contract import Contract
    from runstone.core.digests import Digest
    from runstone.core.journal import ReadRange
    from runstone.core.manifest import FileFact
    from runstone.engine.writer import JournalWriter
    from runstone.ports.objects import Stage
    from runstone.ports.pending import Pending

    Answer = TypeVar("Answer")

_HOLDING: Final = (
    "runstone.adapters.",
    "runstone.engine.capture",
    "runstone.engine.current",
    "runstone.engine.descriptors",
    "runstone.engine.patches",
    "runstone.engine.recorder",
    "runstone.engine.saying",
    "runstone.engine.watching",
    "runstone.engine.writer",
)
"""Modules that hold a lock, now and then, for which the end of a run may wait."""
_PASSING_ON: Final = ("callHandlers", "_showwarnmsg")
"""What they hold none in: the hooks of a capture, around whatever shows what is logged."""
_IN_MEMORY: Final = 1 << 20
"""A journal up to this size is read once and folded from memory."""


def seal(
    stage: Stage, contract: Contract, read: ReadRange, index: JournalIndex, size: int
) -> Generator[Pending, None, tuple[Digest, Journal]]:
    """Complete `stage` (journal and kept files are in it) and commit it; answers the run digest, and the journal as it
    was sealed.

    Yields what is to be waited for in between. `index` may have been fed a beginning of the journal already; the rest,
    up to `size`, is read here.
    """
    journal = open_journal(read, index, size)
    digest, facts = complete(stage, contract, journal)
    stage.keep_only({layout.MANIFEST, layout.JOURNAL, *(fact.path for fact in facts)})
    pending = stage.begin_commit()
    if pending is not None:
        yield pending
    stage.commit()
    return digest, journal


class Sealing:
    """The seal of one run, which others may wait for: port `Pending`."""

    __slots__ = ("_calls", "_under_way", "failure", "settled")

    def __init__(self) -> None:
        self.settled = False
        self.failure: Exception | None = None
        self._calls: list[Callable[[], None]] = []
        self._under_way = _thread.allocate_lock()
        self._under_way.acquire()

    def settle(self) -> None:
        """The run is sealed, or cannot be."""
        if self.settled:
            return
        self.settled = True
        self._under_way.release()
        self._call()

    def block(self) -> None:
        """Port."""
        with self._under_way:
            return

    def then(self, call: Callable[[], None]) -> None:
        """Port."""
        self._calls.append(call)
        if self.settled:
            self._call()

    def _call(self) -> None:
        while self._calls:
            try:
                call = self._calls.pop()
            except IndexError:  # the other thread has called it
                return
            call()

    def is_awaited(self, writer: JournalWriter) -> bool:
        """Whether somebody else than this thread is sealing the run of a writer that has ended, in this process, and
        cannot be waiting for this one."""
        by = writer.ended_by
        if not any(by) or by[0] == _thread.get_ident() or self.settled or writer.inherited:
            return False
        return not is_amid()

    def wait(self, writer: JournalWriter) -> None:
        """Wait for whoever else is sealing the run."""
        if self.is_awaited(writer):
            self.block()


def is_amid() -> bool:
    """Whether a signal handler, or a finaliser, calls this in the middle of something for which others may wait: a line
    of any run, a file that is kept, a run that is opened."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # the one way to know who calls
    while frame is not None and _is_own(frame):  # what leads here
        frame = frame.f_back
    while frame is not None:
        if _is_own(frame, _HOLDING) and frame.f_code.co_name not in _PASSING_ON:
            return True
        frame = frame.f_back
    return False


def _is_own(frame: FrameType, modules: str | tuple[str, ...] = "runstone.") -> bool:
    return str(frame.f_globals.get("__name__")).startswith(modules)


def waited(steps: Generator[Pending, None, Answer]) -> Answer:
    """What comes of something that yields what is to be waited for: it is waited for here."""
    try:
        pending = next(steps)
        while True:
            try:
                pending.block()
            except BaseException as exc:  # a signal handler's
                pending = steps.throw(exc)
            else:
                pending = steps.send(None)
    except StopIteration as stop:
        answer: Answer = stop.value
        return answer


def complete(stage: Stage, contract: Contract, journal: Journal) -> tuple[Digest, list[FileFact]]:
    """Put documents and manifest beside the journal and the kept files; answers the run digest and what
    `write_documents` does. Raises `path_collision`, and `too_large` as `manifest_bytes` does."""
    facts = write_documents(stage, contract, journal)
    manifest = stage.put(layout.MANIFEST, [manifest_bytes(journal, facts)])
    return PREFIX + manifest.sha256, facts


def open_journal(read: ReadRange, index: JournalIndex, size: int) -> Journal:
    """The whole journal, indexed."""
    if size <= _IN_MEMORY and index.size == 0:
        whole = b"".join(read(0, size))
        index.feed(whole)
        return Journal(index, lambda start, end: (whole[start:end],))
    for lines in whole_lines(read(index.size, size)):
        if not lines.endswith(b"\n"):
            raise error("invalid_json", "the journal's last line has no LF at its end")
        index.feed(lines)
    return Journal(index, read)


def write_documents(stage: Stage, contract: Contract, journal: Journal) -> list[FileFact]:
    """Put the contract's sealed documents; answers the facts of all files but journal and manifest."""
    facts = list(kept_files(journal).values())
    facts += [
        stage.put(document.path, document.pieces())
        for document in contract.documents(journal)
        if document.standing == SEALED
    ]
    layout.check_distinct([layout.MANIFEST, layout.JOURNAL, *(fact.path for fact in facts)])
    return facts
