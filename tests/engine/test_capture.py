"""`Run.capture`: what a process prints, logs and warns of is recorded, and goes where it went before."""

from __future__ import annotations

import asyncio
import contextvars
import io
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from core.planted import LETTERS, drawn

from runstone.engine.disabled import DISABLED
from runstone.engine.store import Store

from .called import contract
from .scenes import of_type, python

PLACES = ((sys, "stdout"), (sys, "stderr"), (logging.Logger, "callHandlers"), (warnings, "_showwarnmsg"))


def standing() -> list[Any]:
    """What stands in the places that a capture hooks."""
    return [getattr(owner, name) for owner, name in PLACES]


def logged(store: Store, run_id: str) -> list[dict[str, Any]]:
    """The messages of a run."""
    return [data for data in of_type(store, run_id, "log") if "stream" not in data]


def printed(store: Store, run_id: str, stream: str = "stdout") -> str:
    """What was recorded of a stream."""
    return "".join(data["text"] for data in of_type(store, run_id, "log") if data.get("stream") == stream)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """After each test everything stands where it stood."""
    before = standing()
    yield
    assert standing() == before


# what is recorded, and what goes on


def test_streams_are_recorded_and_passed_on(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Both streams, each under its name; who reads them reads what was written."""
    with store.run("job", run_id="r") as run, run.capture():
        print("to the one")
        sys.stderr.write("to the other\n")
        sys.stdout.writelines(["a\n", "b\n"])
    assert capsys.readouterr() == ("to the one\na\nb\n", "to the other\n")
    assert printed(store, "r") == "to the one\na\nb\n"
    assert printed(store, "r", "stderr") == "to the other\n"


def test_bytes_are_recorded_as_they_are(store: Store) -> None:
    """What goes to `sys.stdout.buffer` is handed on and recorded byte for byte."""
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    before, sys.stdout = sys.stdout, file
    try:
        with store.run("job", run_id="r") as run, run.capture():
            sys.stdout.buffer.write(b"\xff\xfe\n")
            sys.stdout.buffer.write(memoryview(b"view\n"))
    finally:
        sys.stdout = before
    assert file.buffer.getvalue() == b"\xff\xfe\nview\n"  # type: ignore[attr-defined]  # a `BytesIO`
    assert store.get("r").file("run.log") == b"\xff\xfe\nview\n"


def test_what_the_stream_is_asked_it_answers(store: Store, tmp_path: Path) -> None:
    """Type, descriptor, encoding, terminal, and what a program sets on it are those of the stream below."""
    with (
        open(tmp_path / "file", "w", encoding="latin-1") as file,
        pytest.MonkeyPatch.context() as patch,
        store.run("job") as run,
    ):
        patch.setattr(sys, "stdout", file)
        with run.capture():
            assert isinstance(sys.stdout, io.TextIOWrapper)
            assert (sys.stdout.encoding, sys.stdout.fileno()) == ("latin-1", file.fileno())
            assert (sys.stdout.isatty(), sys.stdout.writable(), sys.stdout.name) == (False, True, file.name)
            sys.stdout.reconfigure(line_buffering=True)
            sys.stdout.mine = 1  # type: ignore[attr-defined]  # anybody may
            print("grün")
        assert (file.line_buffering, file.mine) == (True, 1)  # type: ignore[attr-defined]  # the same
        assert sys.stdout is file
    assert (tmp_path / "file").read_bytes() == "grün\n".encode("latin-1")


def test_a_write_that_fails_is_the_callers(store: Store) -> None:
    """The stream's own error comes through, and what was not written is not recorded."""
    with store.run("job", run_id="r") as run, run.capture():
        with pytest.raises(TypeError):
            sys.stdout.write(b"bytes")  # type: ignore[arg-type]  # the mistake
        print("after")
    assert printed(store, "r") == "after\n"


def test_log_records_are_messages_with_level_and_logger(store: Store) -> None:
    """Each level as the run's own, with the name of the logger; a traceback is part of the text."""
    logger = logging.getLogger("tests.capture.levels")
    logger.setLevel(5)
    with store.run("job", run_id="r") as run, run.capture():
        for level in (5, 10, 20, 30, 40, 50):
            logger.log(level, "number %d", level)
        try:
            raise LookupError("gone")
        except LookupError:
            logger.exception("found none")
    found = logged(store, "r")
    assert [data["level"] for data in found[:6]] == ["debug", "debug", "info", "warning", "error", "error"]
    assert {data["logger"] for data in found} == {"tests.capture.levels"}
    assert found[0]["text"] == "number 5"
    assert found[6]["text"].startswith("found none\nTraceback (most recent call last):\n")
    assert found[6]["text"].endswith("LookupError: gone")


LOGGING = """
import logging, sys, warnings, runstone
run = runstone.open("memory:").run("job")
if sys.argv[1] == "1":
    run.capture()
logging.getLogger("a").warning("before any handler")
logging.basicConfig(format="%(levelname)s|%(message)s")
logging.getLogger("a").error("with a handler")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("a").exception("why")
warnings.warn("old", UserWarning)
file = open("/dev/null")
del file
sys.stdout.write("no end")
run.finish()
print("after")
"""


def test_a_program_prints_the_same_with_and_without() -> None:
    """The handler of last resort, `basicConfig`, tracebacks, and a warning that tells its source."""
    plain, captured = (python(LOGGING, flag, env={"PYTHONWARNINGS": "always"}) for flag in "01")
    assert plain.returncode == captured.returncode == 0, captured.stderr
    assert "\nERROR|with a handler\n" in plain.stderr
    assert "tracemalloc" in plain.stderr  # what no public hook of `warnings` passes on
    assert (captured.stdout, captured.stderr) == (plain.stdout, plain.stderr)


def test_what_logging_prints_is_not_recorded_twice(store: Store) -> None:
    """A handler that writes to a captured stream adds nothing to the message."""
    logger = logging.getLogger("tests.capture.twice")
    with store.run("job", run_id="r") as run, run.capture():
        handler = logging.StreamHandler(sys.stderr)
        logger.addHandler(handler)
        logger.warning("once")
        logger.removeHandler(handler)
    assert [data["text"] for data in of_type(store, "r", "log")] == ["once"]


def test_a_handler_that_records_does_not_loop(store: Store) -> None:
    """Recording, printing and logging inside a handler: each message is there once."""

    class Recording(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            run.log(f"handled {record.getMessage()}")
            print("printed")
            if record.name.endswith("loop"):
                logging.getLogger(record.name + ".inner").warning("again")

    logger = logging.getLogger("tests.capture.loop")
    logger.addHandler(Recording())
    with store.run("job", run_id="r") as run, run.capture():
        logger.warning("first")
    logger.handlers.clear()
    assert [data["text"] for data in logged(store, "r")] == ["first", "handled first", "handled again"]


def test_warnings_are_messages(store: Store) -> None:
    """As Python shows them, with their category; it is shown as before, and not recorded twice."""
    with store.run("job", run_id="r") as run, warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with run.capture():
            warnings.warn_explicit("old", DeprecationWarning, "job.py", 3)
    assert [str(warning.message) for warning in shown] == ["old"]
    (data,) = of_type(store, "r", "log")
    assert data == {"level": "warning", "text": "job.py:3: DeprecationWarning: old", "category": "DeprecationWarning"}


def test_warnings_that_somebody_collects_are_not_recorded(store: Store) -> None:
    """`catch_warnings(record=True)` inside a capture: they are shown to nobody."""
    with store.run("job", run_id="r") as run, run.capture(), warnings.catch_warnings(record=True) as collected:
        warnings.simplefilter("always")
        warnings.warn("mine", UserWarning, stacklevel=1)
    assert len(collected) == 1
    assert logged(store, "r") == []


def test_secrets_over_two_writes_are_taken_out(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal has it, the record has not."""
    secret = drawn(Random(3), LETTERS, 24)
    with store.run("job", run_id="r", secrets=[secret]) as run, run.capture():
        sys.stdout.write("it is " + secret[:9])
        sys.stdout.write(secret[9:] + "\n")
        logging.getLogger("tests").warning("it is %s", secret)
    assert f"it is {secret}\n" in capsys.readouterr().out
    assert secret[:9] not in str(of_type(store, "r", "log"))
    assert printed(store, "r") == "it is [REDACTED:declared]\n"


# whose it is


def test_an_inner_capture_takes_what_an_outer_one_would(store: Store) -> None:
    """Nested runs: each has what was printed while it was the innermost."""
    with store.run("outer", run_id="a") as outer, outer.capture():
        print("one")
        with store.run("inner", run_id="b") as inner, inner.capture():
            print("two")
        print("three")
    assert (printed(store, "a"), printed(store, "b")) == ("one\nthree\n", "two\n")


def test_runs_in_threads_have_what_their_thread_prints(store: Store) -> None:
    """Two runs at once, each in a thread; and a thread of nobody's, while there are two, is nobody's."""
    both = threading.Barrier(2)
    done = threading.Barrier(2)

    def work(name: str) -> None:
        with store.run("job", run_id=name) as run, run.capture():
            both.wait()
            print(f"of {name}")
            if name == "a":
                within(lambda: print("of nobody"))
            done.wait()

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (printed(store, "a"), printed(store, "b")) == ("of a\n", "of b\n")


def within(work: Callable[[], object]) -> None:
    """Run it in a thread."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_thread_of_the_program_belongs_to_the_one_capture(store: Store) -> None:
    """Where captures are nested, or there is one, a thread records to the innermost; a copied context to its own."""
    with store.run("job", run_id="a") as run, run.capture():
        within(lambda: print("one"))
        context = contextvars.copy_context()
        with store.run("job", run_id="b") as inner, inner.capture():
            within(lambda: print("two"))
            within(lambda: context.run(print, "three"))
    assert (printed(store, "a"), printed(store, "b")) == ("one\nthree\n", "two\n")


def test_tasks_have_captures_of_their_own(store: Store) -> None:
    """Two asyncio tasks, in turns."""

    async def work(name: str) -> None:
        with store.run("job", run_id=name) as run, run.capture():
            for _ in range(3):
                print(name)
                await asyncio.sleep(0)

    async def both() -> None:
        await asyncio.gather(work("a"), work("b"))

    asyncio.run(both())
    assert (printed(store, "a"), printed(store, "b")) == ("a\n" * 3, "b\n" * 3)


# how it ends


def test_it_ends_with_its_run(store: Store) -> None:
    """Without a block: the end of the run puts everything back, and an unfinished line is recorded."""
    before = standing()
    run = store.run("job", run_id="r")
    capture = run.capture()
    sys.stdout.write("no end")
    run.finish()
    assert standing() == before
    capture.end()
    print("after")
    assert store.get("r").file("run.log") == b"no end\n"


def test_two_captures_of_one_run_end_in_any_order(store: Store) -> None:
    """The second ends after the first, though it began later."""
    with store.run("job", run_id="r") as run:
        first, second = run.capture(), run.capture()
        print("one")
        first.end()
        print("two")
        second.end()
        print("three")
    assert printed(store, "r") == "one\ntwo\n"


def test_a_stream_that_somebody_puts_over_it_stays(store: Store) -> None:
    """Who wrapped the stream in between keeps his wrapper, which goes on writing to what was there."""

    class Loud:
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def write(self, text: str) -> int:
            return int(self.stream.write(text.upper()))

        def flush(self) -> None:
            self.stream.flush()

    file = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", file)
        with store.run("job", run_id="r") as run:
            with run.capture():
                loud: Any = Loud(sys.stdout)
                sys.stdout = loud
                print("one")
            print("two")
            assert sys.stdout is loud
            with run.capture():
                print("three")
            assert sys.stdout is loud
            sys.stdout = loud.stream  # as who wrapped it puts back what he found
            with run.capture():
                print("four")
            print("five")
        assert sys.stdout is file
    assert file.getvalue() == "ONE\nTWO\nTHREE\nfour\nfive\n"
    assert printed(store, "r") == "ONE\nthree\nfour\n"


def test_threads_that_write_while_it_ends_lose_nothing(store: Store) -> None:
    """Every line reaches the stream; the record has the first ones of each thread, and no line twice."""
    file = io.StringIO()
    going = threading.Barrier(5)

    def work(name: int) -> None:
        going.wait()
        for number in range(300):
            sys.stdout.write(f"{name}:{number}\n")  # `print` writes the end of the line apart

    with pytest.MonkeyPatch.context() as patch, store.run("job", run_id="r") as run:
        patch.setattr(sys, "stdout", file)
        capture = run.capture()
        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        going.wait()
        print("end")
        capture.end()
        for thread in threads:
            thread.join()
    passed = sorted(file.getvalue().replace("\n", " ").split())
    assert passed == sorted([*(f"{name}:{number}" for name in range(4) for number in range(300)), "end"])
    assert set(printed(store, "r").split()) - {""} != set()


@pytest.mark.parametrize("strict", [False, True])
def test_a_run_that_cannot_record_breaks_no_print(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, strict: bool
) -> None:
    """A journal that fails, a finished run, a hostile message: the program prints and logs on."""

    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    run = store.run("job", run_id="r", strict=strict)
    with run.capture():
        monkeypatch.setattr(run.writer, "_append", lambda line: 1 / 0)
        print("one")
        monkeypatch.undo()
        monkeypatch.setattr(logging, "raiseExceptions", False)
        logging.getLogger("tests").warning(Hostile())
        run.writer.end((0,))
        print("two")
    assert capsys.readouterr().out == "one\ntwo\n"


def test_a_run_that_records_nothing_captures_nothing(store: Store) -> None:
    """Finished or switched off: a block that does nothing."""
    run = store.run("job")
    run.finish()
    before = standing()
    with run.capture(), DISABLED.capture() as disabled:
        assert standing() == before
        disabled.end()


# past Python


DESCRIPTORS = """
import os, subprocess, sys, runstone
run = runstone.open(sys.argv[1]).run("job", run_id="r")
print("before", flush=True)
with run.capture(descriptors=True):
    print("python")
    sys.stdout.flush()
    os.write(1, b"raw \\xff\\n")
    subprocess.run(["sh", "-c", "echo child; echo wrong >&2"], check=True)
    print("last")
os.write(1, b"after\\n")
with run.capture(descriptors=True):
    with run.capture(descriptors=True):
        os.write(1, b"nested\\n")
    subprocess.run(["echo", "outer"], check=True)
run.finish()
print("end")
"""


def test_descriptors_are_recorded_and_passed_on(tmp_path: Path) -> None:
    """C code and child processes, byte for byte; afterwards the descriptors are what they were."""
    command = [sys.executable, "-c", DESCRIPTORS, str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert done.stdout == b"before\npython\nraw \xff\nchild\nlast\nafter\nnested\nouter\nend\n"
    assert done.stderr == b"wrong\n"
    from .scenes import open_store

    sealed = open_store(tmp_path / "runs").get("r")
    pieces = [data["data"] for data in sealed.events("log")]
    stdout = b"".join(
        data["text"].encode() if "text" in data else data["latin1"].encode("latin-1")
        for data in pieces
        if data["stream"] == "stdout"
    )
    assert stdout == b"python\nraw \xff\nchild\nlast\nnested\nouter\n"
    assert [data["text"] for data in pieces if data["stream"] == "stderr"] == ["wrong\n"]


LEFT_BEHIND = """
import os, subprocess, sys, runstone
run = runstone.open("memory:").run("job", run_id="r")
with run.capture(descriptors=True):
    child = subprocess.Popen(["sh", "-c", "read go; echo late"], stdin=subprocess.PIPE)
run.finish()
child.communicate(b"go\\n", timeout=30)
sys.stdout.write(f"end {child.returncode}\\n")  # in one piece: the other line comes by a thread
"""


def test_a_child_that_outlives_the_capture_is_still_heard() -> None:
    """What it prints afterwards is passed on, and it comes to no harm."""
    done = python(LEFT_BEHIND)
    assert sorted(done.stdout.splitlines()) == ["end 0", "late"], done.stderr


FORKED = """
import os, sys, warnings, runstone
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside a thread, from Python 3.12
run = runstone.open("memory:").run("job", run_id="r")
capture = run.capture(descriptors=sys.argv[1] == "1")
child = os.fork()
if child == 0:
    print("child", flush=True)
    capture.end()
    print("child again", flush=True)
    os._exit(0)
os.waitpid(child, 0)
print("parent", flush=True)
run.finish()
print("end", flush=True)
"""


@pytest.mark.parametrize("descriptors", "01")
def test_a_forked_child_prints_as_before(descriptors: str) -> None:
    """It records nothing, waits for nobody, and its output arrives."""
    done = python(FORKED, descriptors)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "child\nchild again\nparent\nend\n"
    assert done.stderr == ""


def test_a_closed_reader_is_the_writers_to_know() -> None:
    """With descriptors, too, who prints to nobody gets `EPIPE`, and is not kept waiting."""
    program = (
        "import os, runstone\nrun = runstone.open('memory:').run('job')\nrun.capture(descriptors=True)\n"
        "try:\n    while True:\n        os.write(1, b'x' * 65536)\nexcept BrokenPipeError:\n    os.write(2, b'told')\n"
        "run.finish()\n"
    )
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"told")


REPLACED = """
import os, sys, runstone
run = runstone.open("memory:").run("job", run_id="r")
with run.capture(descriptors=True):
    os.write(1, b"before\\n")
    file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
    os.dup2(file, 1)
os.write(1, b"into the file\\n")
run.finish()
"""


def test_a_descriptor_that_somebody_replaced_stays(tmp_path: Path) -> None:
    """What the program put on descriptor 1 in between is not undone, and what was in the pipe arrives."""
    done = python(REPLACED, tmp_path / "file")
    assert (done.stdout, done.stderr) == ("before\n", "")
    assert (tmp_path / "file").read_bytes() == b"into the file\n"


@pytest.mark.parametrize("form", ["exception", "argument", "message"])
def test_what_is_logged_of_an_exception_keeps_what_is_withheld(store: Store, form: str) -> None:
    """Neither the text of a model call's exception nor what a contract drops is recorded: only its type and frames."""
    prompt, card = "PRIVATE PROMPT of a customer", "plain words of a card"
    drops = contract("pay", handling={"arguments": {"/card": "drop"}})
    logger = logging.getLogger("app")
    logger.addHandler(logging.NullHandler())

    def log(exc: Exception) -> None:
        if form == "exception":
            logger.exception("it failed")
        elif form == "argument":
            logger.error("it failed: %s", exc)
        else:
            logger.error(exc)  # as programs do

    with store.run("job") as run, run.capture():

        @run.tool(drops)
        def pay(card: str) -> None:
            raise ValueError(f"declined: {card}")

        try:
            pay(card)
        except ValueError as exc:
            log(exc)
        try:
            with run.model_call("model", prompt):
                raise ValueError(f"context too long: {prompt}")
        except ValueError as exc:
            log(exc)
    sealed = store.get(run.run_id)
    journal = sealed.file("events.jsonl")
    assert len([event for event in sealed.events("log") if event["data"].get("logger") == "app"]) == 2
    assert (prompt.encode() in journal, card.encode() in journal) == (False, False)
    assert (b"ValueError" in journal, b"in pay" in journal) == (True, form == "exception")
