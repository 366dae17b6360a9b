"""The shipped suite of port `records`: what is replaced is old or new, what is appended is there, and of all who
expected the same one wins.

class TestMyRecords(RecordsSuite):
    @pytest.fixture
    def ground(self, tmp_path) -> RecordsGround: ...

`DurableRecordsSuite` is for records that survive the process (it needs `os.fork`), `TornRecordsSuite` for those of
which a crash can leave half a line; its ground has `tear` as well.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from time import sleep
from typing import TYPE_CHECKING, Protocol

from runstone.core.digests import digest_of
from runstone.errors import RunstoneError
from runstone.testing.durability import in_children
from runstone.testing.ground import code_of
from runstone.testing.racing import RACERS, race, stepping

if TYPE_CHECKING:
    from runstone.ports.records import Records

KEY = "runs/one.json"
LINES = "index.jsonl"
BODIES = {"empty": b"", "bytes": bytes(range(256)), "lines": b"a\r\nb\n\0", "large": b"body" * 400_000}
BAD_KEYS = ("", "/x", "../x", "a/../x", "a//x", "a/", "a\0b", "a\\b", ".runstone/x", ".runstone")
ROUNDS = 20


class RecordsGround(Protocol):
    """Where records under test stand."""

    def make(self) -> Records:
        """The records, opened anew: what another handle has written is there."""
        ...


class TornGround(RecordsGround, Protocol):
    """Where a crash can leave a part of a line."""

    def tear(self, key: str, tail: bytes) -> None:
        """Put bytes behind a body without the adapter, as a crash would leave them."""
        ...


def counted(records: Records, key: str, rounds: int = ROUNDS) -> str:
    """Add one to a number so many times, by what was expected; who was too late tries again."""
    for _ in range(rounds):
        while True:
            body = records.read(key)
            expected = None if body is None else digest_of(body)
            try:
                records.replace(key, b"%d" % (int(body or b"0") + 1), expected=expected)
            except RunstoneError as exc:
                if exc.code != "record_conflict":
                    return exc.code
            else:
                break
    return "counted"


def counted_alone(records: Records, key: str, rounds: int) -> str:
    """The same by nothing but that one is alone: in several calls, with time between them."""

    def add() -> None:
        number = int(records.read(key) or b"0") + 1
        sleep(0.0005)
        records.replace(key, b"%d" % number)

    for _ in range(rounds):
        records.alone("alone", add)
    return "counted"


def appended(records: Records, key: str, name: int) -> str:
    """Append lines of one's own, some of them together."""
    for number in range(0, ROUNDS, 2):
        records.append(key, [b'{"by":%d,"n":%d}' % (name, number + more) for more in (0, 1)])
    return "appended"


def all_lines(names: range) -> set[bytes]:
    """What those have appended."""
    return {b'{"by":%d,"n":%d}' % (name, number) for name in names for number in range(ROUNDS)}


class RecordsSuite:
    """What every adapter promises. Subclasses give the fixture `ground`."""

    def test_survival_and_backend_are_declared(self, ground: RecordsGround) -> None:
        """By one of the words that there are for it, and a name for references."""
        declared = ground.make().properties
        assert declared.survives in ("nothing", "kill", "power")
        assert declared.backend in ("filesystem", "sqlite", "postgres", "s3", "gcs", "azure_blob", "custom")

    def test_what_is_not_there_is_none(self, ground: RecordsGround) -> None:
        """No body, no lines, no key, nothing to remove; asking makes nothing."""
        records = ground.make()
        assert (records.read(KEY), records.lines(KEY), records.remove(KEY)) == (None, ([], b""), False)
        assert records.added(KEY) == ([], "", True)
        assert (records.keys(), records.marks()) == ([], {})

    def test_a_body_is_kept_byte_by_byte(self, ground: RecordsGround) -> None:
        """Whatever it is, of any size; an empty one is a body as well. The answer is its digest."""
        records = ground.make()
        for key, body in BODIES.items():
            assert records.replace(key, body) == digest_of(body)
        assert {key: ground.make().read(key) for key in BODIES} == BODIES

    def test_a_body_is_replaced(self, ground: RecordsGround) -> None:
        """The last one is read, by every handle; others are as they were."""
        first, second = ground.make(), ground.make()
        first.replace("other", b"other")
        for body in (b"one", b"a longer one", b""):
            first.replace(KEY, body)
            assert (first.read(KEY), second.read(KEY)) == (body, body)
        assert second.read("other") == b"other"

    def test_a_new_one_is_expected(self, ground: RecordsGround) -> None:
        """`None` expects none: it is made once, and then it is a conflict that changes nothing."""
        records = ground.make()
        assert records.replace(KEY, b"one", expected=None) == digest_of(b"one")
        assert code_of(lambda: records.replace(KEY, b"two", expected=None)) == "record_conflict"
        assert code_of(lambda: records.replace(KEY, b"one", expected=None)) == "record_conflict"
        assert records.read(KEY) == b"one"

    def test_what_is_expected_is_compared(self, ground: RecordsGround) -> None:
        """Only the digest of what stands there now lets it be replaced; a record that is gone has none."""
        records = ground.make()
        records.replace(KEY, b"one")
        assert code_of(lambda: records.replace(KEY, b"x", expected=digest_of(b"other"))) == "record_conflict"
        assert records.read(KEY) == b"one"
        assert records.replace(KEY, b"two", expected=digest_of(b"one")) == digest_of(b"two")
        assert code_of(lambda: records.replace(KEY, b"x", expected=digest_of(b"one"))) == "record_conflict"
        assert code_of(lambda: records.replace("gone", b"x", expected=digest_of(b"one"))) == "record_conflict"
        assert (records.read(KEY), records.read("gone")) == (b"two", None)

    def test_lines_are_added_in_order(self, ground: RecordsGround) -> None:
        """Each with its line end, through whatever handle; a body that was replaced goes on with them."""
        first, second = ground.make(), ground.make()
        assert first.append(LINES, [b'{"n":1}', b'{"n":2}']) == b""
        assert second.append(LINES, [b'{"n":3}']) == b""
        assert first.read(LINES) == b'{"n":1}\n{"n":2}\n{"n":3}\n'
        assert second.lines(LINES) == ([b'{"n":1}', b'{"n":2}', b'{"n":3}'], b"")
        first.replace(LINES, b'{"n":0}\n')
        second.append(LINES, [b'{"n":4}'])
        assert first.lines(LINES) == ([b'{"n":0}', b'{"n":4}'], b"")

    def test_a_body_that_lacks_its_last_line_end_goes_on(self, ground: RecordsGround) -> None:
        """What is whole JSON there gets its line end with the next lines; half of it, or a number, which may go on, is
        taken away and told."""
        for body, torn, left in (
            (b'{"m":7}', b"", b'{"m":7}\n'),
            (b'{"m":7}\n{"m":8}', b"", b'{"m":7}\n{"m":8}\n'),
            (b'{"m":7}\n{"m"', b'{"m"', b'{"m":7}\n'),
            (b"12", b"12", b""),
            (b"", b"", b""),
        ):
            ground.make().replace(LINES, body)
            assert ground.make().append(LINES, [b'{"m":9}']) == torn, body
            assert ground.make().read(LINES) == left + b'{"m":9}\n', body

    def test_no_lines_are_nothing(self, ground: RecordsGround) -> None:
        """To append none makes no record and changes none."""
        records = ground.make()
        assert records.append(LINES, []) == b""
        assert records.read(LINES) is None
        records.append(LINES, [b"1"])
        records.append(LINES, [])
        assert records.read(LINES) == b"1\n"

    def test_lines_that_were_added_are_told(self, ground: RecordsGround) -> None:
        """All at first, and then those behind the mark, whoever has added them; none where there are none."""
        first, second = ground.make(), ground.make()
        first.append(LINES, [b'{"n":1}', b'{"n":2}'])
        lines, mark, anew = second.added(LINES)
        assert (lines, bool(mark), anew) == ([b'{"n":1}', b'{"n":2}'], True, True)
        assert first.added(LINES, mark) == ([], mark, False)
        first.append(LINES, [b'{"n":3}'])
        second.append(LINES, [b'{"n":4}', b'{"n":5}'])
        again = second.added(LINES, mark)
        assert (again.lines, again.anew) == ([b'{"n":3}', b'{"n":4}', b'{"n":5}'], False)
        assert first.added(LINES, again.mark).lines == []
        assert first.added(LINES, mark).lines == again.lines
        assert [len(first.added(LINES).lines), first.added(LINES).anew] == [5, True]

    def test_lines_of_another_body_are_all_new(self, ground: RecordsGround) -> None:
        """Of a shorter one, one of the same size, a longer one, and one that was made when the old one was gone."""
        records = ground.make()
        records.append(LINES, [b'{"n":1}', b'{"n":2}'])
        for body in (b'{"m":1}\n', b'{"m":2}\n', b'{"m":3}\n{"m":4}\n{"m":5}\n', b"", b'{"m":6}\n{"m":7}'):
            before = records.added(LINES).mark
            ground.make().replace(LINES, body)
            found = records.added(LINES, before)
            assert (found.lines, found.anew) == (records.lines(LINES).whole, True), body
        records.append(LINES, [b'{"m":8}'])
        found = records.added(LINES, records.added(LINES).mark)
        assert (found.lines, found.anew) == ([], False)
        ground.make().remove(LINES)
        assert records.added(LINES, found.mark) == ([], "", True)
        ground.make().append(LINES, [b'{"k":%d}' % number for number in range(5)])
        assert (len(records.added(LINES, found.mark).lines), records.added(LINES, found.mark).anew) == (5, True)

    def test_lines_that_are_being_added_are_told_once(self, ground: RecordsGround) -> None:
        """Who goes on from mark to mark while threads append has seen each line at their end, in its order."""
        done: list[bool] = []
        looks: list[bool] = []

        def read(_: int) -> str:
            records, mark = ground.make(), ""
            seen: list[bytes] = []
            try:
                while True:
                    last = len(done) == 3
                    lines, mark, anew = records.added(LINES, mark)
                    seen = lines if anew else seen + lines
                    looks.append(True)
                    if last:
                        return "all" if seen == records.lines(LINES).whole else "others"
            finally:
                looks.extend([False] * ROUNDS)

        def write(racer: int) -> str:
            records, number = ground.make(), 0
            try:
                while number < ROUNDS or len(looks) < ROUNDS:  # so there are looks between appends, and the reverse
                    records.append(LINES, [b'{"by":%d,"n":%d}' % (racer, number)])
                    number += 1
                    sleep(0.0002)
            finally:
                done.append(True)
            return "appended"

        answers = race(lambda racer: write(racer) if racer else read(racer), racers=4)
        assert answers == ["all", *["appended"] * 3]

    def test_a_line_is_one_line(self, ground: RecordsGround) -> None:
        """An empty one, or one with a line end in it, is refused, with all that were to come with it."""
        records = ground.make()
        for line in (b"", b"\n", b"a\nb"):
            assert code_of(lambda line=line: records.append(LINES, [b"1", line])) == "invalid_json"  # type: ignore[misc]  # a default has no type
        assert records.read(LINES) is None

    def test_keys_are_listed_by_prefix(self, ground: RecordsGround) -> None:
        """Sorted; a prefix may end anywhere in a name; a name that another begins with is another one. It is a text and
        no pattern, and its case counts."""
        records = ground.make()
        keys = ["a.json", "a.jsonl", "index/b.json", "index/c.json", "index.jsonl", "run/deep/er.json", "é/ü.json"]
        keys += ["s_1.json", "st1.json", "50%/x", "500/x", "[a]"]
        for key in reversed(keys):
            records.replace(key, key.encode())
        assert ground.make().keys() == sorted(keys)
        prefixes = ("index/", "index", "a", "a.json", "run/", "run/de", "nothing", "é")
        for prefix in (*prefixes, "s_", "s_1", "50%", "%", "_", "[", "[a]", "a.", "INDEX", "Run"):
            assert ground.make().keys(prefix) == sorted(key for key in keys if key.startswith(prefix)), prefix
            assert set(ground.make().marks(prefix)) == {key for key in keys if key.startswith(prefix)}, prefix
        assert [records.read(key) for key in keys] == [key.encode() for key in keys]

    def test_a_list_is_of_now(self, ground: RecordsGround) -> None:
        """What another handle has made or removed since is there, or gone."""
        first, second = ground.make(), ground.make()
        first.replace("a", b"")
        assert second.keys() == ["a"]
        first.replace("b", b"")
        first.append("c", [b"1"])
        assert second.keys() == ["a", "b", "c"]
        first.remove("a")
        assert second.keys() == ["b", "c"]

    def test_marks_tell_of_change(self, ground: RecordsGround) -> None:
        """The mark of another body is another one, where it tells anything; of one that nobody touched it stays."""
        records = ground.make()
        records.replace("still", b"still")
        records.replace(KEY, b"one")
        seen = [records.marks()[KEY]]
        for change in (
            lambda: records.replace(KEY, b"two"),
            lambda: records.append(KEY, [b"1"]),
            lambda: (records.remove(KEY), records.replace(KEY, b"six")),
        ):
            still = records.marks()["still"]
            change()
            seen.append(ground.make().marks()[KEY])
            assert ground.make().marks()["still"] == still
        told = [mark for mark in seen if mark]
        assert len(set(told)) == len(told)

    def test_a_record_is_removed(self, ground: RecordsGround) -> None:
        """It is gone for all; a second time there is none; the key is free."""
        first, second = ground.make(), ground.make()
        first.append(LINES, [b"1", b"2"])
        first.replace("index.json", b"other")
        assert second.remove(LINES) is True
        assert (first.read(LINES), first.remove(LINES), first.read("index.json")) == (None, False, b"other")
        second.append(LINES, [b"3"])
        assert first.read(LINES) == b"3\n"

    def test_what_is_removed_can_be_expected(self, ground: RecordsGround) -> None:
        """Another one than was expected stays."""
        records = ground.make()
        records.replace(KEY, b"one")
        assert code_of(lambda: records.remove(KEY, expected=digest_of(b"two"))) == "record_conflict"
        assert records.read(KEY) == b"one"
        assert records.remove(KEY, expected=digest_of(b"one")) is True

    def test_a_key_outside_the_grammar_is_refused(self, ground: RecordsGround) -> None:
        """By every method that takes one, and nothing is made."""
        records = ground.make()
        for key in BAD_KEYS:
            for call in (
                partial(records.read, key),
                partial(records.replace, key, b"x"),
                partial(records.append, key, [b"1"]),
                partial(records.lines, key),
                partial(records.added, key),
                partial(records.remove, key),
                partial(records.place, key),
                partial(records.alone, key, lambda: None),
            ):
                assert code_of(call) == "invalid_path", key
        assert records.keys() == []

    def test_a_place_names_the_record(self, ground: RecordsGround) -> None:
        """Before it is there and after; another one of another record."""
        records = ground.make()
        before = records.place(KEY)
        records.replace(KEY, b"one")
        assert before == records.place(KEY) == ground.make().place(KEY)
        assert before.endswith("one.json")
        assert before != records.place("runs/two.json") != records.place("runs2/one.json")

    def test_threads_that_expect_the_same_have_one_winner(self, ground: RecordsGround) -> None:
        """Every number that was counted is there: no replacement was lost."""
        assert race(lambda _: counted(ground.make(), "count")) == ["counted"] * RACERS
        assert ground.make().read("count") == b"%d" % (RACERS * ROUNDS)

    def test_threads_that_meet_in_any_line_have_one_winner(self, ground: RecordsGround) -> None:
        """The same, with threads that are let in before each line of the adapter."""
        assert race(stepping(lambda _: counted(ground.make(), "count", 3)), racers=4) == ["counted"] * 4
        assert ground.make().read("count") == b"12"

    def test_threads_that_are_alone_do_not_meet(self, ground: RecordsGround) -> None:
        """Of the calls that one makes alone those of another, through whatever handle, are all before or behind."""
        assert race(lambda _: counted_alone(ground.make(), "count", 5)) == ["counted"] * RACERS
        assert ground.make().read("count") == b"%d" % (RACERS * 5)

    def test_what_is_raised_alone_goes_on(self, ground: RecordsGround) -> None:
        """And others are let in: they are told what their own calls answer."""

        def fail() -> str:
            raise KeyError("mine")

        def attempt(_: int) -> str:
            try:
                return ground.make().alone(KEY, fail)
            except KeyError as exc:
                return str(exc.args[0])

        assert race(attempt, racers=2) == ["mine"] * 2
        assert race(lambda _: ground.make().alone(KEY, lambda: "answer"), racers=2) == ["answer"] * 2

    def test_threads_append_whole_lines(self, ground: RecordsGround) -> None:
        """None is lost, none is mixed with another; those of one call stand together, those of one thread in order."""
        assert race(lambda racer: appended(ground.make(), LINES, racer)) == ["appended"] * RACERS
        found = ground.make().lines(LINES)
        assert (len(found.whole), found.torn) == (RACERS * ROUNDS, b"")
        assert set(found.whole) == all_lines(range(RACERS))
        for racer in range(RACERS):
            mine = [line for line in found.whole if line.startswith(b'{"by":%d,' % racer)]
            assert mine == sorted(mine, key=lambda line: int(line.rpartition(b":")[2][:-1]))

    def test_a_reader_sees_the_old_or_the_new(self, ground: RecordsGround) -> None:
        """Never a part of a body, and never none, while it is replaced."""
        bodies = [b"%d" % number * 50_000 for number in range(4)]
        ground.make().replace(KEY, bodies[0])
        done: list[bool] = []

        def write(_: int) -> str:
            records = ground.make()
            for number in range(60):
                records.replace(KEY, bodies[number % 4])
            done.append(True)
            return "written"

        def read(_: int) -> str:
            records = ground.make()
            while not done:
                if records.read(KEY) not in bodies:
                    return "torn"
            return "whole"

        answers = race(lambda racer: write(racer) if racer == 0 else read(racer), racers=3)
        assert answers == ["written", "whole", "whole"]


class DurableRecordsSuite(RecordsSuite):
    """What holds of records that survive the process, and of several processes."""

    def test_survival_is_more_than_nothing(self, ground: RecordsGround) -> None:
        """The adapter says that its records survive the process."""
        assert ground.make().properties.survives in ("kill", "power")

    def test_what_was_answered_survives_a_kill(self, ground: RecordsGround) -> None:
        """A process that is killed as soon as it has its answers leaves what they promised."""

        def work(_: int) -> str:
            records = ground.make()
            records.replace(KEY, b"one")
            records.append(LINES, [b"1", b"2"])
            os.kill(os.getpid(), signal.SIGKILL)
            return "never"

        assert in_children(1, work) == [""]
        assert (ground.make().read(KEY), ground.make().lines(LINES).whole) == (b"one", [b"1", b"2"])

    def test_a_killed_process_holds_nobody_up(self, ground: RecordsGround) -> None:
        """Processes that die in the midst of writing leave old or new, whole lines, and the way free."""

        def work(number: int) -> str:
            import threading

            records = ground.make()
            threading.Timer(0.02 + number * 0.01, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
            while True:
                records.replace(KEY, b"%d" % number * 20_000)
                records.append(LINES, [b'{"by":%d}' % number])

        assert in_children(3, work) == ["", "", ""]
        records = ground.make()
        assert records.read(KEY) in [None, *(b"%d" % number * 20_000 for number in range(3))]
        assert set(records.lines(LINES).whole) <= {b'{"by":%d}' % number for number in range(3)}
        records.replace(KEY, b"new")
        records.append(LINES, [b'"new"'])
        assert (records.read(KEY), records.lines(LINES).whole[-1]) == (b"new", b'"new"')

    def test_processes_that_expect_the_same_have_one_winner(self, ground: RecordsGround) -> None:
        """Every number that was counted is there."""
        assert in_children(4, lambda _: counted(ground.make(), "count", 5)) == ["counted"] * 4
        assert ground.make().read("count") == b"20"

    def test_processes_that_are_alone_do_not_meet(self, ground: RecordsGround) -> None:
        """Every number that was counted is there."""
        assert in_children(4, lambda _: counted_alone(ground.make(), "count", 5)) == ["counted"] * 4
        assert ground.make().read("count") == b"20"

    def test_a_process_that_dies_alone_lets_go(self, ground: RecordsGround) -> None:
        """What it had done before that stands, and the next one is alone."""

        def work(_: int) -> str:
            records = ground.make()
            records.replace(KEY, b"one")
            records.alone(KEY, lambda: os.kill(os.getpid(), signal.SIGKILL))
            return "never"

        assert in_children(1, work) == [""]
        records = ground.make()
        assert records.alone(KEY, lambda: records.read(KEY)) == b"one"

    def test_processes_append_whole_lines(self, ground: RecordsGround) -> None:
        """None is lost, none is mixed with another."""
        assert in_children(4, lambda number: appended(ground.make(), LINES, number)) == ["appended"] * 4
        found = ground.make().lines(LINES)
        assert (len(found.whole), set(found.whole)) == (4 * ROUNDS, all_lines(range(4)))

    def test_a_fork_writes_beside_its_parent(self, ground: RecordsGround) -> None:
        """A handle that was used before a fork is used in parent and child after it."""
        records = ground.make()
        records.append(LINES, [b"0"])
        assert in_children(2, lambda _: records.append(LINES, [b"1"]).decode() or "appended") == ["appended"] * 2
        records.append(LINES, [b"2"])
        assert records.lines(LINES).whole == [b"0", b"1", b"1", b"2"]


class TornRecordsSuite(DurableRecordsSuite):
    """What a crash in the midst of a line leaves, and how it heals."""

    def test_a_torn_line_is_no_line(self, ground: TornGround) -> None:
        """The lines before it are read, and what is torn is told; reading changes nothing."""
        ground.make().append(LINES, [b'{"n":1}'])
        ground.tear(LINES, b'{"n":2,"te')
        records = ground.make()
        assert records.lines(LINES) == records.lines(LINES) == ([b'{"n":1}'], b'{"n":2,"te')

    def test_a_torn_line_heals_and_is_told(self, ground: TornGround) -> None:
        """The next lines stand in its place, and the answer is what was taken away, once."""
        ground.make().append(LINES, [b'{"n":1}'])
        ground.tear(LINES, b'{"n":2,"te')
        assert ground.make().append(LINES, [b'{"n":3}']) == b'{"n":2,"te'
        assert ground.make().append(LINES, [b'{"n":4}']) == b""
        assert ground.make().read(LINES) == b'{"n":1}\n{"n":3}\n{"n":4}\n'

    def test_a_line_that_lacks_its_end_alone_is_kept(self, ground: TornGround) -> None:
        """All of its JSON is there: it is read, and gets its line end with the next ones. A number may go on."""
        ground.make().append(LINES, [b'{"n":1}'])
        ground.tear(LINES, b'{"n":2}')
        assert ground.make().lines(LINES) == ([b'{"n":1}', b'{"n":2}'], b"")
        assert ground.make().append(LINES, [b'{"n":3}']) == b""
        assert ground.make().read(LINES) == b'{"n":1}\n{"n":2}\n{"n":3}\n'
        ground.tear(LINES, b"12")
        assert ground.make().lines(LINES).torn == b"12"

    def test_a_torn_line_is_not_told_as_added(self, ground: TornGround) -> None:
        """The line that took its place is; one that lacks its end alone is told, and may come again."""
        ground.make().append(LINES, [b'{"n":1}'])
        mark = ground.make().added(LINES).mark
        ground.tear(LINES, b'{"n":2,"te')
        found = ground.make().added(LINES, mark)
        assert (found.lines, found.anew) == ([], False)
        ground.make().append(LINES, [b'{"n":3}'])
        again = ground.make().added(LINES, found.mark)
        assert (again.lines, again.anew) == ([b'{"n":3}'], False)
        ground.tear(LINES, b'{"n":4}')
        more = ground.make().added(LINES, again.mark)
        assert more.lines == [b'{"n":4}']
        ground.make().append(LINES, [b'{"n":5}'])
        assert ground.make().added(LINES, more.mark).lines[-1] == b'{"n":5}'

    def test_a_body_of_one_torn_line_heals(self, ground: TornGround) -> None:
        """Nothing was before it."""
        ground.tear(LINES, b'{"n"')
        assert ground.make().lines(LINES) == ([], b'{"n"')
        assert ground.make().append(LINES, [b"1"]) == b'{"n"'
        assert ground.make().read(LINES) == b"1\n"
