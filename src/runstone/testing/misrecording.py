"""Records that misbehave, each in one way, each named for what it does. `RECORDS_ZOO` says which test must fail on it.

They are built on `runstone.testing.shelf`, so each is nothing but its fault.
"""

from __future__ import annotations

import re
from time import sleep
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from runstone.core.digests import digest_of
from runstone.errors import RunstoneError, error
from runstone.ports.records import ANY, Added, RecordProperties, check_expected, check_key, joined, split
from runstone.testing.shelf import PlainRecords, Shelf

if TYPE_CHECKING:
    from collections.abc import Callable

    from runstone.core.digests import Digest
    from runstone.ports.records import Answer, Expected


class PromisesByMood(PlainRecords):
    """Declares something that is no answer."""

    @property
    def properties(self) -> RecordProperties:
        """Broken."""
        return RecordProperties("most things", "custom")  # type: ignore[arg-type]  # the fault itself


class PromisesNothing(PlainRecords):
    """Declares that nothing survives, where records must."""

    @property
    def properties(self) -> RecordProperties:
        """Broken."""
        return RecordProperties("nothing", "custom")


class MissingIsEmpty(PlainRecords):
    """Takes a record that is not there for an empty one."""

    def read(self, key: str) -> bytes | None:
        """Broken."""
        return super().read(key) or b""


class EmptyIsMissing(PlainRecords):
    """Takes an empty body for none."""

    def read(self, key: str) -> bytes | None:
        """Broken."""
        return super().read(key) or None


class CapsBodies(PlainRecords):
    """Keeps a megabyte of a body."""

    def put(self, key: str, body: bytes) -> None:
        """Broken."""
        super().put(key, body[: 1 << 20])


class LiesAboutDigest(PlainRecords):
    """Answers the digest of nothing."""

    def replace(self, key: str, body: bytes, *, expected: Expected = ANY) -> Digest:
        """Broken."""
        super().replace(key, body, expected=expected)
        return digest_of(b"")


class ReplacesInPlace(PlainRecords):
    """Writes over the old body and leaves what was behind it."""

    def replace(self, key: str, body: bytes, *, expected: Expected = ANY) -> Digest:
        """Broken."""
        old = self.read(key) or b""
        return super().replace(key, body + old[len(body) :], expected=expected)


class TearsReplacements(PlainRecords):
    """Writes a body in two steps where readers look."""

    def put(self, key: str, body: bytes) -> None:
        """Broken."""
        super().put(key, body[: len(body) // 2])
        sleep(0.0005)
        super().put(key, body)


class RemovesThenWrites(PlainRecords):
    """Takes the old body away before the new one stands."""

    def put(self, key: str, body: bytes) -> None:
        """Broken."""
        self.shelf.bodies.pop(key, None)
        sleep(0.0005)
        super().put(key, body)


class CachesBodies(PlainRecords):
    """Remembers what it has read or written."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        self._seen: dict[str, bytes | None] = {}

    def read(self, key: str) -> bytes | None:
        """Broken."""
        return self._seen.setdefault(key, super().read(key))

    def put(self, key: str, body: bytes) -> None:
        """Broken."""
        super().put(key, body)
        self._seen[key] = body


class IgnoresExpected(PlainRecords):
    """The last one wins, whatever was expected."""

    def check(self, key: str, expected: Expected) -> None:
        """Broken."""


class NewIsAny(PlainRecords):
    """Takes `None` for not given."""

    def check(self, key: str, expected: Expected) -> None:
        """Broken."""
        super().check(key, ANY if expected is None else expected)


class SameIsNew(PlainRecords):
    """Takes the same body for one that was made now."""

    def replace(self, key: str, body: bytes, *, expected: Expected = ANY) -> Digest:
        """Broken."""
        return super().replace(key, body, expected=ANY if self.read(key) == body else expected)


class GoneIsAny(PlainRecords):
    """Lets a record that is gone be replaced, whatever was expected."""

    def check(self, key: str, expected: Expected) -> None:
        """Broken."""
        if self.read(key) is not None:
            super().check(key, expected)


class WritesThenRefuses(PlainRecords):
    """Looks too late what was there."""

    def replace(self, key: str, body: bytes, *, expected: Expected = ANY) -> Digest:
        """Broken."""
        with self.shelf.lock:
            found = self.read(key)
            self.put(key, body)
            check_expected(key, expected, found)
        return digest_of(body)


class ChecksThenActs(PlainRecords):
    """Looks what is there, and replaces it a moment later; in between another does the same."""

    def replace(self, key: str, body: bytes, *, expected: Expected = ANY) -> Digest:
        """Broken."""
        self.check(check_key(key), expected)
        sleep(0.0002)
        self.put(key, body)
        return digest_of(body)


class ActsOnTheNextLine(PlainRecords):
    """Looks what is there, and replaces it at once, but without a lock."""

    def replace(self, key: str, body: bytes, *, expected: Expected = ANY) -> Digest:
        """Broken."""
        self.check(check_key(key), expected)
        self.put(key, body)
        return digest_of(body)


class RemovesWhateverStands(PlainRecords):
    """Does not look what it removes."""

    def remove(self, key: str, *, expected: Expected = ANY) -> bool:
        """Broken."""
        return super().remove(key) if expected is not None else super().remove(key, expected=expected)


class LosesAppends(PlainRecords):
    """Reads, adds and writes without a lock: of two that append one is lost."""

    def append(self, key: str, lines: list[bytes]) -> bytes:
        """Broken."""
        body, data = self.read(key) or b"", joined(lines)
        sleep(0.0002)
        if data:
            self.put(key, body + data)
        return b""


class AppendsOneByOne(PlainRecords):
    """Lets others come between the pieces of a line."""

    def append(self, key: str, lines: list[bytes]) -> bytes:
        """Broken."""
        for piece in joined(lines).split(b":"):
            with self.shelf.lock:
                self.put(key, (self.read(key) or b"") + piece + (b"" if piece.endswith(b"\n") else b":"))
            sleep(0.0001)
        return b""


class ForgetsLineEnds(PlainRecords):
    """Leaves the last line without its end."""

    def append(self, key: str, lines: list[bytes]) -> bytes:
        """Broken."""
        torn = super().append(key, lines)
        if lines:
            self.put(key, self.shelf.bodies[key][:-1])
        return torn


class GluesLines(PlainRecords):
    """Goes on right behind a line that lacks its end alone."""

    def append(self, key: str, lines: list[bytes]) -> bytes:
        """Broken."""
        with self.shelf.lock:
            body, data = self.read(key) or b"", joined(lines)
            torn = split(body).torn
            if data:
                self.put(key, body.removesuffix(torn) + data)
            return torn


class AppendsInFront(PlainRecords):
    """The newest line comes first."""

    def append(self, key: str, lines: list[bytes]) -> bytes:
        """Broken."""
        body, data = self.read(key) or b"", joined(lines)
        if data:
            self.put(key, data + body)
        return b""


class MakesEmptyLogs(PlainRecords):
    """Makes a record for no lines."""

    def append(self, key: str, lines: list[bytes]) -> bytes:
        """Broken."""
        if not lines:
            self.put(check_key(key), self.read(key) or b"")
        return super().append(key, lines)


class TakesAnyLine(PlainRecords):
    """Asks of nobody whether a line is one."""

    def append(self, key: str, lines: list[bytes]) -> bytes:
        """Broken."""
        self.put(check_key(key), b"".join([self.read(key) or b"", *(line + b"\n" for line in lines)]))
        return b""


class AppendsWhatFits(PlainRecords):
    """Refuses a line, and has written those before it."""

    def append(self, key: str, lines: list[bytes]) -> bytes:
        """Broken."""
        for line in lines:
            super().append(key, [line])
        return b""


class TellsAllAgain(PlainRecords):
    """Takes no mark for one."""

    def added(self, key: str, since: str = "") -> Added:
        """Broken."""
        return super().added(key, since and "")


class GoesByLength(PlainRecords):
    """Does not look whether what it goes on behind still stands there."""

    def added(self, key: str, since: str = "") -> Added:
        """Broken."""
        body = self.read(key) or b""
        return Added(split(body[int(since or 0) :]).whole, str(len(body)) if body else "", not since)


class MarksTooLate(PlainRecords):
    """Makes the mark of what stands there when the lines were read."""

    def added(self, key: str, since: str = "") -> Added:
        """Broken."""
        found = super().added(key, since)
        sleep(0.001)
        return found._replace(mark=super().added(key).mark)


class StaleList(PlainRecords):
    """Lists what was there when it was first asked."""

    _listed: list[str] | None = None

    def keys(self, prefix: str = "") -> list[str]:
        """Broken."""
        self._listed = self._listed or super().keys(prefix)
        return self._listed


class ListsFolders(PlainRecords):
    """Takes a prefix for the name of a folder."""

    def keys(self, prefix: str = "") -> list[str]:
        """Broken."""
        folder = f"{prefix.rstrip('/')}/" if prefix else ""
        return [key for key in super().keys("") if key.startswith(folder)]


class ListsByPattern(PlainRecords):
    """Takes a prefix for a pattern of SQL."""

    def keys(self, prefix: str = "") -> list[str]:
        """Broken."""
        return [key for key in super().keys("") if _is_like(key, prefix)]


class MarksByPattern(PlainRecords):
    """Takes a prefix for a pattern of SQL, where it tells of change."""

    def marks(self, prefix: str = "") -> dict[str, str]:
        """Broken."""
        return {key: mark for key, mark in super().marks().items() if _is_like(key, prefix)}


def _is_like(key: str, prefix: str) -> bool:
    """As SQL's `LIKE`: `_` is any character, `%` any text, and case does not count."""
    pattern = re.escape(prefix).replace("_", ".").replace("%", ".*")
    return re.match(pattern, key, re.IGNORECASE) is not None


class ListsInAnyOrder(PlainRecords):
    """Lists in the order in which records were made."""

    def keys(self, prefix: str = "") -> list[str]:
        """Broken."""
        return [key for key in self.shelf.bodies if key.startswith(prefix)]


class MarksBySize(PlainRecords):
    """Does not see a change that keeps the size."""

    def marks(self, prefix: str = "") -> dict[str, str]:
        """Broken."""
        return {key: str(len(self.shelf.bodies[key])) for key in self.keys(prefix)}


class MarksAnew(PlainRecords):
    """Counts the changes of a record from the beginning once it was removed."""

    def remove(self, key: str, *, expected: Expected = ANY) -> bool:
        """Broken."""
        removed = super().remove(key, expected=expected)
        self.shelf.changes.pop(key, None)
        return removed


class MarksByMoment(PlainRecords):
    """Says of all that they have changed."""

    asked: ClassVar[int] = 0

    def marks(self, prefix: str = "") -> dict[str, str]:
        """Broken."""
        MarksByMoment.asked += 1
        return dict.fromkeys(self.keys(prefix), str(MarksByMoment.asked))


class RemovesByPrefix(PlainRecords):
    """Takes what begins alike away, too."""

    def remove(self, key: str, *, expected: Expected = ANY) -> bool:
        """Broken."""
        removed = super().remove(key, expected=expected)
        for other in self.keys(key.partition(".")[0]):
            self.shelf.bodies.pop(other)
        return removed


class RemovesTwice(PlainRecords):
    """Says again that it has removed what was gone."""

    def remove(self, key: str, *, expected: Expected = ANY) -> bool:
        """Broken."""
        super().remove(key, expected=expected)
        return self.shelf.changes.get(key, 0) > 0


class TakesAnyKey(PlainRecords):
    """Asks nobody whether a key can leave the place."""

    def read(self, key: str) -> bytes | None:
        """Broken."""
        return self.shelf.bodies.get(key)

    def replace(self, key: str, body: bytes, *, expected: Expected = ANY) -> Digest:
        """Broken."""
        with self.shelf.lock:
            self.check(key, expected)
            self.put(key, body)
        return digest_of(body)


class LeavesNobodyAlone(PlainRecords):
    """Lets others come between several calls."""

    def alone(self, key: str, work: Callable[[], Answer]) -> Answer:
        """Broken."""
        check_key(key)
        return work()


class StaysAlone(PlainRecords):
    """Does not let go where something was raised."""

    def alone(self, key: str, work: Callable[[], Answer]) -> Answer:
        """Broken."""
        check_key(key)
        if not self.shelf.lock.acquire(timeout=0.2):
            raise error("store_unavailable", "somebody is alone")
        answer = work()
        self.shelf.lock.release()
        return answer


class SaysNowhere(PlainRecords):
    """Does not say where a record is."""

    def place(self, key: str) -> str:
        """Broken."""
        check_key(key)
        return "shelf:one.json"


class WrongCode(PlainRecords):
    """Tells of a conflict as of a disk that fails."""

    def check(self, key: str, expected: Expected) -> None:
        """Broken."""
        try:
            super().check(key, expected)
        except RunstoneError as exc:
            raise error("store_unavailable", exc.message) from exc


class Recording(NamedTuple):
    """Records that misbehave, and the test that must fail on them."""

    caught_by: str
    records: type[PlainRecords]


RECORDS_ZOO: Final = {
    "promises by mood": Recording("test_survival_and_backend_are_declared", PromisesByMood),
    "promises nothing": Recording("test_survival_is_more_than_nothing", PromisesNothing),
    "missing is empty": Recording("test_what_is_not_there_is_none", MissingIsEmpty),
    "empty is missing": Recording("test_a_body_is_kept_byte_by_byte", EmptyIsMissing),
    "caps bodies": Recording("test_a_body_is_kept_byte_by_byte", CapsBodies),
    "lies about a digest": Recording("test_a_body_is_kept_byte_by_byte", LiesAboutDigest),
    "replaces in place": Recording("test_a_body_is_replaced", ReplacesInPlace),
    "caches bodies": Recording("test_a_body_is_replaced", CachesBodies),
    "tears replacements": Recording("test_a_reader_sees_the_old_or_the_new", TearsReplacements),
    "removes, then writes": Recording("test_a_reader_sees_the_old_or_the_new", RemovesThenWrites),
    "ignores what is expected": Recording("test_what_is_expected_is_compared", IgnoresExpected),
    "takes new for any": Recording("test_a_new_one_is_expected", NewIsAny),
    "takes the same for new": Recording("test_a_new_one_is_expected", SameIsNew),
    "takes gone for any": Recording("test_what_is_expected_is_compared", GoneIsAny),
    "writes, then refuses": Recording("test_what_is_expected_is_compared", WritesThenRefuses),
    "wrong code": Recording("test_what_is_expected_is_compared", WrongCode),
    "checks, then acts": Recording("test_threads_that_expect_the_same_have_one_winner", ChecksThenActs),
    "acts on the next line": Recording("test_threads_that_meet_in_any_line_have_one_winner", ActsOnTheNextLine),
    "removes whatever stands": Recording("test_what_is_removed_can_be_expected", RemovesWhateverStands),
    "loses appends": Recording("test_threads_append_whole_lines", LosesAppends),
    "appends piece by piece": Recording("test_threads_append_whole_lines", AppendsOneByOne),
    "forgets line ends": Recording("test_lines_are_added_in_order", ForgetsLineEnds),
    "glues lines": Recording("test_a_body_that_lacks_its_last_line_end_goes_on", GluesLines),
    "appends in front": Recording("test_lines_are_added_in_order", AppendsInFront),
    "makes empty logs": Recording("test_no_lines_are_nothing", MakesEmptyLogs),
    "takes any line": Recording("test_a_line_is_one_line", TakesAnyLine),
    "appends what fits": Recording("test_a_line_is_one_line", AppendsWhatFits),
    "tells all again": Recording("test_lines_that_were_added_are_told", TellsAllAgain),
    "goes by length": Recording("test_lines_of_another_body_are_all_new", GoesByLength),
    "marks too late": Recording("test_lines_that_are_being_added_are_told_once", MarksTooLate),
    "stale list": Recording("test_a_list_is_of_now", StaleList),
    "lists folders": Recording("test_keys_are_listed_by_prefix", ListsFolders),
    "lists by pattern": Recording("test_keys_are_listed_by_prefix", ListsByPattern),
    "marks by pattern": Recording("test_keys_are_listed_by_prefix", MarksByPattern),
    "lists in any order": Recording("test_keys_are_listed_by_prefix", ListsInAnyOrder),
    "marks by size": Recording("test_marks_tell_of_change", MarksBySize),
    "marks anew": Recording("test_marks_tell_of_change", MarksAnew),
    "marks by moment": Recording("test_marks_tell_of_change", MarksByMoment),
    "removes by prefix": Recording("test_a_record_is_removed", RemovesByPrefix),
    "removes twice": Recording("test_a_record_is_removed", RemovesTwice),
    "takes any key": Recording("test_a_key_outside_the_grammar_is_refused", TakesAnyKey),
    "leaves nobody alone": Recording("test_threads_that_are_alone_do_not_meet", LeavesNobodyAlone),
    "stays alone": Recording("test_what_is_raised_alone_goes_on", StaysAlone),
    "says nowhere": Recording("test_a_place_names_the_record", SaysNowhere),
}
