"""`runstone purge`: what it shows, what it refuses, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from runstone.engine.store import Store

from .conftest import HOSTILE, Invoke, raw_controls, seal, seal_hostile


@pytest.fixture
def runs(store: Store) -> Store:
    """Three runs, one of which is for the auditors."""
    seal(store, run_id="a")
    seal(store, run_id="b", labels={"hold": "audit"})
    seal(store, "nightly", run_id="c")
    return store


def test_without_apply_it_is_a_plan(runs: Store, invoke: Invoke) -> None:
    """A row for each run that a rule takes, why it goes, what it comes to, and why others stay; nothing is written."""
    answer = invoke("purge", "--query", "kind:probe", "--hold", "label.hold:*")
    assert answer.out.splitlines()[0].startswith("to mark: 1 run, ")
    assert answer.out.splitlines()[2].split()[0:2] == ["a", "probe"]
    assert answer.out.splitlines()[2].endswith("kind:probe")
    assert answer.out.splitlines()[-1] == "kept: 1 run, held: label.hold:*"
    assert (answer.status, answer.err) == (0, "runstone: nothing was written: --apply does it\n")
    assert invoke("purge", "--query", "kind:probe", "--plan").out.startswith("to mark: 2 runs, ")
    assert runs.tombstones() == []


def test_apply_marks_and_the_next_one_removes(runs: Store, invoke: Invoke) -> None:
    """With no grace at once; with one it says until when."""
    assert invoke("purge", "--query", "id:a", "--apply").out.startswith("marked: 1 run, ")
    assert invoke("purge").out.startswith("marked before: 1 run, ")
    answer = invoke("purge", "--query", "id:c", "--grace", "0", "--apply")
    assert answer.out.startswith("removed: 1 run, ")
    assert sorted(runs.objects.run_ids()) == ["a", "b"]


def test_json_has_the_runs_and_why_others_stay(runs: Store, invoke: Invoke) -> None:
    """One object, and nothing on standard error."""
    answer = invoke("purge", "--keep-last", "1", "--json")
    assert (answer.status, answer.err, answer.value["applied"]) == (0, "", False)
    assert answer.value["kept"] == {"among the last 1 of its kind": 2}
    (row,) = answer.value["runs"]
    assert (row["run_id"], row["action"], row["done"], row["problem"]) == ("a", "mark", False, None)
    assert row["size_bytes"] == sum(path.stat().st_size for path in (Path(runs.url) / "a").rglob("*"))


def test_marks_and_tombstones_are_listed(runs: Store, invoke: Invoke) -> None:
    """Marked ones with their time, purged ones with who and why."""
    invoke("purge", "--query", "id:a", "--apply", "--reason", "the disk is full")
    invoke("purge", "--query", "id:c", "--apply", "--grace", "0")
    lines = invoke("purge", "--list").out.splitlines()
    assert (lines[0].split()[:3], lines[1].split("; ")[:2]) == (
        ["a", "marked,", "not"], ["  probe: id:a", "the disk is full"],
    )  # fmt: skip
    assert (lines[2].split()[:2], lines[3].split("; by ")[0]) == (["c", "purged"], "  nightly: id:c")
    assert [stone["state"] for stone in invoke("purge", "--list", "--json").value] == ["pending", "purged"]


def test_a_mark_is_taken_back(runs: Store, invoke: Invoke) -> None:
    """By a prefix too; what is not marked is an error with status 3."""
    invoke("purge", "--query", "id:a", "--apply")
    assert invoke("purge", "--cancel", "a", "--json").value == {"cancelled": ["a"]}
    answer = invoke("purge", "--cancel", "a", "--json")
    assert (answer.status, answer.value["code"]) == (3, "not_marked")
    assert invoke("purge").err == f"runstone: nothing to purge in {runs.url}\n"


def test_a_purged_run_is_told_by_every_verb(runs: Store, invoke: Invoke) -> None:
    """Status 3, and when, by whom and why."""
    invoke("purge", "--query", "id:a", "--apply", "--grace", "0", "--reason", "the disk is full")
    for words in (("show", "a"), ("logs", "a"), ("get", "a", "-o", "x"), ("verify", "a"), ("export", "a")):
        answer = invoke(*words)
        assert (answer.status, "run a was purged on" in answer.err) == (3, True), answer
        assert answer.err.endswith(": id:a; the disk is full\n")
    assert json.loads(invoke("show", "a", "--json").out)["details"]["rule"] == "id:a"
    assert [row["run_id"] for row in invoke("ls", "--json").value] == ["c", "b"]


def test_a_run_in_use_is_told_and_is_no_failure(runs: Store, invoke: Invoke) -> None:
    """It goes the next time; what cannot go for another reason makes the status."""
    reading = runs.get("a")
    answer = invoke("purge", "--query", "id:a", "--apply", "--grace", "0")
    assert (answer.status, "run a is in use: it is being read" in answer.out) == (0, True)
    assert answer.out.startswith("not removed: 1 run, ")
    assert "\nremoved" not in answer.out
    reading.bundle.close()
    (Path(runs.url) / "a/manifest.json").chmod(0o644)
    assert invoke("purge", "--apply").out.startswith("removed: 1 run, ")


def test_a_policy_is_a_file(runs: Store, invoke: Invoke) -> None:
    """Its rules and holds; without one those of `runstone.toml`."""
    text = '[retention]\ngrace = "0"\n[[retention.rules]]\nquery = "kind:probe"\n[[retention.holds]]\nquery = "id:a"\n'
    Path("policy.toml").write_text(text)
    Path("runstone.toml").write_text('[[retention.rules]]\nquery = "kind:nightly"\n')
    assert [row["run_id"] for row in invoke("purge", "--json").value["runs"]] == ["c"]
    assert [row["run_id"] for row in invoke("purge", "--policy", "policy.toml", "--json").value["runs"]] == ["b"]


REFUSED = [
    (("--older-than", "30"), "invalid_option", "'30' is no span of time"),
    (("--max-size", "big"), "invalid_option", "'big' is not a size"),
    (("--keep-last", "-1"), "invalid_option", "--keep-last"),
    (("--grace", "soon"), "invalid_option", "'soon' is no span of time"),
    (("--query", "color:red"), "invalid_query", "column 1"),
    (("--query", ""), "invalid_settings", "empty"),
    (("--query", " "), "invalid_settings", "would take every run"),
    (("--hold", "color:red"), "invalid_query", "column 1"),
    (("--plan", "--apply"), "invalid_option", "--plan and --apply"),
    (("--list", "--cancel", "a"), "invalid_option", "--cancel and --list"),
    (("--policy", "x.toml", "--keep-last", "1"), "invalid_option", "--policy has the rules"),
    (("--policy", "x.toml"), "invalid_settings", "x.toml: No such file or directory"),
    (("--cancel", "a", "--query", "id:b"), "invalid_option", "--cancel takes no rules"),
]


@pytest.mark.parametrize(("words", "code", "message"), REFUSED, ids=[" ".join(words) for words, *_ in REFUSED])
def test_what_cannot_be_meant_is_refused(
    runs: Store, invoke: Invoke, words: tuple[str, ...], code: str, message: str
) -> None:
    """With status 2, and nothing is marked."""
    answer = invoke("purge", *words, "--json")
    assert (answer.status, answer.value["code"], message in answer.err) == (2, code, True), answer
    assert runs.tombstones() == []


def test_the_answer_fits_a_terminal(runs: Store, on_terminal: Callable[..., str]) -> None:
    """80 columns, with whole ids, in colour."""
    seal(runs, "nightly-" + "x" * 60)
    received = on_terminal("purge", "--query", "kind:*", "--apply")
    assert "\x1b[33mmarked\x1b[0m: 4 runs" in received
    plain = on_terminal("purge", NO_COLOR="1") + on_terminal("purge", "--list", NO_COLOR="1")
    assert max(map(len, plain.splitlines())) <= 80


@pytest.mark.parametrize("columns", ["40", "80"])
def test_why_a_run_goes_is_said_in_any_width(runs: Store, on_terminal: Callable[..., str], columns: str) -> None:
    """Where there is no room for it in the row it stands below, whole."""
    rule = "kind:probe status:success -label.hold:audit -label.env:prod"
    shown = on_terminal("purge", "--query", rule, COLUMNS=columns, NO_COLOR="1")
    assert rule in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= max(int(columns), 46)


def test_recorded_text_cannot_speak_to_the_terminal(store: Store, invoke: Invoke) -> None:
    """A kind, a rule and a reason are shown escaped; so is the error of a purged run."""
    run_id = seal_hostile(store)
    answers = [
        invoke("purge", "--query", f"id:{run_id}", "--apply", "--grace", "0", "--reason", HOSTILE),
        invoke("purge", "--list"),
        invoke("show", run_id),
    ]
    assert [raw_controls(answer.out + answer.err) for answer in answers] == [[], [], []]
