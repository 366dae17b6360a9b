"""`runstone logs`, of sealed runs and of those that are being recorded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import Answer, Invoke, command_line, raw_controls, seal
from runstone.adapters.fs.journals import FsJournals
from runstone.cli import logs
from runstone.engine.store import Store

WRITER = """
import sys, runstone
run = runstone.open(sys.argv[1]).run("live", run_id="live-1")
for number, _ in enumerate(sys.stdin):
    run.writer.stream("stdout", b"part of ")
    run.log(f"line {number}")
    run.writer.stream("stdout", b"line\\n")
    print(number, flush=True)
run.finish()
"""


class Writer:
    """A process that records a step for each line it is sent."""

    def __init__(self, store: Store) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WRITER, store.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def step(self) -> None:
        """One more step; it is recorded at return."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._process.stdout.readline()

    def finish(self) -> None:
        """Seal the run."""
        self._process.communicate(timeout=60)

    def kill(self) -> None:
        """End the process as `kill -9` does."""
        self._process.kill()
        self._process.communicate(timeout=60)


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    """A live run with one step in it."""
    process = Writer(store)
    process.step()
    yield process
    process.kill()


def follower(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(command_line("logs", *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> Answer:
    """The rest of what it prints, through the reader that has read the beginning; `communicate` would pass it by."""
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        out, err = process.stdout.read(), process.stderr.read()
    return Answer(process.returncode, out, err)


def test_a_sealed_log(store: Store, invoke: Invoke) -> None:
    """The lines of `run.log`, in their order."""
    with store.run("x") as run:
        run.log("one")
        run.stream("stdout", b"two\nthree")
    assert invoke("logs", "@latest").out == "one\ntwo\nthree\n"


def test_an_ovc_log_has_its_contracts_lines(store: Store, invoke: Invoke) -> None:
    """A run shows the log that its own contract seals."""
    with store.run("P2", contract="ovc", version="1", run_id="20260101T000000Z__P2__0000000") as run:
        run.log("one")
    lines = invoke("logs", "@latest").out.splitlines()
    assert lines[0] == "RUN_ID=20260101T000000Z__P2__0000000"
    assert lines[1].endswith("Z one")


def test_a_run_without_a_log_says_so(store: Store, invoke: Invoke) -> None:
    """Nothing on standard output, a word on standard error, status 0."""
    with store.run("x", run_id="quiet"):
        pass
    answer = invoke("logs", "quiet")
    assert (answer.status, answer.out) == (0, "")
    assert "run quiet" in answer.err
    assert store.url in answer.err


def test_json_has_a_line_an_event(store: Store, invoke: Invoke) -> None:
    """Time, level and text for messages, stream and text for output."""
    with store.run("x") as run:
        run.log("one", "warning")
        run.stream("stderr", b"\xff")
    one, two = map(json.loads, invoke("logs", "@latest", "--json").out.splitlines())
    assert (one["level"], one["text"], one["seq"]) == ("warning", "one", 1)
    assert (two["stream"], two["latin1"]) == ("stderr", "\xff")


def test_an_open_run_is_read_as_far_as_it_is(store: Store, writer: Writer, invoke: Invoke) -> None:
    """The live journal, whole lines of each stream; then the command ends."""
    writer.step()
    assert invoke("logs", "live").out == "line 0\npart of line\nline 1\npart of line\n"


def test_following_ends_with_the_seal(store: Store, writer: Writer) -> None:
    """Each line comes while the run is alive, every line is there, and the follower ends by itself."""
    process = follower("live-1", "--follow")
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["line 0\n", "part of line\n"]
    writer.step()
    assert [process.stdout.readline() for _ in range(2)] == ["line 1\n", "part of line\n"]
    writer.finish()
    assert ended(process) == Answer(0, "", "")


def test_following_as_json(store: Store, writer: Writer) -> None:
    """Events come one by one."""
    process = follower("live-1", "-f", "--json")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["text"] == "part of "
    writer.finish()
    assert len(ended(process).out.splitlines()) == 2


def test_following_a_run_whose_process_dies(store: Store, writer: Writer) -> None:
    """What was recorded is shown, and how to seal it is said."""
    process = follower("live-1", "--follow")
    writer.kill()
    answer = ended(process)
    assert answer.status == 0
    assert answer.out == "line 0\npart of line\n"
    assert "runstone recover live-1" in answer.err


def test_a_follower_ends_as_its_reader_goes(store: Store, writer: Writer) -> None:
    """Also while nothing is recorded; the status is that of a broken pipe."""
    process = follower("live-1", "--follow")
    assert process.stdout is not None
    with process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 141


def test_following_a_sealed_run_prints_and_ends(store: Store, invoke: Invoke) -> None:
    """There is nothing to wait for."""
    seal(store)
    assert invoke("logs", "@latest", "--follow").out == "one line\n"


def test_a_torn_line_of_an_open_run_is_not_shown(store: Store, writer: Writer, invoke: Invoke) -> None:
    """A line that is being written is no line yet."""
    writer.kill()
    with Path(store.url, ".runstone/open/live-1/events.jsonl").open("ab") as journal:
        journal.write(b'{"data":{"level":"info","text":"half')
    assert invoke("logs", "live-1") == Answer(0, "line 0\npart of line\n", "")


def test_a_run_that_is_sealed_between_two_looks(store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was open when it was found, and is sealed when it is read, is shown whole."""
    run = store.run("x", run_id="quick")
    run.log("one")
    look = FsJournals.read

    def seal_first(journals: FsJournals, run_id: str) -> object:
        run.finish()
        return look(journals, run_id)

    monkeypatch.setattr(FsJournals, "read", seal_first)
    assert invoke("logs", "quick") == Answer(0, "one\n", "")


def test_a_bad_line_of_an_open_run_is_status_1(store: Store, writer: Writer, invoke: Invoke) -> None:
    """What stands before it is shown; the line is named."""
    writer.kill()
    with Path(store.url, ".runstone/open/live-1/events.jsonl").open("ab") as journal:
        journal.write(b"{}\n")
    answer = invoke("logs", "live-1")
    assert (answer.status, answer.out) == (1, "line 0\npart of line\n")
    assert "line 5" in answer.err


def test_an_open_id_wins_over_a_prefix(store: Store, invoke: Invoke) -> None:
    """`run-1` is the open run of that name, not the sealed `run-10`."""
    seal(store, run_id="run-10")
    run = store.run("x", run_id="run-1")
    run.log("live")
    assert invoke("logs", "run-1").out == "live\n"
    run.finish()


def test_bytes_that_control_are_shown(store: Store, invoke: Invoke) -> None:
    """Escapes of a wrapped command's output stay text; tabs and line ends do their work."""
    with store.run("x") as run:
        run.stream("stdout", b"a\tb\x1b[31m\r\n\xff\xc3\x9b\n")
    out = invoke("logs", "@latest").out
    assert out == "a\tb\\x1b[31m\\r\n\\xffÛ\n"
    assert raw_controls(out) == []


def test_a_character_may_be_cut_by_a_piece(store: Store, invoke: Invoke) -> None:
    """UTF-8 is decoded across the pieces of a long log."""
    with store.run("x") as run:
        for _ in range(3):
            run.stream("stdout", "日".encode()[:2])
            run.stream("stdout", "日".encode()[2:])
    assert invoke("logs", "@latest").out == "日日日\n"


def test_a_line_without_an_end_is_put_together_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A progress bar of many megabytes is one line: each of its pieces is copied once, and not at each piece."""
    copied = []

    class Piece(bytes):
        def __radd__(self, before: bytes) -> bytes:
            copied.append(len(before))
            return bytes(before) + bytes(self)

    monkeypatch.setattr(logs, "chunk_bytes", lambda data: Piece(data["text"].encode()))
    events = [{"data": {"stream": name, "text": text}} for name, text in PIECES]
    logs._Text().lines(events)
    assert capsys.readouterr().out == "ab" * 50 + "\nerr\nab\n"
    assert sum(copied) <= 100


PIECES = [("stdout", "ab")] * 50 + [("stderr", "er"), ("stdout", "\n"), ("stderr", "r\n"), ("stdout", "ab")]
