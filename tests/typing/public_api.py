"""The public names as a type checker sees them: checked by pyright and mypy, never run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, assert_type
from uuid import UUID

import runstone
from runstone import (
    AsyncRun,
    AsyncStore,
    Comparison,
    Conflict,
    Damaged,
    Decision,
    Difference,
    Finding,
    InProgress,
    InvalidInput,
    MissingExtra,
    NotFound,
    Policy,
    PolicyBlocked,
    Report,
    Run,
    RunstoneError,
    Sealed,
    StateCheckpoint,
    StateStore,
    Store,
    StoreUnavailable,
    Unanswered,
    Verdict,
    canonical_bytes,
    compare,
    current_run,
    gate,
    load_policy,
    open_async,
    open_states,
    parse_canonical,
    seed,
    track,
    verify,
)


def opening() -> Store:
    """A store from nothing, text or a path."""
    assert_type(runstone.open(), Store)
    assert_type(runstone.open("runs"), Store)
    version: str = runstone.__version__
    assert version
    return runstone.open(Path("runs"))


def recording(store: Store) -> None:
    """A run with and without `with`, and what its calls answer."""
    with store.run("backfill", version="0.1.0", config={"a": 1}, labels={"env": "prod"}, secrets=["hunter22"]) as run:
        assert_type(run, Run)
        assert_type(run.run_id, str)
        assert_type(run.recording, bool)
        assert_type(run.log("text", level="warning"), str)
        run.input("table", "blocks", sha256="0" * 64)
        run.output("file", Path("prices.csv"), keep=True, media_type="text/csv", extra={"rows": 1})
        run.output("file", "prices.csv", kept=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # a word that there is not
        run.check("row count", "pass", evidence="run.log:line:1")
        run.check("gaps", "skip", ["run.log:line:1", "free text"], id="gaps")
        run.metrics({"loss": 0.1, "n": 3}, step=3)
        run.config({"seed": 1}, volatile=["/seed"])
        run.event("x.mine", {"a": [1]})
        run.note("a remark")
        assert_type(run.now(), datetime)
        assert_type(run.uuid(), UUID)
        assert_type(run.random("rows"), Random)
        assert_type(run.seed(random, name="rows"), int)
        assert_type(seed(random), int)
        run.metrics({"loss": 0.1}, rank=1)
        assert_type(run.child("part", labels={"env": "prod"}, system_metrics=True), Run)
        assert_type(runstone.child("part", secrets=["hunter22"]), Run)
        assert_type(run.environ, dict[str, str])
    assert_type(store.run(resume="r0").resumed_step, int | None)
    assert_type(store.run("job").opened_at, str | None)
    assert_type(store.children("r1"), list[dict[str, Any]])
    alone = store.run("validate", contract="ovc", run_id="r1", links=[{"rel": "retries", "run_id": "r0"}], strict=True)
    assert_type(alone.finish("failed", exit=1, error="why", result=[1]), str | None)
    assert_type(alone.digest, str | None)
    assert_type(alone.status, str)


@track
def plain(number: int) -> str:
    """A tracked function keeps its type."""
    return str(number)


@track(name="named", args=False, result=False)
async def asynchronous(number: int) -> str:
    """The same of a coroutine, with options."""
    return plain(number)


def hot(facts: Any) -> str:
    """A policy's function."""
    return "RED" if facts["degrees"] > 80 else "GREEN"


POLICY = Policy("heat", "1", hot, levels=["GREEN", "RED"], blocks="RED", data={"limit": 80})


def degrees(number: int, key: str = "") -> dict[str, int]:
    """Facts of a call."""
    return {"degrees": number}


def key_of(number: int, key: str) -> str:
    """The key of a call."""
    return key


@gate("cut", policy=POLICY, facts=degrees, labels={"env": "prod"}, version="1")
def gated(number: int) -> str:
    """A gated function keeps its type."""
    return str(number)


@gate(
    "cut",
    policy=load_policy("saw.toml"),
    facts=degrees,
    store="runs",
    idempotency_key=key_of,
    request=degrees,
    override_of=None,
    wait_s=5,
)
async def gated_asynchronous(number: int, key: str) -> int:
    """The same of a coroutine, with a key."""
    return number


async def gating(store: Store) -> None:
    """What a caller of a gate sees."""
    assert_type(gated(1), str)
    assert_type(await gated_asynchronous(1, key="a"), int)
    decision = POLICY.decide({"degrees": 90})
    assert_type(decision, Decision)
    assert_type(decision.allowed, bool)
    try:
        with gate("cut", policy={"name": "saw"}, facts={}, store=store, result=False) as passage:
            assert_type(passage.run_id, str)
            assert_type(passage.run.decision, Decision | None)
            passage.answer([1])
    except PolicyBlocked as blocked:
        assert_type(blocked.decision, dict[str, Any])
        assert_type(store.override(blocked.run_id, by="ann", reason="test piece of foam"), Sealed)
    except (InProgress, Unanswered) as error:
        assert_type(error.code, str)


def tracking(store: Store) -> None:
    """What somebody who comes from a tracker uses."""
    assert_type(plain(1), str)
    with store.run("train", system_metrics=True) as run:
        assert_type(current_run(), Run | None)
        run.output("table.json", {"a": [1]})
        run.watch_system(every=5)
        with run.capture(descriptors=True) as capture:
            print("captured")
        capture.end()


def reading(store: Store) -> None:
    """A sealed run and its parts."""
    sealed = store.get("@latest")
    assert_type(sealed, Sealed)
    for text in (
        sealed.run_id,
        sealed.kind,
        sealed.contract,
        sealed.status,
        sealed.digest,
        sealed.outcome_digest,
        sealed.path,
    ):
        assert_type(text, str)
    assert_type(sealed.manifest, dict[str, Any])
    assert_type(sealed.document("run.json"), Any)
    assert_type(sealed.events("log"), Iterator[dict[str, Any]])
    assert_type(sealed.file("artifacts/x"), bytes)
    assert_type(sealed.labels, dict[str, str])
    assert_type(store.runs("status:failed"), Iterator[Sealed])


def proving(store: Store, sealed: Sealed) -> None:
    """Reports and findings."""
    assert_type(store.verify("r1", quick=True), Report)
    assert_type(verify(sealed), Report)
    report = verify(Path("runs/r1"), quick=True, digest="sha256:" + "0" * 64)
    assert_type(report.ok, bool)
    assert_type(report.findings, list[Finding])
    assert_type(report.not_checked, list[str])
    for finding in report.findings:
        assert_type(finding.code, str)
        assert_type(finding.as_dict(), dict[str, Any])


def failing(store: Store) -> str:
    """One root, and a class for each thing that a handler does differently."""
    try:
        store.get("r1")
    except MissingExtra as error:
        assert_type(error.details, dict[str, Any])
    except (InvalidInput, NotFound, Conflict, StoreUnavailable, Damaged) as error:
        assert_type(error.code, str)
        assert_type(error.exit_status, int)
        return error.message
    except RunstoneError as error:
        assert_type(error.details, dict[str, Any])
        assert_type(error.as_dict(), dict[str, Any])
    return ""


def encoding(value: Any) -> None:
    """Canonical JSON there and back."""
    data = canonical_bytes(value)
    assert_type(data, bytes)
    assert_type(parse_canonical(data), Any)
    assert_type(parse_canonical(data, limit=1024), Any)


def comparing(store: Store, sealed: Sealed) -> None:
    """Two runs or several, by name, by path, or in hand."""
    assert_type(store.compare("@latest", "r1"), Comparison)
    comparison = compare(sealed, Path("runs/r1"), "r2.tar")
    assert_type(comparison.same, bool)
    assert_type(comparison.more, list[Comparison])
    assert_type(comparison.as_dict(), dict[str, Any])
    for item in comparison.differences:
        assert_type(item, Difference)
        assert_type(item.section, str)
        assert_type(item.outcome, bool)
        assert_type(item.difference, int | float | None)
        assert_type(item.relative, float | None)
        assert_type(item.lines, list[str] | None)


def resuming() -> None:
    """States by thread and step."""
    with open_states(Path("states.db"), redact=False) as states:
        assert_type(states, StateStore)
        put = states.put("t", 1, {"a": 1}, namespace="n", metadata={"b": 2})
        assert_type(put, StateCheckpoint)
        assert_type(put.step, int | str)
        assert_type(put.state, Any)
        assert_type(states.get("t"), StateCheckpoint | None)
        assert_type(states.list("t", limit=None), list[StateCheckpoint])
        assert_type(states.prune("t", keep=2), int)


def judging(store: Store, sealed: Sealed) -> None:
    """A verdict by rules as text."""
    verdict = store.judge(
        "@latest", baseline=sealed, limits=["max metric.loss:+2%"], require=("check.rows",), same=["config"]
    )
    assert_type(verdict, Verdict)
    assert_type(verdict.ok, bool)
    assert_type(verdict.run_id, str | None)
    assert_type(verdict.rules, list[dict[str, Any]])


async def in_a_loop() -> None:
    """A store whose methods are awaited."""
    async with open_async("runs", workers=2) as store:
        assert_type(store, AsyncStore)
        async with store.run("kind", labels={"a": "b"}) as run:
            assert_type(run, AsyncRun)
            assert_type(run.log("text"), str)
            assert_type(await run.output("file", "x"), None)
        opened = await store.run("kind")
        assert_type(await opened.finish("success"), str | None)
        assert_type(await store.get(run.run_id), Sealed)
        async for sealed in store.runs("status:success"):
            assert_type(sealed, Sealed)
