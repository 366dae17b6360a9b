"""What is said of a sealed run afterwards: as runs of their own, folded over it by every reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.testing.fakes import FixedClock

from .scenes import TOKEN, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with two runs."""
    clock = FixedClock()
    store = open_store(tmp_path / "runs", clock=clock)
    for run_id in ("one", "two"):
        with store.run("job", run_id=run_id, labels={"env": "dev"}) as run:
            run.event("score", {"name": "quality", "value": 0.5})
        clock.advance(1)
    return store


def refusal(call: Callable[[], object]) -> str:
    """The code of the error that a call raises."""
    with pytest.raises(RunstoneError) as caught:
        call()
    return caught.value.code


def later(store: Store) -> Store:
    store.clock.advance(1)
    return store


def bytes_of(store: Store, run_id: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (Path(store.url) / run_id).rglob("*") if path.is_file()}


def ids(store: Store, query: str) -> list[str]:
    return [row["run_id"] for row in store.rows(query)]


def test_an_annotation_is_a_sealed_run_that_amends(store: Store) -> None:
    """It verifies as any; the target keeps its bytes and digest; nobody sees it among runs who does not ask for it."""
    before = bytes_of(store, "one")
    said = store.annotate("one", labels={"env": "prod", "n": 3}, note="looks fine", scores={"quality": 1}, name="first")
    assert (said.kind, said.status) == ("annotation", "success")
    assert said.manifest["links"] == [{"rel": "amends", "run_id": "one", "digest": store.get("one").digest}]
    assert store.verify(said.run_id).ok
    assert bytes_of(store, "one") == before
    assert ids(store, "") == ["two", "one"]
    assert ids(store, "kind:annotation") == [said.run_id]
    assert store.resolve("@latest") == "two"
    assert [event["data"] for event in said.events("annotation")] == [
        {"labels": {"env": "prod", "n": "3"}, "aliases": {}, "by": store.host.user(), "name": "first"}
    ]


def test_queries_find_what_was_said(store: Store) -> None:
    """Labels, scores, names and notes; a later one wins, and nothing is left of what it replaced."""
    store.annotate("one", labels={"env": "prod"}, note="checked by hand", scores={"quality": 0.9}, name="golden")
    assert ids(store, "label.env:prod") == ids(store, "score.quality>0.6") == ids(store, "name:golden") == ["one"]
    assert ids(store, '"by hand"') == ids(store, '"golden"') == ["one"]
    assert ids(store, "label.env:dev") == ["two"]
    later(store).annotate("one", labels={"env": None}, scores={"quality": 0.1}, name="")
    assert ids(store, "label.env:*") == ids(store, "-score.quality<0.2") == ["two"]
    assert ids(store, "name:golden") == []
    assert store.rows("id:one")[0]["name"] is None


def test_a_damaged_annotation_hides_no_run(store: Store) -> None:
    """What it said is gone, and no more."""
    said = store.annotate("one", labels={"env": "prod"}).run_id
    manifest = Path(store.url) / said / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_bytes(manifest.read_bytes().replace(b'"rel":', b'"rem":'))
    again = open_store(Path(store.url))
    assert ids(again, "label.env:dev") == ["two", "one"]
    assert [fault.code for fault in again.verify(said).findings] == ["bundle_damaged"]


def test_the_history_is_kept(store: Store) -> None:
    """Who said what, the oldest first."""
    store.annotate("one", note="first", by="ann")
    later(store).annotate("one", labels={"a": "b"}, by="bob")
    assert [(told["by"], told["notes"], told["labels"]) for told in store.annotations("one")] == [
        ("ann", ["first"], {}),
        ("bob", [], {"a": "b"}),
    ]
    assert store.annotations("two") == []


def test_an_alias_names_a_run_wherever_a_run_is_named(store: Store) -> None:
    """Until it names another one, or none."""
    store.alias("prod", "one")
    assert (store.resolve("@prod"), store.get("@prod").run_id, store.verify("@prod").run_id) == ("one", "one", "one")
    assert store.aliases() == {"prod": "one"}
    later(store).alias("prod", "two")
    later(store).alias("best", "@prod")
    assert store.aliases() == {"best": "two", "prod": "two"}
    assert ids(store, "alias:prod") == ["two"]
    later(store).alias("prod", None)
    assert store.aliases() == {"best": "two"}
    assert refusal(lambda: store.get("@prod")) == refusal(lambda: store.alias("prod", None)) == "run_not_found"


@pytest.mark.parametrize("alias", ["", "latest", "a b", "-a", ".a", "a/b", "é", "a" * 65, TOKEN, 3, None])
def test_what_cannot_be_an_alias(store: Store, alias: object) -> None:
    """`invalid_option`, and nothing is recorded."""
    assert refusal(lambda: store.alias(alias, "one")) == "invalid_option"
    assert ids(store, "kind:annotation") == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "invalid_option"),
        ({"note": ""}, "invalid_option"),
        ({"labels": {"": "x"}}, "invalid_label"),
        ({"labels": {"a": "x" * 1025}}, "invalid_label"),
        ({"scores": {"a": "high"}}, "invalid_option"),
        ({"scores": {"a": True}}, "invalid_option"),
        ({"scores": {"a": object()}}, "invalid_option"),
    ],
)
def test_what_cannot_be_said(store: Store, said: dict[str, object], code: str) -> None:
    """A typed error, and nothing is recorded."""
    assert refusal(lambda: store.annotate("one", **said)) == code
    assert ids(store, "kind:annotation") == []


def test_a_run_that_is_not_sealed_cannot_be_annotated(store: Store) -> None:
    """It can be given labels by its own process only once it is sealed; one that is not there cannot be at all."""
    run = store.run("job", run_id="alive")
    assert refusal(lambda: store.annotate("alive", note="x")) == "run_is_open"
    assert refusal(lambda: store.annotate("nobody", note="x")) == "run_not_found"
    run.finish()


def test_secrets_in_what_is_said_do_not_reach_the_disk(store: Store) -> None:
    """An annotation is recorded as any run."""
    store.annotate("one", note=f"the token is {TOKEN}", labels={"t": TOKEN}, name=TOKEN)
    everything = b"".join(path.read_bytes() for path in Path(store.url).rglob("*") if path.is_file())
    assert TOKEN.encode() not in everything


def test_nothing_is_said_where_recording_is_switched_off(tmp_path: Path) -> None:
    """It is an error: who annotates wants it kept."""
    store = open_store(tmp_path / "runs")
    with store.run("job", run_id="one"):
        pass
    off = open_store(tmp_path / "runs", settings={"RUNSTONE_DISABLED": "1"})
    assert refusal(lambda: off.annotate("one", note="x")) == "store_unavailable"


def test_an_annotation_is_no_child(tmp_path: Path) -> None:
    """Also where a run's process annotates another run."""
    store = open_store(tmp_path / "runs", settings={"RUNSTONE_PARENT": "parent"})
    with store.run("job", run_id="one"):
        pass
    assert [link["rel"] for link in store.annotate("one", note="x").manifest["links"]] == ["amends"]


def test_a_purged_target_leaves_its_annotations_alone(store: Store) -> None:
    """They can still be listed and read; the alias names nothing."""
    import shutil

    said = store.alias("prod", "one")
    shutil.rmtree(Path(store.url) / "one")
    assert ids(store, "kind:annotation") == [said.run_id]
    assert refusal(lambda: store.get("@prod")) == "run_not_found"
    assert store.aliases() == {}


def test_errors_are_typed_whatever_is_handed_in(store: Store) -> None:
    """No error of Python escapes."""
    for said in ({"labels": 3}, {"scores": [1]}, {"labels": [("a",)]}):
        with pytest.raises(RunstoneError):
            store.annotate("one", **said)


def test_a_comparison_tells_what_was_said(store: Store) -> None:
    """Labels as they are now, and scores given after the seal, which are no part of the outcome."""

    def differing() -> list[tuple[str, str | None, object, bool]]:
        found = store.compare("one", "two").differences
        return [(item.section, item.name, item.b, item.outcome) for item in found if item.section != "journal"]

    assert differing() == []
    store.annotate("two", labels={"env": "prod"}, scores={"quality": 0.9})
    assert differing() == [("scores", "quality", 0.9, False), ("labels", "env", "prod", False)]
    assert store.compare("one", "two").same


def test_a_verdict_measures_the_score_of_now(store: Store) -> None:
    """A score that was given after the seal stands in the place of the recorded one."""
    assert not store.judge("two", baseline="one", limits=["min score.quality:0.8"]).ok
    store.annotate("two", scores={"quality": 0.9})
    assert store.judge("two", baseline="one", limits=["min score.quality:0.8"]).ok
