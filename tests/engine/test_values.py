"""What happens inside a run with values that cannot be recorded as they are: the work goes on, the record says so."""

from __future__ import annotations

import enum
import math
import os
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstone.core.digests import sha256_hex
from runstone.core.limits import MAX_LINE_BYTES
from runstone.engine import artifacts, writer
from runstone.engine.recorder import Run
from runstone.engine.store import Store
from runstone.errors import RunstoneError

from .scenes import TOKEN, events, of_type, open_store, tree


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def cycle() -> list[Any]:
    """A list that holds itself."""
    value: list[Any] = []
    value.append(value)
    return value


DECISION = {"call": None, "outcome": None, "risk_level": None, "score": None, "block_reason": None}

BAD_CALLS = {
    "event of no known type": (lambda run: run.event("mine", {}), "invalid_event"),
    "event of a kernel type": (lambda run: run.event("run.closed", {}), "invalid_event"),
    "event type with a space": (lambda run: run.event("x.a b", {}), "invalid_event"),
    "event type that is no text": (lambda run: run.event(None, {}), "invalid_event"),
    "event type of bytes": (lambda run: run.event(b"x.a", {}), "invalid_event"),
    "data that is no mapping": (lambda run: run.event("x.mine", 5), "invalid_event"),
    "data that is a list": (lambda run: run.event("x.mine", [1]), "invalid_event"),
    "decision without its fields": (lambda run: run.event("decision", {"outcome": "allow"}), "invalid_event"),
    "score that is no number": (lambda run: run.event("score", {"name": "a", "value": "high"}), "invalid_event"),
    "too deep": (lambda run: run.event("x.deep", {"a": nested(70)}), "too_deep"),
    "much too deep": (lambda run: run.event("x.deep", {"a": nested(5_000)}), "too_deep"),
    "a cycle": (lambda run: run.config(cycle()), "too_deep"),
    "long key": (lambda run: run.event("x.key", {"k" * 1025: 1}), "too_large"),
    "long key inside": (lambda run: run.config([{"k" * 1025: 1}]), "too_large"),
    "10 MB of text": (lambda run: run.note("x" * 10_000_000), "too_large"),
    "a list that is too long": (lambda run: run.event("x.long", {"a": ["x" * 999] * 9_000}), "too_large"),
}


@pytest.mark.parametrize("depth", range(58, 68))
@pytest.mark.parametrize("extra", [{}, {"odd": 1j}], ids=["plain", "coerced"])
def test_nesting_at_the_limit_is_recorded_or_left_out_and_verifies(
    depth: int, extra: dict[str, Any], store: Store
) -> None:
    """The levels of the journal line around a value count: what has no place in a line is dropped, and said."""
    with store.run("job", run_id="r") as run:
        run.event("x.deep", {"a": nested(depth), **extra})
        run.note("after")
    sealed = store.get("r")
    assert store.verify("r").ok
    kinds = [event["type"] for event in sealed.events()]
    assert kinds[1:] in (["x.deep", "note", "run.closed"], ["dropped", "note", "run.closed"])


@pytest.mark.parametrize(("call", "code"), BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_bad_call_is_dropped_and_told(store: Store, call: Any, code: str) -> None:
    """Without `strict` nothing is raised; a `dropped` event with the code stands in the place of the fact."""
    with store.run("job") as run:
        run.log("before")
        call(run)
        run.log("after")
    assert store.verify(run.run_id).ok
    kinds = [event["type"] for event in events(store, run.run_id)]
    assert kinds == ["run.opened", "log", "dropped", "log", "run.closed"]
    [dropped] = of_type(store, run.run_id, "dropped")
    assert (dropped["events"], dropped["reason"]) == (1, code)
    assert of_type(store, run.run_id, "run.closed")[0]["dropped"] == 1


@pytest.mark.parametrize(("call", "code"), BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_bad_call_raises_when_strict(store: Store, call: Any, code: str) -> None:
    """With `strict` it raises, and the run goes on as if it had not been called."""
    with store.run("job", strict=True) as run:
        with pytest.raises(RunstoneError) as caught:
            call(run)
        run.log("after")
    assert caught.value.code == code
    assert [event["type"] for event in events(store, run.run_id)] == ["run.opened", "log", "run.closed"]
    assert store.verify(run.run_id).ok


def test_drop_is_said_once(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten drops are one line on standard error and ten events in the record."""
    with store.run("job") as run:
        for _ in range(10):
            run.config(nested(70))
    assert capsys.readouterr().err.count("leaves out an event") == 1
    assert len(of_type(store, run.run_id, "dropped")) == 10


def test_dropped_text_is_known_by_its_digest(store: Store) -> None:
    """An event over the limit leaves its size and the SHA-256 of its data."""
    with store.run("job") as run:
        run.note("x" * 10_000_000)
    body = b'{"text":"' + b"x" * 10_000_000 + b'"}'
    [dropped] = of_type(store, run.run_id, "dropped")
    assert (dropped["bytes"], dropped["sha256"]) == (len(body), sha256_hex(body))


def test_longest_line_is_recorded(store: Store) -> None:
    """Text that just fits is recorded whole, and verifies; at no length does a line pass the limit."""
    with store.run("job") as run:
        for less in (0, 60, 120, 180, 240, 300):
            run.note("x" * (MAX_LINE_BYTES - less))
    assert store.verify(run.run_id).ok
    assert {len(data["text"]) > MAX_LINE_BYTES - 400 for data in of_type(store, run.run_id, "note")} == {True}


@pytest.mark.parametrize("status", [True, False, np.True_, np.False_])
def test_a_truth_value_is_the_status_of_a_check(store: Store, status: Any) -> None:
    """What a comparison gives, also one of numpy's, is `pass` or `fail`, without a mark."""
    with store.run("job", strict=True) as run:
        run.check("rows", status)
    [event] = [event for event in events(store, run.run_id) if event["type"] == "check"]
    assert (event["data"]["status"], event.get("marks")) == ("pass" if status else "fail", None)
    assert store.get(run.run_id).status == ("success" if status else "failed")


@pytest.mark.parametrize("status", ["passed", "", None, 1, "PASS", np.array([True, True])])
def test_unknown_check_status_is_fail(store: Store, status: Any) -> None:
    """A check whose result nobody understands has not passed; the record marks what was changed."""
    with store.run("job") as run:
        run.check("rows", status)
    [event] = [event for event in events(store, run.run_id) if event["type"] == "check"]
    assert (event["data"]["status"], event["marks"]) == ("fail", [["/status", "coerced"]])
    assert store.get(run.run_id).status == "failed"


@pytest.mark.parametrize("status", ["passed", "", None, 1])
def test_unknown_check_status_raises_when_strict(store: Store, status: Any) -> None:
    """With `strict` it is `invalid_status`."""
    with store.run("job", strict=True) as run, pytest.raises(RunstoneError) as caught:
        run.check("rows", status)
    assert caught.value.code == "invalid_status"


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        ("many", "NaN"),
        (None, "NaN"),
        (2**70, float(2**70)),
        ("1.5", 1.5),
        (True, 1.0),
        (10**400, "Infinity"),
        (Fraction(-(10**400)), "-Infinity"),
        (Decimal("1e400"), "Infinity"),
        (np.longdouble("0.1"), 0.1),
    ],
)
def test_metric_is_a_number_or_one_of_three_words(store: Store, given: Any, recorded: Any) -> None:
    """What is no finite number is kept as text and marked, and counts for no least or greatest."""
    with store.run("job") as run:
        run.metrics({"m": given})
        run.metrics({"m": 7})
        run.metrics({"m": given})
    [event, *_] = [event for event in events(store, run.run_id) if event["type"] == "metric"]
    assert (event["data"]["values"]["m"], event["marks"]) == (recorded, [["/values/m", "coerced"]])
    row = store.get(run.run_id).document("run.json")["metrics"]["m"]
    assert (row["last"], row["count"]) == (recorded, 3)
    assert row["max"] == (7 if isinstance(recorded, str) else max(recorded, 7))


class Metric(str, enum.Enum):  # noqa: UP042  # a `StrEnum` shows itself as its value
    """Names of metrics."""

    LOSS = "loss"


METRIC_NAMES: list[tuple[dict[Any, Any], dict[str, Any], list[str]]] = [
    ({1: 0.5, "1": 0.7}, {"1": 0.5, "1#2": 0.7}, ["1", "1#2"]),
    ({Metric.LOSS: 0.5}, {"loss": 0.5}, ["loss"]),
    ({None: 1, True: 2, 0.5: 3}, {"null": 1, "true": 2, "0.5": 3}, ["null", "true", "0.5"]),
    ({np.int64(3): 1, "3": 2}, {"3": 1, "3#2": 2}, ["3", "3#2"]),
    ({("a", "b"): 1, ("a", "c"): 2}, {"('a', 'b')": 1, "('a', 'c')": 2}, ["('a', 'b')", "('a', 'c')"]),
    ({"$a": 1, "$b": math.nan}, {"$$a": 1, "$$b": "NaN"}, ["$$a", "$$b"]),
    ({"\udcff": 1, "é": 2}, {"ÿ": 1, "é": 2}, ["ÿ"]),
    ({"a": 1, "a/b": 2}, {"a": 1, "a/b": 2}, []),
]


@pytest.mark.parametrize(("given", "recorded", "marked"), METRIC_NAMES, ids=repr)
def test_names_of_metrics_pass_the_door(
    store: Store, given: dict[Any, Any], recorded: dict[str, Any], marked: list[str]
) -> None:
    """As keys do anywhere, but that a name of which JSON has no text is the text it shows: none takes another's place,
    and what was changed is marked."""
    with store.run("job") as run:
        run.metrics(given)
    [event] = [event for event in events(store, run.run_id) if event["type"] == "metric"]
    assert event["data"]["values"] == recorded
    assert event.get("marks", []) == [[f"/values/{name}", "coerced"] for name in sorted(marked)]
    assert store.verify(run.run_id).ok


def test_names_of_scores_are_told_as_those_of_metrics(store: Store) -> None:
    """An annotation keeps two scores whose names become the same text."""
    store.run("job", run_id="r").finish()
    store.annotate("r", scores={1: 0.5, "1": 0.7, Metric.LOSS: 1}, labels={2: "a", "2": "b"})
    [said] = store.annotations("r")
    assert said["labels"] == {"2": "a", "2#2": "b"}
    assert said["scores"] == {"1": 0.5, "1#2": 0.7, "loss": 1}


# scalars of NumPy and pandas

PAIR = np.dtype([("a", "i4"), ("b", "M8[ns]")])
SCALARS: list[tuple[Any, Any]] = [
    (np.float32(0.5), 0.5),
    (np.uint64(2**64 - 1), "18446744073709551615"),
    (np.longdouble(2), 2),
    (np.longdouble("nan"), "NaN"),
    (np.longdouble("-inf"), "-Infinity"),
    (np.clongdouble(1j), {"$repr": "complex"}),
    (np.complex64(1j), {"$repr": "complex"}),
    (np.str_("x"), "x"),
    (np.bytes_(b"x"), {"$bytes": "eA=="}),
    (np.void(b"x"), {"$bytes": "eA=="}),
    (np.array([(1, 2)], PAIR)[0], {"a": 1, "b": "1970-01-01T00:00:00.000000002"}),
    # times keep the unit of which they are
    (np.datetime64("2024-01-01T00:00:00", "s"), "2024-01-01T00:00:00"),
    (np.datetime64("2024-01-01T00:00:00", "ns"), "2024-01-01T00:00:00.000000000"),
    (np.datetime64("2024-01"), "2024-01"),
    (np.datetime64("12024-01-01"), "12024-01-01"),
    (np.datetime64("NaT", "s"), "NaT"),
    (pd.Timestamp("2024-01-01T00:00:00.000000001"), "2024-01-01T00:00:00.000000001"),
    (pd.Timestamp("2024-01-01T00:00:00.000000001", tz="Etc/GMT-1"), "2023-12-31T23:00:00.000000001Z"),
    (pd.Timestamp("2024-01-01", tz="Etc/GMT-1"), "2023-12-31T23:00:00.000000Z"),
    (pd.NaT, "NaT"),
    (pd.Period("2024-01"), "2024-01"),
    # spans are seconds
    (np.timedelta64(1, "s"), 1),
    (np.timedelta64(1, "ns"), 1e-9),
    (np.timedelta64(-3, "W"), -1814400),
    (np.timedelta64(7, "25s"), 175),
    (np.timedelta64(2**63 - 1, "ns"), "9223372036.854775807"),
    (np.timedelta64(2**62, "as"), "4.611686018427387904"),
    (np.timedelta64(10**15, "D"), 8.64e19),
    (pd.Timedelta(1, "ns"), 1e-9),
    (pd.Timedelta(2**62 + 1, "ns"), "4611686018.427387905"),
    (np.timedelta64("NaT", "s"), "NaT"),
    # but those that have no number of them
    (np.timedelta64(-5, "M"), "-P5M"),
    (np.timedelta64(1, "Y"), "P1Y"),
    (np.array([5]).view("m8")[0], 5),
]


@pytest.mark.parametrize(("given", "recorded"), SCALARS, ids=repr)
def test_a_foreign_scalar_is_recorded_without_loss(store: Store, given: Any, recorded: Any) -> None:
    """By the format's table: a strict run takes each, and the value that is recorded tells its unit."""
    with store.run("job", config={"v": given}, strict=True) as run:
        run.event("x.mine", {"v": given})
    assert of_type(store, run.run_id, "x.mine") == [{"v": recorded}]
    assert of_type(store, run.run_id, "config")[0]["value"] == {"v": recorded}
    assert store.verify(run.run_id).ok


@pytest.mark.skipif(
    np.finfo(np.longdouble).nmant == sys.float_info.mant_dig - 1, reason="here, NumPy's longest number is a double"
)
@pytest.mark.parametrize("text", ["0.1", "1e+400", "-3.141592653589793239"])
def test_a_number_longer_than_a_double_is_its_text(store: Store, text: str) -> None:
    """Nothing beside it is lost with it."""
    with store.run("job", config={"rate": np.longdouble(text), "epochs": 3}, strict=True) as run:
        run.event("x.mine", {"by_rate": {np.longdouble(text): 1, np.longdouble(2): 2}})
    assert of_type(store, run.run_id, "config")[0]["value"] == {"rate": text, "epochs": 3}
    assert of_type(store, run.run_id, "x.mine") == [{"by_rate": {text: 1, "2": 2}}]


# nothing raises


class Awkward:
    """An object that fails whenever somebody looks at it; Hypothesis alone may show it."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    __iter__ = __len__ = __bool__ = __float__ = __int__ = __index__ = __eq__ = __str__  # type: ignore[assignment]  # the point
    __hash__ = object.__hash__


class AwkwardPath(Awkward):
    """A path that cannot say which."""

    def __fspath__(self) -> str:
        raise RuntimeError("no path")


class AwkwardMapping(dict[str, Any]):
    """A mapping that fails when it is read."""

    def items(self) -> Any:
        raise RuntimeError("no items")

    keys = __iter__ = items


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8)
    | st.sampled_from(["\ud800", "a\0b", "/", "", "../x", ".", "run.json", "/proc/self/mem", "/dev/null", "\n\u2028"])
    | st.builds(Awkward)
    | st.builds(AwkwardPath)
    | st.builds(lambda: AwkwardMapping(a=1))
    | st.builds(object)
    | st.dates()
    | st.decimals()
    | st.complex_numbers()
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4) | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=6,
)

CALLS = {
    "input": (2, ("name", "sha256", "size", "media_type", "keep", "extra")),
    "output": (2, ("name", "sha256", "size", "media_type", "keep", "extra")),
    "check": (3, ("id",)),
    "log": (2, ()),
    "stream": (2, ()),
    "metrics": (2, ()),
    "config": (3, ()),
    "note": (1, ()),
    "event": (2, ()),
}


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, list[Any], dict[str, Any]]:
    """A method of a run with arguments of any kind."""
    name = draw(st.sampled_from(sorted(CALLS)))
    count, optional = CALLS[name]
    words = draw(st.dictionaries(st.sampled_from(optional), values, max_size=3)) if optional else {}
    arguments = [draw(values) for _ in range(count)]
    if name in ("input", "output") and draw(st.booleans()):
        arguments[0] = "file"
    if name == "stream":
        arguments = [draw(st.sampled_from(["stdout", "stderr"])), draw(st.binary(max_size=20))]
    if name == "event" and draw(st.booleans()):
        arguments[0] = draw(st.sampled_from(["x.mine", "score", "decision", "tool.called", "child", "evidence"]))
    return name, arguments, words


endings = st.fixed_dictionaries({}, optional={"exit": values, "error": values, "result": values, "resources": values})


@settings(max_examples=200)
@given(st.lists(calls(), max_size=6), endings)
def test_no_call_raises_and_the_record_verifies(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, list[Any], dict[str, Any]]], ending: dict[str, Any]
) -> None:
    """Whatever is handed to whatever method, the work goes on, and the bundle that results is a good one."""
    root = tmp_path_factory.getbasetemp() / "anything"
    store = open_store(root)
    run = store.run("job")
    for name, arguments, words in made:
        getattr(run, name)(*arguments, **words)
    assert run.finish(**ending) is not None
    report = store.verify(run.run_id)
    assert report.ok, report.findings


# files


def test_kept_file_stands_in_the_bundle(store: Store, tmp_path: Path) -> None:
    """`keep=True` copies the bytes; the event has digest, size, type and path."""
    (tmp_path / "a.csv").write_bytes(b"a,b\n")
    with store.run("job") as run:
        run.output("file", "a.csv", keep=True)
    sealed = store.get(run.run_id)
    [data] = of_type(store, run.run_id, "output")
    assert sealed.file("artifacts/a.csv") == b"a,b\n"
    assert data == {
        "name": "a.csv",
        "type": "file",
        "ref": "a.csv",
        "sha256": sha256_hex(b"a,b\n"),
        "size": 4,
        "media_type": "text/csv",
        "path": "artifacts/a.csv",
    }


def test_file_by_reference_leaves_no_copy(store: Store, tmp_path: Path) -> None:
    """Without `keep` the digest is recorded and the bytes are not."""
    (tmp_path / "a.csv").write_bytes(b"a,b\n")
    with store.run("job") as run:
        run.input("file", tmp_path / "a.csv")
    [data] = of_type(store, run.run_id, "input")
    assert (data["sha256"], data["path"], data["name"]) == (sha256_hex(b"a,b\n"), None, "a.csv")
    assert [entry.path for entry in store.get(run.run_id).bundle.entries()] == [
        "events.jsonl",
        "manifest.json",
        "run.json",
    ]


def test_names_that_clash_are_numbered(store: Store, tmp_path: Path) -> None:
    """Two kept files of one name stand side by side; a number goes before the extension."""
    with store.run("job") as run:
        for folder, body in (("x", b"1"), ("y", b"2"), ("z", b"3")):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "a.csv").write_bytes(body)
            run.output("file", tmp_path / folder / "a.csv", name="a.csv", keep=True)
    paths = [data["path"] for data in of_type(store, run.run_id, "output")]
    assert paths == ["artifacts/a.csv", "artifacts/a-2.csv", "artifacts/a-3.csv"]
    assert [store.get(run.run_id).file(path) for path in paths] == [b"1", b"2", b"3"]
    assert store.verify(run.run_id).ok


@pytest.mark.parametrize("names", [("A.csv", "a.csv"), ("d/x", "d"), ("d", "d/x"), ("D/x", "d/y"), ("é", "É")])
def test_names_that_cannot_stand_side_by_side_do_not(store: Store, tmp_path: Path, names: tuple[str, str]) -> None:
    """Names that are one name on some file system, or file and folder, are kept under names that are not."""
    (tmp_path / "data").write_bytes(b"x")
    with store.run("job") as run:
        for name in names:
            run.output("file", tmp_path / "data", name=name, keep=True)
    assert store.get(run.run_id).status == "success"
    report = store.verify(run.run_id)
    assert report.ok, report.findings
    assert [data["sha256"] for data in of_type(store, run.run_id, "output")] == [sha256_hex(b"x")] * 2


@pytest.mark.parametrize(
    "name", ["CON", "a:b", "../x", "/etc/x", "x.", "e\u0301", "n" * 300, "a\nb", "", "manifest.json"]
)
def test_name_that_no_bundle_can_hold_is_replaced(store: Store, tmp_path: Path, name: str) -> None:
    """A file is kept whatever it is called; its true name is in the event."""
    (tmp_path / "data").write_bytes(b"x")
    with store.run("job") as run:
        run.output("file", tmp_path / "data", name=name, keep=True)
    [data] = of_type(store, run.run_id, "output")
    assert (store.get(run.run_id).file(data["path"]), data["path"].startswith("artifacts/")) == (b"x", True)
    assert store.verify(run.run_id).ok


@pytest.mark.parametrize(
    ("ref", "problem"),
    [
        ("absent", "not_found"),
        (".", "not_a_file"),
        ("dangling", "not_a_file"),
        ("pipe", "not_a_file"),
        ("a" * 300, "unreadable:File name too long"),
        ("pipe/in", "not_found"),
        ("a\0b", "not_found"),
    ],
)
def test_file_that_cannot_be_read_is_told(store: Store, tmp_path: Path, ref: str, problem: str) -> None:
    """A file that is not there, or is none, has no digest, and the event says why; nothing waits for a pipe."""
    os.symlink("nowhere", tmp_path / "dangling")
    os.mkfifo(tmp_path / "pipe")
    with store.run("job") as run:
        run.output("file", ref, keep=True)
    [data] = of_type(store, run.run_id, "output")
    assert (data["sha256"], data["path"], data["problem"]) == (None, None, problem)
    assert store.verify(run.run_id).ok


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("change", ["grows", "grows for ever", "shrinks", "is written over"])
def test_file_that_changes_while_it_is_read_has_no_digest(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: bool, change: str
) -> None:
    """A digest of half an old file and half a new one is not recorded; nor is such a copy kept."""
    path = tmp_path / "changes"
    path.write_bytes(b"x" * 100)
    read = os.read
    reads = []

    def read_and_write(fd: int, count: int) -> bytes:
        data = read(fd, 10)
        reads.append(data)
        if len(reads) == 1 or change == "grows for ever":
            with path.open("r+b") as file:
                file.seek(0, os.SEEK_END if change.startswith("grows") else os.SEEK_SET)
                file.write(b"y" * 20)
                if change == "shrinks":
                    file.truncate()
            os.utime(path, ns=(0, 10**18 + len(reads)))
        return data

    with store.run("job") as run:
        monkeypatch.setattr(artifacts.os, "read", read_and_write)
        run.output("file", path, keep=keep)
        monkeypatch.undo()
    [data] = of_type(store, run.run_id, "output")
    assert (data["sha256"], data["path"], data["problem"]) == (None, None, "changed_while_read")
    assert store.verify(run.run_id).ok


@pytest.mark.parametrize("keep", [True, "redacted", "anyway"])
def test_a_kept_file_has_the_digest_of_its_bytes(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: bool | str
) -> None:
    """Also where a write shows in neither size nor time of the file, so that nobody can say that it changed."""
    path = tmp_path / "mixed"
    path.write_bytes(b"a" * 100)
    read = os.read

    def read_and_write(fd: int, count: int) -> bytes:
        data, before = read(fd, min(count, 10)), os.fstat(fd)
        path.write_bytes(b"b" * 100)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return data

    with store.run("job", run_id="r") as run:
        monkeypatch.setattr(artifacts.os, "read", read_and_write)
        run.output("file", path, keep=keep, asked_by="a" if keep == "anyway" else None)
        monkeypatch.undo()
    [data] = of_type(store, "r", "output")
    kept = store.get("r").file("artifacts/mixed")
    assert (kept, data["sha256"]) == (b"a" * 10 + b"b" * 90, sha256_hex(kept))
    assert store.verify("r").ok


def test_file_with_a_secret_is_not_kept(store: Store, tmp_path: Path) -> None:
    """The digest of the file is recorded, its bytes reach the store under no name."""
    (tmp_path / "config.ini").write_text(f"a = 1\ntoken = {TOKEN}\n")
    with store.run("job") as run:
        run.output("file", "config.ini", keep=True)
    [data] = of_type(store, run.run_id, "output")
    assert (data["path"], data["problem"]) == (None, "not_kept:redacted:github-token")
    assert data["sha256"] == sha256_hex((tmp_path / "config.ini").read_bytes())
    assert [place for place, body in tree(tmp_path / "runs").items() if TOKEN.encode() in (body or b"")] == []


def test_secret_across_two_chunks_is_found(store: Store, tmp_path: Path) -> None:
    """A secret that lies across the border of two reads is no less a secret."""
    border = artifacts.CHUNK_BYTES
    (tmp_path / "big").write_bytes(b"." * (border - 20) + b" " + TOKEN.encode() + b" " + b"." * 100)
    with store.run("job") as run:
        run.output("file", "big", keep=True)
    assert of_type(store, run.run_id, "output")[0]["path"] is None


def test_declared_secret_stands_nowhere(tmp_path: Path) -> None:
    """A value that was declared secret is in no file of the store, through whatever door it came."""
    secret = "correct horse"
    (tmp_path / "file.txt").write_text(f"with {secret} in it")
    store = open_store(tmp_path / "runs", argv=["job", f"--password={secret}"], settings={"RUNSTONE_PARENT": "outer"})
    run = store.run("job", config={"p": secret}, labels={"l": secret}, secrets=[secret])

    def work() -> None:
        with run:
            run.log(f"a {secret}")
            run.note(secret)
            run.stream("stdout", f"b {secret}\n".encode())
            run.check(secret, "pass", evidence=secret, id=secret)
            run.event("x.mine", {secret: [secret, secret.encode()]})
            run.output("file", "file.txt", name=secret, keep=True)
            run.input("table", f"db.{secret}", extra={"a": secret})
            run.metrics({secret: 1})
            raise ValueError(secret)

    with pytest.raises(ValueError, match=secret):
        work()
    held = tree(tmp_path / "runs")
    assert [place for place, body in held.items() if secret in place or secret.encode() in (body or b"")] == []
    report = store.verify(run.run_id)
    assert report.ok, report.findings


STRICT_FILES: list[tuple[tuple[Any, ...], str, str]] = [
    (("file", "absent"), "file_not_found", "not_found"),
    (("file", "."), "file_unreadable", "not_a_file"),
    (("file", "locked"), "file_unreadable", "unreadable:Permission denied"),
    (("file", "secret.txt"), "not_kept", "not_kept:redacted:github-token"),
    (("a.json", {"token": TOKEN}), "not_kept", "not_kept:redacted:github-token"),
    (("a.png", {"rows": 1}), "not_written", "not_written:unknown_extension"),
]


@pytest.mark.parametrize(("given", "code", "problem"), STRICT_FILES, ids=lambda value: str(value)[:16])
def test_strict_run_raises_what_is_wrong_with_a_file_once_it_is_recorded(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[Any, ...], code: str, problem: str
) -> None:
    """A code for each: what is there is not said to be missing; the event says the same."""
    (tmp_path / "secret.txt").write_text(f"token = {TOKEN}\n")
    (tmp_path / "locked").touch()
    opened = os.open

    def denied(path: Any, *rest: Any, **more: Any) -> int:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *rest, **more)

    monkeypatch.setattr(artifacts.os, "open", denied)
    with store.run("job", run_id="r", strict=True) as run, pytest.raises(RunstoneError) as caught:
        run.output(*given, keep=True)
    assert (caught.value.code, caught.value.details["problem"]) == (code, problem)
    assert [data["problem"] for data in of_type(store, "r", "output")] == [problem]
    assert store.verify("r").ok


def test_strict_run_raises_what_a_copy_failed_by(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is there and a store that has no room for it are two things."""
    (tmp_path / "data").write_bytes(b"x")
    monkeypatch.setattr(writer, "MAX_KEPT_FILES", 0)
    with store.run("job", run_id="r", strict=True) as run, pytest.raises(RunstoneError) as caught:
        run.output("file", "data", keep=True)
    assert caught.value.code == "too_large"
    [data] = of_type(store, "r", "output")
    assert (data["problem"], data["sha256"]) == ("not_kept:too_large", sha256_hex(b"x"))


def test_foreign_reference_is_not_opened(store: Store, tmp_path: Path) -> None:
    """Only files are hashed: a reference of another type is text, whatever it looks like."""
    (tmp_path / "x").write_bytes(b"x")
    with store.run("job") as run:
        run.input("table", "x")
        run.input("url", "file:///etc/passwd")
    assert [data["sha256"] for data in of_type(store, run.run_id, "input")] == [None, None]


def run_methods() -> set[str]:
    """Methods of a run that take facts."""
    return {name for name in vars(Run) if not name.startswith("_")}


def test_every_method_that_takes_facts_is_tried() -> None:
    """The table of the random test has every method by which a fact comes in."""
    others = {"open", "finish", "become_inert", "written", "git_state", "left_out", "run_id", "recording", "redactor"}
    others |= {"capture", "watch_system"}  # they record on their own
    others |= {"child", "environ", "finishing", "opened_at", "resumed_step"}
    assert run_methods() - others == set(CALLS)
