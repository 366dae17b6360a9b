"""What a run retrieved and cited, how good it was, and the verdict on it while it is open."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import runstone
from runstone.core.digests import sha256_hex
from runstone.core.evaluation.bootstrap import RESAMPLES
from runstone.core.limits import MAX_LINE_BYTES
from runstone.engine.disabled import DISABLED
from runstone.engine.scoring import MAX_SAMPLES_BYTES
from runstone.engine.store import Store
from runstone.errors import error

from .scenes import TOKEN, of_type, open_store

HELLO = sha256_hex(b"hello")


class Unreadable:
    """An object of a library that fails at whatever it is asked for."""

    def __iter__(self) -> Any:
        raise RuntimeError

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name) if name == "__name__" else RuntimeError(name)  # pytest asks for its name


def recorded(store: Store, kind: str, run_id: str = "r") -> Any:
    """The data of the one event of a type."""
    (found,) = of_type(store, run_id, kind)
    return found


# evidence

PASSAGES = [
    ({"id": "a", "text": "hello"}, "a"),
    ({"id": "a", "content": b"hello"}, "a"),
    ("hello", HELLO),
    (({"id": "a", "text": "hello"}, 0.5), "a"),
    (SimpleNamespace(id="a", page_content="hello", metadata={"source": "x.md"}), "a"),
    (SimpleNamespace(page_content="hello"), HELLO),
    ({"id": 7, "sha256": HELLO, "bytes": 5}, "7"),
]


@pytest.mark.parametrize(("passage", "identity"), PASSAGES)
def test_a_passage_is_told_by_digest_and_size(store: Store, passage: Any, identity: str) -> None:
    """In whatever form it comes; its text is nowhere."""
    with store.run("agent", run_id="r") as run:
        assert run.evidence("q", [passage], corpus="c") == [identity]
    (found,) = recorded(store, "evidence")["passages"]
    assert (found["id"], found["sha256"], found["bytes"]) == (identity, HELLO, 5)
    assert b"hello" not in Path(store.url, "r", "events.jsonl").read_bytes()


def test_what_a_passage_has_besides(store: Store) -> None:
    """Source, span and score; what it has not is null."""
    one = {"id": "a", "source": "x.md", "span": (3, 9), "score": float("nan")}
    other = SimpleNamespace(id="b", metadata={"source": Path("y.md")}, span={"start": 1, "end": 2})
    with store.run("agent", run_id="r") as run:
        run.evidence({"text": "q"}, [one, other], corpus="c", version=3)
    found = recorded(store, "evidence")
    assert (found["query"], found["corpus"], found["version"]) == ({"text": "q"}, "c", "3")
    assert found["passages"] == [
        {"id": "a", "source": "x.md", "span": {"start": 3, "end": 9}, "score": "NaN", "sha256": None, "bytes": None},
        {"id": "b", "source": "y.md", "span": {"start": 1, "end": 2}, "score": None, "sha256": None, "bytes": None},
    ]


def test_a_generator_is_not_used_up(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused: the work that comes after needs it."""
    passages = iter(["a", "b"])
    with store.run("agent", run_id="r") as run:
        assert run.evidence("q", passages, corpus="c") == []  # type: ignore[arg-type]  # an iterator is iterable
    assert list(passages) == ["a", "b"]
    assert recorded(store, "dropped")["reason"] == "invalid_event"
    assert "used up" in capsys.readouterr().err


@pytest.mark.parametrize("passages", [np.array("a passage"), Unreadable()])
def test_passages_that_cannot_be_read_are_told(store: Store, passages: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever they raise, the work goes on."""
    with store.run("agent", run_id="r") as run:
        assert run.evidence("q", passages, corpus="c") == []
    assert (run.status, recorded(store, "dropped")["reason"]) == ("success", "invalid_event")
    assert "cannot be read" in capsys.readouterr().err


def test_a_secret_in_a_query_is_taken_out(store: Store) -> None:
    """And in an id, a source; on both sides alike, so that a citation still fits."""
    with store.run("agent", run_id="r") as run:
        run.evidence(f"who has {TOKEN}?", [{"id": TOKEN, "source": f"{TOKEN}.md", "text": TOKEN}], corpus="c")
        run.cite(TOKEN)
    assert TOKEN.encode() not in Path(store.url, "r", "events.jsonl").read_bytes()
    assert (recorded(store, "check")["status"], store.get("r").status) == ("pass", "success")


# citations


def test_citations_are_checked_once_at_the_end(store: Store) -> None:
    """Also those of passages that are retrieved afterwards."""
    with store.run("agent", run_id="r") as run:
        run.cite(["b"])
        run.cite("a")
        run.evidence("q", [{"id": "a"}, {"id": "b"}], corpus="c")
    check = recorded(store, "check")
    assert (check["id"], check["status"], check["evidence"]) == ("citations_retrieved", "pass", [])
    assert store.verify("r")


def test_a_citation_that_was_not_retrieved_fails_the_run(store: Store) -> None:
    """It is named; of very many the first."""
    with store.run("agent", run_id="r") as run:
        run.cite([f"p{number}" for number in range(30)])
    check = recorded(store, "check")
    assert (check["status"], store.get("r").status) == ("fail", "failed")
    assert check["evidence"][0] == "cited but not retrieved: p0"
    assert (len(check["evidence"]), check["evidence"][-1]) == (21, "and 10 more")
    assert store.verify("r")


def test_without_citations_nothing_is_checked(store: Store) -> None:
    """A retrieval alone promises nothing."""
    with store.run("agent", run_id="r") as run:
        run.evidence("q", [{"id": "a"}], corpus="c")
    assert of_type(store, "r", "check") == []


def test_a_run_that_fails_is_checked_as_well(store: Store) -> None:
    """Its own error stands."""

    def fails() -> None:
        with store.run("agent", run_id="r") as run:
            run.cite("x")
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fails()
    assert recorded(store, "check")["status"] == "fail"
    assert store.get("r").status == "failed"


# scores

SHAPES: list[Any] = [
    {"a": 1, "b": 0},
    {"a": {"value": True}, "b": {"value": False}},
    [{"id": "a", "value": 1}, {"id": "b", "value": 0}],
    [("a", True), ("b", False)],
]


@pytest.mark.parametrize("samples", SHAPES)
def test_samples_come_in_many_shapes(store: Store, samples: Any) -> None:
    """A mapping, mappings, pairs; true and false are numbers."""
    with store.run("eval", run_id="r") as run:
        run.score("acc", samples=samples)
    found = recorded(store, "score")
    assert (found["value"], found["samples"]) == (0.5, [{"id": "a", "value": 1}, {"id": "b", "value": 0}])
    assert found["interval"] == {
        "low": 0,
        "high": 1,
        "confidence": 0.95,
        "method": "percentile-bootstrap",
        "resamples": RESAMPLES,
    }


def test_values_are_numbered_and_facts_are_kept(store: Store) -> None:
    """From 1; a sample may have more than a value."""
    with store.run("eval", run_id="r") as run:
        run.score("acc", samples=[0.5, None, {"value": 1, "why": "right"}], direction="lower", unit="s", threshold=1)
    found = recorded(store, "score")
    assert found["samples"] == [
        {"id": "1", "value": 0.5},
        {"id": "2", "value": None},
        {"id": "3", "value": 1, "why": "right"},
    ]
    assert (found["value"], found["direction"], found["unit"], found["threshold"]) == (0.75, "lower", "s", 1)


def test_a_value_that_is_given_stands(store: Store) -> None:
    """Without an interval: nobody knows how it comes of the samples."""
    with store.run("eval", run_id="r") as run:
        run.score("f1", 0.25, samples={"a": 1, "b": 1})
    found = recorded(store, "score")
    assert (found["value"], "interval" in found) == (0.25, False)


@pytest.mark.parametrize(
    ("samples", "value", "has_interval"),
    [
        ([], "NaN", False),
        ([None], "NaN", False),
        ([0.5], 0.5, False),
        ([float("nan"), 1], "NaN", False),
        ([float("inf")], "Infinity", False),
        ([1.7e308, 1.7e308], 1.7e308, True),
        ([10**400], "Infinity", False),
        (["text", 1], "NaN", False),
    ],
)
def test_hostile_samples(store: Store, samples: Any, value: Any, has_interval: bool) -> None:
    """Nothing raises, and what is no number is told as such."""
    with store.run("eval", run_id="r") as run:
        run.score("acc", samples=samples)
    found = recorded(store, "score")
    assert (found["value"], found["interval"] is not None) == (value, has_interval)
    assert store.verify("r")


WRONG: list[dict[str, Any]] = [
    {},
    {"value": 1, "direction": "up"},
    {"value": 1, "direction": np.array(["higher", "lower"])},
    {"value": 1, "confidence": 1.0},
    {"samples": 5},
    {"samples": [{"id": "a"}]},
    {"samples": "0.5"},
    {"samples": Unreadable()},
]


@pytest.mark.parametrize("arguments", WRONG)
def test_what_is_no_score(store: Store, arguments: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Is left out and said; a strict run raises."""
    with store.run("eval", run_id="r") as run:
        run.score("acc", **arguments)
    assert of_type(store, "r", "score") == []
    assert recorded(store, "dropped")["reason"] == "invalid_option"
    assert capsys.readouterr().err
    with pytest.raises(runstone.InvalidInput) as caught, store.run("eval", strict=True) as run:
        run.score("acc", **arguments)
    assert caught.value.code == "invalid_option"


def test_ten_thousand_samples(store: Store) -> None:
    """Take a moment, and fit an event."""
    began = time.process_time()
    with store.run("eval", run_id="r") as run:
        run.score("acc", samples=[number % 7 for number in range(10_000)])
    assert time.process_time() - began < 10
    assert len(recorded(store, "score")["samples"]) == 10_000


def test_too_many_samples_are_left_out(store: Store) -> None:
    """Value and interval stay, and how many there were."""
    wide = "x" * 1_000_000
    with store.run("eval", run_id="r", strict=True) as run:
        run.score("acc", samples=[{"id": str(number), "value": number % 2, "text": wide} for number in range(5)])
    found = recorded(store, "score")
    assert (found["value"], found["samples_left_out"], "samples" in found) == (0.4, 5, False)
    assert MAX_SAMPLES_BYTES < MAX_LINE_BYTES


# verdicts


@pytest.fixture
def base(store: Store) -> str:
    """The id of a baseline."""
    with store.run("eval", run_id="base", version="1") as run:
        run.score("acc", samples={"a": 1, "b": 1, "c": 0, "d": 0}, threshold=0.5)
        run.metrics({"loss": 0.5})
    return "base"


def test_the_verdict_is_in_the_run(store: Store, base: str) -> None:
    """With the baseline's digest, every rule, and what the caller is told."""
    with store.run("eval", run_id="r", version="1") as run:
        run.score("acc", samples={"a": 1, "b": 0, "c": 1, "e": 1}, threshold=0.5, unit="share")
        run.metrics({"loss": 0.25})
        verdict = run.judge(
            "meet scores", "min score.acc:-1%", "max metric.loss:+0%", "max worse.acc:1", "same config", baseline=base
        )
    found = recorded(store, "verdict")
    assert found == {
        "ok": False,
        "baseline": {"run_id": "base", "digest": store.get("base").digest},
        "rules": verdict.rules,
    }
    assert (verdict.run_id, verdict.digest, bool(verdict)) == ("r", None, False)
    assert [(rule["id"], rule["status"], rule["measured"]) for rule in verdict.rules] == [
        ("meet score.acc", "pass", 0.75),
        ("min score.acc:-1%", "pass", 0.75),
        ("max metric.loss:+0%", "pass", 0.25),
        ("max worse.acc:1", "fail", 2),
        ("same config", "pass", 0),
    ]
    assert verdict.rules[0]["unit"] == "share"
    assert store.get("r").status == "success"
    assert store.verify("r")


def test_the_same_verdict_on_the_sealed_run(store: Store, base: str) -> None:
    """What an open run is told, its sealed self is told as well."""
    rules = ("meet scores", "cited", "same outcome", "same samples", "max worse.acc:0", "require check.x")
    with store.run("eval", run_id="r") as run:
        run.evidence("q", [{"id": "p"}], corpus="c")
        run.cite("p")
        run.score("acc", samples={"a": 1, "b": 0}, threshold=0.5)
        run.check("x", "fail")
        verdict = run.judge(*rules, baseline=store.get(base))
        run.log("later")
    again = store.judge("r", baseline=base, rules=rules)
    told = [(rule["id"], rule["status"], rule["reason_code"]) for rule in again.rules]
    assert told == [(rule["id"], rule["status"], rule["reason_code"]) for rule in verdict.rules]


def test_without_a_baseline(store: Store) -> None:
    """Rules that ask for one fail; the others are judged."""
    with store.run("eval", run_id="r") as run:
        run.score("acc", 0.5, samples={"a": 1})
        run.score("bare", 1)
        verdict = run.judge(
            "min score.acc:0.5", "min score.acc:-1%", "same config", "max worse.acc:0", "meet score.bare", "cited",
            "meet score.none", "meet scores", "require check.x",
        )  # fmt: skip
    assert [rule["reason_code"] for rule in verdict.rules] == [
        None, "no_baseline", "no_baseline", "no_baseline", "no_threshold", "missing", "missing", "no_threshold",
        "missing",
    ]  # fmt: skip
    assert verdict.baseline is None
    assert recorded(store, "verdict")["baseline"] is None


def test_a_sealed_run_is_judged_without_a_baseline(store: Store, base: str) -> None:
    """Its verdict links to it alone."""
    verdict = store.judge(base, rules=["meet scores", "meet score.acc"], limits=["min score.acc:0.5"])
    assert verdict
    assert [rule["id"] for rule in verdict.rules] == ["min score.acc:0.5", "meet score.acc", "meet score.acc"]
    assert verdict.run_id is not None
    sealed = store.get(verdict.run_id)
    assert [link["run_id"] for link in sealed.manifest["links"]] == ["base"]


@pytest.mark.parametrize(
    ("rules", "baseline", "code"),
    [
        ((), None, "invalid_option"),
        (("meet nothing",), None, "invalid_option"),
        (("min worse.acc:1",), None, "invalid_option"),
        (("max worse.acc:+1",), None, "invalid_option"),
        (("cited now",), None, "invalid_option"),
        (("cited",), "nobody", "run_not_found"),
    ],
)
def test_a_gate_is_strict(store: Store, rules: tuple[str, ...], baseline: str | None, code: str) -> None:
    """In any run; nothing is recorded of it, and the run goes on."""
    with store.run("eval", run_id="r") as run:
        with pytest.raises(runstone.RunstoneError) as caught:
            run.judge(*rules, baseline=baseline)
        run.log("on")
    assert caught.value.code == code
    assert of_type(store, "r", "verdict") == []


def test_a_damaged_baseline_judges_nothing(store: Store, base: str) -> None:
    """Neither as it was nor as it is."""
    journal = Path(store.url, base, "events.jsonl")
    journal.chmod(0o644)
    journal.write_bytes(journal.read_bytes().replace(b'"value":0.5', b'"value":0.1'))
    with store.run("eval", run_id="r") as run, pytest.raises(runstone.Damaged):
        run.judge("min score.acc:-1%", baseline=base)


def test_no_verdict_without_a_record(tmp_path: Path, store: Store) -> None:
    """Not when recording is switched off, nor after the end."""
    off = open_store(tmp_path / "other", settings={"RUNSTONE_DISABLED": "1"})
    with off.run("eval") as run, pytest.raises(runstone.StoreUnavailable):
        run.judge("cited")
    with store.run("eval", run_id="r") as ended:
        pass
    with pytest.raises(runstone.StoreUnavailable):
        ended.judge("cited")


def test_a_verdict_that_is_not_in_the_journal_is_not_given(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line could not be written: who asks is told."""
    with store.run("eval", run_id="r") as run:
        run.score("acc", 1, threshold=0)
        journal = run.writer.journal

        def full(_: bytes) -> None:
            raise error("store_unavailable", "no space left")

        monkeypatch.setattr(run.writer, "_append", full)
        with pytest.raises(runstone.StoreUnavailable):
            run.judge("meet scores")
        assert journal is not None
    assert of_type(store, "r", "verdict") == []


def test_switched_off_passages_keep_their_ids() -> None:
    """A program that cites by what it was answered goes on."""
    assert DISABLED.evidence("q", [{"id": "a"}, "hello"], corpus="c") == ["a", HELLO]
    DISABLED.cite("a")
    DISABLED.score("acc", 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="other OS")
def test_a_forked_copy_checks_nothing(store: Store) -> None:
    """The parent's run alone has the check, once."""
    with store.run("agent", run_id="r") as run:
        run.cite("x")
        child = os.fork()
        if child == 0:
            run.finish()
            os._exit(0)
        os.waitpid(child, 0)
    assert len(of_type(store, "r", "check")) == 1
