"""Events: required fields of each type, labels, links, and the line that an event becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstone.core.canonical import canonical_bytes
from runstone.core.events import FIELDS, USER_TYPES, check_labels, check_links, data_problem, event_line, is_event_type
from runstone.core.limits import MAX_LABEL_NAME_BYTES, MAX_LABEL_VALUE_BYTES, MAX_LABELS
from runstone.core.parsing import parse_canonical
from runstone.errors import RunstoneError

from . import journals, strategies

SHA = "0" * 64

# an event of each type as it should be
GOOD: dict[str, dict[str, Any]] = {
    "run.opened": journals.OPENED,
    "git": {"sha": "a" * 40, "ref": "refs/heads/main", "dirty": True},
    "config": {"value": {"a": 1}, "sources": {}, "volatile": ["/a"]},
    "input": journals.ARTIFACT,
    "output": {
        **journals.ARTIFACT,
        "sha256": SHA,
        "size": 0,
        "media_type": "text/csv",
        "ref": None,
    },
    "check": {"id": "rows", "name": "Rows", "status": "pass", "evidence": ["run.log:line:1"]},
    "log": {"level": "info", "text": "hello"},
    "metric": {"values": {"loss": 0.1, "n": 3, "x": "NaN"}, "step": None},
    "decision": journals.DECISION,
    "tool.called": {"call": "c1", "parent": None, "name": "search", "contract_sha256": None, "args": {}},
    "tool.returned": {"call": "c1", "status": "ok", "result": None, "error": None, "duration_ns": 5, "attempts": 1},
    "contract": {"sha256": SHA, "document": {"name": "search", "version": "1"}},
    "approval": {"call": "c1", "outcome": "approved", "by": "ann", "reason": None, "rule": "approval.tools"},
    "model.called": {
        "call": "c2",
        "parent": "c1",
        "model": "m",
        "provider": None,
        "prompt": {"bytes": 2, "sha256": SHA, "messages": None},
        "parameters": {"temperature": 0},
    },
    "model.returned": {
        "call": "c2",
        "status": "ok",
        "output": {"bytes": 2, "sha256": SHA, "chunks": 0},
        "usage": {"input_tokens": 1, "output_tokens": 1, "cached_tokens": 0},
        "cost": None,
        "finish_reason": "stop",
        "error": None,
        "duration_ns": 5,
        "attempts": 1,
    },
    "evidence": {"query": None, "corpus": None, "passages": []},
    "citation": {"ids": ["p1"]},
    "score": {"name": "f1", "value": 0.5},
    "verdict": {"ok": True, "baseline": None, "rules": [{"id": "cited", "status": "pass"}]},
    "state": {"thread": "t", "namespace": "", "step": 1, "sha256": None},
    "phase": {"name": "qa", "status": "running"},
    "context": {"request_id": "r-17", "tenant": None, "user": "ann", "versions": {"openai": "1.2"}},
    "note": {"text": "n"},
    "now": {"time": "2026-01-02T03:04:05.000000Z"},
    "uuid": {"uuid": "0b8cf0a7-6f5c-4a44-8f0a-7b1d3f6f2c11"},
    "seed": {"name": "", "seed": 7},
    "environment": {"variables": {"TZ": "UTC"}},
    "replay": {"mode": "strict", "live": ["search"], "guards": [{"name": "audit hook", "active": True}]},
    "divergence": {"reason": "missing", "message": "m", "expected": {"name": "search"}, "found": None},
    "annotation": {"labels": {"a": "b", "c": None}, "aliases": {"prod": True}},
    "child": {"run_id": "r2", "digest": None, "status": "running"},
    "dropped": {"events": 1, "bytes": 2, "reason": "too_large", "sha256": None},
    "run.closed": journals.CLOSED,
}

# values that a field of the name cannot have; null is asked about apart
WRONG: dict[str, list[Any]] = {
    "run_id": ["", "a/b", 5],
    "contract": [{"name": "ovc"}, {"name": "ovc", "version": 1}, "ovc/1"],
    "generator": [{}, "runstone"],
    "ruleset": [{"name": "x", "sha256": "short"}, "x"],
    "labels": [{"a": 1}, []],
    "links": [[{}], [{"rel": "likes", "run_id": "r", "digest": None}], {}],
    "argv": ["python", [1]],
    "evidence": ["run.log:line:1", [1]],
    "volatile": ["/a", [1]],
    "warnings": ["w", {}],
    "rules": [["r"], {}],
    "passages": [{}, "p"],
    "status": [True, 1, []],
    "dirty": ["yes", 1],
    "ids": ["p1", [1]],
    "ok": [1, "yes"],
    "baseline": ["r1", []],
    "values": [{"a": True}, {"a": "1"}, {"a": None}, [1]],
    "value": ["1", True, []],
    "size": [-1, 1.5, True, "1"],
    "events": [-1, 1.0],
    "bytes": [-1, True],
    "attempts": [-1, "1"],
    "redactions": [-1, 0.5],
    "dropped": [-1, 0.5],
    "torn_bytes": [-1, 0.5],
    "duration_ns": [-1, 0.5, True],
    "exit": ["0", 1.5, False],
    "step": [1.5, "1", True],
    "sha256": ["short", "A" * 64, 5, "g" * 64],
    "contract_sha256": ["short"],
    "lost": [[1], "a"],
    "platform": ["linux", []],
    "resources": [[], 1],
    "git": ["main", {"sha": 5, "ref": None}],
    "idempotency": ["k", []],
    "policy": ["p", []],
    "sources": [[], "s"],
    "seed": [-1, "7"],
    "variables": [{"a": 1}, []],
    "live": ["search", [1]],
    "guards": [["hook"], {}],
    "expected": ["search", []],
    "found": ["search", []],
}
WORDS = [
    ("check", "status", "warn"),
    ("run.closed", "status", "running"),
    ("run.closed", "status", "OK"),
    ("child", "status", "blessed"),
]
ANYTHING = {
    ("config", "value"), ("decision", "score"), ("decision", "details"), ("tool.called", "args"),
    ("tool.returned", "result"),
    ("tool.returned", "error"), ("evidence", "query"), ("evidence", "corpus"), ("run.closed", "error"),
    ("run.closed", "result"), ("model.called", "parameters"), ("model.returned", "error"),
}  # fmt: skip
NULLABLE = ANYTHING | {
    *(("run.opened", field) for field in ("version", "idempotency", "argv", "cwd", "git", "platform", "entry")),
    *(("git", field) for field in ("sha", "ref", "dirty")),
    *((kind, field) for kind in ("input", "output") for field in ("ref", "sha256", "size", "media_type", "path")),
    *(("decision", field) for field in ("call", "outcome", "risk_level", "block_reason", "policy")),
    ("metric", "step"), ("tool.called", "parent"), ("tool.called", "contract_sha256"), ("tool.returned", "duration_ns"),
    *(("context", field) for field in ("request_id", "tenant", "user")),
    ("verdict", "baseline"), ("approval", "by"), ("approval", "reason"),
    ("model.called", "parent"), ("model.called", "provider"),
    *(("model.returned", field) for field in ("output", "usage", "cost", "finish_reason", "duration_ns")),
    ("state", "step"), ("state", "sha256"), ("child", "digest"), ("dropped", "sha256"),
    *(("run.closed", field) for field in ("exit", "duration_ns", "resources")),
    ("divergence", "expected"), ("divergence", "found"),
}  # fmt: skip
EACH_FIELD = [(kind, field) for kind, fields in FIELDS.items() for field in fields]


def test_every_type_has_an_example() -> None:
    """A new type needs a row here."""
    assert GOOD.keys() == FIELDS.keys()


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_event_passes(kind: str) -> None:
    """Also with keys that nobody knows: they are kept."""
    assert data_problem(kind, GOOD[kind]) is None
    assert data_problem(kind, {**GOOD[kind], "zzz": {"later": 1}}) is None


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, fields in FIELDS.items() for field in fields])
def test_a_missing_field_is_named(kind: str, field: str) -> None:
    """None is not absent: each required key must stand there."""
    data = {key: value for key, value in GOOD[kind].items() if key != field}
    assert data_problem(kind, data) == f"data has no field {field!r}"


@pytest.mark.parametrize(("kind", "field"), EACH_FIELD)
def test_null_stands_where_the_format_says_so(kind: str, field: str) -> None:
    """Some fields may be null, and only those."""
    problem = data_problem(kind, {**GOOD[kind], field: None})
    assert problem == (None if (kind, field) in NULLABLE else f"data.{field} has a value that it cannot have")


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        *(
            (kind, field, value)
            for kind, field in EACH_FIELD
            if (kind, field) not in ANYTHING
            for value in WRONG.get(field, [5, []])
        ),
        *WORDS,
    ],
)
def test_a_wrong_value_is_named(kind: str, field: str, value: Any) -> None:
    """A value of the wrong type or outside its words is refused, and the field is named."""
    assert data_problem(kind, {**GOOD[kind], field: value}) == f"data.{field} has a value that it cannot have"


@pytest.mark.parametrize(("kind", "field"), sorted(ANYTHING))
@given(value=strategies.json_values)
@settings(max_examples=10)
def test_some_fields_hold_any_value(kind: str, field: str, value: Any) -> None:
    """Results, errors, arguments, queries: whatever JSON the caller has."""
    assert data_problem(kind, {**GOOD[kind], field: value}) is None


@pytest.mark.parametrize("data", [None, [], "x", 5, True])
@pytest.mark.parametrize("kind", ["log", "x.mine", "unknown"])
def test_data_is_an_object(kind: str, data: Any) -> None:
    """Of every type, also of one that nobody knows."""
    assert data_problem(kind, data) == "data is not an object"


@pytest.mark.parametrize("kind", ["x.mine", "later.type", ""])
def test_an_unknown_type_is_kept(kind: str) -> None:
    """Whatever its data holds."""
    assert data_problem(kind, {"anything": [1]}) is None


@pytest.mark.parametrize("kind", ["x.", "x..a", "x.a.", "x.A", "x.a b", "x.é", "x.a\n", "x." + "a" * 127])
def test_a_type_of_a_callers_own_is_spelled_as_the_recorder_spells_it(kind: str) -> None:
    """No other journal is good."""
    assert "a type that begins with `x.`" in (data_problem(kind, {}) or "")


@pytest.mark.parametrize("kind", ["input", "output"])
@pytest.mark.parametrize(
    ("facts", "fits"),
    [
        ({"path": "artifacts/prices.csv"}, True),
        ({"path": "artifacts/a/Résumé.pdf"}, True),
        ({"path": "artifacts/prices.csv", "sha256": None}, False),
        ({"path": "artifacts/prices.csv", "size": None}, False),
        *(
            ({"path": path}, False)
            for path in (
                *("zz.txt", "artifacts", "artifacts/", "config.snapshot.json", "artifacts/../x", "artifacts//x", ""),
                *("artifacts/aux.txt", "artifacts/a:b", "Artifacts/a", "artifacts/e\u0301", "/artifacts/a"),
            )
        ),
    ],
)
def test_a_file_is_kept_below_one_folder(kind: str, facts: dict[str, Any], fits: bool) -> None:
    """Under a path that can stand in a bundle, and with size and digest."""
    problem = data_problem(kind, {**GOOD[kind], "sha256": SHA, "size": 0, **facts})
    assert (problem is None) is fits


@pytest.mark.parametrize(
    ("lost", "fits"), [([], True), (["a"], True), (["B", "a", "é"], True), (["a", "B"], False), (["a", "a"], False)]
)
def test_what_is_lost_is_sorted_and_told_once(lost: list[str], fits: bool) -> None:
    """By code points, as recovery writes it."""
    assert (data_problem("run.closed", {**GOOD["run.closed"], "lost": lost}) is None) is fits


LOGS = [
    ({"level": "info", "text": "t"}, True),
    *(({"level": level, "text": "t"}, True) for level in ("debug", "warning", "error")),
    *(({"level": level, "text": "t"}, False) for level in ("INFO", "critical", "", ["info"])),
    ({"stream": "stdout", "text": "t"}, True),
    ({"stream": "a name of its own", "text": "t"}, True),
    ({"stream": "stdout", "latin1": "\xff"}, True),
    ({"stream": "stdout", "text": "t", "latin1": "\xff"}, False),
    ({"stream": "stdout"}, False),
    ({"stream": 1, "text": "t"}, False),
    ({"stream": "stdout", "latin1": 5}, False),
    ({"stream": "stdout", "latin1": "\u0100"}, False),
    ({"stream": "stdout", "text": "t", "latin1": 5}, False),
    ({"level": "info"}, False),
    ({"text": "t"}, False),
    ({"level": None, "text": "t"}, False),
    ({"level": "info", "latin1": "t"}, False),
    ({}, False),
]


@pytest.mark.parametrize(("data", "fits"), LOGS)
def test_a_log_event_is_a_message_or_a_chunk(data: dict[str, Any], fits: bool) -> None:
    """Level and text; or stream and exactly one of text and latin1."""
    assert (data_problem("log", data) is None) is fits


@given(
    st.sampled_from(sorted(FIELDS)),
    st.dictionaries(st.sampled_from(sorted({f for t in FIELDS.values() for f in t})), strategies.json_values),
)
def test_any_data_gets_an_answer(kind: str, data: dict[str, Any]) -> None:
    """Hostile data is judged, never raised about."""
    for candidate in (data, {**GOOD[kind], **data}):
        problem = data_problem(kind, candidate)
        assert problem is None or isinstance(problem, str)


@pytest.mark.parametrize(
    ("kind", "fits"),
    [
        ("x.mine", True), ("x.a.b_c-1", True), ("x." + "a" * 126, True), ("x." + "a" * 127, False), ("x.", False),
        ("x", False),
        ("x..a", False), ("x.a.", False), ("x.A", False), ("x.a b", False), ('x."', False), ("x.é", False),
        ("log", False),
        ("y.a", False), (None, False), (5, False), ("", False), ("x.a\n", False),
    ],
)  # fmt: skip
def test_a_caller_s_type_begins_with_x(kind: Any, fits: bool) -> None:
    """`x.` and words of `a-z 0-9 _ -` between dots, at most 128 characters."""
    assert is_event_type(kind) is fits


def test_the_types_that_a_caller_may_record_are_known() -> None:
    """Each has its fields, and none has a method of its own or opens or closes a run."""
    assert set(USER_TYPES) <= FIELDS.keys()
    assert not set(USER_TYPES) & {
        "run.opened",
        "run.closed",
        "log",
        "metric",
        "check",
        "input",
        "output",
        "config",
        "note",
        "dropped",
        "git",
    }


# the line


@given(
    st.sampled_from(["x.mine", "log", "note"]),
    strategies.json_values,
    st.integers(0, 10**9),
    st.lists(
        st.tuples(st.sampled_from(["/a", "/b/0", "", "/é"]), st.sampled_from(["coerced", "redacted:x"])).map(list),
        max_size=5,
    ),
)
def test_a_line_is_canonical(kind: str, data: Any, seq: int, marks: list[list[str]]) -> None:
    """The parts put together are the canonical form of the whole, marks sorted and distinct."""
    line = event_line(kind, canonical_bytes(data), seq, "2026-01-02T03:04:05.000006Z", marks)
    assert line.endswith(b"\n")
    event = parse_canonical(line[:-1])
    distinct = sorted({canonical_bytes(mark) for mark in marks})
    assert event == {
        "data": data,
        "seq": seq,
        "ts": "2026-01-02T03:04:05.000006Z",
        "type": kind,
        **({"marks": [json.loads(mark) for mark in distinct]} if marks else {}),
    }


# labels


def refused_labels(labels: dict[Any, Any]) -> RunstoneError:
    with pytest.raises(RunstoneError) as caught:
        check_labels(labels)
    assert caught.value.code == "invalid_label"
    return caught.value


def test_labels_are_text_by_text() -> None:
    """Values become text; names must be text."""
    assert check_labels({"env": "prod", "n": 5, "on": True, "none": None}) == {
        "env": "prod",
        "n": "5",
        "on": "True",
        "none": "None",
    }
    refused_labels({5: "x"})
    refused_labels({None: "x"})


def test_the_limits_of_labels() -> None:
    """64 labels; names of 1 to 64 bytes; values of at most 1,024 bytes of UTF-8."""
    most = {f"n{number}": "" for number in range(MAX_LABELS)}
    assert check_labels(most) == most
    refused_labels({**most, "one more": ""})
    name, value = "é" * (MAX_LABEL_NAME_BYTES // 2), "é" * (MAX_LABEL_VALUE_BYTES // 2)
    assert check_labels({name: value}) == {name: value}
    refused_labels({name + "x": ""})
    refused_labels({"": "x"})
    assert refused_labels({"a": value + "x"}).details == {"name": "a"}


# links


def test_links_are_sorted_and_distinct() -> None:
    """By canonical bytes; a digest that is not given is null."""
    digest = "sha256:" + SHA
    links = [
        {"rel": "retries", "run_id": "b"},
        {"rel": "amends", "run_id": "a", "digest": digest},
        {"rel": "retries", "run_id": "b", "digest": None},
    ]
    expected = [{"digest": digest, "rel": "amends", "run_id": "a"}, {"digest": None, "rel": "retries", "run_id": "b"}]
    assert check_links(links) == expected
    assert data_problem("run.opened", {**journals.OPENED, "links": check_links(links)}) is None


@pytest.mark.parametrize("relation", ["amends", "child-of", "derives-from", "replays", "retries"])
def test_each_relation_links(relation: str) -> None:
    """The five relations of the format page."""
    assert check_links([{"rel": relation, "run_id": "r"}]) == [{"digest": None, "rel": relation, "run_id": "r"}]


@pytest.mark.parametrize(
    "link",
    [
        {}, {"rel": "amends"}, {"run_id": "r"}, {"rel": "likes", "run_id": "r"}, {"rel": "amends", "run_id": "a/b"},
        {"rel": "amends", "run_id": "r", "digest": SHA},
        {"rel": "amends", "run_id": "r", "digest": "sha256:" + "A" * 64},
        {"rel": "amends", "run_id": "r", "digest": 5}, {"rel": "amends", "run_id": "r", "more": 1},
        {"rel": None, "run_id": "r"},
        "r1", None, ["amends", "r"],
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_link_is_refused(link: Any) -> None:
    """Unknown relation, id outside the grammar, bare digest, other keys, no object: `invalid_link`."""
    with pytest.raises(RunstoneError) as caught:
        check_links([{"rel": "amends", "run_id": "good"}, link])
    assert caught.value.code == "invalid_link"


@pytest.mark.parametrize(
    "links",
    [
        [{"digest": None, "rel": "retries", "run_id": "b"}, {"digest": None, "rel": "amends", "run_id": "a"}],
        [{"digest": None, "rel": "amends", "run_id": "a"}] * 2,
    ],
)
def test_recorded_links_must_be_sorted_and_distinct(links: list[Any]) -> None:
    """A journal whose links stand in another order has another digest for the same run: it is refused."""
    assert (
        data_problem("run.opened", {**journals.OPENED, "links": links}) == "data.links has a value that it cannot have"
    )
