"""Port `objects`: what holds when runs are marked and removed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from runstone.core import layout
from runstone.core.digests import digest_of
from runstone.core.tombstone import Tombstone
from runstone.errors import RunstoneError
from runstone.testing.ground import ONE, OTHER, code_of, contents, seal
from runstone.testing.racing import race

if TYPE_CHECKING:
    from runstone.ports.objects import Objects
    from runstone.testing.ground import Files, Ground

EARLY = "2026-01-02T03:04:05.000000Z"
DUE = "2026-01-09T03:04:05.000000Z"
LATE = "2026-01-09T03:04:06.000000Z"
LATER = "2026-02-09T03:04:05.000000Z"
ROUNDS = 5


def tombstone(run_id: str, files: Files = ONE, **facts: Any) -> Tombstone:
    """The mark of a bundle, whose time comes at `DUE`."""
    told: dict[str, Any] = {
        "kind": "job",
        "status": "success",
        "digest": digest_of(files[layout.MANIFEST]),
        "outcome_digest": digest_of(b"outcome"),
        "opened_at": EARLY,
        "rule": "kind:job",
        "reason": None,
        "follows": None,
        "marked_at": EARLY,
        "marked_by": "somebody",
        "not_before": DUE,
    }
    return Tombstone(run_id=run_id, **{**told, **facts})


def bury(store: Objects, run_id: str, files: Files = ONE) -> None:
    """Mark and remove a run that is there."""
    store.mark(tombstone(run_id, files))
    assert store.remove(run_id, LATE, "somebody") == "removed"


class PurgingSuite:
    """Marks, removals, and what a purged run leaves."""

    def test_marked_run_is_read_as_before(self, ground: Ground) -> None:
        """A mark changes nothing but that it is told; every handle tells it, in any case of the id."""
        seal(ground.make(), "Run", ONE)
        stone = tombstone("Run")
        assert ground.make().mark(stone) is True
        store = ground.make()
        assert (contents(store, "Run"), list(store.run_ids()), store.exists("run")) == (ONE, ["Run"], True)
        assert [found.as_dict() for found in store.tombstones()] == [stone.as_dict()]
        told = store.tombstone("RUN")
        assert told is not None
        assert told.as_dict() == stone.as_dict()

    def test_first_mark_stands(self, ground: Ground) -> None:
        """A second mark answers `False` and changes nothing: the time to think it over is not begun anew."""
        seal(ground.make(), "run", ONE)
        ground.make().mark(tombstone("run"))
        assert ground.make().mark(tombstone("run", not_before=LATE, rule="another")) is False
        told = ground.make().tombstone("run")
        assert told is not None
        assert (told.not_before, told.rule) == (DUE, "kind:job")

    def test_only_a_run_that_is_there_is_marked(self, ground: Ground) -> None:
        """An id without a bundle is `run_not_found`, one of a purged run `run_purged`; no tombstone comes of it."""
        store = ground.make()
        assert code_of(lambda: store.mark(tombstone("absent"))) == "run_not_found"
        seal(store, "run", ONE)
        bury(store, "run")
        assert code_of(lambda: store.mark(tombstone("run"))) == "run_purged"
        assert [stone.run_id for stone in store.tombstones()] == ["run"]

    def test_mark_is_taken_back(self, ground: Ground) -> None:
        """After `unmark` the run is as if it had not been marked; without a mark it answers `False`."""
        seal(ground.make(), "run", ONE)
        assert ground.make().unmark("run") is False
        ground.make().mark(tombstone("run"))
        assert ground.make().unmark("run") is True
        store = ground.make()
        assert (store.tombstone("run"), store.tombstones(), store.remove("run", LATE, "x")) == (None, [], "kept")
        assert contents(store, "run") == ONE

    def test_purge_is_not_taken_back(self, ground: Ground) -> None:
        """What is gone is gone: `unmark` answers `False` and the tombstone stays."""
        seal(ground.make(), "run", ONE)
        bury(ground.make(), "run")
        assert ground.make().unmark("run") is False
        assert [stone.state for stone in ground.make().tombstones()] == ["purged"]

    def test_run_without_a_mark_is_kept(self, ground: Ground) -> None:
        """`remove` takes nothing that was not marked before."""
        seal(ground.make(), "run", ONE)
        assert [ground.make().remove(name, LATE, "x") for name in ("run", "absent")] == ["kept", "kept"]
        assert contents(ground.make(), "run") == ONE

    def test_run_is_kept_until_its_time(self, ground: Ground) -> None:
        """`remove` before `not_before` does nothing; at that moment it does."""
        seal(ground.make(), "run", ONE)
        ground.make().mark(tombstone("run"))
        assert ground.make().remove("run", EARLY, "x") == "kept"
        assert contents(ground.make(), "run") == ONE
        assert ground.make().remove("run", DUE, "x") == "removed"

    def test_removed_run_is_gone_whole_and_alone(self, ground: Ground) -> None:
        """No file of it is left, in no list; every other run is as it was. Its tombstone says when and by whom."""
        for run_id in ("run", "run-2", "other"):
            seal(ground.make(), run_id, ONE)
        bury(ground.make(), "run")
        store = ground.make()
        assert (sorted(store.run_ids()), sorted(store.marks()), store.foreign()) == (["other", "run-2"],) * 2 + ([],)
        assert [ground.raw_read("run", path) for path in ONE] == [None] * len(ONE)
        assert [contents(store, run_id) for run_id in ("run-2", "other")] == [ONE, ONE]
        told = store.tombstone("run")
        assert told is not None
        assert (told.state, told.purged_at, told.purged_by) == ("purged", LATE, "somebody")

    def test_purged_run_is_told_as_such(self, ground: Ground) -> None:
        """`open` of it is `run_purged` with what the tombstone says; of any other id it stays `run_not_found`."""
        seal(ground.make(), "run", ONE)
        bury(ground.make(), "run")
        store = ground.make()
        details: dict[str, Any] = {}
        try:
            store.open("run")
        except RunstoneError as exc:
            details = {"code": exc.code, **exc.details}
        assert (details["code"], details["rule"], details["purged_at"]) == ("run_purged", "kind:job", LATE)
        assert code_of(lambda: store.open("ran")) == "run_not_found"

    def test_second_removal_changes_nothing(self, ground: Ground) -> None:
        """It answers `gone`, and the tombstone says what it said."""
        seal(ground.make(), "run", ONE)
        bury(ground.make(), "run")
        assert ground.make().remove("run", "2027-01-01T00:00:00.000000Z", "another") == "gone"
        told = ground.make().tombstone("run")
        assert told is not None
        assert (told.purged_at, told.purged_by) == (LATE, "somebody")

    def test_another_bundle_than_the_marked_one_is_kept(self, ground: Ground) -> None:
        """Where other bytes stand under the id by now, `remove` is `digest_mismatch`, and they stay."""
        seal(ground.make(), "run", ONE)
        ground.make().mark(tombstone("run"))
        ground.raw_write("run", layout.MANIFEST, OTHER[layout.MANIFEST])
        assert code_of(lambda: ground.make().remove("run", LATE, "x")) == "digest_mismatch"
        assert contents(ground.make(), "run") == {**ONE, layout.MANIFEST: OTHER[layout.MANIFEST]}

    def test_many_are_removed_as_each_would_be(self, ground: Ground) -> None:
        """Each is answered as `remove` answers it, by what that raises too; what is not to go stays, and so does a
        marked run that was not named."""
        for run_id in ("run", "run-2", "early", "unmarked", "other", "unnamed"):
            seal(ground.make(), run_id, ONE)
        seal(ground.make(), "gone", ONE)
        bury(ground.make(), "gone")
        for run_id in ("run", "run-2", "other", "unnamed"):
            ground.make().mark(tombstone(run_id))
        ground.make().mark(tombstone("early", not_before=LATER))
        ground.raw_write("other", layout.MANIFEST, OTHER[layout.MANIFEST])
        asked = ("run", "early", "unmarked", "absent", "other", "gone", "run-2")
        answers = ground.make().remove_many(asked, LATE, "somebody")
        assert {run_id: answer if isinstance(answer, str) else answer.code for run_id, answer in answers.items()} == {
            **dict.fromkeys(("run", "run-2"), "removed"),
            **dict.fromkeys(("early", "unmarked", "absent"), "kept"),
            "gone": "gone",
            "other": "digest_mismatch",
        }
        store = ground.make()
        assert sorted(store.run_ids()) == ["early", "other", "unmarked", "unnamed"]
        assert [contents(store, run_id) for run_id in ("early", "unmarked", "unnamed")] == [ONE] * 3
        purged = [stone.run_id for stone in store.tombstones() if stone.state == "purged"]
        assert (purged, store.remove_many([], LATE, "somebody")) == (["gone", "run", "run-2"], {})

    def test_id_of_a_purged_run_stays_its_own(self, ground: Ground) -> None:
        """No other bundle gets it, in whatever case: `run_exists`, and nothing is there."""
        seal(ground.make(), "run", ONE)
        bury(ground.make(), "run")
        store = ground.make()
        codes = [code_of(lambda name=name, files=files: seal(store, name, files)) for name, files in _LOOKALIKES]  # type: ignore[misc]  # bound now
        assert codes == ["run_exists"] * len(_LOOKALIKES)
        assert (list(store.run_ids()), [stone.state for stone in store.tombstones()]) == ([], ["purged"])

    def test_purged_run_comes_back(self, ground: Ground) -> None:
        """The very bundle that was purged can be committed again: it is there, and its tombstone is not."""
        seal(ground.make(), "run", ONE)
        bury(ground.make(), "run")
        assert seal(ground.make(), "run", ONE) == "created"
        store = ground.make()
        assert (contents(store, "run"), store.remove("run", LATE, "x")) == (ONE, "kept")
        assert [stone.run_id for stone in store.tombstones()] == []
        bury(store, "run")

    def test_open_bundle_is_read_to_its_end(self, ground: Ground) -> None:
        """Who has the bundle open reads all of it: the removal is refused, or takes nothing from who reads."""
        seal(ground.make(), "run", ONE)
        bundle = ground.make().open("run")
        ground.make().mark(tombstone("run"))
        code = code_of(lambda: ground.make().remove("run", LATE, "x"))
        read = {entry.path: b"".join(bundle.read(entry.path)) for entry in bundle.entries()}
        bundle.close()
        assert (code in (None, "run_in_use"), read) == (True, ONE)
        assert ground.make().remove("run", LATE, "x") in ("removed", "gone")

    def test_threads_that_remove_one_run_agree(self, ground: Ground) -> None:
        """One removes it, the others find it gone or in use; no call fails in another way."""
        for run_id in (f"run-{number}" for number in range(ROUNDS)):
            seal(ground.make(), run_id, ONE)
            ground.make().mark(tombstone(run_id))
            answers = race(partial(removal_of, ground, run_id))
            assert (answers.count("removed"), set(answers) - {"removed", "gone", "run_in_use"}) == (1, set())
            assert not ground.make().exists(run_id)

    def test_threads_that_bring_and_take_leave_a_run_or_its_tombstone(self, ground: Ground) -> None:
        """Beside a removal another bundle of the id never gets its place."""
        for run_id in (f"run-{number}" for number in range(ROUNDS)):
            seal(ground.make(), run_id, ONE)
            ground.make().mark(tombstone(run_id))
            race(lambda racer, run_id=run_id: _bring_or_take(ground, run_id, racer), racers=4)  # type: ignore[misc]  # bound now
            store = ground.make()
            told = store.tombstone(run_id)
            if store.exists(run_id):
                assert contents(store, run_id) == ONE
            else:
                assert told is not None
                assert told.state == "purged"


_LOOKALIKES = (("run", OTHER), ("RUN", ONE), ("Run", OTHER))


def removal_of(ground: Ground, run_id: str, _: int) -> str:
    """How a removal is answered: the word, or the error's code."""
    try:
        return ground.make().remove(run_id, LATE, "somebody")
    except RunstoneError as exc:
        return exc.code


def _bring_or_take(ground: Ground, run_id: str, racer: int) -> str:
    if racer % 2:
        return removal_of(ground, run_id, racer)
    return code_of(lambda: seal(ground.make(), run_id, OTHER)) or "created"
