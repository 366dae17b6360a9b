"""Gates: a policy decides before the work, the run is sealed before the answer, and what cannot be recorded is not
done."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import runstone
from runstone.adapters.fs import durable
from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.testing.fakes import FixedClock

from .gated import CALM, ODD, POLICY, WILD, facts_of
from .scenes import TOKEN, events, of_type, open_store, python

Work = Callable[..., Any]


def gated(store: Store, work: Work, **options: Any) -> Work:
    """`work` behind a gate of kind `cut`."""
    return runstone.gate("cut", **{"policy": POLICY, "facts": facts_of, "store": store, **options})(work)


def gated_async(store: Store, work: Work, **options: Any) -> Work:
    """The same of a coroutine function, called to its end."""

    async def asynchronous(*args: Any, **named: Any) -> Any:
        await asyncio.sleep(0)
        return work(*args, **named)

    inner = gated(store, asynchronous, **options)
    return lambda *args, **named: asyncio.run(inner(*args, **named))


COLOURS = pytest.mark.parametrize("colour", [gated, gated_async], ids=["plain", "async"])


def only(store: Store) -> runstone.Sealed:
    """The one run there is, sealed, and it verifies."""
    assert store.open_runs() == []
    [sealed] = store.runs()
    assert store.verify(sealed.run_id).ok
    return sealed


def refused(call: Callable[[], Any], kind: type[BaseException] = RunstoneError) -> Any:
    with pytest.raises(kind) as caught:
        call()
    return caught.value


def never(*_: Any, **__: Any) -> None:
    raise AssertionError("the work was done")


# what comes of a call


@COLOURS
def test_work_that_is_allowed_is_done_and_recorded(store: Store, colour: Any) -> None:
    """The answer is the function's own; the run holds the decision before the work, and the result."""
    answer = object()

    def work(request: Any) -> Any:
        run = runstone.current_run()
        assert run is not None
        run.log("cutting")
        return answer

    assert colour(store, work)(CALM) is answer
    sealed = only(store)
    assert (sealed.kind, sealed.status) == ("cut", "success")
    assert [event["type"] for event in sealed.events()] == ["run.opened", "decision", "log", "run.closed"]
    assert sealed.document("run.json")["result"] == {"$repr": "object"}
    decision = sealed.document("decision.json")
    assert (decision["outcome"], decision["risk_level"], decision["block_reason"]) == ("allow", "GREEN", None)
    assert decision["details"] == {"facts": CALM}
    assert decision["policy"] == {"name": "saw", "version": "1", "sha256": runstone.load_policy(POLICY).sha256}
    assert [rule["id"] for rule in decision["rules"]] == ["speed", "feed"]


def test_the_gates_own_details_are_no_policys(store: Store) -> None:
    """What a policy tells by their names is left out: it could name an override that there was not."""
    told = {"override": {"by": "boss"}, "facts": 1, "request_sha256": "x", "rim": 40}
    policy = runstone.Policy(
        "own", "1", lambda _: {"risk_level": "GREEN", "details": told}, levels=["GREEN", "RED"], blocks="RED"
    )
    gated(store, lambda _: 1, policy=policy)(CALM)
    assert only(store).document("decision.json")["details"] == {"rim": 40, "facts": CALM}


@COLOURS
def test_work_that_is_blocked_is_not_done(store: Store, colour: Any) -> None:
    """The error tells why, and the run that is sealed."""
    caught = refused(lambda: colour(store, never)(WILD), runstone.PolicyBlocked)
    sealed = only(store)
    assert (caught.run_id, sealed.status) == (sealed.run_id, "blocked")
    assert (caught.code, caught.reason) == ("policy_blocked", "speed: over_limit")
    assert caught.decision == of_type(store, sealed.run_id, "decision")[0]
    assert (sealed.document("run.json")["error"], sealed.document("run.json")["result"]) == (None, None)


@COLOURS
def test_work_that_fails_raises_its_own_exception(store: Store, colour: Any) -> None:
    """With the id of the failed run, as an attribute and in the note that a traceback shows."""

    def work(request: Any) -> Any:
        raise ValueError("the blade broke")

    caught = refused(lambda: colour(store, work)(CALM), ValueError)
    sealed = only(store)
    assert (caught.args, caught.run_id, sealed.status) == (("the blade broke",), sealed.run_id, "failed")
    assert caught.__notes__ == [f"recorded by runstone as run {sealed.run_id}"]
    assert sealed.document("run.json")["error"]["message"] == "the blade broke"


def test_work_that_is_to_be_reviewed_is_done(store: Store) -> None:
    """The run is partial, as the policy says; a failed check in the work says more."""
    assert gated(store, lambda request: "done")(ODD) == "done"
    assert only(store).status == "partial"

    def failing(request: Any) -> None:
        run = runstone.current_run()
        assert run is not None
        assert run.decision is not None
        run.check("length", "fail", run.decision.outcome)

    gated(store, failing, run_id="second")(ODD)
    assert store.get("second").status == "failed"


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), SystemExit(3), GeneratorExit(), asyncio.CancelledError()])
def test_what_is_no_error_cancels(store: Store, raised: BaseException) -> None:
    """It goes on as it is."""

    def work(request: Any) -> Any:
        raise raised

    assert refused(lambda: gated(store, work)(CALM), type(raised)) is raised
    assert only(store).status == "cancelled"


@pytest.mark.parametrize("raised", [StopIteration(1), StopAsyncIteration(), RuntimeError("generator raised")])
@COLOURS
def test_any_exception_goes_through(store: Store, colour: Any, raised: Exception) -> None:
    """Also those that mean something to generators; Python itself lets no StopIteration out of a coroutine."""

    def work(request: Any) -> Any:
        raise raised

    expected = RuntimeError if colour is gated_async and isinstance(raised, StopIteration) else type(raised)
    refused(lambda: colour(store, work)(CALM), expected)
    assert only(store).status == "failed"


def test_a_task_that_is_cancelled_seals_its_run(store: Store) -> None:
    """Before the cancellation is told."""
    began = asyncio.Event()

    async def work(request: Any) -> None:
        began.set()
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(gated(store, work)(CALM))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert only(store).status == "cancelled"

    asyncio.run(main())


@pytest.mark.parametrize("step", range(1, 4))
def test_a_task_that_is_cancelled_beside_the_disk_leaves_no_run_open(
    store: Store, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its run is opened, while the decision is made durable, while it is sealed."""
    from runstone.engine import driving

    async def work(request: Any) -> str:
        return "done"

    async def main() -> None:
        task = asyncio.create_task(gated(store, work)(CALM))
        steps, original = 0, driving.Blocking.perform_async

        async def cancelling(self: driving.Blocking) -> Any:
            nonlocal steps
            steps += 1
            if steps == step:
                asyncio.get_running_loop().call_soon(task.cancel)
            return await original(self)

        monkeypatch.setattr(driving.Blocking, "perform_async", cancelling)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert only(store).status == ("success" if step == 3 else "cancelled")


def test_the_event_loop_is_not_blocked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever syncs is another thread than the loop's."""
    threads: set[int] = set()
    original = durable.sync

    def sync(fd: int) -> None:
        threads.add(threading.get_ident())
        original(fd)

    monkeypatch.setattr(durable, "sync", sync)
    assert gated_async(store, lambda request: 1)(CALM) == 1
    assert threads
    assert threading.get_ident() not in threads


# facts


def test_facts_that_cannot_be_had_fail_the_run(store: Store) -> None:
    """Nothing is done, the decision is the worst, and the exception goes on."""

    def facts(request: Any) -> Any:
        raise LookupError("no such blade")

    caught = refused(lambda: gated(store, never, facts=facts)(CALM), LookupError)
    sealed = only(store)
    assert (sealed.status, caught.run_id) == ("failed", sealed.run_id)
    decision = sealed.document("decision.json")
    assert (decision["outcome"], decision["risk_level"]) == ("block", "UNKNOWN")
    assert decision["block_reason"] == "facts: facts_failed"


def test_facts_may_be_asynchronous_where_the_work_is(store: Store) -> None:
    """And are refused where it is not."""

    async def facts(request: Any) -> Any:
        return request

    assert gated_async(store, lambda request: 1, facts=facts)(CALM) == 1
    assert refused(lambda: gated(store, never, facts=facts)(CALM)).code == "invalid_option"


def test_facts_are_asked_inside_the_run(store: Store) -> None:
    """So they can record what they are made of."""

    def facts(request: Any) -> Any:
        run = runstone.current_run()
        assert run is not None
        run.input("table", "blades", sha256="0" * 64)
        return request

    gated(store, lambda request: None, facts=facts)(CALM)
    assert [item["ref"] for item in only(store).document("run.json")["inputs"]] == ["blades"]


def test_no_run_is_around_what_follows(store: Store) -> None:
    """Neither behind a call nor behind a blocked one."""
    gated(store, lambda request: None)(CALM)
    refused(lambda: gated(store, never)(WILD))
    assert runstone.current_run() is None


def test_secrets_reach_neither_the_disk_nor_the_error(store: Store) -> None:
    """In facts, results and messages."""
    caught = refused(lambda: gated(store, never, facts={**WILD, "token": TOKEN})(WILD), runstone.PolicyBlocked)
    gated(store, lambda request: TOKEN)(CALM)
    stored = b"".join(path.read_bytes() for path in Path(store.url).rglob("*") if path.is_file())
    assert TOKEN.encode() not in stored
    assert TOKEN not in f"{caught} {caught.as_dict()}"


# what cannot be recorded is not done


def test_a_gate_refuses_where_recording_is_switched_off(tmp_path: Path) -> None:
    """It is always strict."""
    store = open_store(tmp_path / "runs", settings={"RUNSTONE_DISABLED": "1"})
    caught = refused(lambda: gated(store, never)(CALM))
    assert (caught.code, caught.details["reason"]) == ("store_unavailable", "RUNSTONE_DISABLED")
    assert not (tmp_path / "runs").exists()


def test_a_gate_refuses_where_no_run_can_be_opened(tmp_path: Path) -> None:
    """A store that cannot be made."""
    (tmp_path / "runs").write_text("a file")
    assert refused(lambda: gated(open_store(tmp_path / "runs"), never)(CALM)).code == "store_unavailable"


def failing(*_: Any) -> None:
    raise OSError(5, "Input/output error")


@COLOURS
def test_a_decision_that_cannot_be_made_durable_is_not_acted_upon(
    store: Store, colour: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is left to recovery, which copies it: what the kernel said to have lost is not sealed."""
    open_first = gated(store, lambda request: None, run_id="first")
    open_first(CALM)
    monkeypatch.setattr(durable, "sync", failing)
    caught = refused(lambda: colour(store, never, run_id="second")(CALM))
    assert (caught.code, caught.details["run_id"]) == ("store_unavailable", "second")
    monkeypatch.undo()
    [left] = store.open_runs()
    assert not left.alive
    assert [recovery.status for recovery in store.recover()] == ["interrupted"]


def test_a_decision_that_cannot_be_written_is_not_acted_upon(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk."""
    from runstone.adapters.fs.journals import FsOpenRun
    from runstone.errors import error

    original = FsOpenRun.append

    def append(self: FsOpenRun, line: bytes) -> None:
        if b'"type":"decision"' in line:
            raise error("store_unavailable", "cannot write the journal: no space left on device")
        original(self, line)

    monkeypatch.setattr(FsOpenRun, "append", append)
    assert refused(lambda: gated(store, never)(CALM)).code == "store_unavailable"
    assert only(store).status == "failed"


@COLOURS
def test_an_answer_is_withheld_where_its_run_cannot_be_sealed(
    store: Store, colour: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says that the work was done; a retry must not be made in good faith."""
    done = []

    def work(request: Any) -> str:
        done.append(1)
        monkeypatch.setattr(durable, "sync", failing)
        return "an answer"

    caught = refused(lambda: colour(store, work)(CALM), runstone.Unanswered)
    assert (caught.code, done, caught.details["cause"]) == ("answer_withheld", [1], "unsealed")
    assert caught.message.startswith("the work was done, and its record could not be sealed")
    assert "an answer" not in str(caught.as_dict())
    monkeypatch.undo()
    [recovery] = store.recover()
    assert (recovery.run_id, recovery.status) == (caught.run_id, "success")


def test_a_failure_that_cannot_be_sealed_is_told_by_an_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which names what the work raised as its cause."""

    def work(request: Any) -> None:
        monkeypatch.setattr(durable, "sync", failing)
        raise ValueError("the blade broke")

    caught = refused(lambda: gated(store, work)(CALM), runstone.Unanswered)
    assert isinstance(caught.__cause__, ValueError)


def test_a_block_that_cannot_be_sealed_is_no_block(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No work was done, so the store's own error stands, and a retry can help."""
    gated(store, lambda request: None)(CALM)
    monkeypatch.setattr(durable, "sync", failing)
    caught = refused(lambda: gated(store, never)(WILD))
    assert (caught.code, runstone.errors.CODES[caught.code].retryable) == ("unsealed", True)


def test_facts_that_no_line_can_hold_refuse_the_work(store: Store) -> None:
    """They are a part of the record."""
    large = {**CALM, "text": "x" * (9 << 20)}
    assert refused(lambda: gated(store, never, facts=large)(CALM)).code == "too_large"
    assert only(store).status == "failed"


# a block


def test_a_block_can_be_gated(store: Store) -> None:
    """What is entered has the run and the decision; what it is told is the result."""
    with runstone.gate("cut", policy=POLICY, facts=ODD, store=store) as passage:
        assert passage.decision.outcome == "review"
        assert runstone.current_run() is passage.run
        passage.answer({"gcode": "G0"})
    sealed = only(store)
    assert (sealed.run_id, sealed.status) == (passage.run_id, "partial")
    assert sealed.document("run.json")["result"] == {"gcode": "G0"}


def test_an_asynchronous_block_can_be_gated(store: Store) -> None:
    """As a plain one."""

    async def main() -> None:
        async with runstone.gate("cut", policy=POLICY, facts=CALM, store=store) as passage:
            passage.answer(1)
        assert only(store).status == "success"

    asyncio.run(main())


def test_a_blocked_block_is_not_entered(store: Store) -> None:
    """The error is raised by `with` itself."""

    def call() -> None:
        with runstone.gate("cut", policy=POLICY, facts=WILD, store=store):
            never()

    refused(call, runstone.PolicyBlocked)
    assert only(store).status == "blocked"


def test_a_block_that_fails_raises_what_it_raised(store: Store) -> None:
    """Once, as it is."""
    error = ValueError("no")

    def call() -> None:
        with runstone.gate("cut", policy=POLICY, facts=CALM, store=store):
            raise error

    assert refused(call, ValueError) is error
    assert only(store).status == "failed"


def test_a_gate_is_entered_once(store: Store) -> None:
    """Two blocks of one gate would mix two runs."""
    gate = runstone.gate("cut", policy=POLICY, facts=CALM, store=store)
    with gate:
        pass
    assert refused(gate.__enter__).code == "invalid_option"


# what can be gated


def test_a_method_is_gated_with_its_object(store: Store) -> None:
    """In a class, plain, static and of the class."""

    class Saw:
        limit = 40

        @runstone.gate("cut", policy=POLICY, facts=lambda self, feed: {"speed": self.limit, "feed": feed}, store=store)
        def cut(self, feed: float) -> float:
            return feed

        @runstone.gate("cut", policy=POLICY, facts=lambda feed: {"speed": 1, "feed": feed}, store=store)
        @staticmethod
        def plan(feed: float) -> float:
            return feed

    assert (Saw().cut(0.1), Saw.plan(0.2), Saw().plan(feed=0.3)) == (0.1, 0.2, 0.3)


def test_a_gated_function_looks_as_it_did(store: Store) -> None:
    """Name, text and signature; a coroutine function stays one."""

    def cut(request: dict[str, float], *, fast: bool = False) -> int:
        """Cut it."""
        return 1

    async def cut_async(request: dict[str, float]) -> int:
        return 1

    behind = gated(store, cut)
    assert (behind.__name__, behind.__doc__) == ("cut", "Cut it.")
    assert inspect.signature(behind) == inspect.signature(cut, eval_str=True)
    assert [inspect.iscoroutinefunction(gated(store, work)) for work in (cut, cut_async)] == [False, True]


def generator(request: Any) -> Any:
    yield request


async def async_generator(request: Any) -> Any:
    yield request


@pytest.mark.parametrize("work", [generator, async_generator, int, 7, None])
def test_what_answers_piece_by_piece_is_not_gated(store: Store, work: Any) -> None:
    """It would answer before its run is sealed."""
    assert refused(lambda: gated(store, work)).code == "invalid_option"


def test_an_object_that_is_called_is_gated(store: Store) -> None:
    """So is a function with arguments given before."""

    class Saw:
        def __call__(self, request: Any) -> str:
            return "object"

    assert gated(store, Saw())(CALM) == "object"
    assert gated(store, partial(lambda word, request: word, "partial"))(CALM) == "partial"


@pytest.mark.parametrize(
    "wrong",
    [
        {"strict": False},
        {"resume": "x"},
        {"wait_s": -1},
        {"wait_s": "long"},
        {"idempotency_key": "k"},
        {"idempotency_key": "k", "request": 1, "result": False},
    ],
    ids=str,
)
def test_a_gate_that_cannot_be_meant_is_not_made(store: Store, wrong: dict[str, Any]) -> None:
    """When it is made, and not at the first call."""
    assert refused(lambda: runstone.gate("", policy=POLICY, facts=CALM)).code == "invalid_option"
    assert refused(lambda: gated(store, never, **wrong)).code == "invalid_option"


def test_a_policy_is_a_file_a_mapping_or_a_policy(store: Store, tmp_path: Path) -> None:
    """One that is not there is refused when the gate is made."""
    (tmp_path / "saw.json").write_bytes(runstone.canonical_bytes(POLICY))
    for policy in (tmp_path / "saw.json", str(tmp_path / "saw.json"), runstone.load_policy(POLICY)):
        assert gated(store, lambda request: 1, policy=policy)(CALM) == 1
    assert refused(lambda: gated(store, never, policy=tmp_path / "none.toml")).code == "file_not_found"
    assert refused(lambda: gated(store, never, policy={})).code == "invalid_policy"


def test_options_are_the_runs(store: Store) -> None:
    """Those of every call as they are, those of this call by what it was called with."""
    options = {"version": "2", "config": {"a": 1}, "links": [{"rel": "derives-from", "run_id": "r0"}]}
    work = gated(
        store, lambda request: 1, labels=lambda request: {"speed": request["speed"]}, run_id=lambda _: "r1", **options
    )
    work(CALM)
    opened = events(store, "r1")[0]["data"]
    assert (opened["version"], opened["labels"], opened["links"][0]["run_id"]) == ("2", {"speed": "40"}, "r0")
    assert refused(lambda: work(CALM)).code == "run_exists"


def test_the_store_is_opened_at_the_first_call() -> None:
    """A program may set `RUNSTONE_STORE` after it has imported its gates."""
    done = python(
        "import os, tempfile, runstone\n"
        f"gate = runstone.gate('cut', policy={POLICY!r}, facts={CALM!r})\n"
        "os.environ['RUNSTONE_STORE'] = tempfile.mkdtemp()\n"
        "assert gate(lambda: 5)() == 5\n"
        "print(next(runstone.open().runs()).kind)\n",
        cwd="/",
    )
    assert (done.stdout, done.stderr) == ("cut\n", "")


def test_a_forked_child_answers_nothing(tmp_path: Path) -> None:
    """Its copy of the run is inert: it must not tell an answer that the parent has not sealed."""
    done = python(
        "import os, sys, runstone\n"
        "store = runstone.open(sys.argv[1])\n"
        f"@runstone.gate('cut', policy={POLICY!r}, facts={CALM!r}, store=store)\n"
        "def cut():\n"
        "    return os.fork()\n"
        "try:\n"
        "    child = cut()\n"
        "except runstone.Unanswered as exc:\n"
        "    os._exit(7)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n",
        tmp_path / "runs",
    )
    assert (done.stdout, done.stderr) == ("7\n", "")
    assert only(runstone.open(tmp_path / "runs")).status == "success"


def test_gated_calls_of_many_tasks_do_not_mix(store: Store, clock: FixedClock) -> None:
    """Each work sees its own run, and every run is sealed with its own result."""

    async def work(request: dict[str, float]) -> list[Any]:
        before = runstone.current_run()
        await asyncio.sleep(0)
        assert runstone.current_run() is before is not None
        return [before.run_id, request["speed"]]

    behind = gated(store, work)

    async def main() -> list[Any]:
        return await asyncio.gather(*(behind({**CALM, "speed": speed}) for speed in range(40)))

    answers = asyncio.run(main())
    assert dict(answers) == {
        sealed.run_id: sealed.document("decision.json")["details"]["facts"]["speed"] for sealed in store.runs()
    }
    assert len(answers) == 40
