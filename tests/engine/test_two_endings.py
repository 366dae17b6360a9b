"""A run that two threads end at once: one seals it, and the other one waits for that."""

from __future__ import annotations

import os
import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from runstone.engine import recorder
from runstone.engine.live import LIVE, _finish_all, forget
from runstone.errors import RunstoneError, error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runstone.engine.recorder import Run
    from runstone.engine.store import Store


class SlowSeal:
    """The seal of a run, in a thread of its own, which stands in the middle of it until `go`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, run: Run, failure: Exception | None = None) -> None:
        seal = recorder.seal
        self.begun, self._go = Event(), Event()
        self.answers: list[Any] = []

        def slowly(*arguments: Any) -> Any:
            if run.writer.index not in arguments:  # another test has left one open
                return seal(*arguments)
            self.begun.set()
            self._go.wait(30)
            if failure is not None:
                raise failure
            return seal(*arguments)

        monkeypatch.setattr(recorder, "seal", slowly)
        self._threads = [Thread(target=self._answer, args=(run.finish,))]
        self._threads[0].start()
        self.begun.wait(30)

    def _answer(self, call: Callable[[], Any]) -> None:
        try:
            self.answers.append(call())
        except RunstoneError as exc:
            self.answers.append(exc.code)

    def beside(self, call: Callable[[], Any]) -> None:
        """Begin a call while the run is being sealed."""
        self._threads.append(Thread(target=self._answer, args=(call,)))
        self._threads[-1].start()

    def go(self) -> None:
        """Seal it."""
        self._go.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()


def test_both_calls_answer_the_digest(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one waits for it."""
    run = store.run("job", run_id="r")
    seal = SlowSeal(monkeypatch, run)
    seal.beside(run.finish)
    seal.go()
    assert seal.answers == [store.get("r").digest] * 2


def test_both_calls_raise_why_a_strict_run_is_not_sealed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same error, whoever met it."""
    run = store.run("job", run_id="r", strict=True)
    seal = SlowSeal(monkeypatch, run, error("store_unavailable", "the disk is full"))
    seal.beside(run.finish)
    seal.go()
    assert seal.answers == ["store_unavailable"] * 2
    assert run.finish() is None


def test_the_end_of_the_block_is_behind_the_seal(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes after it finds the run."""
    run = store.run("job", run_id="r")
    seal = SlowSeal(monkeypatch, run)

    def block() -> str:
        with run:
            pass
        return store.get("r").status

    seal.beside(block)
    seal.go()
    assert "success" in seal.answers


def test_a_call_within_the_seal_does_not_wait(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler that finishes the run which its thread is sealing is answered at once."""
    seal, answers = recorder.seal, []

    def sealing(*arguments: Any) -> Any:
        answers.append(run.finish())
        with run:
            pass
        return seal(*arguments)

    monkeypatch.setattr(recorder, "seal", sealing)
    run = store.run("job", run_id="r")
    assert run.finish() == store.get("r").digest
    assert answers == [None]


def test_the_end_of_the_process_waits_for_no_thread(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread may have been stopped: what it does not seal is left to recovery."""
    run = store.run("job", run_id="r")
    seal = SlowSeal(monkeypatch, run)
    _finish_all()
    assert not store.objects.exists("r")
    seal.go()
    assert store.objects.exists("r")
    assert id(run) not in LIVE


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_does_not_wait_for_a_thread_of_its_parent(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no such thread in it."""
    run = store.run("job", run_id="r")
    seal = SlowSeal(monkeypatch, run)
    child = os.fork()
    if not child:
        os._exit(0 if run.finish() is None else 1)
    seal.go()
    assert os.waitpid(child, 0)[1] == 0
    assert store.verify("r").ok


def test_an_exception_in_the_seal_lets_the_others_go(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the thread that seals leaves the run to recovery, and nobody waiting."""

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(recorder, "seal", interrupted)
    run = store.run("job", run_id="r")
    with pytest.raises(KeyboardInterrupt):
        run.finish()
    answers: list[Any] = []
    thread = Thread(target=lambda: answers.append(run.finish()))
    thread.start()
    thread.join(30)
    assert answers == [None]
    monkeypatch.undo()
    assert [recovery.outcome for recovery in store.recover()] == ["sealed"]


def test_an_interrupt_before_the_seal_leaves_the_run_to_recovery(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is held any more, so this process can recover it, too."""

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(recorder.Run, "_sealed", interrupted)
    run = store.run("job", run_id="r")
    with pytest.raises(KeyboardInterrupt):
        run.finish()
    assert [recovery.outcome for recovery in store.recover()] == ["sealed"]


def test_a_handler_in_a_thread_that_keeps_a_file_does_not_wait(store: Store) -> None:
    """The seal waits for the file: who is in the middle of it is answered at once."""
    run, answers = store.run("job", run_id="r"), []
    sealing = Thread(target=run.finish)

    def pieces() -> Iterator[bytes]:
        sealing.start()
        while not run.writer.ended:
            time.sleep(0.001)
        with run:
            answers.append(run.finish())
        yield b"a file"

    run.writer.keep("artifacts/kept", pieces())
    sealing.join(30)
    assert answers == [None]
    assert store.verify("r").ok


def test_a_run_is_settled_before_it_is_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork in between finds its copy either among those that become inert, or with nobody to wait for."""
    run, settled = store.run("job", run_id="r"), []
    monkeypatch.setattr(recorder, "forget", lambda run: settled.append(run._sealing.settled))
    run.finish()
    monkeypatch.undo()
    forget(run)
    run._sealing.settle()
    assert settled == [True]
