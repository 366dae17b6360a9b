"""What comes in the middle of a line: exceptions of signal handlers, code of values, other threads, the end."""

from __future__ import annotations

import subprocess
import sys
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from runstone.core.limits import MAX_LINE_BYTES
from runstone.engine import recorder, writer
from runstone.errors import RunstoneError, error

from .scenes import events, of_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runstone.engine.recorder import Run
    from runstone.engine.store import Store


class TimeIsUpError(Exception):
    """What a signal handler raises that bounds some work."""


def after_append(run: Run, what: Callable[[], None]) -> None:
    """Do something once, when the next line is on the disk and not yet counted."""
    append, done = run.writer._append, False

    def appending(line: bytes) -> None:
        nonlocal done
        append(line)
        if not done:
            done = True
            what()

    run.writer._append = appending


def raising(exc: BaseException) -> Callable[[], None]:
    def what() -> None:
        raise exc

    return what


def test_interrupt_in_the_middle_of_a_line_cancels_the_run(store: Store) -> None:
    """Ctrl-C between a write and its count: the line is cut off and told, and the run is sealed as cancelled."""

    def work() -> None:
        with store.run("job", run_id="r") as run:
            run.log("one")
            after_append(run, raising(KeyboardInterrupt()))
            run.log("two")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert store.get("r").status == "cancelled"
    assert [data["reason"] for data in of_type(store, "r", "dropped")] == ["interrupted"]
    assert store.verify("r").ok


@pytest.mark.parametrize("careful", [False, True])
def test_what_follows_a_caught_timeout_is_recorded(store: Store, careful: bool) -> None:
    """A program that bounds a step by an alarm goes on, and so does its record."""
    with store.run("job", run_id="r") as run:
        after_append(run, raising(TimeIsUpError()))
        with pytest.raises(TimeIsUpError):
            run.event("x.step", {"n": (1,) if careful else 1})
        for number in range(5):
            run.log(f"after {number}")
    assert [data["text"] for data in of_type(store, "r", "log")] == [f"after {number}" for number in range(5)]
    assert [data["events"] for data in of_type(store, "r", "dropped")] == [1]
    assert store.verify("r").ok


@pytest.mark.parametrize("careful", [False, True])
def test_handler_that_records_waits_for_the_line_under_way(store: Store, careful: bool) -> None:
    """A signal handler or a finaliser logs while a line is written: both are recorded, one after the other."""
    with store.run("job", run_id="r") as run:
        after_append(run, lambda: run.note("from a handler") or run.note("and another"))
        run.event("x.step", {"n": (1,) if careful else 1})
        run.note("later")
    assert [event["type"] for event in events(store, "r")[1:3]] == ["x.step", "note"]
    assert [data["text"] for data in of_type(store, "r", "note")] == ["from a handler", "and another", "later"]
    assert store.verify("r").ok


def test_value_whose_own_code_records(store: Store) -> None:
    """A model that logs while it is dumped does not hang: nothing of the caller's runs under the lock."""

    class Model:
        def __init__(self, run: Run) -> None:
            self._run = run

        def model_dump(self, **_: Any) -> dict[str, int]:
            self._run.log("dumping")
            return {"a": 1}

    with store.run("job", run_id="r") as run:
        run.event("x.model", {"value": Model(run)})
    assert [event["type"] for event in events(store, "r")[1:3]] == ["log", "x.model"]
    assert store.verify("r").ok


def test_standard_error_that_records(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the recorder says may come back to it as a log line."""

    class Tee:
        def __init__(self, run: Run) -> None:
            self._run = run

        def write(self, text: str) -> None:
            self._run.log(text.rstrip())

        def flush(self) -> None:
            """Nothing waits."""

    with store.run("job", run_id="r") as run:
        monkeypatch.setattr(sys, "stderr", Tee(run))
        run.event("y.unknown", {})
    assert len(of_type(store, "r", "log")) == 2
    assert len(of_type(store, "r", "dropped")) == 1


def test_handler_that_finishes_the_run(store: Store) -> None:
    """The line under way is cut off and told; the run is sealed and verifies; the line that went on is lost."""
    run = store.run("job", run_id="r")
    after_append(run, lambda: run.finish("cancelled") and None)
    run.log("one")
    assert store.get("r").status == "cancelled"
    assert of_type(store, "r", "log") == []
    assert store.verify("r").ok


def test_nothing_is_recorded_while_the_run_is_sealed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses that are told at the end do not open the run again."""
    seal, late = recorder.seal, []

    def sealing(*arguments: Any) -> Any:
        run.log("late")
        late.append(run.recording)
        return seal(*arguments)

    monkeypatch.setattr(recorder, "seal", sealing)
    run = store.run("job", run_id="r")
    with monkeypatch.context() as patch:
        patch.setattr(run.writer, "_append", lambda _: (_ for _ in ()).throw(error("store_unavailable", "full")))
        run.log("lost")
    assert run.finish("success") is not None
    assert late == [False]
    assert store.verify("r").ok
    assert of_type(store, "r", "log") == []


def test_seal_waits_for_a_file_that_is_being_kept(store: Store, tmp_path: Path) -> None:
    """Its copy is whole and named, or it is not in the bundle; a file that comes later is refused."""
    kept: list[Any] = []
    begun, go = Event(), Event()

    def pieces() -> Iterator[bytes]:
        begun.set()
        go.wait(10)
        yield b"whole"

    run = store.run("job", run_id="r")
    thread = Thread(target=lambda: kept.append(run.writer.keep("artifacts/a", pieces())))
    thread.start()
    begun.wait(10)
    ending = Thread(target=run.finish)
    ending.start()
    assert not store.objects.exists("r")
    go.set()
    thread.join()
    ending.join()
    assert kept[0].size == 5
    assert store.verify("r").ok
    with pytest.raises(RunstoneError) as caught:
        run.writer.keep("artifacts/b", [b"late"])
    assert caught.value.code == "already_finished"


@pytest.mark.parametrize("field", ["result", "error", "resources"])
def test_closing_value_that_is_too_large_keeps_the_status(store: Store, field: str) -> None:
    """The value is left out and marked; the run is sealed with the status that it was given."""
    run = store.run("job", run_id="r")
    value: Any = {"body": "x" * (MAX_LINE_BYTES + 1)}
    assert run.finish("partial", **{field: value}) is not None
    closed = events(store, "r")[-1]
    assert (closed["data"]["status"], closed["data"][field]) == ("partial", None)
    assert closed["marks"] == [["/" + field, "truncated"]]
    assert store.verify("r").ok


def test_exception_with_a_long_message_is_recorded_shortened(store: Store) -> None:
    """Type and beginning of the message stay."""
    with pytest.raises(ValueError, match="xxx"), store.run("job", run_id="r"):
        raise ValueError("x" * (MAX_LINE_BYTES + 1))
    failure = events(store, "r")[-1]["data"]["error"]
    assert (failure["type"], len(failure["message"])) == ("ValueError", 64_000)


def test_opening_value_that_is_too_large_is_refused(store: Store) -> None:
    """Before anything is written: a run whose first line cannot be read would be gone."""
    with pytest.raises(RunstoneError) as caught:
        store.run("job", run_id="r", version="x" * (MAX_LINE_BYTES + 1))
    assert caught.value.code == "too_large"
    store.recover()
    with store.run("job", run_id="r"):
        pass


def test_marks_count_for_the_limit_of_a_line(store: Store) -> None:
    """Thousands of marks with long pointers can be larger than the data."""
    key = "\u6f22" * 160
    with store.run("job", run_id="r") as run:
        run.event("x.marks", {f"{key}{number}": (number,) for number in range(8_800)})
    assert [data["reason"] for data in of_type(store, "r", "dropped")] == ["too_large"]
    assert store.verify("r").ok


def test_data_that_change_while_they_are_encoded(store: Store) -> None:
    """Another thread changes a dict in the middle: the careful way decides, nothing is raised."""
    with store.run("job", run_id="r") as run:
        encode = run.writer._encode
        run.writer._encode = lambda _: (_ for _ in ()).throw(KeyError("gone"))
        run.event("x.step", {"n": 1})
        run.writer._encode = encode
    assert of_type(store, "r", "x.step") == [{"n": 1}]


def test_more_files_than_a_bundle_can_have_are_not_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are hashed and told, and the run can be sealed."""
    monkeypatch.setattr(writer, "MAX_KEPT_FILES", 1)
    with store.run("job", run_id="r") as run:
        for _ in range(2):
            run.output("file", __file__, keep=True)
    assert [data["path"] is None for data in of_type(store, "r", "output")] == [False, True]
    assert store.verify("r").ok


AT_EVERY_LINE = """
import sys, runstone
store = runstone.open(sys.argv[1], packed=sys.argv[2] == "packed")
folder = runstone.__file__.rpartition("/")[0]
recorded, seen, handling = [], set(), False

def handler():
    given = f"r{len(recorded)}" if len(seen) % 2 else None
    with store.run("handler", run_id=given) as run:
        run.event("x.signal", {"number": len(seen)})
    recorded.append(run.run_id)

def work(given=None):
    with store.run("work", run_id=given) as run:
        run.config({"a": 1})
        run.event("x.step", {"n": (1,)})
        run.check("rows", True)
        run.metrics({"loss": 0.5})
        run.log("one")
    recorded.append(run.run_id)

def trace(frame, event, _):
    global handling
    if handling or not frame.f_code.co_filename.startswith(folder):
        return None if handling else trace
    place = (frame.f_code.co_filename, frame.f_lineno, event)
    if event in ("line", "return") and place not in seen:
        seen.add(place)
        handling = True
        handler()
        handling = False
    return trace

for _ in range(2):
    handler()
    work()
    work(f"warm{len(recorded)}")
known = -1
while known != len(seen):
    known = len(seen)
    sys.settrace(trace)
    work()
    work(f"w{known}")
    sys.settrace(None)
faults = [run_id for run_id in recorded if not store.verify(run_id).ok]
print(len(seen), len(recorded), len(faults), len(store.open_runs()))
"""


@pytest.mark.parametrize("kind", ["loose", "packed"])
def test_signal_handler_may_record_at_any_line(kind: str, tmp_path: Path) -> None:
    """A whole run, in the same store, in the middle of whatever another one is doing: no lock is waited for that is
    held below, no line is lost, and each run is whole."""
    command = [sys.executable, "-c", AT_EVERY_LINE, str(tmp_path / "runs"), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    lines, recorded, faults, still_open = map(int, done.stdout.split())
    assert lines > 900
    assert (recorded > lines, faults, still_open) == (True, 0, 0)
    assert done.stderr == ""


def test_what_a_handler_could_not_record_is_no_matter_of_the_line(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when what came within a line is written: that is counted, and the call has its answer."""
    run = store.run("job")
    true, calls = run.writer._append, []

    def append(line: bytes) -> None:
        calls.append(line)
        if len(calls) == 1:
            true(line)
            run.log("from within")
        elif len(calls) == 2:
            raise error("store_unavailable", "cannot write the journal: No space left on device", reason="full")
        else:
            true(line)

    monkeypatch.setattr(run.writer, "_append", append)
    assert run.log("a line of the work") == "run.log:line:1"
    assert run.log("another") == "run.log:line:2"
    run.finish()
    sealed = store.get(run.run_id)
    assert [event["data"]["text"] for event in sealed.events("log")] == ["a line of the work", "another"]
    assert sealed.journal().closed["data"]["dropped"] == 1
