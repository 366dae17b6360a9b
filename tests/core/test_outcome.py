"""The outcome digest: what must reproduce, and nothing else."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.outcome import contract_major, outcome, outcome_digest, run_decision, tool_calls, without

from . import journals, strategies
from .journals import ARTIFACT, DECISION, check, journal, log

SHA = "ab" * 32


def canonical_sha256(value: Any) -> str:
    return sha256(rfc8785.dumps(value)).hexdigest()


def called(call: str, name: str = "search", args: Any = None) -> tuple[str, dict[str, Any]]:
    return "tool.called", {"call": call, "parent": None, "name": name, "contract_sha256": None, "args": args}


def returned(call: str, status: str = "ok", result: Any = None) -> tuple[str, dict[str, Any]]:
    return "tool.returned", {
        "call": call,
        "status": status,
        "result": result,
        "error": None,
        "duration_ns": 1,
        "attempts": 1,
    }


def config(value: Any, *volatile: str) -> tuple[str, dict[str, Any]]:
    return "config", {"value": value, "sources": {}, "volatile": list(volatile)}


def test_an_empty_run_has_every_key() -> None:
    """The object of the format page, key by key, with null and empty where nothing happened."""
    expected = {
        "v": "runstone-outcome/1", "contract": "runstone/1", "kind": "backfill", "version": "0.1.0",
        "status": "success",
        "config": None, "inputs": [], "outputs": [], "checks": [], "decision": None, "scores": [], "tools": [],
        "result": None, "exit": None,
    }  # fmt: skip
    assert outcome(journal()) == expected
    assert outcome_digest(journal()) == "sha256:" + canonical_sha256(expected)


def test_a_run_of_everything() -> None:
    """Each fact stands where the format page says, in the form that it says."""
    folded = journal(
        config({"a": 1, "seed": 2}, "/seed"),
        ("input", {**ARTIFACT, "name": "b", "sha256": SHA}),
        ("input", {**ARTIFACT, "name": "a", "type": "table"}),
        ("output", {**ARTIFACT, "ref": None}),
        check("rows", "pass", "run.log:line:1"),
        check("gaps", "fail"),
        ("score", {"name": "f1", "value": 0.5}),
        called("c1", args={"q": 2.0}),
        returned("c1", result=[1]),
        called("c2"),
        ("decision", {**DECISION, "warnings": ["z", "a"], "policy": {"name": "p", "version": "1", "sha256": SHA}}),
        exit=3,
        result={"n": 1.0},
        status="blocked",
    )
    assert outcome(folded) == {
        "v": "runstone-outcome/1", "contract": "runstone/1", "kind": "backfill", "version": "0.1.0",
        "status": "blocked",
        "config": canonical_sha256({"a": 1}),
        "inputs": [["a", "table", None, "prices.csv"], ["b", "file", SHA, None]],
        "outputs": [["prices.csv", "file", None, None]],
        "checks": [["gaps", "fail"], ["rows", "pass"]],
        "decision": {
            "outcome": "blocked", "risk_level": "RED", "score": None, "block_reason": None, "warnings": ["z", "a"],
            "rules": [], "policy": SHA,
        },
        "scores": [["f1", 0.5]],
        "tools": [["search", canonical_sha256(None), None, "open"],
            ["search", canonical_sha256({"q": 2}), canonical_sha256([1]), "ok"]],
        "result": canonical_sha256({"n": 1}),
        "exit": 3,
    }  # fmt: skip


def test_lists_are_sorted_by_canonical_bytes_and_keep_duplicates() -> None:
    """The order in which facts were recorded does not count; how often does."""
    facts = [check("b", "pass"), check("a", "pass"), check("é", "skip"), check("a", "pass"), check("a", "fail")]
    found = outcome(journal(*facts))["checks"]
    assert found == sorted(([data["id"], data["status"]] for _, data in facts), key=rfc8785.dumps)
    assert outcome_digest(journal(*facts)) == outcome_digest(journal(*reversed(facts)))
    assert outcome_digest(journal(*facts)) != outcome_digest(journal(*facts[1:]))


OUT = {
    "another run id": {"opened": {"run_id": "r2"}},
    "labels": {"opened": {"labels": {"env": "prod"}}},
    "host": {"opened": {"argv": ["python"], "cwd": "/home", "platform": {"system": "x"}, "entry": "cli"}},
    "git": {"opened": {"git": {"sha": "a" * 40, "ref": "main"}}},
    "ruleset": {"opened": {"ruleset": {"name": "runstone", "sha256": SHA}}},
    "generator": {"opened": {"generator": {"name": "runstone", "version": "9"}}},
    "links": {"opened": {"links": [{"digest": None, "rel": "retries", "run_id": "r0"}]}},
    "minor version of the contract": {"opened": {"contract": {"name": "runstone", "version": "1.7"}}},
    "duration": {"duration_ns": 5},
    "resources": {"resources": {"max_rss": 1}},
    "error text": {"error": {"type": "ValueError"}},
    "torn bytes": {"torn_bytes": 9},
}


@pytest.mark.parametrize("name", OUT)
def test_what_does_not_count(name: str) -> None:
    """Ids, hosts, times, environment and versions of the writer leave the digest as it is."""
    changes: dict[str, Any] = OUT[name]
    assert outcome_digest(journal(**changes)) == outcome_digest(journal())


def test_logs_metrics_and_user_events_do_not_count() -> None:
    """Nor do evidence, notes and phases."""
    facts = [
        log("text"), ("metric", {"values": {"loss": 1}, "step": None}), ("x.mine", {"a": 1}), ("note", {"text": "n"}),
        ("evidence", {"query": "q", "corpus": None, "passages": []}), ("phase", {"name": "qa", "status": "done"}),
    ]  # fmt: skip
    assert outcome_digest(journal(*facts)) == outcome_digest(journal())


COUNTS: dict[str, dict[str, Any]] = {
    "kind": {"opened": {"kind": "other"}},
    "version": {"opened": {"version": None}},
    "contract": {"opened": {"contract": {"name": "ovc", "version": "0.1"}}},
    "major version of the contract": {"opened": {"contract": {"name": "runstone", "version": "2"}}},
    "status": {"status": "failed"},
    "exit": {"exit": 0},
    "result": {"result": 0},
}


@pytest.mark.parametrize("name", COUNTS)
def test_what_counts(name: str) -> None:
    """Kind, version, contract, status, exit and result are part of the outcome; null is not 0."""
    assert outcome_digest(journal(**COUNTS[name])) != outcome_digest(journal())


def test_the_last_config_counts() -> None:
    """An earlier one was replaced."""
    assert outcome(journal(config(1), config(2)))["config"] == canonical_sha256(2)
    assert outcome(journal(config(None)))["config"] == canonical_sha256(None)


def test_the_decision_of_a_run_belongs_to_no_call() -> None:
    """The run's decision is the last one without `call`."""
    of_call = ("decision", {**DECISION, "call": "c1", "outcome": "call's"})
    first, last = ("decision", {**DECISION, "outcome": "first"}), ("decision", {**DECISION, "outcome": "last"})
    found = run_decision(journal(first, last, of_call))
    assert found is not None
    assert found["outcome"] == "last"
    assert run_decision(journal(of_call)) is None
    assert outcome(journal(of_call))["decision"] is None


def test_rules_of_a_decision_are_rows() -> None:
    """Five fields of each, null where one is missing, sorted; severity and unit do not count."""
    rules = [
        {"id": "b", "status": "fail", "measured": 2, "unit": "mm"},
        {"id": "a", "reason_code": "R", "threshold": 1.5, "severity": "high"},
    ]
    found = outcome(journal(("decision", {**DECISION, "rules": rules})))["decision"]
    assert found["rules"] == [["a", None, "R", None, 1.5], ["b", "fail", None, 2, None]]


def test_calls_are_joined_with_their_returns() -> None:
    """In order of calling; the first call and the last return of an id; a return without a call is left out."""
    folded = journal(
        called("a", args=1),
        called("b"),
        returned("b"),
        called("a", args=2),
        returned("a", "late"),
        returned("a", "last"),
        returned("z"),
    )
    assert [(call["args"], back and back["status"]) for call, back in tool_calls(folded)] == [(1, "last"), (None, "ok")]


def test_a_contract_s_major() -> None:
    """`name/major`."""
    assert contract_major({"name": "ovc", "version": "0.1"}) == "ovc/0"
    assert contract_major({"name": "runstone", "version": "1"}) == "runstone/1"


VALUE = {"a": {"b": [10, {"c": 1}, 12]}, "": 0, "m~n": 1, "x/y": 2, "0": 3, "n": None}


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("/n", {key: item for key, item in VALUE.items() if key != "n"}),
        ("/a/b/1/c", {**VALUE, "a": {"b": [10, {}, 12]}}),
        ("/a/b/0", {**VALUE, "a": {"b": [None, {"c": 1}, 12]}}),
        ("/a/b/2", {**VALUE, "a": {"b": [10, {"c": 1}, None]}}),
        ("/", {key: item for key, item in VALUE.items() if key != ""}),
        ("/m~0n", {key: item for key, item in VALUE.items() if key != "m~n"}),
        ("/x~1y", {key: item for key, item in VALUE.items() if key != "x/y"}),
        ("/0", {key: item for key, item in VALUE.items() if key != "0"}),
    ],
)
def test_a_volatile_place_is_left_out(pointer: str, expected: Any) -> None:
    """A member goes; an element becomes null, so that the others keep their places."""
    assert without(VALUE, pointer) == expected


@pytest.mark.parametrize(
    "pointer",
    [
        "",
        "a",
        "/z",
        "/a/z",
        "/a/b/3",
        "/a/b/-",
        "/a/b/01",
        "/a/b/\u0661",
        "/a/b/-1",
        "/a/b/x",
        "/n/x",
        "/a/b/0/x",
        "/x/y",
        "/a/b/" + "9" * 5000,
    ],
    ids=lambda pointer: ascii(pointer[:12]),
)
def test_a_pointer_that_leads_nowhere_changes_nothing(pointer: str) -> None:
    """Hostile ones too: an index of 5,000 digits is no index."""
    assert without(VALUE, pointer) == VALUE


@given(strategies.json_values, st.text(st.sampled_from("/~01ab")))
def test_leaving_out_changes_no_original(value: Any, pointer: str) -> None:
    """The value that folds share stays as it was; leaving out twice leaves out once."""
    before = rfc8785.dumps(value)
    once = without(value, pointer)
    assert rfc8785.dumps(value) == before
    assert without(once, pointer) == once


@given(strategies.json_values)
def test_values_are_hashed_as_recorded(value: Any) -> None:
    """`result` is the digest of canonical bytes, for any value; null is no result."""
    expected = None if value is None else canonical_sha256(value)
    assert outcome(journals.journal(result=value))["result"] == expected
