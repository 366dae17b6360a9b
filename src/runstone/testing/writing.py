"""Port `objects`: what holds when bundles are written."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from runstone.core import layout
from runstone.core.limits import MAX_COMPONENT_BYTES, MAX_PATH_BYTES, MAX_RUN_ID_LENGTH
from runstone.core.manifest import FileFact
from runstone.testing.ground import BAD_IDS, BAD_PATHS, ONE, OTHER, code_of, codes_of, contents, seal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runstone.testing.ground import Files, Ground


class WritingSuite:
    """Stages, commits, conflicts, names."""

    def test_properties_are_declared(self, ground: Ground) -> None:
        """A store says what its bundles survive and whether they have a path, and each handle says the same."""
        properties = ground.make().properties
        assert properties.survives in ("nothing", "kill", "power")
        assert isinstance(properties.local, bool)
        assert ground.make().properties == properties

    def test_put_answers_path_size_and_digest(self, ground: Ground) -> None:
        """`put` answers the true size and SHA-256 of what it was given, across pieces."""
        stage = ground.make().stage("run")
        fact = stage.put("artifacts/a", [b"one", b"two"])
        stage.discard()
        assert fact == FileFact("artifacts/a", 6, sha256(b"onetwo").hexdigest())

    def test_bytes_come_back_however_they_were_cut(self, ground: Ground) -> None:
        """The cut into pieces leaves no trace; pieces of no bytes, at any place, change nothing."""
        from hypothesis import given, settings
        from hypothesis import strategies as st

        store, number = ground.make(), iter(range(1_000_000))

        @settings(max_examples=25, deadline=None, database=None)
        @given(st.lists(st.binary(max_size=40), max_size=6))
        def check(pieces: list[bytes]) -> None:
            run_id = f"cut-{next(number)}"
            stage = store.stage(run_id)
            fact = stage.put("data", iter(pieces))
            stage.put(layout.MANIFEST, [b"{}"])
            stage.commit()
            assert contents(store, run_id)["data"] == b"".join(pieces)
            assert fact.size == len(b"".join(pieces))

        check()

    def test_empty_file_is_a_file(self, ground: Ground) -> None:
        """A file of no bytes is there, whether from no piece or from an empty one."""
        stage = ground.make().stage("run")
        stage.put("none", [])
        stage.put("empty", [b""])
        stage.put(layout.MANIFEST, [b"{}"])
        stage.commit()
        assert contents(ground.make(), "run") == {"none": b"", "empty": b"", layout.MANIFEST: b"{}"}

    def test_large_file_comes_back(self, ground: Ground) -> None:
        """A file of some megabytes, in pieces that fit no buffer, comes back byte for byte."""
        pieces = [bytes([number % 251]) * 333_333 for number in range(10)]
        stage = ground.make().stage("run")
        stage.put("big", pieces)
        stage.put(layout.MANIFEST, [b"{}"])
        stage.commit()
        assert contents(ground.make(), "run")["big"] == b"".join(pieces)

    def test_second_put_of_a_path_is_refused(self, ground: Ground) -> None:
        """A path is written once; the second write is `file_exists` and the first one's bytes stay."""
        stage = ground.make().stage("run")
        stage.put(layout.MANIFEST, [b"first"])
        assert code_of(lambda: stage.put(layout.MANIFEST, [b"second"])) == "file_exists"
        stage.commit()
        assert contents(ground.make(), "run") == {layout.MANIFEST: b"first"}

    def test_path_outside_the_grammar_is_refused(self, ground: Ground) -> None:
        """A path that could leave the bundle, or that some file system cannot hold, is `invalid_path`."""
        stage = ground.make().stage("run")
        codes = codes_of(BAD_PATHS, lambda path: stage.put(path, [b"x"]))
        stage.discard()
        assert codes == dict.fromkeys(BAD_PATHS, "invalid_path")

    def test_id_outside_the_grammar_is_refused(self, ground: Ground) -> None:
        """An id that could leave the store is `invalid_run_id`, before anything is written."""
        assert codes_of(BAD_IDS, ground.make().stage) == dict.fromkeys(BAD_IDS, "invalid_run_id")

    def test_names_at_the_limit_are_held(self, ground: Ground) -> None:
        """The longest id, component and path that the format allows are held as they are."""
        run_id = "r" * MAX_RUN_ID_LENGTH
        long = "d" * MAX_COMPONENT_BYTES
        path = "/".join([long] * (MAX_PATH_BYTES // (MAX_COMPONENT_BYTES + 1)))
        files = {layout.MANIFEST: b"{}", path: b"deep", "é" * (MAX_COMPONENT_BYTES // 2): b"wide"}
        seal(ground.make(), run_id, files)
        assert contents(ground.make(), run_id) == files

    def test_nothing_is_seen_before_commit(self, ground: Ground) -> None:
        """A stage is nobody's business: its run does not exist, in no list and under no name."""
        store = ground.make()
        stage = store.stage("run")
        for path, body in ONE.items():
            stage.put(path, [body])
        assert not store.exists("run")
        assert code_of(lambda: store.open("run")) == "run_not_found"
        assert list(store.run_ids()) == []
        assert store.foreign() == []
        assert ground.raw_read("run", layout.MANIFEST) is None
        stage.discard()

    def test_only_what_is_to_be_kept_is_committed(self, ground: Ground) -> None:
        """What `keep_only` does not name is no part of the bundle; a name that no file has changes nothing."""
        stage = ground.make().stage("run")
        for path, body in {**ONE, "left": b"1", "artifacts/left": b"2", "artifacts/deep/left/over": b"3"}.items():
            stage.put(path, [body])
        stage.keep_only({*ONE, "never"})
        assert stage.commit() == "created"
        assert contents(ground.make(), "run") == ONE

    def test_source_that_fails_leaves_nothing(self, ground: Ground) -> None:
        """An error of the source of the bytes comes through as it is; the stage can be thrown away."""

        def broken() -> Iterator[bytes]:
            yield b"half"
            raise ZeroDivisionError

        stage = ground.make().stage("run")
        caught = False
        try:
            stage.put("data", broken())
        except ZeroDivisionError:
            caught = True
        stage.discard()
        assert caught
        assert not ground.make().exists("run")
        assert seal(ground.make(), "run", ONE) == "created"

    def test_commit_is_created_and_all_files_stand(self, ground: Ground) -> None:
        """The first commit answers `created`, and every byte really stands there."""
        assert seal(ground.make(), "run", ONE) == "created"
        assert {path: ground.raw_read("run", path) for path in ONE} == ONE

    def test_same_manifest_is_identical(self, ground: Ground) -> None:
        """A second commit of the same bundle answers `identical`, from the same handle and from another."""
        store = ground.make()
        seal(store, "run", ONE)
        assert [seal(store, "run", ONE), seal(ground.make(), "run", ONE)] == ["identical", "identical"]

    def test_identical_commit_writes_nothing(self, ground: Ground) -> None:
        """`identical` is decided by the manifest; not one byte of the bundle that was there changes."""
        seal(ground.make(), "run", ONE)
        seal(ground.make(), "run", {**ONE, "run.json": b"changed"})
        assert contents(ground.make(), "run") == ONE

    def test_other_manifest_is_a_conflict(self, ground: Ground) -> None:
        """A second commit of another bundle is `run_exists`."""
        seal(ground.make(), "run", ONE)
        assert code_of(lambda: seal(ground.make(), "run", OTHER)) == "run_exists"

    def test_conflict_changes_nothing(self, ground: Ground) -> None:
        """The bundle that was there stays as it was, though the loser's stage was thrown away."""
        seal(ground.make(), "run", ONE)
        code_of(lambda: seal(ground.make(), "run", OTHER))
        assert contents(ground.make(), "run") == ONE
        assert {path: ground.raw_read("run", path) for path in ONE} == ONE

    def test_id_in_another_case_is_taken(self, ground: Ground) -> None:
        """Two ids that differ in case only are one id: the second is `run_exists`, also with the same manifest."""
        store = ground.make()
        seal(store, "Run-A", ONE)
        assert code_of(lambda: seal(store, "run-a", ONE)) == "run_exists"
        assert code_of(lambda: seal(ground.make(), "RUN-A", OTHER)) == "run_exists"
        assert list(store.run_ids()) == ["Run-A"]

    def test_discard_leaves_the_id_free(self, ground: Ground) -> None:
        """What was thrown away never was; discarding twice is once."""
        store = ground.make()
        stage = store.stage("run")
        stage.put(layout.MANIFEST, [b"gone"])
        stage.discard()
        stage.discard()
        assert not store.exists("run")
        assert seal(store, "run", ONE) == "created"
        assert contents(store, "run") == ONE

    def test_discard_after_commit_does_nothing(self, ground: Ground) -> None:
        """A committed bundle cannot be thrown away."""
        stage = ground.make().stage("run")
        for path, body in ONE.items():
            stage.put(path, [body])
        stage.commit()
        stage.discard()
        assert contents(ground.make(), "run") == ONE

    def test_stages_do_not_mix(self, ground: Ground) -> None:
        """Two stages of one id hold each its own files, whoever commits first."""
        store = ground.make()
        first, second = store.stage("run"), ground.make().stage("run")
        first.put("from-first", [b"1"])
        second.put("from-second", [b"2"])
        first.put(layout.MANIFEST, [b"first"])
        second.put(layout.MANIFEST, [b"second"])
        second.commit()
        code = code_of(first.commit)
        first.discard()
        expected: Files = {"from-second": b"2", layout.MANIFEST: b"second"}
        assert (code, contents(store, "run")) == ("run_exists", expected)

    def test_many_files_are_held(self, ground: Ground) -> None:
        """A bundle of 5,000 files has them all."""
        files = {f"artifacts/{number % 50:02d}/{number:05d}": b"%d" % number for number in range(5_000)}
        seal(ground.make(), "run", {layout.MANIFEST: b"{}", **files})
        assert contents(ground.make(), "run") == {layout.MANIFEST: b"{}", **files}
