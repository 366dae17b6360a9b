"""Recipes of the good golden bundles, each named for what it shows."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import enum
import hashlib
import pathlib
import uuid
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.format import agent_bundles

import runstone
from runstone.core.values import Foreign
from runstone.engine.importer import ForeignRun, import_foreign
from runstone.locate import contract_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final

    from tests.format.surroundings import Files, Surroundings

    from runstone.engine.recorder import Run

    Recipe = Callable[[Surroundings], None]

GOOD: Final[dict[str, Recipe]] = {}
"""Name of the bundle (and of its run) → recipe."""

OPEN: Final[dict[str, Files]] = {}
"""Name → what an interrupted run's process left behind, filled by the recipes that recover one."""

SHA_A: Final = "a" * 64
SHA_B: Final = "b" * 64


def good(recipe: Recipe) -> Recipe:
    """Register a recipe under its own name."""
    GOOD[recipe.__name__.replace("_", "-")] = recipe
    return recipe


@contextlib.contextmanager
def folder(files: dict[str, bytes]) -> Iterator[None]:
    """A working directory that holds `files`."""
    with TemporaryDirectory() as place, contextlib.chdir(place):
        for path, body in files.items():
            target = pathlib.Path(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(body)
        yield


def decide(run: Run, *, call: str | None = None, **fields: Any) -> None:
    """Record a decision; what is not given is null or empty."""
    blank = {"outcome": None, "risk_level": None, "score": None, "block_reason": None}
    rest = {"warnings": [], "rules": [], "details": None, "policy": None}
    run.event("decision", {"call": call, **blank, **rest, **fields})


def call(run: Run, call: str, *, name: str, args: Any, parent: str | None = None) -> None:
    """Record that a tool was called."""
    run.event("tool.called", {"call": call, "parent": parent, "name": name, "contract_sha256": None, "args": args})


def answer(run: Run, call: str, *, status: str = "success", result: Any = None, error: Any = None) -> None:
    """Record that a tool returned."""
    facts = {"call": call, "status": status, "result": result, "error": error}
    run.event("tool.returned", {**facts, "duration_ns": 1000, "attempts": 1})


@good
def minimal(surroundings: Surroundings) -> None:
    """The least that a run can be: it opened and it closed."""
    run = surroundings.run()
    surroundings.clock.advance(1.5)
    run.finish("success")


@good
def everything(surroundings: Surroundings) -> None:
    """Every event type of the format, and one of a caller's own."""
    git = {"sha": "0123456789abcdef0123456789abcdef01234567", "ref": "refs/heads/main"}
    labels = {"env": "prod", "team": "a"}
    run = surroundings.run("nightly", version="2.1", labels=labels, host={"git": git, "cwd": None})
    run._record("git", {**git, "dirty": True})
    run.config({"limit": 3, "started": "now"}, sources={"/limit": "job.toml"}, volatile=["/started"])
    with folder({"in.csv": b"a,b\n1,2\n", "out/table.csv": b"a,b\n1,2\n3,4\n"}):
        run.input("file", "in.csv")
        run.input("table", "warehouse.prices", sha256=SHA_A, size=100)
        run.output("file", "out/table.csv", name="out/table.csv", keep=True)
    surroundings.clock.advance(0.25)
    run.check("row count", "pass", evidence=["run.log:line:1", "run.json:$.inputs[1].sha256", "looked at by eye"])
    run.check("schema", "skip", id="schema_v2")
    run.log("read 2 rows")
    run.log("a gap on Monday", level="warning")
    run.writer.stream("stdout", b"50 %\n")
    run.metrics({"loss": 0.5, "rows": 2}, step=1)
    run.metrics({"loss": 0.25}, step=2)
    decide(run, outcome="review", risk_level="YELLOW", score=0.5)
    call(run, "c1", name="lookup", args={"q": "x"})
    answer(run, "c1", result={"hits": 2})
    run.event("evidence", {"query": "x", "corpus": {"name": "docs"}, "passages": [{"id": "p1", "score": 0.75}]})
    run.event("score", {"name": "accuracy", "value": 0.875})
    run.event("state", {"thread": "t", "namespace": "", "step": 1, "sha256": SHA_B})
    run.event("phase", {"name": "qa", "status": "completed"})
    run.note("seen")
    run.event("child", {"run_id": "part-1", "digest": "sha256:" + SHA_A, "status": "success"})
    run.event("x.mine", {"any": ["thing", None, True]})
    run.writer.left_out("max_output", "output is left out", 2, 1000, SHA_A)
    surroundings.clock.advance(0.75)
    run.finish("partial", exit=0, result={"rows": 2}, resources={"max_rss_bytes": 10485760})


@good
def interrupted(surroundings: Surroundings) -> None:
    """A process died in the middle of a line; recovery names the torn bytes and the files that are lost."""
    run = surroundings.run(host={"cwd": None})
    with folder({"kept.txt": b"whole\n"}):
        run.output("file", "kept.txt", keep=True)
    promised = {"name": "gone.txt", "type": "file", "ref": "gone.txt", "sha256": SHA_A, "size": 6}
    run._record("output", {**promised, "media_type": "text/plain", "path": "artifacts/gone.txt"})
    run.check("looks at nothing", "pass", evidence="artifacts/gone.txt")
    surroundings.clock.advance(2)
    run.log("the last whole line")
    orphan = {"artifacts/without-event.txt": b"nobody tells of this file\n"}
    OPEN[surroundings.name] = surroundings.left_behind(run, torn=b'{"data":{"level":"info","te', kept=orphan)
    surroundings.store().recover()


@good
def interrupted_at_once(surroundings: Surroundings) -> None:
    """Nothing but `run.opened` was recorded."""
    OPEN[surroundings.name] = surroundings.left_behind(surroundings.run())
    surroundings.store().recover()


@good
def interrupted_after_close(surroundings: Surroundings) -> None:
    """The process died between `run.closed` and the seal: the status that it gave stands."""
    run = surroundings.run()
    surroundings.clock.advance(1)
    closed = {"status": "success", "exit": 0, "error": None, "result": None, "duration_ns": 1000000000}
    counts = {"redactions": 0, "dropped": 0, "resources": None, "torn_bytes": 0, "lost": []}
    run._record("run.closed", {**closed, **counts})
    OPEN[surroundings.name] = surroundings.left_behind(run)
    surroundings.store().recover()


@good
def kept_files(surroundings: Surroundings) -> None:
    """Files kept in the bundle: in a folder, of the caller's media type, without an extension, empty, of one name."""
    run = surroundings.run(host={"cwd": None})
    first = {"a/data.csv": b"x\n1\n", "README": b"no extension\n", "empty.txt": b"", "model.bin": b"\x00\xff\n\r\n"}
    with folder(first):
        run.input("file", "a/data.csv", name="a/data.csv", keep=True)
        run.output("file", "README", keep=True)
        run.output("file", "empty.txt", keep=True)
        run.output("file", "model.bin", keep=True, media_type="application/x-model")
        run.output("file", "not-there.txt", keep=True)
    with folder({"a/data.csv": b"x\n2\n"}):
        run.output("file", "a/data.csv", name="a/data.csv", keep=True)
    run.finish("success")


@good
def redacted(surroundings: Surroundings) -> None:
    """Secrets in a label, a key, a value, bytes and a log line; `run.closed` counts the marks."""
    run = surroundings.run(labels={"by": "tok_aaaabbbb"}, secrets=["hunter2!"])
    run.config({"password": "hunter2!", "tok_ccccdddd": {"url": "http://u:hunter2!@h/?k=tok_eeeeffff"}})
    run.event("x.raw", {"body": b"hunter2!", "clean": b"\x00\x01"})
    run.log("signing in with hunter2! and hunter2!")
    run.finish("failed", error={"type": "AuthError", "message": "hunter2! refused"})


@good
def secret_files(surroundings: Surroundings) -> None:
    """Files with secrets: a redacted copy, one that is kept anyway, a clean one that would have been, one not kept."""
    run = surroundings.run(host={"cwd": None}, secrets=["hunter2!"])
    with folder({"job.ini": b"[db]\npassword = hunter2!\nport = 5432\n", "clean.txt": b"nothing\n"}):
        run.input("file", "job.ini", keep="redacted")
        run.output("file", "job.ini", keep="anyway", asked_by="Operations")
        run.output("file", "clean.txt", keep="anyway", asked_by="Operations")
        run.output("file", "job.ini", keep=True)
    run.finish("success")


class _Colour(enum.Enum):
    RED = "red"


class _Opaque:
    pass


@good
def coerced_values(surroundings: Surroundings) -> None:
    """What a caller's values become at the door, and how that is marked."""
    run = surroundings.run()
    utc = datetime.timezone(datetime.timedelta(hours=2))
    values = {
        "big": 2**53,
        "decimal": decimal.Decimal("1.10"),
        "floats": [float("nan"), float("inf"), float("-inf"), -0.0],
        "aware": datetime.datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=utc),
        "naive": datetime.datetime(2026, 1, 2, 3, 4, 5),  # the point of the case
        "date": datetime.date(2026, 1, 2),
        "time": datetime.time(3, 4, 5),
        "delta": datetime.timedelta(minutes=1, milliseconds=500),
        "uuid": uuid.UUID(int=1),
        "enum": _Colour.RED,
        "path": pathlib.PurePosixPath("a/b"),
        "bytes": b"\x00\xff",
        "tuple": (1, 2),
        "set": {"b", "a", 3},
        "object": _Opaque(),
        "half a pair": "\ud800",
        "undecodable": "caf\udce9",
    }
    run.event("x.values", values)
    run.event("x.keys", {2: "int", "2": "text", None: "null", True: "bool", 1.5: "float", "$mine": "dollar"})
    run.metrics({"loss": float("nan"), "gain": 2.0})
    run.metrics({"loss": 0.5})
    run.metrics({"loss": float("inf")})
    run.check("odd", "maybe")
    run.finish()


@good
def foreign_json(surroundings: Surroundings) -> None:
    """A payload that somebody else hashes keeps its own spelling as text; pointers of marks go on inside it."""
    run = surroundings.run()
    payload = {"b": 2.0, "a": [1e16, 3e-07, 9007199254740993], "key": "tok_aaaabbbb"}
    run.event("x.feasibility", {"feasibility": Foreign(payload, "py-compact-utf8")})
    decide(run, details=Foreign({"limit": 1.0}, "py-compact-ascii"))
    run.finish("success")


@good
def unicode_names(surroundings: Surroundings) -> None:
    """Names in many scripts; keys beyond U+FFFF sort by UTF-16, documents by code point."""
    labels = {"städte": "Zürich 東京", "\ue000": "private", "😀": "astral"}
    run = surroundings.run("überprüfung", labels=labels, host={"cwd": None})
    run.config({"\ue000": 1, "😀": 2, "é": 3, "z": 4, "line\u2028end": "\u007f\u0080"})
    run.check("Größe geprüft", "pass")
    run.log("a\nb\r\u0085\u2028\u2029c 😀")
    with folder({"overview.csv": "größe\n1\n".encode()}):  # a C locale cannot spell the other name on disk
        run.output("file", "overview.csv", name="übersicht.csv", keep=True)
    run.finish()


@good
def latin1_output(surroundings: Surroundings) -> None:
    """Output of a command: two streams in turn, bytes that are not UTF-8, a last line without an end."""
    run = surroundings.run()
    run.writer.stream("stdout", "gr\u00fc\u00df".encode())
    run.writer.stream("stderr", b"warn")
    run.writer.stream("stdout", b"e \xff\xfe\n\x1b[31mred\n")
    run.writer.stream("stderr", b"ing\r\n")
    run.log("between")
    run.writer.stream("stdout", b"no end")
    run.check("coloured", "pass", evidence="run.log:line:5")
    run.finish("failed", exit=2)


@good
def blocked_decision(surroundings: Surroundings) -> None:
    """A gate refused the work: a decision with rules and a policy, and a run that ends as `blocked`."""
    run = surroundings.run("rebalance")
    decide(run, call="c9", outcome="allow")
    rule = {"id": "max_weight", "status": "fail", "severity": "hard", "reason_code": "OVER_LIMIT"}
    other = {"id": "cash", "status": "pass", "severity": "soft", "reason_code": None}
    rules = [
        {**rule, "measured": 0.31, "threshold": 0.3, "unit": "ratio"},
        {**other, "measured": 100, "threshold": 50, "unit": "EUR"},
    ]
    policy = {"name": "limits", "version": "3", "sha256": SHA_B}
    warnings = ["second thoughts", "first thoughts"]
    block = {"outcome": "block", "risk_level": "RED", "score": 0.1, "block_reason": "over the limit"}
    decide(run, **block, warnings=warnings, rules=rules, policy=policy, details={"asked": 2})
    run.finish("blocked")


@good
def linked(surroundings: Surroundings) -> None:
    """Links to other runs, and children that the parent's own process sealed."""
    links = [
        {"rel": "retries", "run_id": "run-1", "digest": "sha256:" + SHA_B},
        {"rel": "derives-from", "run_id": "run-0", "digest": "sha256:" + SHA_A},
        {"rel": "derives-from", "run_id": "run-0", "digest": "sha256:" + SHA_A},
    ]
    run = surroundings.run(links=links, host={"settings": {"RUNSTONE_PARENT": "the-parent"}})
    run.event("child", {"run_id": "child-1", "digest": "sha256:" + SHA_A, "status": "success"})
    run.event("child", {"run_id": "child-2", "digest": None, "status": "running"})
    run.finish("success")


@good
def resumed(surroundings: Surroundings) -> None:
    """One of several processes of a job that was started again: its steps go on where the earlier run had come."""
    earlier = surroundings.run("train", run_id="first-try")
    earlier.metrics({"loss": 0.5}, step=7)
    earlier.finish("failed")
    run = surroundings.run(None, resume="first-try", host={"settings": {"RANK": "3"}})
    run.metrics({"loss": 0.25})
    run.metrics({"loss": 0.75}, rank=0)
    run.finish("success")


@good
def annotation(surroundings: Surroundings) -> None:
    """What is said of a sealed run afterwards: labels given and taken, a name, an alias, a score, a remark."""
    earlier = surroundings.run("train", run_id="said-of")
    earlier.finish("success")
    said = {"labels": {"reviewed": "yes", "draft": None}, "aliases": {"prod": True, "old": False}}
    link = {"rel": "amends", "run_id": "said-of", "digest": earlier.digest}
    run = surroundings.run("annotation", links=[link])
    run.writer.record("annotation", {**said, "name": "the one", "by": "somebody"}, [])
    run.event("score", {"name": "quality", "value": 0.9})
    run.note("seen by two")
    run.finish("success")


@good
def tool_calls(surroundings: Surroundings) -> None:
    """Tool calls: nested, failed, answered twice, never answered, and an answer without a call."""
    run = surroundings.run("agent")
    call(run, "c1", name="plan", args={"goal": "x"})
    call(run, "c2", name="search", args={"q": "y"}, parent="c1")
    answer(run, "c2", status="error", error={"type": "Timeout"})
    answer(run, "c2", result=["late"])
    answer(run, "c1", result={"steps": 2})
    call(run, "c3", name="write", args=None)
    answer(run, "c0", result="nobody asked")
    run.finish("failed")


@good
def evaluated(surroundings: Surroundings) -> None:
    """What was retrieved and cited, scores with and without samples, and a verdict; one citation leads nowhere."""
    run = surroundings.run()
    passages = [{"id": "p1", "source": "a.md", "span": (0, 5), "score": 0.5, "text": "héllo"}, "no more than a text"]
    run.evidence("what?", passages, corpus="notes", version="7")
    run.cite(["p1", "p9"])
    run.score("accuracy", samples={"q1": 1, "q2": 0, "q3": None, "q4": 0.25}, unit="share", threshold=0.25)
    run.score("latency", 2.5, direction="lower", unit="s", threshold=2)
    run.event("score", {"name": "much", "value": 0.5, "interval": None, "samples_left_out": 250_000})
    run.judge("meet scores", "cited", "min score.accuracy:0.1")
    run.finish()


@good
def model_calls(surroundings: Surroundings) -> None:
    """Calls of models: of what was asked and answered size and digest alone, and where debug mode keeps the text."""
    run = surroundings.run("agent")
    kept = {"name": "0123456789abcdef0123456789abcdef.age", "sha256": SHA_B}
    called = {"call": "call-1", "parent": None, "model": "small", "provider": "local", "ref": "chatcmpl-1"}
    prompt = {"bytes": 42, "sha256": SHA_A, "messages": 1}
    output = {"bytes": 2, "sha256": SHA_A, "chunks": 0}
    usage = {"input_tokens": 14, "output_tokens": 1, "cached_tokens": 0}
    returned = {"call": "call-1", "model": "small-1", "finish_reason": "stop", "cost": None, "usage": usage}
    told = {"status": "ok", "error": None, "duration_ns": 1000, "attempts": 1}
    failed = {"status": "error", "error": {"type": "Timeout", "message": "left out"}, "debug_error": kept}
    nothing = {"call": "call-2", "finish_reason": None, "cost": None, "usage": None, "output": None}
    run.writer.record("model.called", {**called, "prompt": prompt, "parameters": {"temperature": 0}, "debug": kept})
    run.writer.record("model.returned", {**told, **returned, "output": output, "debug": kept})
    run.writer.record(
        "model.called", {**called, "call": "call-2", "parent": "call-1", "prompt": prompt, "parameters": None}
    )
    run.writer.record("model.returned", {**told, **nothing, **failed})
    run.finish("failed")


@good
def big_numbers(surroundings: Surroundings) -> None:
    """Numbers at the borders of the print rules."""
    run = surroundings.run()
    numbers = [2**53 - 1, -(2**53) + 1, 1e17, 1e20, 1e21, 1e22, 123456789012345680.0, 5e-324, 1.7976931348623157e308]
    run.event("x.numbers", {"values": [*numbers, 1e-6, 1e-7, 0.1, 1 / 3, -1.5e-9, 4.35, 333333333.3333333, 0.0]})
    run.config({"seed": 1e18})
    run.metrics({"loss": 1e300, "least": -1e-300})
    run.event("score", {"name": "total", "value": 1e21})
    run.finish("success", result=1e16)


@good
def clock_went_back(surroundings: Surroundings) -> None:
    """The machine's clock was set back while the run was recorded: its last time is repeated."""
    run = surroundings.run()
    surroundings.clock.advance(10)
    run.log("before")
    surroundings.clock.set_back(3600)
    run.log("after")
    surroundings.clock.advance(5)
    run.finish("success")


@good
def unknown_types(surroundings: Surroundings) -> None:
    """What a later writer may add to `/1`: event types and keys inside `data` that a reader does not know."""
    run = surroundings.run()
    run.event("x.mine.deeper", {})
    run._record("telemetry", {"watts": 3})
    run._record("note", {"text": "with more", "about": {"seq": 1}})
    run.output("table", "t", sha256=SHA_A, extra={"rows": 3})
    run.finish("success")


@good
def unknown_contract(surroundings: Surroundings) -> None:
    """A contract that the reader does not know: its documents cannot be refolded, all else is proved."""
    surroundings.run(contract="elsewhere/7.2").finish("success")


@good
def evidence_in_brackets(surroundings: Surroundings) -> None:
    """A member with brackets in its name is one, and no element of an array."""
    run = surroundings.run(labels={"[x]": "1", "[01]": "2"})
    run.check("labelled", "pass", evidence=["run.json:$.labels[x]", "run.json:$.labels[01]"])
    run.finish()


@good
def evidence_noted(surroundings: Surroundings) -> None:
    """Evidence that does not resolve is a note where the run itself says so."""
    run = surroundings.run()
    run.check("total", "pass", evidence=["run.log:line:9", "checks.json:$.checks[7]", "artifacts/none"])
    run.check("evidence resolves", "fail", id="evidence_resolves")
    run.finish()


@good
def overridden(surroundings: Surroundings) -> None:
    """A decision of a sealed run that is another one from now on, by somebody and for a reason."""
    earlier = surroundings.run("cut", run_id="blocked-before")
    earlier.finish("blocked")
    said = {"labels": {}, "aliases": {}, "by": "ann", "override": {"outcome": "allow", "reason": "test piece of foam"}}
    run = surroundings.run(
        "annotation", links=[{"rel": "amends", "run_id": "blocked-before", "digest": earlier.digest}]
    )
    run.writer.record("annotation", said, [])
    run.finish("success")


@good
def gated(surroundings: Surroundings) -> None:
    """A call at a gate, under an idempotency key, that was blocked before and passes by an override."""
    store = surroundings.store()
    policy = {
        "name": "saw",
        "version": "1",
        "levels": ["GREEN", "RED"],
        "blocks": "RED",
        "rules": [{"id": "speed", "fact": "/speed", "max": 80, "level": "RED", "unit": "m/s"}],
    }
    facts = {"speed": 90}

    def gate(run_id: str, **options: Any) -> Any:
        return runstone.gate("cut", policy=policy, facts=facts, store=store, run_id=run_id, request=facts, **options)

    try:
        gate("blocked-at-first")(lambda: None)()
    except runstone.PolicyBlocked as exc:
        said = {"labels": {}, "aliases": {}, "by": "ann", "override": {"outcome": "allow", "reason": "test of foam"}}
        link = {"rel": "amends", "run_id": exc.run_id, "digest": store.get(exc.run_id).digest}
        run = surroundings.run("annotation", run_id="said-so", links=[link])
        run.writer.record("annotation", said, [])
        run.finish("success")
    options = {"idempotency_key": "order 7", "override_of": "blocked-at-first"}
    gate(surroundings.name, **options)(lambda: {"gcode": "G0 X0"})()


@good
def imported(surroundings: Surroundings) -> None:
    """A foreign run: the original's times, nulls for what it does not tell, the original bytes beside it."""
    original = b'{"id": 7,  "state": "done"}\r\n'
    sha256 = hashlib.sha256(original).hexdigest()
    opened = {
        "run_id": surroundings.name,
        "kind": "foreign",
        "version": None,
        "contract": {"name": "runstone", "version": "1"},
        "generator": {"name": "runstone", "version": "0.1.0"},
        "ruleset": {"name": "golden", "sha256": "0" * 64},
        "labels": {},
        "links": [],
        "idempotency": None,
        **dict.fromkeys(("argv", "cwd", "git", "platform", "entry")),
        "imported": {"format": "somebody/2", "sha256": sha256},
    }
    path = "artifacts/original/7.json"
    facts = {"sha256": sha256, "size": len(original), "media_type": "application/json", "path": path}
    events = [("input", {"name": "7.json", "type": "file", "ref": None, **facts}), ("note", {"text": "done"})]
    nothing = dict.fromkeys(("exit", "error", "result", "duration_ns", "resources"))
    closed = {"status": "success", **nothing, "redactions": 0, "dropped": 0, "torn_bytes": 0, "lost": []}
    times = {"started": "2020-02-29T23:59:59.000000Z", "ended": "2020-03-01T00:00:01.500000Z"}
    run = ForeignRun(opened, events, closed, **times, originals={"7.json": original})
    import_foreign(run, surroundings.objects, contract_of("runstone", "1"), surroundings.store().redactor())


GOOD.update(agent_bundles.recipes(OPEN))
