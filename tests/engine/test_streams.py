"""What a program gives to `Run.stream` piece by piece: secrets and characters stay whole, nothing is lost."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from random import Random

import pytest
from core.planted import LETTERS, checked, drawn

import runstone
from runstone.core.limits import MAX_HELD_OUTPUT_BYTES
from runstone.core.parsing import parse_json
from runstone.core.redaction.rule import Rule
from runstone.core.redaction.rules import RULES

from .scenes import open_store, python, written

TOKEN = "ghp_" + checked(Random(5))
WORD = drawn(Random(6), LETTERS, 20)
KEYS = [rule for rule in RULES if "\n" in rule.example]


def recorded(run: runstone.Run) -> bytes:
    """The bytes of the streams, joined, as they were recorded until now."""
    events = [parse_json(line)["data"] for line in written(run).splitlines()]
    return b"".join(
        data["text"].encode() if "text" in data else data["latin1"].encode("latin-1")
        for data in events
        if "stream" in data
    )


def streamed(*pieces: bytes, secrets: tuple[str, ...] = ()) -> bytes:
    """What is recorded of pieces, with the end of the run."""
    store = runstone.open("memory:")
    with store.run("kind", run_id="r", secrets=secrets) as run:
        for piece in pieces:
            run.stream("stdout", piece)
    return store.get("r").file("run.log")


@pytest.mark.parametrize("at", range(1, len(f"pwd={WORD} x")))
def test_a_secret_is_found_wherever_two_calls_divide_it(at: int) -> None:
    """One that its name tells, one that was declared."""
    line = f"pwd={WORD} x\n".encode()
    assert WORD[:8].encode() not in streamed(line[:at], line[at:])
    assert streamed(line[:at], line[at:], secrets=(WORD,)) == streamed(line, secrets=(WORD,))


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_wide_text_is_recorded_without_secrets(encoding: str, size: int) -> None:
    """A token, what a name is given, and a value that was declared; all else is byte for byte what it was."""
    value = f"pässwörd ключ-{WORD}"
    text = f"one\r\nx {TOKEN} y\r\npwd={WORD[:9]} z\r\n{value}\r\nend\r\n"
    data = text.encode(encoding)
    clean = text.replace(value, "[REDACTED:declared]").replace(WORD[:9], "[REDACTED:named-secret]")
    clean = clean.replace(TOKEN, "[REDACTED:github-token]")
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    expected = clean.encode(encoding)
    assert streamed(*pieces, secrets=(value,))[: len(expected)] == expected


@pytest.mark.parametrize("rule", KEYS, ids=lambda rule: rule.id)
def test_a_secret_of_several_lines_is_found_line_by_line(rule: Rule) -> None:
    """Each call gives one line."""
    text = f"before\n{rule.example}\nafter\n".encode()
    assert streamed(*text.splitlines(keepends=True)) == streamed(text)


def test_what_is_unfinished_is_recorded_when_the_run_ends() -> None:
    """A prompt without a line end, in each stream; half a character is kept as its byte, and each has its line."""
    store = runstone.open("memory:")
    with store.run("kind", run_id="r") as run:
        run.stream("stdout", b"done\nname? ")
        run.stream("stderr", "ü".encode()[:1])
        assert recorded(run) == b"done\n"
    assert store.get("r").file("run.log") == b"done\nname? \n\xc3\n"


def test_a_line_without_an_end_does_not_wait_for_ever() -> None:
    """At most 64 KiB wait, and the token in the middle of it is found."""
    with runstone.open("memory:").run("kind") as run:
        for start in range(0, 10 * MAX_HELD_OUTPUT_BYTES, 1000):
            run.stream("stdout", b"-" * 500 + b" " + TOKEN.encode() + b" " if start == 70_000 else b"-" * 1000)
            assert start + 1000 - len(recorded(run)) <= MAX_HELD_OUTPUT_BYTES + 2000
        assert TOKEN[:12].encode() not in recorded(run)


def test_threads_lose_nothing() -> None:
    """Each writes lines in two pieces to a stream of its own."""
    store = runstone.open("memory:")
    with store.run("kind", run_id="r") as run:

        def write(name: str) -> None:
            for number in range(200):
                run.stream(name, f"{name} ".encode())
                run.stream(name, f"{number}\n".encode())

        threads = [threading.Thread(target=write, args=(f"s{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = store.get("r").file("run.log").decode().splitlines()
    assert sorted(lines) == sorted(f"s{name} {number}" for name in range(4) for number in range(200))


def test_a_run_that_has_ended_says_so() -> None:
    """A late piece is not held back in silence."""
    run = runstone.open("memory:").run("kind", strict=True)
    run.finish()
    with pytest.raises(runstone.RunstoneError, match="finished"):
        run.stream("stdout", b"late")


DER = next(rule for rule in RULES if rule.id == "private-key-der").example
BARE = "key: " + DER.partition("=")[2]


@pytest.mark.parametrize("at", range(70, 480, 41))
def test_a_key_without_armour_is_not_divided(at: int) -> None:
    """Lines of base64 that began as a private key does wait for the line that is none."""
    wrapped = "\n".join(BARE[start : start + 64] for start in range(0, len(BARE), 64))
    text = f"before\n{wrapped}\nafter\n".encode()
    assert streamed(text[:at], text[at:]) == streamed(text)


def test_other_base64_does_not_wait() -> None:
    """A picture, printed line by line: each line is recorded as it comes, and so is what only begins so."""
    with runstone.open("memory:").run("kind") as run:
        for line in [b"iVBORw0KGgoAAAANSUhEUgAA" * 3 + b"\n"] * 500 + [
            b"by the MIT licence\n",
            b"MIDDLE-EARTH-AND-BEYOND\n",
        ]:
            before = len(recorded(run))
            run.stream("stdout", line)
            assert len(recorded(run)) == before + len(line)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
def test_a_message_knows_its_line_among_the_output(seed: int, packed: bool, tmp_path: Path) -> None:
    """Whatever streams wrote before it: lines, parts of lines, bytes that are no text, secrets of several lines."""
    chance = Random(seed)
    secret = "first-line-Zq81\nsecond-line-Zq82"
    pieces = [
        b"a\n",
        b"b\nc\n",
        b"part",
        b"\n",
        b"\xff\xfe\n",
        f"it is {secret} here\n".encode(),
        b"x" * 70_000 + b"\n",
    ]
    store = runstone.open(tmp_path / "runs", packed=packed)
    run = store.run("job", secrets=[secret])
    told = []
    for number in range(30):
        if chance.random() < 0.3:
            told.append((f"message {number}", run.log(f"message {number}")))
        else:
            run.stream(chance.choice(["stdout", "stderr"]), chance.choice(pieces))
    run.finish()
    log = store.get(run.run_id).file("run.log").decode("latin-1").split("\n")
    begun = [text for text, reference in told if log[int(reference.rpartition(":")[2]) - 1].endswith(text)]
    assert begun == [text for text, _ in told]


def test_a_journal_that_somebody_has_spoilt_keeps_no_message_out(tmp_path: Path) -> None:
    """Line ends are counted all the same, and the work goes on."""
    store = runstone.open(tmp_path / "runs")
    run = store.run("job")
    run.stream("stdout", b"one\ntwo\n")
    (journal,) = (tmp_path / "runs").rglob("events.jsonl")
    spoilt = journal.read_bytes().replace(b"one", b'"ne')
    journal.chmod(0o600)
    with journal.open("r+b") as file:
        file.write(spoilt)
    assert [run.log(text) for text in "ab"] == ["run.log:line:3", "run.log:line:4"]
    journal.unlink()
    assert run.log("c") == "run.log:line:5"
    assert run.finish() is None


def test_a_journal_that_cannot_be_read_keeps_no_message_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line of a message is not known then, and that of a later one is as soon as it can be read again."""
    store = runstone.open(tmp_path / "runs")
    run = store.run("job")
    run.stream("stdout", b"one\ntwo\n")

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(type(run.writer.journal), "read", broken)
        assert run.log("a") == "run.log:line:0"
    assert run.log("b") == "run.log:line:4"
    run.finish()
    assert store.get(run.run_id).file("run.log").split(b"\n") == [b"one", b"two", b"a", b"b", b""]


GIVEN_IN_A_LINE = """
import faulthandler, sys, threading, time, runstone
from runstone.engine.writer import JournalWriter

faulthandler.dump_traceback_later(30, exit=True)
store = runstone.open("memory:")
run = store.run("job", run_id="r")
run.stream("stdout", b"begun, ")
within = threading.Event()
append, stream = run.writer._append, JournalWriter.stream

def streaming(*arguments):
    within.set()
    stream(*arguments)

def appending(line):
    run.writer._append = append
    JournalWriter.stream = streaming
    thread.start()
    within.wait()
    run.stream("stdout", b"of the handler\\n")
    if sys.argv[1] == "finish":
        run.finish("cancelled")
    append(line)

thread = threading.Thread(target=run.stream, args=("stdout", b"ended\\n"))
run.writer._append = appending
run.log("a line")
thread.join()
run.finish()
sealed = store.get("r")
texts = [event["data"]["text"] for event in sealed.events("log")]
print(sealed.status, store.verify("r").ok, *map(str.strip, texts), sep=";")
"""


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("stream", ["success", "True", "a line", "begun, ended", "of the handler"]),
        ("finish", ["cancelled", "True"]),
    ],
)
def test_a_handler_in_a_line_waits_for_no_thread_that_waits_for_that_line(what: str, expected: list[str]) -> None:
    """That thread records what the handler gives, unless the run ends before."""
    done = python(GIVEN_IN_A_LINE, what)
    assert done.stdout.strip().split(";") == expected, done.stderr


LEFT_BY_A_CHILD = """
import os, sys, signal, threading, warnings, runstone
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside a thread, from Python 3.12
goes_on, inside = threading.Event(), threading.Event()
with runstone.open(sys.argv[1]).run("job", run_id="r") as run, run.capture() as capture:
    run.stream("stdout", b"begun")
    streams, lock = run._streams, capture._lock
    true = type(streams)._end_of
    def end_of(self, *arguments):
        if threading.current_thread().name == "other":
            inside.set()
            goes_on.wait()
        return true(self, *arguments)
    type(streams)._end_of = end_of
    def other():
        with lock:
            run.stream("stdout", b" and ended\\n")
    thread = threading.Thread(target=other, name="other")
    thread.start()
    inside.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        sys.exit(7)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    goes_on.set()
    thread.join()
sys.exit(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="other OS")
def test_a_forked_child_waits_for_no_thread_that_is_not_there(tmp_path: Path) -> None:
    """It leaves the blocks of a run and a capture while another thread of its parent was within them."""
    done = python(LEFT_BY_A_CHILD, tmp_path / "runs")
    assert done.returncode == 7, done.stderr
    store = open_store(tmp_path / "runs")
    assert ("begun and ended" in str(store.get("r").file("events.jsonl")), store.verify("r").ok) == (True, True)
