"""Port `objects`: what holds when bundles are found and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstone.core import layout
from runstone.testing.ground import BAD_IDS, BAD_PATHS, ONE, OTHER, code_of, codes_of, contents, seal

if TYPE_CHECKING:
    from runstone.testing.ground import Ground


class ReadingSuite:
    """Lists, entries, ranges, what is not there."""

    def test_entries_are_sorted_by_utf8_path(self, ground: Ground) -> None:
        """Every name at any depth, folders left out, in the order of the UTF-8 bytes of the whole path."""
        names = ["a/b/c", "a-b", "a.txt", "a/b.txt", "A", "é", "\uffee", "\U0001f600", "zz", layout.MANIFEST]
        seal(ground.make(), "run", dict.fromkeys(names, b"x"))
        listed = [entry.path for entry in ground.make().open("run").entries()]
        assert listed == sorted(names, key=str.encode)

    def test_entries_tell_kind_and_size(self, ground: Ground) -> None:
        """Each entry is a file with its true size."""
        seal(ground.make(), "run", ONE)
        entries = ground.make().open("run").entries()
        assert {(entry.path, entry.kind, entry.size) for entry in entries} == {
            (path, "file", len(body)) for path, body in ONE.items()
        }

    def test_any_range_can_be_read(self, ground: Ground) -> None:
        """`read` gives exactly the bytes from `start` to before `end_exclusive`, as a slice would."""
        from hypothesis import given, settings
        from hypothesis import strategies as st

        body = bytes(range(200))
        seal(ground.make(), "run", {layout.MANIFEST: b"{}", "data": body})
        bundle = ground.make().open("run")

        @settings(max_examples=50, deadline=None, database=None)
        @given(st.integers(0, 210), st.none() | st.integers(0, 210))
        def check(start: int, end: int | None) -> None:
            assert b"".join(bundle.read("data", start, end)) == body[start:end]

        check()
        bundle.close()

    def test_range_of_a_large_file_can_be_read(self, ground: Ground) -> None:
        """A range that begins in one chunk and ends in another comes back whole."""
        body = b"".join(b"%07d\n" % number for number in range(400_000))
        seal(ground.make(), "run", {layout.MANIFEST: b"{}", "data": body})
        bundle = ground.make().open("run")
        assert b"".join(bundle.read("data", 1_000_001, 3_100_003)) == body[1_000_001:3_100_003]
        bundle.close()

    def test_missing_file_is_not_found(self, ground: Ground) -> None:
        """A name that is not there, a folder, or a name that no bundle can hold is `file_not_found`."""
        seal(ground.make(), "run", ONE)
        bundle = ground.make().open("run")
        asked = ("absent", "artifacts", "run.json/x", *BAD_PATHS)
        codes = codes_of(asked, lambda path: b"".join(bundle.read(path)))
        bundle.close()
        assert codes == dict.fromkeys(asked, "file_not_found")

    def test_missing_run_is_not_found(self, ground: Ground) -> None:
        """An id that is not there, or cannot be one, is `run_not_found` and does not exist."""
        store = ground.make()
        seal(store, "run", ONE)
        asked = ("absent", *BAD_IDS)
        assert codes_of(asked, store.open) == dict.fromkeys(asked, "run_not_found")
        assert [run_id for run_id in asked if store.exists(run_id)] == []

    def test_id_exists_in_any_case_and_opens_in_its_own(self, ground: Ground) -> None:
        """`exists` has no case, so that nobody takes a look-alike; `open` gives the run that was asked for or none."""
        store = ground.make()
        seal(store, "Run-A", ONE)
        assert [store.exists("Run-A"), store.exists("run-a"), store.exists("RUN-A")] == [True, True, True]
        assert code_of(lambda: store.open("run-a")) == "run_not_found"

    def test_runs_are_listed_once_as_they_are_spelled(self, ground: Ground) -> None:
        """`run_ids` has each sealed run once and nothing else."""
        store = ground.make()
        expected = ["Mixed-Case.1", "a", "b_2"]
        for run_id in expected:
            seal(store, run_id, ONE)
        seal(store, "a", ONE)
        store.stage("open").put(layout.MANIFEST, [b"{}"])
        assert sorted(store.run_ids()) == expected

    def test_other_handle_sees_a_commit_at_once(self, ground: Ground) -> None:
        """A handle that has looked before sees at its next call what another handle has committed since."""
        writer, reader = ground.make(), ground.make()
        assert (list(reader.run_ids()), reader.exists("run")) == ([], False)
        assert code_of(lambda: reader.open("run")) == "run_not_found"
        seal(writer, "run", ONE)
        assert (list(reader.run_ids()), reader.exists("run")) == (["run"], True)
        assert contents(reader, "run") == ONE

    def test_reading_tells_what_is_there(self, ground: Ground) -> None:
        """Bytes are read when they are asked for: what was changed behind the store's back is told, not hidden."""
        store = ground.make()
        seal(store, "run", ONE)
        contents(store, "run")
        ground.raw_write("run", "run.json", b"tampered")
        ground.raw_write("run", "extra", b"added")
        assert contents(store, "run") == {**ONE, "run.json": b"tampered", "extra": b"added"}

    def test_what_has_no_manifest_is_foreign(self, ground: Ground) -> None:
        """A folder without a manifest is told by `foreign` and listed as no run."""
        store = ground.make()
        seal(store, "run", ONE)
        ground.raw_write("stray", "notes.txt", b"mine")
        assert (store.foreign(), list(store.run_ids())) == (["stray"], ["run"])

    def test_marks_tell_one_bundle_from_another(self, ground: Ground) -> None:
        """Each sealed run has a mark, the same for every handle; another manifest in its place has another."""
        seal(ground.make(), "run", ONE)
        seal(ground.make(), "same", ONE)
        ground.raw_write("stray", "notes.txt", b"mine")
        before = ground.make().marks()
        assert sorted(before) == ["run", "same"]
        assert ground.make().marks() == before
        ground.raw_write("run", layout.MANIFEST, OTHER[layout.MANIFEST] + b" ")
        after = ground.make().marks()
        assert (after["same"], sorted(after)) == (before["same"], ["run", "same"])
        assert after["run"] != before["run"]

    def test_stamp_tells_that_bundles_came_or_went(self, ground: Ground) -> None:
        """As long as it is the same text, no bundle has come or gone; it may also be `None`, which says nothing."""
        store = ground.make()
        seal(store, "one", ONE)
        stamps = [store.stamp()]
        seal(store, "two", ONE)
        stamps.append(ground.make().stamp())
        ground.raw_remove("one")
        seal(ground.make(), "three", ONE)
        stamps.append(store.stamp())
        told = [stamp for stamp in stamps if stamp is not None]
        assert len(set(told)) == len(told)

    def test_bundle_reads_on_after_rest(self, ground: Ground) -> None:
        """`rest` gives back what reading holds; reading goes on by itself. `close` may be called twice."""
        seal(ground.make(), "run", ONE)
        bundle = ground.make().open("run")
        first = b"".join(bundle.read(layout.JOURNAL))
        bundle.rest()
        assert b"".join(bundle.read(layout.JOURNAL)) == first == ONE[layout.JOURNAL]
        bundle.rest()
        assert len(bundle.entries()) == len(ONE)
        bundle.close()
        bundle.close()

    def test_bundle_says_where_it_is(self, ground: Ground) -> None:
        """`location` is text for people, and different for two runs."""
        store = ground.make()
        seal(store, "one", ONE)
        seal(store, "two", OTHER)
        locations = {store.open("one").location, store.open("two").location}
        assert len(locations) == 2
        assert all(locations)

    def test_any_sequence_of_calls_agrees_with_a_dict(self, ground: Ground) -> None:
        """Whatever is staged, committed and thrown away in whatever order, the store is what a dict would be."""
        from runstone.testing.machine import run_against_a_dict

        run_against_a_dict(ground)
