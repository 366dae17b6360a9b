"""Random runs: what a caller may record, as actions that hypothesis can make, shrink and show; and forged events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from tests.format.surroundings import Surroundings

if TYPE_CHECKING:
    from typing import Any

    from tests.format.surroundings import Files

    from runstone.engine.recorder import Run

    Action = tuple[str, tuple[Any, ...], dict[str, Any]]
    """Method of a run (or `pass_time`), its arguments and options."""

TEXT = st.text(max_size=12)
NAME = st.text(min_size=1, max_size=12)
NUMBER = st.one_of(st.integers(), st.floats(), st.sampled_from([0, -0.0, 2**53 - 1, 2**53, 1e16, 1e21, 1e-7, 5e-324]))
SCALAR = st.one_of(st.none(), st.booleans(), NUMBER, TEXT, st.just("\ud800"))
KEY = st.one_of(TEXT, st.sampled_from(["$", "$bytes", "seq", "type", "😀", "\ue000", "a/b", "~"]))
JSON = st.recursive(SCALAR, lambda it: st.lists(it, max_size=4) | st.dictionaries(KEY, it, max_size=4), max_leaves=12)
VALUE = st.recursive(
    SCALAR | st.binary(max_size=8) | st.dates() | st.datetimes(timezones=st.none() | st.timezones()) | st.decimals(),
    lambda it: st.lists(it, max_size=3) | st.tuples(it, it) | st.dictionaries(SCALAR, it, max_size=3),
    max_leaves=8,
)
SHA256 = st.text("0123456789abcdef", min_size=64, max_size=64)
CALL = st.sampled_from(["c1", "c2", "c3"])
MAYBE_TEXT = st.none() | TEXT
RULE = st.dictionaries(st.sampled_from(["id", "status", "reason_code", "measured", "unit"]), SCALAR, max_size=4)
EVIDENCE = st.one_of(
    TEXT,
    st.builds("run.log:line:{}".format, st.integers(0, 4)),
    st.builds("checks.json:$.checks[{}].id".format, st.integers(0, 2)),
    st.sampled_from(["run.json:$.inputs", "run.json:$.counts.events", "config.snapshot.json:$.value", "run.log:$.x"]),
    st.sampled_from(["artifacts/x", "a: b", "checks.json:$.checks[00]"]),
)


def _kernel(kind: str, /, **fields: Any) -> st.SearchStrategy[Action]:
    """An event of a kernel type that has no method."""
    drawn = {name: field if isinstance(field, st.SearchStrategy) else st.just(field) for name, field in fields.items()}
    return _method("event", st.just(kind), st.fixed_dictionaries(drawn))


def _method(name: str, /, *arguments: Any, **options: Any) -> st.SearchStrategy[Action]:
    """A call of a run's method."""
    return st.tuples(st.just(name), st.tuples(*arguments), st.fixed_dictionaries(options))


ACTIONS = st.one_of(
    _method("input", NAME, MAYBE_TEXT, name=st.none() | NAME, sha256=st.none() | SHA256, size=st.integers(0, 9)),
    _method("output", NAME, MAYBE_TEXT, name=st.none() | NAME, sha256=SHA256, extra=st.none() | st.just({"rows": 1})),
    _method("check", NAME, st.sampled_from(["pass", "fail", "skip", "odd"]), st.lists(EVIDENCE, max_size=2)),
    _method("log", TEXT, level=st.sampled_from(["debug", "info", "warning", "error"])),
    _method("stream", st.sampled_from(["stdout", "stderr"]), st.binary(max_size=12) | st.just(b"whole\n")),
    _method("metrics", st.dictionaries(st.sampled_from("abc"), NUMBER, max_size=3), step=st.none() | st.integers()),
    _method("config", VALUE, volatile=st.lists(st.sampled_from(["/a", "/0", "/a/b", "/~1", "", "x"]), max_size=2)),
    _method("note", TEXT),
    _method("event", st.just("x.mine"), st.dictionaries(KEY, VALUE, max_size=3)),
    _kernel("score", name=NAME, value=st.integers(-5, 5) | st.floats(-1, 1)),
    _kernel("evidence", query=JSON, corpus=JSON, passages=st.lists(JSON, max_size=2)),
    _kernel("phase", name=NAME, status=NAME),
    _kernel("state", thread=NAME, namespace=TEXT, step=st.none() | st.integers(0, 5), sha256=st.none() | SHA256),
    _kernel("child", run_id="part", digest=MAYBE_TEXT, status=st.sampled_from(["success", "running"])),
    _kernel("tool.called", call=CALL, parent=st.none() | CALL, name=NAME, contract_sha256=None, args=JSON),
    _kernel("tool.returned", call=CALL, status=NAME, result=JSON, error=JSON, duration_ns=None, attempts=1),
    _kernel(
        "decision",
        call=st.none() | CALL,
        outcome=MAYBE_TEXT,
        risk_level=MAYBE_TEXT,
        score=JSON,
        block_reason=MAYBE_TEXT,
        warnings=st.lists(JSON, max_size=2),
        rules=st.lists(RULE, max_size=3),
        details=JSON,
        policy=st.none() | st.fixed_dictionaries({"sha256": st.none() | SHA256}),
    ),
    _method("pass_time", st.floats(0, 3)),
)
ENDINGS = st.fixed_dictionaries(
    {
        "status": st.sampled_from([None, "success", "partial", "failed", "blocked", "cancelled"]),
        "exit": st.none() | st.integers(0, 255),
        "error": st.none() | JSON,
        "result": JSON,
    }
)


@st.composite
def bundles(draw: st.DrawFn) -> Files:
    """The files of a sealed run: finished, or left behind and recovered."""
    surroundings = Surroundings("random")
    labels = draw(st.dictionaries(NAME, NAME, max_size=2))
    run = surroundings.run(draw(NAME), version=draw(MAYBE_TEXT), labels=labels, host={"cwd": None})
    for action in draw(st.lists(ACTIONS, max_size=8)):
        perform(run, surroundings, action)
    if draw(st.booleans()):
        run.finish(**draw(ENDINGS))
    else:
        surroundings.left_behind(run, torn=draw(st.binary(max_size=20)))
        surroundings.store().recover()
    return surroundings.sealed()


def perform(run: Run, surroundings: Surroundings, action: Action) -> None:
    """Do one action."""
    name, arguments, options = action
    if name == "pass_time":
        surroundings.clock.advance(*arguments)
    else:
        getattr(run, name)(*arguments, **options)


FINITE_NUMBER = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
FINITE = st.recursive(
    st.one_of(st.none(), st.booleans(), FINITE_NUMBER, TEXT),
    lambda it: st.lists(it, max_size=3) | st.dictionaries(KEY, it, max_size=3),
    max_leaves=6,
)
ODD = st.one_of(
    FINITE,
    st.sampled_from(["NaN", "running", "success", "interrupted", "run.json", "events.jsonl", "artifacts/x", "log"]),
    st.sampled_from(["a" * 64, "A" * 64, "sha256:" + "a" * 64, "/0", "/01", "/٣", "/" + "9" * 5000, "run.log:line:0"]),
    st.sampled_from(["2026-02-29T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z", "2026-01-02T03:04:60.000000Z"]),
    st.sampled_from([-1, True, 1.5, 1e17, [["/a", "coerced"]], [["a", "coerced"]], [["", "redacted:"]], [["", "x"]]]),
)
"""Values that may be good or bad, wherever they stand."""


@st.composite
def forged(draw: st.DrawFn, event: dict[str, Any]) -> dict[str, Any]:
    """An event in which one member was set, added or taken out."""
    copy = json.loads(json.dumps(event))
    *way, last = draw(st.sampled_from(places(copy)[1:]))
    place = copy
    for key in way:
        place = place[key]
    how = draw(st.sampled_from(["set", "set", "add", "take"]))
    if how == "take":
        del place[last]
    elif how == "add" and isinstance(place, dict):
        place[draw(KEY)] = draw(ODD)
    else:
        place[last] = draw(ODD)
    return copy


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as keys and indexes from the top."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]
