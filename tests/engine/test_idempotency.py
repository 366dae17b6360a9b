"""Idempotency keys: one run a key, one answer for all who ask for the same, and none for who asks for another."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import runstone
from runstone.adapters.fs import durable
from runstone.adapters.fs.claims import FsClaims
from runstone.adapters.system import SystemClock
from runstone.core.digests import sha256_hex
from runstone.engine import driving
from runstone.engine.store import Store
from runstone.errors import RunstoneError

from .gated import CALM, POLICY, WILD, facts_of
from .scenes import TOKEN, abandon, events, of_type, open_store

Work = Callable[..., Any]


def keyed(store: Store, work: Work, **options: Any) -> Work:
    """`work(request, key=…)` behind a gate that goes by keys."""
    defaults = {
        "policy": POLICY,
        "facts": facts_of,
        "store": store,
        "idempotency_key": lambda request, key=None: key,
        "request": lambda request, key=None: request,
    }
    gated: Work = runstone.gate("cut", **{**defaults, **options})(lambda request, key=None: work(request))
    return gated


class Counted:
    """Work that counts how often it is done."""

    def __init__(self, answer: Any = None, raises: BaseException | None = None) -> None:
        self.count = 0
        self._answer = answer
        self._raises = raises

    def __call__(self, request: Any) -> Any:
        self.count += 1
        if self._raises is not None:
            raise self._raises
        return {"count": self.count} if self._answer is None else self._answer


def refused(call: Callable[[], Any], kind: type[BaseException] = RunstoneError) -> Any:
    with pytest.raises(kind) as caught:
        call()
    return caught.value


def ids(store: Store, query: str = "") -> list[str]:
    assert all(store.verify(sealed.run_id).ok for sealed in store.runs())
    return [sealed.run_id for sealed in store.runs(query)]


# the same key


def test_the_same_request_has_the_same_run_and_answer(store: Store) -> None:
    """The work is done once; the run tells both digests, and neither key nor request."""
    work = Counted()
    answers = [keyed(store, work)(CALM, key="key-1") for _ in range(3)]
    assert (work.count, answers) == (1, [{"count": 1}] * 3)
    [run_id] = ids(store)
    opened = events(store, run_id)[0]["data"]
    request_sha256 = sha256_hex(runstone.canonical_bytes(CALM))
    assert opened["idempotency"] == {"key_sha256": sha256_hex(b"key-1"), "request_sha256": request_sha256}
    assert of_type(store, run_id, "decision")[0]["details"]["request_sha256"] == request_sha256


def test_another_request_under_the_key_is_a_conflict(store: Store) -> None:
    """And so is the same request of another kind of work; nothing is done."""
    keyed(store, Counted())(CALM, key="k")
    work = Counted()
    caught = refused(lambda: keyed(store, work)({**CALM, "speed": 41}, key="k"), runstone.Conflict)
    assert (caught.code, caught.details["run_id"]) == ("idempotency_conflict", ids(store)[0])
    other = runstone.gate("paint", policy=POLICY, facts=CALM, store=store, idempotency_key="k", request=CALM)(work)
    assert refused(lambda: other(CALM)).code == "idempotency_conflict"
    assert (work.count, len(ids(store))) == (0, 1)


def test_other_keys_and_none_are_other_runs(store: Store) -> None:
    """A call without a key is a call."""
    work = Counted()
    for key in ("a", "b", None, None):
        keyed(store, work)(CALM, key=key)
    assert (work.count, len(ids(store))) == (4, 4)


def test_a_request_is_known_by_its_json(store: Store) -> None:
    """Whatever the order of its keys, and whether 1 is written 1.0; what is no JSON is refused."""
    work = Counted()
    call = keyed(store, work)
    call({"speed": 1, "feed": 0.1}, key="k")
    call({"feed": 0.1, "speed": 1.0}, key="k")
    assert work.count == 1
    caught = refused(lambda: call({**CALM, "socket": object()}, key="other"))
    assert (caught.code, caught.details["option"]) == ("invalid_option", "request")
    assert len(ids(store)) == 1


@pytest.mark.parametrize("key", ["", "x" * 1025, 7, b"k"])
def test_a_key_is_a_short_text(store: Store, key: Any) -> None:
    """Anything else is refused before a run is opened."""
    assert refused(lambda: keyed(store, Counted())(CALM, key=key)).code == "invalid_option"
    assert ids(store) == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"a": (1, 2.0), "$b": "c", "$$d": None}, {"a": [1, 2], "$b": "c", "$$d": None}),
        (b"\x00\xff", b"\x00\xff"),
        ("Text.\n", "Text.\n"),
        (False, False),
        ([], []),
    ],
)
def test_the_first_answer_is_the_later_ones(store: Store, answer: Any, told: Any) -> None:
    """Byte for byte: what is answered is what was recorded, also the first time."""
    work = Counted(answer)
    first, later = (keyed(store, work)(CALM, key="k") for _ in range(2))
    assert first == later == told
    assert repr(first) == repr(later)
    assert work.count == 1


def test_a_secret_in_an_answer_is_answered_as_it_is_recorded(store: Store) -> None:
    """Else the second answer would be another one than the first."""
    first, later = (keyed(store, Counted({"token": TOKEN}))(CALM, key="k") for _ in range(2))
    assert first == later
    assert TOKEN not in str(first)


class Foreign:
    """No JSON."""


@pytest.mark.parametrize("answer", [Foreign(), [Foreign()], "x" * (9 << 20)], ids=["foreign", "inside", "large"])
def test_an_answer_that_cannot_be_told_again_is_withheld(store: Store, answer: Any) -> None:
    """The work was done: the error says so, the run failed, and the key says the same from then on."""
    work = Counted(answer)
    caught = refused(lambda: keyed(store, work)(CALM, key="k"), runstone.Unanswered)
    assert caught.code == "answer_withheld"
    assert store.get(caught.run_id).status == "failed"
    assert refused(lambda: keyed(store, work)(CALM, key="k")).code == "work_failed"
    assert work.count == 1


# what came of it


def test_a_blocked_request_stays_blocked(store: Store) -> None:
    """The same error, of the same run."""
    first, later = (refused(lambda: keyed(store, Counted())(WILD, key="k")) for _ in range(2))
    assert first.as_dict() == later.as_dict()
    assert ids(store) == [first.run_id]


def test_a_failed_request_stays_failed(store: Store) -> None:
    """Its exception is gone with the process that had it; the error tells its type and message, redacted."""
    work = Counted(raises=ValueError(f"no blade {TOKEN}"))
    first = refused(lambda: keyed(store, work)(CALM, key="k"), ValueError)
    later = refused(lambda: keyed(store, work)(CALM, key="k"), runstone.Unanswered)
    assert (later.code, later.run_id, later.details["type"]) == ("work_failed", first.run_id, "ValueError")
    assert "no blade" in later.message
    assert TOKEN not in later.message
    assert work.count == 1


def link_of(store: Store, run_id: str) -> list[tuple[str, str, str | None]]:
    return [(link["rel"], link["run_id"], link["digest"]) for link in store.get(run_id).manifest["links"]]


def test_a_key_whose_call_was_cancelled_is_free(store: Store) -> None:
    """It came to no answer; the next run retries it."""
    refused(lambda: keyed(store, Counted(raises=KeyboardInterrupt()), run_id="first")(CALM, key="k"), KeyboardInterrupt)
    work = Counted()
    assert keyed(store, work, run_id="second")(CALM, key="k") == {"count": 1}
    assert link_of(store, "second") == [("retries", "first", store.get("first").digest)]
    assert keyed(store, work)(CALM, key="k") == {"count": 1}


def test_a_key_whose_work_was_never_begun_is_free(store: Store) -> None:
    """As its facts could not be had."""

    def facts(*_: Any, **__: Any) -> Any:
        raise LookupError("the table of blades is away")

    refused(lambda: keyed(store, Counted(), facts=facts, run_id="first")(CALM, key="k"), LookupError)
    assert keyed(store, Counted(), run_id="second")(CALM, key="k") == {"count": 1}
    assert link_of(store, "second")[0][:2] == ("retries", "first")


def interrupted(store: Store, run_id: str, key: str = "k") -> None:
    """A call whose process dies in the work."""

    def dies(request: Any) -> None:
        run = runstone.current_run()
        assert run is not None
        abandon(run)
        raise GeneratorExit

    refused(lambda: keyed(store, dies, run_id=run_id)(CALM, key=key), BaseException)


def test_a_key_whose_run_was_interrupted_is_free_once(store: Store) -> None:
    """Whoever asks next recovers the run, and retries it; a retry that dies is retried in its turn."""
    interrupted(store, "first")
    assert [left.alive for left in store.open_runs()] == [False]
    interrupted(store, "second")
    work = Counted()
    assert [keyed(store, work, run_id="third")(CALM, key="k") for _ in range(2)] == [{"count": 1}] * 2
    assert [store.get(name).status for name in ("first", "second", "third")] == ["interrupted"] * 2 + ["success"]
    assert [link_of(store, name)[0][1] for name in ("second", "third")] == ["first", "second"]
    assert ids(store, "link.retries:first") == ["second"]


def purge(store: Store, run_id: str) -> None:
    done = store.purge({"rules": [{"query": f'id:"{run_id}"'}]}, grace="0", apply=True, reason="90 days")
    assert [fate.done for fate in done.fates] == [True]


@pytest.mark.parametrize(
    ("asked", "raises"), [(CALM, None), (WILD, None), (CALM, ValueError("no disk"))], ids=["done", "blocked", "failed"]
)
def test_a_key_whose_answer_was_purged_is_told_so(
    store: Store, asked: dict[str, Any], raises: Exception | None
) -> None:
    """By whom and when, each time; the work is not done again, which might have another answer."""
    work = Counted(raises=raises)
    place = keyed(store, work)
    with suppress(ValueError, runstone.PolicyBlocked):
        place(asked, key="a")
    (run,) = store.runs()
    purge(store, run.run_id)
    begun = work.count
    for _ in range(2):
        told = refused(lambda: place(asked, key="a"))
        assert (told.code, told.details["run_id"]) == ("run_purged", run.run_id)
        assert told.details["option"] == "idempotency_key"
        assert told.details["purged_by"] == store.host.user()
        assert told.details["purged_at"] is not None
        assert "idempotency key" in told.message
    assert (work.count, list(store.runs())) == (begun, [])
    other = {**asked, "more": 1}
    assert refused(lambda: place(other, key="a")).code == "idempotency_conflict"


def test_a_key_whose_work_was_never_begun_stays_taken_behind_a_purge(store: Store) -> None:
    """It is free while the run tells that; the tombstone only says `failed`, and nobody is told of an answer."""
    work, down = Counted(), Counted(raises=ConnectionError("down"))
    for _ in range(2):
        refused(
            lambda: keyed(store, work, facts=lambda request, key=None: down(request))(CALM, key="a"), ConnectionError
        )
    for run in list(store.runs()):
        purge(store, run.run_id)
    told = refused(lambda: keyed(store, work)(CALM, key="a"))
    assert (told.code, told.details["status"], down.count, work.count) == ("run_purged", "failed", 2, 0)
    assert "stays taken by its run, whatever came of it" in told.message
    assert "answer" not in told.message


def test_a_key_that_had_no_answer_is_free_behind_a_purge(store: Store) -> None:
    """As long as the run stood it was free, too: nobody was told anything of it."""
    work = Counted(raises=KeyboardInterrupt())
    refused(lambda: keyed(store, work)(CALM, key="a"), KeyboardInterrupt)
    (run,) = store.runs()
    purge(store, run.run_id)
    assert keyed(store, Counted())(CALM, key="a") == {"count": 1}


def test_a_key_that_was_retried_answers_behind_a_purge_of_the_first_try(store: Store) -> None:
    """The run that has the answer is there."""
    refused(lambda: keyed(store, Counted(raises=KeyboardInterrupt()))(CALM, key="a"), KeyboardInterrupt)
    (first,) = store.runs()
    answer = keyed(store, Counted())(CALM, key="a")
    purge(store, first.run_id)
    assert keyed(store, Counted({"other": 1}))(CALM, key="a") == answer


def test_another_request_under_a_free_key_is_still_a_conflict(store: Store) -> None:
    """The key is of the request, also after a crash."""
    interrupted(store, "first")
    assert refused(lambda: keyed(store, Counted())({**CALM, "speed": 1}, key="k")).code == "idempotency_conflict"


def test_a_claim_whose_run_was_never_opened_is_free(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process died between the claim and the first line: no work was begun."""
    from runstone.engine.writer import JournalWriter

    def dies(*_: Any) -> None:
        raise GeneratorExit

    with monkeypatch.context() as patch:
        patch.setattr(JournalWriter, "open", dies)
        refused(lambda: keyed(store, Counted())(CALM, key="k"), GeneratorExit)
    for run in list(runstone.engine.live.LIVE.values()):
        abandon(run)
    assert keyed(store, Counted(), run_id="second")(CALM, key="k") == {"count": 1}
    assert (ids(store), link_of(store, "second")) == (["second"], [])


def test_a_claim_that_cannot_be_made_refuses_the_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No run is left, and the key is free when the disk is well again."""
    keyed(store, Counted())(CALM, key="another")

    def failing(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    work = Counted()
    with monkeypatch.context() as patch:
        patch.setattr(durable, "create_once", failing)
        assert refused(lambda: keyed(store, work)(CALM, key="k")).code == "store_unavailable"
    assert (work.count, store.open_runs()) == (0, [])
    assert keyed(store, work)(CALM, key="k") == {"count": 1}


@pytest.mark.parametrize("field", [b'"count":1', b'"status":"success"'])
@pytest.mark.parametrize("name", ["events.jsonl", "manifest.json"])
def test_a_run_that_is_damaged_neither_answers_nor_frees_its_key(store: Store, name: str, field: bytes) -> None:
    """Also where what is left of it is good: another answer, or a run that came to none."""
    work = Counted()
    keyed(store, work)(CALM, key="a1")
    path = Path(store.get(ids(store)[0]).path) / name
    path.chmod(0o644)
    left = {b'"count":1': b'"count":7', b'"status":"success"': b'"status":"interrupted"'}[field]
    if field not in path.read_bytes():
        field, left = b'"kind":"cut"', b'"kind":"saw"'
    path.write_bytes(path.read_bytes().replace(field, left))
    assert refused(lambda: keyed(store, work)(CALM, key="a1")).code == "bundle_damaged"
    assert work.count == 1


def test_a_run_that_cannot_be_read_now_is_not_called_damaged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no descriptor is left: who asks again later has the answer."""
    work = Counted()
    keyed(store, work)(CALM, key="a1")
    real = os.open

    def full(path: Any, *args: Any, **named: Any) -> int:
        if str(path).endswith("events.jsonl"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))
        return real(path, *args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", full)
        assert refused(lambda: keyed(store, work)(CALM, key="a1")).code == "store_unavailable"
    keyed(store, work)(CALM, key="a1")
    assert work.count == 1


def test_a_claim_that_is_damaged_refuses_the_work(store: Store) -> None:
    """Nobody can say whose it is."""
    keyed(store, Counted())(CALM, key="k")
    [claim] = (Path(store.url) / ".runstone" / "idem").iterdir()
    claim.unlink()
    claim.write_bytes(b'{"run_id":')
    work = Counted()
    assert refused(lambda: keyed(store, work)(CALM, key="k")).code == "store_unavailable"
    assert work.count == 0


# at the same moment


def test_a_second_call_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And has its answer."""
    store = open_store(tmp_path / "runs", clock=SystemClock())
    inside, waiting = threading.Event(), threading.Event()
    answers: list[Any] = []

    def work(request: Any) -> int:
        inside.set()
        assert waiting.wait(60)
        return 5

    original = time.sleep

    def sleep(seconds: float) -> None:
        waiting.set()
        original(seconds)

    monkeypatch.setattr(driving.time, "sleep", sleep)
    first = threading.Thread(target=lambda: answers.append(keyed(store, work)(CALM, key="k")))
    first.start()
    assert inside.wait(60)
    answers.append(keyed(store, Counted())(CALM, key="k"))
    first.join()
    assert answers == [5, 5]
    assert len(ids(store)) == 1


def test_who_has_waited_long_enough_is_told_so(store: Store) -> None:
    """`in_progress`, of which a retry can help."""

    def work(request: Any) -> None:
        caught = refused(lambda: keyed(store, Counted(), wait_s=0)(CALM, key="k"), runstone.InProgress)
        assert (caught.code, isinstance(caught, runstone.Conflict)) == ("in_progress", True)

    keyed(store, work)(CALM, key="k")
    assert len(ids(store)) == 1


def test_who_loses_the_race_for_a_claim_has_the_winners_answer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have found the key free; the loser's run is gone, and its work is not done."""
    winner, loser = Counted("winner"), Counted("loser")
    original = store.journals.create

    def create(run_id: str, **options: Any) -> Any:
        monkeypatch.setattr(store.journals, "create", original)
        assert keyed(store, winner)(CALM, key="k") == "winner"
        return original(run_id, **options)

    monkeypatch.setattr(store.journals, "create", create)
    assert keyed(store, loser)(CALM, key="k") == "winner"
    assert (winner.count, loser.count, len(ids(store)), store.open_runs()) == (1, 0, 1, [])


@pytest.mark.parametrize("packed", [False, True])
def test_a_key_is_taken_before_its_run_has_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    """Between the claim and the first line the run is being recorded, and its work is not begun twice."""
    store, first, second = runstone.open(tmp_path / "runs", packed=packed), Counted(), Counted()
    original, codes = FsClaims.put_new, []

    def put_new(claims: FsClaims, name: str, body: bytes) -> Any:
        monkeypatch.setattr(FsClaims, "put_new", original)
        taken = original(claims, name, body)
        codes.append(refused(lambda: keyed(store, second, wait_s=0)(CALM, key="k"), runstone.InProgress).code)
        return taken

    monkeypatch.setattr(FsClaims, "put_new", put_new)
    keyed(store, first)(CALM, key="k")
    assert (codes, first.count, second.count, len(ids(store))) == (["in_progress"], 1, 0, 1)


def test_tasks_that_wait_keep_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than there are threads: the one that works can still be sealed."""

    def sleep(_: float) -> None:
        raise AssertionError("a thread sleeps")

    monkeypatch.setattr(driving, "time", SimpleNamespace(sleep=sleep))
    store = open_store(tmp_path / "runs", clock=SystemClock())
    work = Counted()

    async def cut(request: Any, key: str) -> Any:
        await asyncio.sleep(0.05)
        return work(request)

    options = {"idempotency_key": lambda request, key: key, "request": lambda request, key: request}
    gated = runstone.gate("cut", policy=POLICY, facts=CALM, store=store, **options)(cut)

    async def main() -> list[Any]:
        return await asyncio.gather(*(gated(CALM, "k") for _ in range(driving.THREADS + 8)))

    assert asyncio.run(main()) == [{"count": 1}] * (driving.THREADS + 8)
    assert len(ids(store)) == 1


def test_a_key_in_memory_is_a_key() -> None:
    """The same of a store that is not on a disk."""
    store = runstone.open("memory:")
    work = Counted()
    assert [keyed(store, work)(CALM, key="k") for _ in range(2)] == [{"count": 1}] * 2
    assert refused(lambda: keyed(store, work)(WILD, key="k")).code == "idempotency_conflict"


def test_a_block_takes_no_key(store: Store) -> None:
    """It could not be skipped where the answer is known."""
    gate = runstone.gate("cut", policy=POLICY, facts=CALM, store=store, idempotency_key="k", request=1)
    assert refused(gate.__enter__).code == "invalid_option"
