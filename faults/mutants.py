"""Mutants: each takes one defence away. A sweep that does not notice proves nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from runstone.adapters.fs import durable, objects
from runstone.adapters.fs.journals import FsOpenRun
from runstone.adapters.fs.packs import moving, rewriting
from runstone.adapters.fs.packs.open_run import PackedOpenRun
from runstone.adapters.sqlite import states
from runstone.core import layout
from runstone.core.manifest import FileFact
from runstone.engine import finder, publishing, verifier, writer
from runstone.ports.objects import Entry

Answer = TypeVar("Answer")


def no_folder_sync() -> None:
    """Names are never made durable."""
    durable.sync_folder = lambda path: None  # type: ignore[assignment]


def sync_after_rename() -> None:
    """The bundle gets its final name first; its files are synced afterwards."""

    def commit(stage: objects.FsStage) -> str:
        os.rename(stage._folder, stage._target)  # noqa: SLF001  # the mutant of this very class
        stage._folder = stage._target  # noqa: SLF001
        for path in sorted(stage._written):  # noqa: SLF001
            durable.sync_file(os.path.join(stage._folder, path))  # noqa: SLF001
        durable.sync_folder(os.path.dirname(stage._target))  # noqa: SLF001
        stage._done = True  # noqa: SLF001
        return "created"

    objects.FsStage.commit = commit  # type: ignore[assignment,method-assign]


def removed_in_place() -> None:
    """A purge removes the files of a bundle while it has its name."""
    durable.withdraw_folder = lambda source, target: durable.remove_tree(source)  # type: ignore[assignment]


def name_not_synced() -> None:
    """A purge removes the files of a bundle whose name may come back."""
    durable.withdraw_folder = os.rename  # type: ignore[assignment]


def no_file_sync() -> None:
    """Bytes are never made durable."""
    durable.sync_file = lambda path: None  # type: ignore[assignment]


def gate_not_synced() -> None:
    """Work begins on a decision that power loss can take."""
    FsOpenRun.sync = lambda run: None  # type: ignore[method-assign]


def copy_not_synced() -> None:
    """A published copy has its name before its bytes are durable."""

    def create_once(path: str, data: bytes, temporary: str, mode: int = durable.FILE_MODE) -> None:
        fd = durable.create(temporary, mode=mode)
        durable.write_all(fd, data)
        os.close(fd)
        durable.place_new(temporary, path)
        durable.sync_folder(os.path.dirname(path))

    durable.create_once = create_once  # type: ignore[assignment]


def copy_removed_last() -> None:
    """A purge takes a published copy away once its bundle is gone."""
    remove = publishing.Publisher.remove

    def late(publisher: publishing.Publisher, places: list[str]) -> None:
        run_ids = [place.rpartition("/")[2].removesuffix(".json") for place in places]
        if not any(publisher._objects.exists(run_id) for run_id in run_ids):  # noqa: SLF001  # the mutant of this class
            remove(publisher, places)

    publishing.Publisher.remove = late  # type: ignore[method-assign]


def truncate_instead_of_refuse() -> None:
    """A file that exists is written over."""

    def create(path: str, *, mode: int = durable.FILE_MODE) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, mode)

    durable.create = create


def lock_not_checked() -> None:
    """Every lock seems free."""
    durable.try_lock = lambda fd: True  # type: ignore[assignment]


def link_followed() -> None:
    """Links are taken for what they point at."""
    entries = objects.FsBundle.entries

    def followed(bundle: objects.FsBundle) -> list[Entry]:
        return [
            Entry(found.path, "file", os.stat(os.path.join(bundle.location, found.path)).st_size)
            for found in entries(bundle)
        ]

    objects.FsBundle.entries = followed  # type: ignore[method-assign]
    durable.READ = os.O_RDONLY  # type: ignore[misc]


def journal_not_copied() -> None:
    """Recovery seals the very file that the writer has open."""
    put = objects.FsStage.put

    def linked(stage: objects.FsStage, path: str, pieces: Iterable[bytes]) -> FileFact:
        fact = put(stage, path, pieces)
        root, run_id = os.path.split(stage._target)  # noqa: SLF001  # the mutant of this very class
        left = os.path.join(root, layout.open_run(run_id), path)
        if path == layout.JOURNAL:
            copy = os.path.join(stage._folder, path)  # noqa: SLF001
            os.unlink(copy)
            os.link(left, copy)
        return fact

    objects.FsStage.put = linked  # type: ignore[method-assign]


def bytes_not_read() -> None:
    """Verification believes what the manifest says of kept files and documents."""
    begin = verifier._Verification.__init__  # noqa: SLF001  # the mutant of this very class

    def quick(found: Any, *arguments: Any, **options: Any) -> None:
        begin(found, *arguments, **options)
        found.quick = True

    verifier._Verification.__init__ = quick  # type: ignore[assignment,method-assign]  # noqa: SLF001


def errors_not_held_back() -> None:
    """What the recorder cannot do is raised in the middle of the work."""
    begin = writer.JournalWriter.__init__

    def strict(recorder: Any, *arguments: Any, **options: Any) -> None:
        begin(recorder, *arguments, **{**options, "strict": True})

    writer.JournalWriter.__init__ = strict  # type: ignore[assignment,method-assign]


def open_runs_asked_last() -> None:
    """The open runs are looked at after the sealed ones."""

    def page(asked: finder.Finder, query: Any, after: Any, limit: int | None, progress: Any = None) -> finder.Page:
        cards = asked.catalogue.ask(lambda catalog: catalog.cards(query, after, None), progress)
        waiting = query.page(asked._open(query), after, None)  # noqa: SLF001  # the mutant of this very class
        return finder._page(query.ordered([*cards, *waiting]), query, limit)  # noqa: SLF001

    finder.Finder.page = page  # type: ignore[method-assign]


def slice_not_synced() -> None:
    """A packed run is told to be sealed when its slice is written."""
    durable.sync_data = lambda fd: None  # type: ignore[assignment]


def old_segment_first() -> None:
    """A segment goes before the one that was written in its place."""
    place = rewriting.place_segment

    def late(places: Any, name: str, fd: int, temporary: str, size: int, found: Any) -> None:
        for segment in places.shelf().segments():
            os.unlink(segment.path)
        durable.sync_folder(places.packs)
        place(places, name, fd, temporary, size, found)

    def forgiving(path: str) -> None:
        if os.path.lexists(path):
            os.unlink(path)

    rewriting.place_segment = late
    rewriting.unlink = forgiving


def folder_first() -> None:
    """A run that is packed loses its folder before its pack is on the disk."""

    def place(places: Any, name: str, fd: int, temporary: str, size: int, found: Any) -> None:  # no index
        durable.write_all(fd, bytes(1024))
        durable.place_new(temporary, places.at(layout.segment(name)))

    moving.place_segment = place  # type: ignore[attr-defined]  # where it is called


def spool_first() -> None:
    """The spool of a run goes before its slice is durable."""
    begin = PackedOpenRun.stage

    def stage(run: PackedOpenRun) -> Any:
        found = begin(run)
        if run._spool is not None:  # noqa: SLF001  # the mutant of this very class
            Path(run._spool.path).unlink(missing_ok=True)  # noqa: SLF001
        return found

    PackedOpenRun.stage = stage  # type: ignore[method-assign]


def states_not_synced() -> None:
    """A put of a state returns before it is on the disk."""
    states.SYNCHRONOUS = "OFF"  # type: ignore[misc]  # the mutant of this very constant


MUTANTS: dict[str, Callable[[], None]] = {
    "no-folder-sync": no_folder_sync,
    "states-not-synced": states_not_synced,
    "gate-not-synced": gate_not_synced,
    "slice-not-synced": slice_not_synced,
    "old-segment-first": old_segment_first,
    "folder-first": folder_first,
    "spool-first": spool_first,
    "no-file-sync": no_file_sync,
    "sync-after-rename": sync_after_rename,
    "copy-not-synced": copy_not_synced,
    "copy-removed-last": copy_removed_last,
    "removed-in-place": removed_in_place,
    "name-not-synced": name_not_synced,
    "truncate-instead-of-refuse": truncate_instead_of_refuse,
    "lock-not-checked": lock_not_checked,
    "link-followed": link_followed,
    "journal-not-copied": journal_not_copied,
    "bytes-not-read": bytes_not_read,
    "errors-not-held-back": errors_not_held_back,
    "open-runs-asked-last": open_runs_asked_last,
}


def apply_mutant(name: str) -> None:
    """Take the defence away, in this process."""
    MUTANTS[name]()


def without(mutant: str, call: Callable[..., Answer], *arguments: Any) -> Answer:
    """What a call answers in a process that lacks the defence."""
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=apply_mutant, initargs=(mutant,)) as process:
        return process.submit(call, *arguments).result()
