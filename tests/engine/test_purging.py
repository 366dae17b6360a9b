"""Purge: in two steps, never what somebody needs, and nothing but what it marked (promise P7)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runstone.adapters.fs import durable, leftovers
from runstone.core import layout
from runstone.core.times import time_text
from runstone.engine.purger import Purge
from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.locate import open_bundle
from runstone.testing.durability import in_children
from runstone.testing.fakes import FixedClock
from runstone.testing.ground import code_of

from .scenes import TOKEN, abandon, full_run, open_store, tree

ALL = {"rules": [{"query": "kind:job"}]}
NOW = {**ALL, "grace": "0"}
DAY_S = 86_400.0


def record(store: Store, *run_ids: str, kind: str = "job", **options: Any) -> None:
    """Small sealed runs."""
    for run_id in run_ids:
        with store.run(kind, run_id=run_id, **options) as run:
            run.note(run_id)


def amends(run_id: str) -> list[dict[str, Any]]:
    """The link of an annotation."""
    return [{"rel": "amends", "run_id": run_id, "digest": None}]


def told(purge: Purge) -> dict[str, tuple[str, bool]]:
    """Run → what is done with it, and whether it was."""
    return {fate.run_id: (fate.action, fate.done) for fate in purge.fates}


def listed(store: Store) -> list[str]:
    """Ids in a list of all kinds."""
    return sorted(row["run_id"] for row in store.rows("kind:*"))


def bring(store: Store, path: str | Path) -> str:
    """Import a bundle; answers how that went."""
    bundle = open_bundle(str(path))
    try:
        return store.import_bundle(bundle)[2]
    finally:
        bundle.close()


def without_catalog(root: Path) -> dict[str, Any]:
    """Everything in a store but its catalog."""
    return {path: what for path, what in tree(root).items() if "catalog" not in path}


# the two steps


def test_a_plan_writes_nothing(store: Store) -> None:
    """It says what would be done; not one file of the store is another."""
    record(store, "a", "b")
    before = without_catalog(Path(store.url))
    assert told(store.purge(ALL)) == {"a": ("mark", False), "b": ("mark", False)}
    assert without_catalog(Path(store.url)) == before


def test_a_marked_run_is_as_readable_as_before(store: Store) -> None:
    """Until its time has passed it is listed, shown and verified; a second purge lets it wait."""
    record(store, "a")
    assert told(store.purge(ALL, apply=True)) == {"a": ("mark", True)}
    assert (listed(store), store.get("a").status, store.verify("a").ok) == (["a"], "success", True)
    assert told(store.purge(apply=True)) == {"a": ("wait", False)}
    assert [stone.state for stone in store.tombstones()] == ["pending"]


def test_the_first_purge_after_the_grace_removes_it(store: Store, clock: FixedClock) -> None:
    """Whatever its own policy is; the tombstone says which run it was, when, by whom and why."""
    record(store, "a", "b")
    sealed = store.get("a")
    digest, outcome, opened_at = sealed.digest, sealed.outcome_digest, sealed.opened_at
    sealed.bundle.close()
    marked_at = time_text(clock.time_ns())
    store.purge({"rules": [{"query": "id:a"}], "grace": "2d"}, apply=True, reason="the disk is full")
    clock.advance(2 * DAY_S - 1)
    assert told(store.purge(apply=True)) == {"a": ("wait", False)}
    clock.advance(1)
    assert told(store.purge(apply=True)) == {"a": ("remove", True)}
    assert (listed(store), store.purge().fates) == (["b"], [])
    (stone,) = store.tombstones()
    assert stone.as_dict() == {
        "run_id": "a", "kind": "job", "status": "success", "digest": digest, "outcome_digest": outcome,
        "opened_at": opened_at, "rule": "id:a", "reason": "the disk is full", "follows": None, "state": "purged",
        "marked_at": marked_at, "marked_by": "somebody", "not_before": time_text(clock.time_ns()),
        "purged_at": time_text(clock.time_ns()), "purged_by": "somebody",
    }  # fmt: skip


def test_who_asks_is_told(store: Store, clock: FixedClock) -> None:
    """By the name that is given, of what was asked for; what somebody else had marked is removed by the user."""
    record(store, "a", "b")
    store.purge({"rules": [{"query": "id:a"}], "grace": "1d"}, by="bob", apply=True)
    clock.advance(DAY_S)
    store.purge({"rules": [{"query": "id:b"}], "grace": "0"}, by="ann", reason="asked by a customer", apply=True)
    stones = {stone.run_id: stone for stone in store.tombstones()}
    assert [(stones[name].marked_by, stones[name].purged_by) for name in "ab"] == [("bob", "somebody"), ("ann", "ann")]
    assert "by ann: id:b; asked by a customer" in stones["b"].error().message


def test_without_grace_it_is_one_step(store: Store) -> None:
    """`grace` 0: marked and removed by the same purge."""
    record(store, "a", "b")
    assert told(store.purge(ALL, grace="0", apply=True)) == {"a": ("remove", True), "b": ("remove", True)}
    assert listed(store) == []


def test_a_mark_is_taken_back(store: Store, clock: FixedClock) -> None:
    """By hand, for the run and what was said of it; one that is not marked is `not_marked`."""
    record(store, "a", "b")
    record(store, "n", kind="annotation", links=amends("a"))
    store.purge(ALL, apply=True)
    assert store.cancel_purge("a") == ["a", "n"]
    assert code_of(lambda: store.cancel_purge("a")) == "not_marked"
    clock.advance(30 * DAY_S)
    store.purge(apply=True)
    assert listed(store) == ["a", "n"]


def test_a_mark_is_taken_back_from_annotations_of_annotations(store: Store, clock: FixedClock) -> None:
    """What was said of what was said of the run goes with it, and stays with it."""
    record(store, "a", "b")
    record(store, "k", kind="annotation", links=amends("a"))
    record(store, "m", kind="annotation", links=amends("k"))
    record(store, "n", kind="annotation", links=amends("m"))
    record(store, "other", kind="annotation", links=amends("b"))
    store.purge(ALL, apply=True)
    assert store.cancel_purge("a") == ["a", "k", "m", "n"]
    clock.advance(30 * DAY_S)
    store.purge(apply=True)
    assert listed(store) == ["a", "k", "m", "n"]


@pytest.mark.parametrize("stays", ["a", "b"])
def test_an_annotation_of_several_runs_stays_with_either(store: Store, clock: FixedClock, stays: str) -> None:
    """It goes with the last of them: the mark of one that is taken back takes it back, whichever its mark names."""
    record(store, "a", "b")
    record(store, "n", kind="annotation", links=amends("a") + amends("b"))
    store.purge(ALL, apply=True)
    assert store.cancel_purge(stays) == [stays, "n"]
    clock.advance(30 * DAY_S)
    store.purge(apply=True)
    assert listed(store) == sorted([stays, "n"])


def test_a_hold_takes_a_mark_back(store: Store, clock: FixedClock) -> None:
    """One that names a marked run by the time of its removal keeps it, and the mark is gone."""
    record(store, "a", "b")
    store.purge(ALL, apply=True)
    clock.advance(30 * DAY_S)
    assert told(store.purge(holds=["id:a"], apply=True)) == {"a": ("release", True), "b": ("remove", True)}
    assert (listed(store), [stone.run_id for stone in store.tombstones()]) == (["a"], ["b"])


def test_holds_of_the_settings_count_beside_every_policy(tmp_path: Path) -> None:
    """A rule on the command line does not get round `runstone.toml`; its rules count where no others are given."""
    settings = b'[retention]\ngrace = "0"\n[[retention.rules]]\nkeep_last = 1\n[[retention.holds]]\nquery = "id:a"\n'
    store = open_store(tmp_path / "runs", settings_file=(settings, "runstone.toml"))
    record(store, "a", "b", "c")
    assert told(store.purge({"rules": [{"query": "kind:job"}]})) == {"b": ("mark", False), "c": ("mark", False)}
    assert told(store.purge(apply=True)) == {"b": ("remove", True)}
    other = tmp_path / "policy.toml"
    other.write_text('[[retention.rules]]\nquery = "id:*"\n')
    assert list(told(store.purge(other))) == ["c"]


def test_a_policy_that_cannot_be_read_purges_nothing(store: Store, tmp_path: Path) -> None:
    """No file, a torn one, one that says something else: `invalid_settings`, and no run is marked."""
    record(store, "a")
    torn = tmp_path / "torn.toml"
    torn.write_text("[retention\n")
    for policy in (torn, tmp_path / "absent.toml", {"rules": [{}]}):
        assert code_of(lambda policy=policy: store.purge(policy, apply=True)) == "invalid_settings"
    assert store.tombstones() == []


def test_secrets_are_no_part_of_a_tombstone(store: Store) -> None:
    """Neither of a rule nor of a reason, nor of who asks."""
    record(store, "a")
    policy = {"rules": [{"name": f"by {TOKEN}", "query": "id:a"}], "grace": "0"}
    store.purge(policy, by=f"ann {TOKEN}", reason=f"because of {TOKEN}", apply=True)
    (stone,) = store.tombstones()
    assert TOKEN not in repr(stone.as_dict())
    assert (stone.rule, stone.reason) == ("by [REDACTED:github-token]", "because of [REDACTED:github-token]")


# what goes with a run


def test_what_was_said_of_a_run_goes_with_it(store: Store, clock: FixedClock) -> None:
    """Each annotation by its own tombstone, at the same time as its run, also one that came after the mark."""
    record(store, "a", "b")
    record(store, "early", kind="annotation", links=amends("a"))
    record(store, "other", kind="annotation", links=amends("b"))
    store.purge({"rules": [{"query": "id:a"}]}, apply=True)
    record(store, "late", kind="annotation", links=amends("a"))
    clock.advance(7 * DAY_S)
    fates = store.purge(apply=True).fates
    assert [(fate.run_id, fate.action, fate.follows) for fate in fates] == [
        ("a", "remove", None), ("early", "remove", "a"), ("late", "remove", "a"),
    ]  # fmt: skip
    assert listed(store) == ["b", "other"]
    assert {stone.run_id: stone.rule for stone in store.tombstones()}["late"] == "goes with run a"


def test_what_was_said_of_a_run_stays_with_it(store: Store, clock: FixedClock) -> None:
    """Where the run cannot be removed now, its annotations wait."""
    record(store, "a")
    record(store, "n", kind="annotation", links=amends("a"))
    store.purge(ALL, apply=True)
    clock.advance(30 * DAY_S)
    reading = store.get("a")
    assert told(store.purge(apply=True)) == {"a": ("remove", False), "n": ("wait", False)}
    reading.bundle.close()
    assert told(store.purge(apply=True)) == {"a": ("remove", True), "n": ("remove", True)}


# what is left


def test_a_purged_run_is_told_as_such(store: Store) -> None:
    """By its id, by a prefix, by its digest: `run_purged` with the tombstone; never by another name."""
    record(store, "run-1", "other", "sun")
    digest = store.resolve("run-1") and store.get("run-1").digest
    store.purge({"rules": [{"query": "id:run-1"}], "grace": "0"}, apply=True)
    for name in ("run-1", "run", digest):
        with pytest.raises(RunstoneError) as caught:
            store.get(name)
        assert (caught.value.code, caught.value.details["run_id"], caught.value.exit_status) == (
            "run_purged", "run-1", 3,
        )  # fmt: skip
    assert code_of(lambda: store.get("run-2")) == "run_not_found"
    assert store.get("o").run_id == "other"


def test_the_id_of_a_purged_run_is_given_to_no_other(store: Store, tmp_path: Path) -> None:
    """Not to a new run, in whatever case, not to another bundle; `details` have the tombstone."""
    record(store, "a")
    other = open_store(tmp_path / "other")
    record(other, "a", labels={"an": "other"})
    store.purge(NOW, apply=True)
    leftovers.sweep(store.objects._places)  # type: ignore[attr-defined]  # of a store on disk
    for run_id in ("a", "A"):
        with pytest.raises(RunstoneError) as caught:
            store.run("job", run_id=run_id)
        assert (caught.value.code, caught.value.details["tombstone"]["rule"]) == ("run_exists", "kind:job")
    assert code_of(lambda: bring(store, tmp_path / "other/a")) == "run_exists"
    assert (listed(store), store.open_runs()) == ([], [])


def test_a_purged_run_comes_back_from_an_archive(store: Store, tmp_path: Path) -> None:
    """The very bundle may; then it has no tombstone, and can be purged again."""
    record(store, "a")
    other = open_store(tmp_path / "other")
    bring(other, store.url + "/a")
    store.purge(NOW, apply=True)
    assert bring(store, tmp_path / "other/a") == "created"
    assert (store.verify("a").ok, listed(store), store.tombstones()) == (True, ["a"], [])
    assert told(store.purge(apply=True)) == {}
    assert told(store.purge(NOW, apply=True)) == {"a": ("remove", True)}


def test_nothing_else_in_the_store_is_touched(store: Store, tmp_path: Path) -> None:
    """Other runs, open ones, their leases, unkept files, foreign folders, what is beside: byte for byte as before."""
    full_run(store, tmp_path, "kept")
    record(store, "a", "a-2")
    still = store.run("job", run_id="still")
    (Path(store.url) / "notes").mkdir()
    (Path(store.url) / "notes/a.txt").write_text("mine")
    unkept = Path(store.url) / layout.unkept("a")
    unkept.mkdir(parents=True)
    (unkept / "plot.png").write_bytes(b"png")
    before = without_catalog(tmp_path)
    store.purge({"rules": [{"query": "id:a"}], "grace": "0"}, apply=True)
    after = without_catalog(tmp_path)
    gone = sorted(before.keys() - after.keys())
    assert all(path.startswith("runs/a/") or path in ("runs/a", "runs/.runstone/lease/a") for path in gone)
    assert sorted(after.keys() - before.keys()) == ["runs/.runstone/tombstones", "runs/.runstone/tombstones/a.json"]
    assert {path: before[path] for path in before.keys() & after.keys()} == {
        path: after[path] for path in before.keys() & after.keys()
    }
    still.finish()


# what is never taken


def test_open_runs_are_not_taken(store: Store) -> None:
    """One that is recorded, and one whose process died: no rule sees them, no lease is touched."""
    alive, dead = store.run("job", run_id="alive"), store.run("job", run_id="dead")
    abandon(dead)
    before = without_catalog(Path(store.url))
    assert store.purge(NOW, apply=True).fates == []
    assert without_catalog(Path(store.url)) == before
    alive.finish()
    assert [recovery.outcome for recovery in store.recover()] == ["sealed"]


def test_a_run_that_an_open_run_links_to_is_kept(store: Store) -> None:
    """Its parent, or what it resumes: as long as it is open."""
    record(store, "parent", "alone")
    link = {"rel": "child-of", "run_id": "parent", "digest": None}
    with store.run("probe", links=[link]):
        purge = store.purge(NOW, apply=True)
    assert (told(purge), purge.kept) == ({"alone": ("remove", True)}, {"an open run links to it": 1})
    assert "parent" in told(store.purge(NOW))


def test_a_run_that_a_long_first_line_links_to_is_kept(store: Store) -> None:
    """The links of an open run count wherever in its first line they stand; lists know what it is, too."""
    record(store, "parent")
    links = [{"rel": "derives-from", "run_id": f"{number:0>100}", "digest": None} for number in range(10_000)]
    with store.run("probe", links=[*links, {"rel": "child-of", "run_id": "parent", "digest": None}]) as run:
        assert store.purge(NOW).kept == {"an open run links to it": 1}
        assert [summary.opened is None for summary in store.open_runs()] == [False]
        assert [row["run_id"] for row in store.rows("kind:probe")] == [run.run_id]


def test_a_run_that_is_open_too_is_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recovery that died before it took the open run away will come back to it, and must find what it sealed."""
    abandon(store.run("job", run_id="a"))
    with monkeypatch.context() as patch:
        patch.setattr("runstone.adapters.fs.journals.FsLeftRun.remove", lambda *_, **__: None)
        store.recover()
    purge = store.purge(NOW, apply=True)
    assert [fate.problem and fate.problem.code for fate in purge.fates] == ["run_in_use"]
    assert [recovery.outcome for recovery in store.recover()] == ["already_sealed"]
    assert told(store.purge(NOW, apply=True)) == {"a": ("remove", True)}


def test_a_run_that_is_read_is_kept_until_it_is_let_go(store: Store) -> None:
    """By the end of a `with` statement, or by `close`; what is asked for later opens it again, if it is there."""
    record(store, "a")
    with store.get("a") as sealed:
        assert len(list(sealed.events())) > 1
        assert [fate.problem and fate.problem.code for fate in store.purge(NOW, apply=True).fates] == ["run_in_use"]
    assert len(list(sealed.events())) > 1
    sealed.close()
    sealed.close()
    assert told(store.purge(NOW, apply=True)) == {"a": ("remove", True)}
    assert code_of(lambda: list(sealed.events())) == "run_purged"


def test_an_alias_and_a_label_given_later_hold_a_run(store: Store, clock: FixedClock) -> None:
    """Also where they come between mark and removal; taken away again, the run goes, and what was said of it."""
    record(store, "a", "b", "c")
    policy = {**ALL, "holds": [{"query": "label.hold:*"}]}
    assert set(told(store.purge(policy, apply=True))) == {"a", "b", "c"}
    store.alias("prod", "a")
    store.annotate("b", labels={"hold": "audit"})
    clock.advance(30 * DAY_S)
    purge = store.purge(policy, apply=True)
    assert {run_id: action for run_id, (action, _) in told(purge).items()} == {
        "a": "release",
        "b": "release",
        "c": "remove",
    }
    assert store.resolve("@prod") == "a"
    store.alias("prod", None)
    store.annotate("b", labels={"hold": None})
    store.purge(policy, grace="0", apply=True)
    assert (listed(store), store.aliases()) == ([], {})


def test_holds_are_looked_at_again_before_a_run_goes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody comes to need between the plan and the removal stays, and its mark is taken back."""
    record(store, "a", "b")
    needed = iter([set(), {"a"}])
    monkeypatch.setattr(Store, "_needed", lambda _: next(needed))
    assert told(store.purge(NOW, apply=True)) == {"a": ("release", True), "b": ("remove", True)}
    assert (listed(store), [stone.run_id for stone in store.tombstones()]) == (["a"], ["b"])


def test_a_damaged_run_is_not_taken(store: Store) -> None:
    """A query that cannot read it does not know what it would take; a mark that it had goes."""
    record(store, "a", "b")
    store.purge({"rules": [{"query": "id:b"}], "grace": "1d"}, apply=True)
    for run_id in ("a", "b"):
        manifest = Path(store.url) / run_id / layout.MANIFEST
        manifest.chmod(0o644)
        manifest.write_bytes(b"{}")
    purge = store.purge({"rules": [{"query": "id:a,b"}, {"older_than": "0"}], "grace": "0"}, apply=True)
    assert (told(purge), purge.kept) == ({"b": ("release", True)}, {"it cannot be read": 1})
    assert sorted(store.objects.run_ids()) == ["a", "b"]


def test_a_run_that_is_being_read_is_kept(store: Store) -> None:
    """Whoever has it open reads it to its end; then the next purge takes it."""
    record(store, "a")
    reading = store.get("a")
    purge = store.purge(NOW, apply=True)
    assert (told(purge), purge.fates[0].problem and purge.fates[0].problem.code) == (
        {"a": ("remove", False)}, "run_in_use",
    )  # fmt: skip
    assert [event["data"]["text"] for event in reading.events("note")] == ["a"]
    reading.bundle.close()
    assert told(store.purge(apply=True)) == {"a": ("remove", True)}


def test_who_rested_while_it_went_is_told(store: Store) -> None:
    """A run of an iteration that is read later: `run_purged`, not a bundle that seems damaged."""
    record(store, "a")
    (resting,) = store.runs()
    store.purge(NOW, apply=True)
    with pytest.raises(RunstoneError) as caught:
        resting.counts()
    assert caught.value.code == "run_purged"


def test_a_link_in_the_place_of_a_marked_run_is_not_followed(store: Store, tmp_path: Path) -> None:
    """The purge tells that it is not what was marked; what the link points at is untouched."""
    record(store, "a")
    store.purge({**ALL, "grace": "1ms"}, apply=True)
    os.rename(Path(store.url) / "a", tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", Path(store.url) / "a")
    before = tree(tmp_path / "elsewhere")
    assert code_of(lambda: store.objects.remove("a", "2030-01-01T00:00:00.000000Z", "x")) == "store_unavailable"
    assert (tree(tmp_path / "elsewhere"), os.path.islink(Path(store.url) / "a")) == (before, True)


def test_links_in_a_bundle_are_removed_and_not_followed(store: Store, tmp_path: Path) -> None:
    """What somebody has put into it goes; what that points at does not."""
    record(store, "a")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("mine")
    os.symlink(tmp_path / "mine", Path(store.url) / "a" / "linked")
    os.symlink(tmp_path / "mine/file", Path(store.url) / "a" / "linked-file")
    store.purge(NOW, apply=True)
    assert (tree(tmp_path / "mine"), (Path(store.url) / "a").exists()) == ({"file": b"mine"}, False)


_STOPPED = """
import sys, runstone
from runstone.errors import RunstoneError
run = runstone.open(sys.argv[1]).run("job", run_id="stopped")
run.note("before")
print("ready", flush=True)
sys.stdin.readline()
try:
    print(run.finish(), flush=True)
except RunstoneError as exc:
    print(exc.code, flush=True)
"""


def test_what_a_stopped_writer_needs_is_kept(tmp_path: Path) -> None:
    """Stopped while it records, and recovered by force: the run stays until the writer has come back and ended."""
    place = tmp_path / "runs"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", _STOPPED, str(place)], text=True, **pipes) as writer:  # type: ignore[call-overload]  # options as a mapping
        writer.stdout.readline()
        os.kill(writer.pid, signal.SIGSTOP)
        store = open_store(place)
        assert store.purge(NOW, apply=True).fates == []
        assert store.recover("stopped", force=True)[0].outcome == "sealed"
        before = tree(place / "stopped")
        purge = store.purge(NOW, apply=True)
        assert [fate.problem and fate.problem.code for fate in purge.fates] == ["run_in_use"]
        os.kill(writer.pid, signal.SIGCONT)
        assert writer.communicate("\n", timeout=60)[0].strip() == "recovered_elsewhere"
    assert tree(place / "stopped") == before
    store.recover()
    assert told(store.purge(NOW, apply=True)) == {"stopped": ("remove", True)}


# who dies, and who comes at the same moment


def test_a_purge_that_died_halfway_is_ended_by_the_next(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between name and files: the run is gone and told as purged, nobody gets its id, the sweep takes the rest."""
    record(store, "a", "b")
    store.purge({"rules": [{"query": "id:a"}], "grace": "1ms"}, apply=True)
    with monkeypatch.context() as patch:
        patch.setattr(durable, "replace_file", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.objects.remove("a", "2030-01-01T00:00:00.000000Z", "x")
    assert (listed(store), code_of(lambda: store.get("a"))) == (["b"], "run_purged")
    assert code_of(lambda: store.run("job", run_id="a")) == "run_exists"
    monkeypatch.setattr(leftovers, "MIN_AGE_S", -1e9)
    assert len(store.sweep()) == 2  # the files, and the lease
    assert told(store.purge(apply=True)) == {"a": ("remove", True)}
    assert [(stone.run_id, stone.state) for stone in store.tombstones()] == [("a", "purged")]
    assert os.listdir(Path(store.url) / layout.TEMPORARY) == []


def test_a_run_that_came_back_halfway_is_not_taken_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that died before it took the tombstone away leaves a run, which no purge has marked."""
    record(store, "a")
    elsewhere = open_store(Path(store.url).parent / "other")
    bring(elsewhere, store.url + "/a")
    store.purge(NOW, apply=True)
    with monkeypatch.context() as patch:
        patch.setattr(durable, "remove_file", lambda _: (_ for _ in ()).throw(OSError))
        bring(store, elsewhere.url + "/a")
    assert (store.get("a").run_id, store.tombstones(), store.purge(apply=True).fates) == ("a", [], [])
    assert told(store.purge(ALL, apply=True)) == {"a": ("mark", True)}


def test_a_run_that_comes_back_behind_a_purge_that_died_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its mark was still to be noted as done; that is not taken for the mark of what came back."""
    record(store, "a")
    elsewhere = open_store(Path(store.url).parent / "other")
    bring(elsewhere, store.url + "/a")
    store.purge({**ALL, "grace": "1ms"}, apply=True)
    deaths = {
        "replace_file": lambda: store.objects.remove("a", "2030-01-01T00:00:00.000000Z", "x"),
        "remove_file": lambda: bring(store, elsewhere.url + "/a"),
    }
    for call, act in deaths.items():
        with monkeypatch.context() as patch:
            patch.setattr(durable, call, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                act()
    assert (store.verify("a").ok, store.tombstones(), store.purge(apply=True).fates) == (True, [], [])


def test_one_run_that_cannot_be_removed_keeps_no_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its problem is told; the others go, and it can go later."""
    record(store, "a", "b", "c")
    withdraw = durable.withdraw_folder

    def failing(source: str, target: str) -> None:
        if source.endswith("b"):
            raise OSError(5, "Input/output error")
        withdraw(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(durable, "withdraw_folder", failing)
        purge = store.purge(NOW, apply=True)
    assert told(purge) == {"a": ("remove", True), "b": ("remove", False), "c": ("remove", True)}
    assert purge.fates[1].problem is not None
    assert purge.fates[1].problem.code == "store_unavailable"
    assert told(store.purge(apply=True)) == {"b": ("remove", True)}


RACERS = 5


def test_purges_at_once_agree(tmp_path: Path) -> None:
    """Each run goes once, whole; nobody fails but by `run_in_use`, and the next purge finds what that left."""
    store = open_store(tmp_path / "runs")
    names = [f"run-{number:02d}" for number in range(12)]
    record(store, *names)

    def work(_: int) -> str:
        purge = open_store(tmp_path / "runs").purge(NOW, apply=True)
        return " ".join(sorted({fate.problem.code for fate in purge.fates if fate.problem is not None}))

    assert set(in_children(RACERS, work)) <= {"", "run_in_use", "run_purged", "run_in_use run_purged"}
    store.purge(NOW, apply=True)
    assert (listed(store), [stone.run_id for stone in store.tombstones()]) == ([], names)
    assert {stone.state for stone in store.tombstones()} == {"purged"}
    assert os.listdir(tmp_path / "runs" / layout.TEMPORARY) == []


def test_purge_beside_writers_and_recovery_loses_nothing(tmp_path: Path) -> None:
    """Whatever is sealed at the same moment is there whole, or was purged with a tombstone; what died is sealed."""
    store = open_store(tmp_path / "runs")
    for number in range(6):
        abandon(store.run("job", run_id=f"dead-{number}"))

    def work(racer: int) -> str:
        mine = open_store(tmp_path / "runs")
        if racer < 2:
            record(mine, *(f"run-{racer}-{number}" for number in range(10)))
            return "recorded"
        if racer == 2:
            return " ".join(sorted({recovery.outcome for recovery in mine.recover()}))
        problems = set()
        for _ in range(6):
            problems |= {fate.problem.code for fate in mine.purge(NOW, apply=True).fates if fate.problem is not None}
        return " ".join(sorted(problems))

    recorded, again, recovered, *problems = in_children(RACERS, work)
    assert (recorded, again) == ("recorded", "recorded")
    assert "sealed" in recovered.split()
    assert set(recovered.split()) <= {"sealed", "already_sealed", "alive"}
    assert set(" ".join(problems).split()) <= {"run_in_use", "run_purged"}
    expected = {f"run-{racer}-{number}" for racer in range(2) for number in range(10)}
    expected |= {f"dead-{number}" for number in range(6)}
    there, gone = set(store.objects.run_ids()), {stone.run_id for stone in store.tombstones()}
    assert (there | gone, store.open_runs()) == (expected, [])
    assert all(store.verify(run_id).ok for run_id in there)
    store.purge(NOW, apply=True)
    assert (listed(store), {stone.run_id for stone in store.tombstones()}) == ([], expected)


def test_readers_beside_purges_read_whole_runs(tmp_path: Path) -> None:
    """A run that a reader finds verifies, or it was purged; never something between."""
    store = open_store(tmp_path / "runs")
    names = [f"run-{number:02d}" for number in range(15)]
    record(store, *names)

    def work(racer: int) -> str:
        mine = open_store(tmp_path / "runs")
        if racer == 0:
            while mine.objects.run_ids() and listed(mine):
                mine.purge(NOW, apply=True)
            return "purged"
        while True:
            left = list(mine.objects.run_ids())
            for run_id in left:
                try:
                    if not mine.verify(run_id).ok:
                        return f"{run_id} is not whole"
                except RunstoneError as exc:
                    if exc.code != "run_purged":
                        return f"{run_id}: {exc.code}"
            if not left:
                return "read"

    assert in_children(3, work) == ["purged", "read", "read"]
