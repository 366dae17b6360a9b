"""Stores that misbehave, each in one way, each named for what it does. A suite that accepts one of them is broken.

`ZOO` says for each which test of the suite must fail on it. They are built on `runstone.testing.disk`, so each is
nothing but its fault.
"""

from __future__ import annotations

from threading import Barrier, BrokenBarrierError, Event
from typing import TYPE_CHECKING, Final, NamedTuple

from runstone.core import layout
from runstone.core.manifest import FileFact
from runstone.errors import RunstoneError, error
from runstone.ports.objects import Entry
from runstone.testing.disk import Disk, PlainBundle, PlainObjects, PlainStage
from runstone.testing.misburying import (
    BuriesLate,
    ChecksThenRemoves,
    EmptiesOpenBundles,
    ForgetsThePurged,
    ForgetsWhy,
    GivesTheIdAway,
    HidesMarked,
    KeepsTheMark,
    LeavesTheManifest,
    LetsNobodyBack,
    MarksAgain,
    MarksNothing,
    RemovesAll,
    RemovesAtOnce,
    RemovesByName,
    RemovesTwice,
    RemovesUnmarked,
    StopsAtTheFirst,
)
from runstone.testing.misfinding import (
    CachesBundles,
    FindsTheRoot,
    HidesForeign,
    IgnoresCase,
    ListsInLowerCase,
    MarksByName,
    MarksForeign,
    OpensAnyCase,
    PromisesByMood,
    PromisesNothing,
    RemembersAbsence,
    StaleList,
    StampsByCount,
    StampsForGood,
    TakesAnyId,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runstone.ports.objects import Committed
    from runstone.testing.ground import Files


# stages that put wrongly


class LiesAboutDigest(PlainStage):
    """Answers the digest of nothing."""

    def put(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        """Broken."""
        fact = super().put(path, pieces)
        return FileFact(path, fact.size, "0" * 64)


class StopsAtEmptyPiece(PlainStage):
    """Takes a piece of no bytes for the end."""

    def put(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        """Broken."""
        return super().put(path, iter(iter(pieces).__next__, b""))


class DropsEmptyFiles(PlainStage):
    """Keeps no file without bytes."""

    def commit(self) -> Committed:
        """Broken."""
        self.files = {path: body for path, body in self.files.items() if body}
        return super().commit()


class CapsFiles(PlainStage):
    """Keeps a megabyte of a file."""

    def put(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        """Broken."""
        body = b"".join(pieces)
        super().put(path, [body[: 1 << 20]])
        return FileFact(path, len(body), "")


class OverwritesInStage(PlainStage):
    """Takes the last of two writes of a path."""

    def put(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        """Broken."""
        self.files.pop(path, None)
        return super().put(path, pieces)


class TakesAnyPath(PlainStage):
    """Asks nobody whether a path can leave the bundle."""

    def put(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        """Broken."""
        self.files[path] = body = b"".join(pieces)
        return FileFact(path, len(body), "")


class CutsLongNames(PlainStage):
    """Cuts a component after 143 bytes, as some encrypted file systems must."""

    def commit(self) -> Committed:
        """Broken."""
        self.files = {"/".join(part[:143] for part in path.split("/")): body for path, body in self.files.items()}
        return super().commit()


class KeepsWhatIsLeft(PlainStage):
    """Throws nothing away."""

    def keep_only(self, paths: set[str]) -> None:
        """Broken."""


class ThrowsTheKeptAway(PlainStage):
    """Takes the names of what is to be kept for those of what is to go."""

    def keep_only(self, paths: set[str]) -> None:
        """Broken."""
        super().keep_only(self.files.keys() - paths | {layout.MANIFEST})


class SwallowsErrors(PlainStage):
    """Keeps quiet when the source of the bytes fails."""

    def put(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        """Broken."""
        try:
            return super().put(path, pieces)
        except ZeroDivisionError:
            return super().put(path, [])


# stages that publish wrongly


class HalfVisible(PlainStage):
    """Writes where readers look."""

    def put(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        """Broken."""
        fact = super().put(path, pieces)
        self.disk.bundles.setdefault(self.run_id, {})[path] = self.files[path]
        return fact

    def publish(self) -> Committed:
        """Broken."""
        return "created"


class PublishesFileByFile(PlainStage):
    """Gives the bundle its name first and its files later."""

    def publish(self) -> Committed:
        """Broken."""
        with self.disk.lock:
            if self.objects.taken(self.run_id) is not None:
                return super().publish()
            self.disk.operations.append(("publish", ""))
            bundle = self.disk.bundles[self.run_id] = {layout.MANIFEST: self.files[layout.MANIFEST]}
        Event().wait(0.002)  # long enough for a reader
        bundle |= self.files
        return "created"


class Overwrites(PlainStage):
    """The last one wins."""

    def publish(self) -> Committed:
        """Broken."""
        self.disk.operations.append(("publish", ""))
        self.disk.bundles[self.run_id] = dict(self.files)
        return "created"


class SaysCreatedTwice(PlainStage):
    """Tells the second writer of a bundle that it was the first."""

    def publish(self) -> Committed:
        """Broken."""
        super().publish()
        return "created"


class SaysIdentical(PlainStage):
    """Takes any bundle of the id for this one."""

    def same(self, there: Files) -> bool:
        """Broken."""
        return there is not None


class RewritesIdentical(PlainStage):
    """Writes the bundle that is there once more."""

    def publish(self) -> Committed:
        """Broken."""
        answer = super().publish()
        self.disk.bundles[self.run_id] = dict(self.files)
        return answer


class MergesOnConflict(PlainStage):
    """Refuses a conflict, and has written a part of it all the same."""

    def publish(self) -> Committed:
        """Broken."""
        try:
            return super().publish()
        except RunstoneError:
            self.disk.bundles[self.run_id] |= {path: body for path, body in self.files.items() if path == "run.json"}
            raise


class WrongCode(PlainStage):
    """Refuses a conflict as if the disk were full."""

    def publish(self) -> Committed:
        """Broken."""
        try:
            return super().publish()
        except RunstoneError as exc:
            raise error("store_unavailable", exc.message) from exc


class LosesTheAnswer(PlainStage):
    """Publishes, and then reports a failure."""

    def publish(self) -> Committed:
        """Broken."""
        super().publish()
        raise error("store_unavailable", "the connection was reset")


class ChecksThenActs(PlainStage):
    """Looks whether the id is free, and publishes a moment later; in between another does the same."""

    pause = Barrier(2)

    def publish(self) -> Committed:
        """Broken."""
        if self.objects.taken(self.run_id) is not None:
            return super().publish()
        try:
            self.pause.wait(0.2)
        except BrokenBarrierError:
            self.pause.reset()
        self.disk.operations.append(("publish", ""))
        self.disk.bundles[self.run_id] = dict(self.files)
        return "created"


class LocksOnlyConflicts(PlainStage):
    """Refuses whoever comes while another commits, whatever the id."""

    def commit(self) -> Committed:
        """Broken."""
        if not self.disk.lock.acquire(blocking=False):
            raise error("store_unavailable", "busy")
        try:
            Event().wait(0.01)
            return super().commit()
        finally:
            self.disk.lock.release()


# stages that discard wrongly


class DeletesOnDiscard(PlainStage):
    """Throws the committed bundle away with the stage."""

    def discard(self) -> None:
        """Broken."""
        self.disk.bundles.pop(self.run_id, None)


class LoserDeletesWinner(PlainStage):
    """Throws away what stands under its id, though another has put it there."""

    def commit(self) -> Committed:
        """Broken."""
        try:
            return super().commit()
        except RunstoneError:
            self.disk.bundles.pop(self.run_id, None)
            raise


class DiscardTakesTheId(PlainStage):
    """Leaves a name where it threw a stage away."""

    def discard(self) -> None:
        """Broken."""
        self.disk.bundles.setdefault(self.run_id, {})


class SharesTheStage(PlainStage):
    """Puts the files of all stages of an id into one place."""

    shared: Final[dict[tuple[int, str], Files]] = {}

    def __init__(self, objects: PlainObjects, run_id: str) -> None:
        super().__init__(objects, run_id)
        self.files = self.shared.setdefault((id(self.disk), run_id), {})


# stages that sync wrongly


class DropsFileSync(PlainStage):
    """Syncs all files but one."""

    def sync_files(self) -> None:
        """Broken."""
        self.disk.operations += [("sync", path) for path in list(self.files)[1:]]


class DropsFolderSync(PlainStage):
    """Syncs no folder but the bundle's own."""

    def sync_folders(self) -> None:
        """Broken."""
        self.disk.operations.append(("sync", ""))


class DropsRootSync(PlainStage):
    """Does not sync the name that it has given the bundle."""

    def sync_root(self) -> None:
        """Broken."""


class SyncsTooLate(PlainStage):
    """Syncs the files after the bundle has its name."""

    def commit(self) -> Committed:
        """Broken."""
        answer = self.publish()
        self.sync_files()
        self.sync_folders()
        self.sync_root()
        return answer


class IdenticalUnsynced(PlainStage):
    """Trusts that the first writer has synced the name by now."""

    def commit(self) -> Committed:
        """Broken."""
        if self.objects.taken(self.run_id) == self.run_id:
            return self.publish()
        return super().commit()


# bundles that read wrongly


class ShortRead(PlainBundle):
    """Leaves out the last byte."""

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        """Broken."""
        yield b"".join(super().read(path, start, end_exclusive))[:-1]


class RangeOffByOne(PlainBundle):
    """Takes the end of a range as part of it."""

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        """Broken."""
        yield from super().read(path, start, None if end_exclusive is None else end_exclusive + 1)


class FirstChunkOnly(PlainBundle):
    """Gives a megabyte at most."""

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        """Broken."""
        yield b"".join(super().read(path, start, end_exclusive))[: 1 << 20]


class MissingIsEmpty(PlainBundle):
    """Takes a file that is not there for an empty one."""

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        """Broken."""
        yield self.files.get(path, b"")[start:end_exclusive]


class UnsortedEntries(PlainBundle):
    """Lists in the order of folders, each folder's names together."""

    def entries(self) -> list[Entry]:
        """Broken."""
        return sorted(super().entries(), key=lambda entry: entry.path.split("/"))


class WrongSizes(PlainBundle):
    """Lists every size in whole blocks."""

    def entries(self) -> list[Entry]:
        """Broken."""
        return [Entry(path, kind, -(-size // 512) * 512) for path, kind, size in super().entries()]


class ListsAPage(PlainBundle):
    """Lists the first thousand names."""

    def entries(self) -> list[Entry]:
        """Broken."""
        return super().entries()[:1000]


class ClosesForGood(PlainBundle):
    """Cannot be read again once it has rested."""

    def rest(self) -> None:
        """Broken."""
        self.files = {}


class SaysNowhere(PlainBundle):
    """Does not say where it is."""

    def __init__(self, location: str, files: Files) -> None:
        super().__init__(location[:0], files)


class Beast(NamedTuple):
    """A store that misbehaves, and the test that must fail on it."""

    caught_by: str
    stage: type[PlainStage] = PlainStage
    bundle: type[PlainBundle] = PlainBundle
    objects: type[PlainObjects] = PlainObjects

    def open_on(self, disk: Disk) -> PlainObjects:
        """The store, on a disk."""
        store = self.objects(disk)
        store.stage_type, store.bundle_type = self.stage, self.bundle
        return store


ZOO: Final = {
    "lies about a digest": Beast("test_put_answers_path_size_and_digest", stage=LiesAboutDigest),
    "stops at an empty piece": Beast("test_bytes_come_back_however_they_were_cut", stage=StopsAtEmptyPiece),
    "drops empty files": Beast("test_empty_file_is_a_file", stage=DropsEmptyFiles),
    "caps files": Beast("test_large_file_comes_back", stage=CapsFiles),
    "overwrites in the stage": Beast("test_second_put_of_a_path_is_refused", stage=OverwritesInStage),
    "takes any path": Beast("test_path_outside_the_grammar_is_refused", stage=TakesAnyPath),
    "takes any id": Beast("test_id_outside_the_grammar_is_refused", objects=TakesAnyId),
    "cuts long names": Beast("test_names_at_the_limit_are_held", stage=CutsLongNames),
    "keeps what is left": Beast("test_only_what_is_to_be_kept_is_committed", stage=KeepsWhatIsLeft),
    "throws away what is to be kept": Beast("test_only_what_is_to_be_kept_is_committed", stage=ThrowsTheKeptAway),
    "swallows errors": Beast("test_source_that_fails_leaves_nothing", stage=SwallowsErrors),
    "half-visible stage": Beast("test_nothing_is_seen_before_commit", stage=HalfVisible),
    "publishes file by file": Beast("test_reader_sees_a_whole_bundle_or_none", stage=PublishesFileByFile),
    "overwrites": Beast("test_conflict_changes_nothing", stage=Overwrites),
    "says created twice": Beast("test_same_manifest_is_identical", stage=SaysCreatedTwice),
    "says identical": Beast("test_other_manifest_is_a_conflict", stage=SaysIdentical),
    "rewrites what is identical": Beast("test_identical_commit_writes_nothing", stage=RewritesIdentical),
    "merges on conflict": Beast("test_conflict_changes_nothing", stage=MergesOnConflict),
    "wrong code": Beast("test_stages_do_not_mix", stage=WrongCode),
    "loses the answer": Beast("test_commit_is_created_and_all_files_stand", stage=LosesTheAnswer),
    "checks, then acts": Beast("test_threads_racing_on_one_id_have_one_winner", stage=ChecksThenActs),
    "checks, then acts, on equal bundles": Beast("test_threads_with_the_same_bundle_all_succeed", stage=ChecksThenActs),
    "locks too much": Beast("test_threads_with_ids_of_their_own_do_not_meet", stage=LocksOnlyConflicts),
    "deletes on discard": Beast("test_discard_after_commit_does_nothing", stage=DeletesOnDiscard),
    "loser deletes winner": Beast("test_conflict_changes_nothing", stage=LoserDeletesWinner),
    "discard takes the id": Beast("test_discard_leaves_the_id_free", stage=DiscardTakesTheId),
    "shares the stage": Beast("test_stages_do_not_mix", stage=SharesTheStage),
    "drops a file's sync": Beast("test_every_file_is_synced_before_the_bundle_is_published", stage=DropsFileSync),
    "drops a folder's sync": Beast("test_every_folder_is_synced_before_the_bundle_is_published", stage=DropsFolderSync),
    "drops the root's sync": Beast("test_name_is_synced_after_the_bundle_is_published", stage=DropsRootSync),
    "syncs too late": Beast("test_every_file_is_synced_before_the_bundle_is_published", stage=SyncsTooLate),
    "identical, not synced": Beast("test_identical_answer_is_as_durable", stage=IdenticalUnsynced),
    "short read": Beast("test_bundle_reads_on_after_rest", bundle=ShortRead),
    "range off by one": Beast("test_any_range_can_be_read", bundle=RangeOffByOne),
    "first chunk only": Beast("test_range_of_a_large_file_can_be_read", bundle=FirstChunkOnly),
    "missing is empty": Beast("test_missing_file_is_not_found", bundle=MissingIsEmpty),
    "unsorted entries": Beast("test_entries_are_sorted_by_utf8_path", bundle=UnsortedEntries),
    "wrong sizes": Beast("test_entries_tell_kind_and_size", bundle=WrongSizes),
    "lists a page": Beast("test_many_files_are_held", bundle=ListsAPage),
    "closes for good": Beast("test_bundle_reads_on_after_rest", bundle=ClosesForGood),
    "says nowhere": Beast("test_bundle_says_where_it_is", bundle=SaysNowhere),
    "stale list": Beast("test_other_handle_sees_a_commit_at_once", objects=StaleList),
    "caches bundles": Beast("test_reading_tells_what_is_there", objects=CachesBundles),
    "remembers absence": Beast("test_other_handle_sees_a_commit_at_once", objects=RemembersAbsence),
    "ignores case": Beast("test_id_in_another_case_is_taken", objects=IgnoresCase),
    "opens any case": Beast("test_id_exists_in_any_case_and_opens_in_its_own", objects=OpensAnyCase),
    "lists in lower case": Beast("test_runs_are_listed_once_as_they_are_spelled", objects=ListsInLowerCase),
    "finds the root": Beast("test_missing_run_is_not_found", objects=FindsTheRoot),
    "marks by name": Beast("test_marks_tell_one_bundle_from_another", objects=MarksByName),
    "marks what is foreign": Beast("test_marks_tell_one_bundle_from_another", objects=MarksForeign),
    "stamps for good": Beast("test_stamp_tells_that_bundles_came_or_went", objects=StampsForGood),
    "stamps by count": Beast("test_stamp_tells_that_bundles_came_or_went", objects=StampsByCount),
    "hides what is foreign": Beast("test_what_has_no_manifest_is_foreign", objects=HidesForeign),
    "promises by mood": Beast("test_properties_are_declared", objects=PromisesByMood),
    "promises nothing": Beast("test_survival_is_declared", objects=PromisesNothing),
    "hides what is marked": Beast("test_marked_run_is_read_as_before", objects=HidesMarked),
    "marks again": Beast("test_first_mark_stands", objects=MarksAgain),
    "marks nothing": Beast("test_only_a_run_that_is_there_is_marked", objects=MarksNothing),
    "keeps the mark": Beast("test_mark_is_taken_back", objects=KeepsTheMark),
    "forgets the purged": Beast("test_purge_is_not_taken_back", objects=ForgetsThePurged),
    "removes what is not marked": Beast("test_run_without_a_mark_is_kept", objects=RemovesUnmarked),
    "removes at once": Beast("test_run_is_kept_until_its_time", objects=RemovesAtOnce),
    "leaves the manifest": Beast("test_removed_run_is_gone_whole_and_alone", objects=LeavesTheManifest),
    "forgets why": Beast("test_purged_run_is_told_as_such", objects=ForgetsWhy),
    "removes twice": Beast("test_second_removal_changes_nothing", objects=RemovesTwice),
    "removes all": Beast("test_many_are_removed_as_each_would_be", objects=RemovesAll),
    "stops at the first": Beast("test_many_are_removed_as_each_would_be", objects=StopsAtTheFirst),
    "removes by name": Beast("test_another_bundle_than_the_marked_one_is_kept", objects=RemovesByName),
    "gives the id away": Beast("test_id_of_a_purged_run_stays_its_own", objects=GivesTheIdAway),
    "lets nobody back": Beast("test_purged_run_comes_back", objects=LetsNobodyBack),
    "empties open bundles": Beast("test_open_bundle_is_read_to_its_end", objects=EmptiesOpenBundles),
    "checks, then removes": Beast("test_threads_that_remove_one_run_agree", objects=ChecksThenRemoves),
    "buries late": Beast("test_threads_that_bring_and_take_leave_a_run_or_its_tombstone", objects=BuriesLate),
    "overwrites, beside a dict": Beast("test_any_sequence_of_calls_agrees_with_a_dict", stage=Overwrites),
}
