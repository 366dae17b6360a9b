"""A run that is finished, by a signal handler, in the middle of what its thread is doing to it or to another run."""

from __future__ import annotations

import os
import sys
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

import runstone
from runstone.adapters.fs import durable, journals
from runstone.adapters.fs.packs import spooling
from runstone.core.journal import split_lines
from runstone.engine import writer
from runstone.engine.recorder import Run
from runstone.engine.writer import JournalWriter
from runstone.errors import Conflict, StoreUnavailable, error
from runstone.testing.fakes import FixedMeters

from .scenes import open_store, python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runstone.engine.store import Store


class DeadlineError(TimeoutError):
    """What a signal handler raises that bounds some work."""


def once(true: Callable[..., Any], handler: Callable[[], object]) -> Callable[..., Any]:
    """A call before which, the first time, a signal handler runs."""
    left = [handler]

    def call(*arguments: Any) -> Any:
        if left:
            left.pop()()
        return true(*arguments)

    return call


def finished_by_another(run: Run) -> Thread:
    """A thread that has begun to seal a run."""
    thread = Thread(target=run.finish, daemon=True)
    thread.start()
    while not run.writer.ended:
        thread.join(0.001)
    return thread


def answer_of(call: Callable[[], object]) -> list[object]:
    """What a call answers, or nothing where it hangs."""
    found: list[object] = []
    thread = Thread(target=lambda: found.append(call()), daemon=True)
    thread.start()
    thread.join(30)
    return found


# nobody waits for who waits for him


def test_a_handler_in_a_line_of_the_parent_does_not_wait_for_the_child(store: Store) -> None:
    """The thread that seals the child tells the parent of it, behind that line."""
    parent = store.run("job", run_id="parent")
    child = parent.child("part", run_id="child")
    answers: list[object] = []

    def handler() -> None:
        threads.append(finished_by_another(child))
        answers.append(child.finish())
        child.log("nobody waits here, either")

    threads: list[Thread] = []
    parent.writer._append = once(parent.writer._append, handler)
    assert answer_of(lambda: parent.log("under way")) == ["run.log:line:1"]
    threads[0].join(30)
    assert answers in ([None], [store.get("child").digest])  # as far as the other thread is
    parent.finish()
    assert [event["data"]["status"] for event in store.get("parent").events("child")] == ["success"]
    assert [store.verify(run).findings for run in ("parent", "child")] == [[], []]


def test_a_handler_in_a_line_of_a_spool_does_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the seal of another run that is recorded there, nor for a line of it."""
    store = runstone.open(tmp_path / "runs", packed=True)
    one, other = store.run("job"), store.run("job")
    threads: list[Thread] = []

    def handler() -> None:
        threads.append(Thread(target=lambda: one.log("of another thread"), daemon=True))
        threads[0].start()
        one.log("of the handler")
        threads.append(finished_by_another(one))
        one.finish()

    monkeypatch.setattr(spooling.durable, "write_keeping_lock", once(durable.write_keeping_lock, handler))
    monkeypatch.setattr(spooling, "other_threads", lambda: True)
    assert answer_of(lambda: other.log("under way")) == ["run.log:line:1"]
    for thread in threads:
        thread.join(30)
    other.finish()
    assert len(store.get(one.run_id).file("run.log").splitlines()) == 2
    assert [store.verify(run.run_id).findings for run in (one, other)] == [[], []]


def test_what_was_half_written_to_a_spool_is_ended_by_the_next_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes it, and also before the first one knows that it is half written."""
    store = runstone.open(tmp_path / "runs", packed=True)
    one, other = store.run("job"), store.run("job")
    other.log("before")
    true = os.write

    def short(fd: int, data: bytes) -> int:
        monkeypatch.setattr(spooling.os, "write", true)
        taken = true(fd, data[:12])
        one.log("in between")
        return taken

    monkeypatch.setattr(spooling, "other_threads", lambda: False)
    monkeypatch.setattr(spooling.os, "write", short)
    assert other.log("after") == "run.log:line:2"
    [spool] = (tmp_path / "runs" / ".runstone" / "spool").glob("*.jsonl")
    assert b'\n{"event":{"\n' in spool.read_bytes()
    left = {run.run_id: b"".join(store.journals.read(run.run_id).read()) for run in (one, other)}
    assert [len(list(split_lines([left[run.run_id]]))) for run in (one, other)] == [2, 3]
    for run in (one, other):
        run.finish()
        assert store.verify(run.run_id).ok


# of two that finish a run


def test_what_is_known_at_the_end_alone_is_recorded_by_one_before_the_other_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a line that never came, while a second thread finishes the run."""
    run = store.run("job", run_id="r")
    stream, begun, both = JournalWriter.stream, Event(), Event()
    run.stream("stdout", b"the unfinished last line")

    def slowly(writer: JournalWriter, name: str, chunk: bytes) -> None:
        begun.set()
        both.wait(30)
        second.join(0.2)  # it would have ended the run by then
        stream(writer, name, chunk)

    monkeypatch.setattr(JournalWriter, "stream", slowly)
    first, second = Thread(target=run.finish), Thread(target=run.finish)
    first.start()
    begun.wait(30)
    second.start()
    both.set()
    first.join(30)
    second.join(30)
    assert store.get("r").file("run.log") == b"the unfinished last line\n"


def test_a_handler_that_finishes_within_finish_is_the_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outer call has ended nothing, and answers the same digest."""
    run = store.run("job", run_id="r", strict=True)
    answers: list[object] = []
    handler = once(JournalWriter._write_waiting, lambda: answers.append(run.finish("cancelled")))
    monkeypatch.setattr(JournalWriter, "_write_waiting", handler)
    answers.append(run.finish())
    assert answers == [store.get("r").digest] * 2
    assert (run.status, store.get("r").status) == ("cancelled", "cancelled")


# what a capture and a watch record meanwhile


def told_of(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> Event:
    """Set when a method is called in any thread."""
    called, true = Event(), getattr(owner, name)

    def call(*arguments: Any) -> Any:
        called.set()
        return true(*arguments)

    monkeypatch.setattr(owner, name, call)
    return called


def printing(line: str, told: Event) -> Thread:
    """A thread that has printed, and waits for the line under way to record it."""
    thread = Thread(target=lambda: sys.stdout.write(line), daemon=True)
    thread.start()
    assert told.wait(30)
    return thread


def test_a_handler_that_prints_does_not_wait_for_a_thread_that_prints(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are recorded, behind the line."""
    run, told, threads = store.run("job", run_id="r"), told_of(monkeypatch, JournalWriter, "stream"), []

    def handler() -> None:
        threads.append(printing("a thread\n", told))
        sys.stdout.write("the handler\n")

    run.capture()
    run.writer._append = once(run.writer._append, handler)
    assert answer_of(lambda: run.log("under way")) == ["run.log:line:1"]
    threads[0].join(30)
    run.finish()
    assert capsys.readouterr().out == "a thread\nthe handler\n"
    assert store.get("r").file("run.log") == b"under way\na thread\nthe handler\n"


def test_a_handler_that_finishes_does_not_wait_for_a_thread_that_prints(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it is kept from the terminal, and the stream is again what it was."""
    run, told, found = store.run("job", run_id="r"), told_of(monkeypatch, JournalWriter, "stream"), sys.stdout
    threads, left = [], []
    run.capture()

    def handler() -> None:
        threads.append(printing("a thread\n", told))
        run.finish("cancelled")
        left.append(sys.stdout)
        sys.stdout.write("the handler\n")

    run.writer._append = once(run.writer._append, handler)
    assert answer_of(lambda: run.log("under way")) == ["run.log:line:0"]
    threads[0].join(30)
    assert left == [found]
    assert sys.stdout is found
    assert capsys.readouterr().out == "a thread\nthe handler\n"
    assert store.get("r").status == "cancelled"


PIPES = """
import os, sys, threading, runstone
from runstone.engine.writer import JournalWriter
run = runstone.open("memory:").run("job", run_id="r")
found, told = os.fstat(1), threading.Event()
stream, append = JournalWriter.stream, run.writer._append
def telling(*arguments):
    told.set()
    stream(*arguments)
def handler(line):
    run.writer._append = append
    os.write(1, b"who empties the pipe waits for the line\\n")
    told.wait(30)
    os.write(1, b"in the pipe\\n")
    DOES
    os.write(1, b"behind it\\n")
    append(line)
JournalWriter.stream, run.writer._append = telling, handler
capture = run.capture(descriptors=True)
run.log("under way")
capture.end()
print(run.status, os.path.samestat(os.fstat(1), found))
run.finish()
"""


def test_a_handler_that_finishes_does_not_wait_for_who_empties_a_pipe() -> None:
    """The descriptor is what it was at once, and all that was written arrives, in its order."""
    done = python(PIPES.replace("DOES", "run.finish('cancelled'); assert os.path.samestat(os.fstat(1), found)"))
    lines = ["who empties the pipe waits for the line", "in the pipe", "behind it", "cancelled True"]
    assert done.stdout.splitlines() == lines, done.stderr


def test_a_handler_that_begins_a_capture_does_not_wait_for_who_empties_a_pipe() -> None:
    """It may be ended there as well."""
    done = python(PIPES.replace("DOES", "run.capture(descriptors=True).end()"))
    lines = ["who empties the pipe waits for the line", "in the pipe", "behind it", "running True"]
    assert done.stdout.splitlines() == lines, done.stderr


def test_a_handler_that_finishes_does_not_wait_for_who_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that reads the meters holds what its end waits for else."""
    store = open_store(tmp_path / "runs", meters=FixedMeters([{"a": 1.0}] * 99))
    run, reading, answers = store.run("job", run_id="r"), told_of(monkeypatch, Run, "metrics"), []

    def handler() -> None:
        run.watch_system(0.1)
        assert reading.wait(30)
        answers.append(run.finish("cancelled"))

    run.writer._append = once(run.writer._append, handler)
    assert answer_of(lambda: run.log("under way")) == ["run.log:line:0"]
    assert answers == [store.get("r").digest]


# a run that is finished in the middle of a line


def test_what_is_left_of_a_line_goes_into_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A descriptor that the end of the run has closed may be another file's when the line goes on."""
    run = runstone.open(tmp_path / "runs").run("job", run_id="r")
    mine: list[Any] = []

    def handler() -> None:
        run.finish("cancelled")
        mine.extend(open(tmp_path / f"mine{number}", "ab") for number in range(8))  # noqa: SIM115  # closed below

    before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    monkeypatch.setattr(journals, "other_threads", lambda: True)
    monkeypatch.setattr(durable, "write_keeping_lock", once(durable.write_keeping_lock, handler))
    assert run.log("under way") == "run.log:line:0"
    for file in mine:
        file.close()
    assert [(tmp_path / f"mine{number}").read_bytes() for number in range(8)] == [b""] * 8
    if before:
        assert set(os.listdir("/proc/self/fd")) <= before
    report = runstone.verify(tmp_path / "runs" / "r")
    assert report.ok


def test_what_is_left_of_a_line_goes_nowhere_in_a_forked_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a handler that forks in its middle; the parent writes it."""
    run = runstone.open(tmp_path / "runs").run("job", run_id="r")
    children: list[int] = []
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND

    def handler() -> None:
        children.append(os.fork())
        if not children[0]:
            for number in range(8):
                os.open(tmp_path / f"mine{number}", flags)

    monkeypatch.setattr(journals, "other_threads", lambda: True)
    monkeypatch.setattr(durable, "write_keeping_lock", once(durable.write_keeping_lock, handler))
    run.log("under way")
    if not children[0]:
        os._exit(0)
    assert os.waitpid(children[0], 0)[1] == 0
    assert [(tmp_path / f"mine{number}").read_bytes() for number in range(8)] == [b""] * 8
    assert (tmp_path / "runs" / ".runstone" / "open" / "r" / "events.jsonl").read_bytes().count(b"under way") == 1
    run.finish()


@pytest.mark.parametrize("strict", [False, True])
def test_a_message_that_came_too_late_is_not_lost_in_silence(
    store: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], strict: bool
) -> None:
    """Where a handler has finished the run between the look at it and the line: as behind the end."""
    run = store.run("job", run_id="r", secrets=["s3cret-x"], strict=strict)
    monkeypatch.setattr(JournalWriter, "_append_event", once(JournalWriter._append_event, run.finish))
    if strict:
        with pytest.raises(Conflict, match="run r is finished"):
            run.log("with s3cret-x")
    else:
        assert run.log("with s3cret-x") == "run.log:line:0"
        assert "run r is finished; what comes after is not recorded" in capfd.readouterr().err


def test_what_must_be_recorded_first_is_not_done_where_the_run_was_finished(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool under a rule does not run."""
    run, paid = store.run("job", run_id="r"), []
    run.govern({"name": "p", "version": "1", "budget": {"calls": 5}})
    append = JournalWriter._append_event

    def appending(writer: JournalWriter, event: Any) -> int:
        if event.kind == "tool.called":
            run.finish()
        return append(writer, event)

    monkeypatch.setattr(JournalWriter, "_append_event", appending)
    with pytest.raises(StoreUnavailable, match="pay is not called"):
        run.tool(name="pay")(paid.append)(5)
    assert paid == []


# what a handler records and raises


def test_evidence_without_a_number_fails_no_check(store: Store) -> None:
    """A message of a handler waits for the line under way, so it has none."""
    run = store.run("job", run_id="r")

    def handler() -> None:
        run.check("stopped in time", True, run.log("stopping"))

    run.writer._append = once(run.writer._append, handler)
    run.log("work")
    run.finish()
    assert store.get("r").status == "success"
    assert [event["data"]["evidence"] for event in store.get("r").events("check")] == [[]]


def test_a_deadline_while_lines_are_counted_goes_through(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no fault of the journal, and the next message has its number."""
    run = store.run("job", run_id="r")
    run.stream("stdout", b"one\ntwo\n")

    def handler() -> None:
        raise DeadlineError("too late")

    monkeypatch.setattr(JournalWriter, "_line_ends", once(JournalWriter._line_ends, handler))
    with pytest.raises(DeadlineError):
        run.log("a message")
    assert run.log("the next") == "run.log:line:3"
    run.finish()
    assert store.verify("r").ok


@pytest.mark.parametrize("packed", [False, True])
def test_a_run_that_was_finished_in_the_middle_of_a_line_has_no_broken_journal(tmp_path: Path, packed: bool) -> None:
    """Whatever the journal, which is closed, says to the rest of the line."""
    run = runstone.open(tmp_path / "runs", packed=packed).run("job", strict=True)
    run.writer._append = once(run.writer._append, run.finish)
    with pytest.raises(Conflict, match="is finished"):
        run.log("plain")
    run = runstone.open(tmp_path / "runs", packed=packed).run("job", strict=True)
    run.writer._append = once(run.writer._append, run.finish)
    with pytest.raises(Conflict, match="is finished"):
        run.event("x.coerced", {"n": (1,)})


# forks


@pytest.mark.parametrize("amid", [False, True])
def test_a_forked_child_waits_for_no_lock_of_a_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, amid: bool
) -> None:
    """Another thread, which is not there in it, may have had it; and no descriptor is left in it."""
    run = runstone.open(tmp_path / "runs", packed=True).run("job")
    journal: Any = run.writer.journal
    spool = journal._spool
    held, done = Event(), Event()

    def hold() -> None:
        with spool._lock:
            held.set()
            done.wait(30)

    thread = Thread(target=hold)
    thread.start()
    held.wait(30)
    if not amid:
        run.writer._state = writer.BUSY
    before = _nulls()

    def fork() -> None:
        children.append(os.fork())
        if not children[0]:
            run.log("nobody hears")

    children: list[int] = []
    if amid:
        monkeypatch.setattr(spooling, "other_threads", lambda: True)
        monkeypatch.setattr(spooling.durable, "write_keeping_lock", once(durable.write_keeping_lock, fork))
        run.log("under way")
    else:
        fork()
    if not children[0]:
        os._exit(_nulls() - before - amid)
    exits = answer_of(lambda: os.waitpid(children[0], 0)[1])
    done.set()
    thread.join(30)
    if not exits:
        os.kill(children[0], 9)
    assert exits == [0]


def _nulls() -> int:
    folder = "/proc/self/fd"
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sum(os.path.realpath(os.path.join(folder, name)) == os.devnull for name in names)


# streams


def test_what_a_handler_streams_while_the_run_ends_is_recorded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as anything is."""
    run = store.run("job", run_id="r")
    run.stream("stdout", b"unfinished")
    handler = once(JournalWriter.stream, lambda: run.stream("stdout", b" tick"))
    monkeypatch.setattr(JournalWriter, "stream", handler)
    run.finish()
    assert store.get("r").file("run.log") == b"unfinished tick\n"


def test_a_call_raises_for_its_own_piece(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not for another thread's, which waits behind it."""
    run = store.run("job", run_id="r", strict=True)
    stream, raised = JournalWriter.stream, []

    def call(data: bytes) -> None:
        try:
            run.stream("stdout", data)
        except StoreUnavailable:
            raised.append(data)

    def streaming(writer: JournalWriter, name: str, chunk: bytes) -> None:
        if chunk == b"good\n":
            other.start()
            other.join(0.1)
        if chunk == b"bad\n":
            raise error("store_unavailable", "the disk is full")
        stream(writer, name, chunk)

    other = Thread(target=call, args=(b"bad\n",))
    monkeypatch.setattr(JournalWriter, "stream", streaming)
    call(b"good\n")
    other.join(30)
    assert raised == [b"bad\n"]


@pytest.mark.parametrize("written", [False, True])
def test_a_piece_is_written_once_where_a_handler_records_and_raises(
    store: Store, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    """Before a line of it was begun, or behind that."""
    run = store.run("job", run_id="r")

    def handler(*_: object) -> None:
        run.writer.tap = None
        run.note("too late")
        raise DeadlineError

    if written:
        run.writer.tap = handler
    else:
        monkeypatch.setattr(JournalWriter, "stream", once(JournalWriter.stream, handler))
    with pytest.raises(DeadlineError):
        run.stream("stdout", b"one\n")
    run.stream("stdout", b"two\n")
    run.finish()
    assert store.get("r").file("run.log") == b"one\ntwo\n"


def test_what_another_thread_holds_at_the_end_is_counted(store: Store) -> None:
    """The end of a line that never came, where a handler in a line finishes the run, for which that thread waits."""
    run = store.run("job", run_id="r")
    run.stream("stdout", b"unfinished")
    other = Thread(target=run.stream, args=("stderr", b"a line\n"))

    def handler() -> None:
        other.start()
        while run._streams._lock.acquire(blocking=False):
            run._streams._lock.release()
        run.finish()

    run.writer._append = once(run.writer._append, handler)
    run.log("under way")
    other.join(30)
    [dropped] = store.get("r").events("dropped")
    assert dropped["data"]["events"] == 2
    assert store.verify("r").ok


@pytest.mark.parametrize("end", ["run.finish('failed')", "capture.end()"])
def test_a_handler_of_logging_is_in_the_middle_of_nothing(tmp_path: Path, end: str) -> None:
    """What was printed before it ends a capture, and what Python held back of that, is recorded."""
    program = f"""
import logging, runstone, sys

class Handler(logging.Handler):
    def emit(self, _):
        {end}

logger = logging.getLogger("own")
logger.propagate = False
logger.addHandler(Handler())
with runstone.open(sys.argv[1]).run("job", run_id="r") as run:
    capture = run.capture(descriptors=True)
    print("last words")
    logger.critical("give up")
"""
    done = python(program, tmp_path, env={"PYTHONUNBUFFERED": ""})
    assert (done.stdout, done.stderr) == ("last words\n", "")
    assert set(runstone.open(tmp_path).get("r").file("run.log").splitlines()) == {b"last words", b"give up"}
