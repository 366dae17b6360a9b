"""A command's output on its way into the journal: lines without an end, what is over the limit, what fails."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Any

import pytest

import runstone
from runstone.engine.indexing import BackgroundIndex
from runstone.engine.output import DEFAULT_MAX_OUTPUT, Discarded, Output, Recording
from runstone.engine.writer import JournalWriter
from runstone.errors import error

from .scenes import written


def unfinished(*chunks: tuple[str, bytes], max_output: int = DEFAULT_MAX_OUTPUT) -> tuple[str, ...]:
    """The streams that stand within a line, after these chunks and the end of the command."""
    with runstone.open("memory:").run("kind") as run:
        output = Output(run, run.redactor, max_output)
        for stream, chunk in chunks:
            output.feed(stream, chunk)
        output.finish()
        return output.unfinished


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([], ()),
        ([("stdout", b"whole\n")], ()),
        ([("stdout", b"whole\npart")], ("stdout",)),
        ([("stdout", b"part"), ("stdout", b" and end\n")], ()),
        ([("stdout", b"part"), ("stderr", b"other\n")], ("stdout",)),
        ([("stderr", b"first\x00"), ("stdout", b"second\xff")], ("stderr", "stdout")),
        ([("stderr", b"a\n"), ("stdout", b"first"), ("stderr", b"second"), ("stdout", b"\n")], ("stderr",)),
    ],
    ids=lambda value: None if isinstance(value, tuple) else str(len(value)),
)
def test_streams_within_a_line_are_named(chunks: list[tuple[str, bytes]], expected: tuple[str, ...]) -> None:
    """In the order in which their lines were begun, as the log shows them."""
    assert unfinished(*chunks) == expected


def test_what_was_left_out_begins_no_line() -> None:
    """Only what is recorded counts: a line of which nothing is kept has no beginning that needs an end."""
    lines = [("stdout", b"line %d\n" % number) for number in range(9)]
    assert unfinished(*lines[:2], ("stderr", b"left out, no end" * 9 + b"\r"), *lines[2:], max_output=16) == ()


def test_output_that_nobody_records_has_no_lines() -> None:
    """Without a journal there is nothing to end."""
    discarded = Discarded()
    discarded.feed("stdout", b"part")
    assert discarded.unfinished == ()


def test_a_strict_run_that_refuses_stops_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first error is kept, what follows is recorded again once it can be, and nothing is raised."""
    with runstone.open("memory:").run("kind", strict=True) as run:
        recording = Recording(run, DEFAULT_MAX_OUTPUT)
        with monkeypatch.context() as failing:
            failing.setattr(JournalWriter, "stream", raises(error("store_unavailable", "no space")))
            recording.feed("stdout", b"lost\n")
        recording.feed("stdout", b"again\n")
        recording.finish()
        assert "no space" in str(recording.problem)
        recorded = written(run)
    assert b"again" in recorded
    assert b"lost" not in recorded


def test_a_fault_of_ours_stops_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised while a chunk is taken in, the rest is discarded, and the log says so."""
    with runstone.open("memory:").run("kind") as run:
        recording = Recording(run, DEFAULT_MAX_OUTPUT)
        monkeypatch.setattr(Output, "feed", raises(ZeroDivisionError("ours")))
        recording.feed("stdout", b"lost\n")
        recording.feed("stdout", b"lost, too\n")
        recording.finish()
        assert str(recording.problem) == "ours"
        recorded = written(run)
    assert recorded.count(b"from here on is not recorded: ZeroDivisionError") == 1


def test_an_index_that_cannot_be_made_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal cannot be read back, or there is no thread to be had: the run is sealed without."""
    store = runstone.open("memory:")
    with store.run("kind", run_id="r") as run:
        monkeypatch.setattr(BackgroundIndex, "_written", raises(error("store_unavailable", "cannot be read")))
        recording = Recording(run, DEFAULT_MAX_OUTPUT)
        for _ in range(20):
            recording.feed("stdout", b"x" * 70_000 + b"\n")
        recording.finish()
    assert store.verify("r").ok


def test_a_line_may_come_while_the_index_ends() -> None:
    """A thread that had found the tap and calls it late neither fails nor waits; the sealer reads its line."""
    store = runstone.open("memory:")
    with store.run("kind", run_id="r") as run:
        index = BackgroundIndex(run.writer)
        run.log("before")
        tap = run.writer.tap
        index.finish()
        assert tap is not None
        for number in range(20):
            tap(b"late\n", 0)
            run.log(f"behind {number}")
    assert store.verify("r").ok


def test_an_index_that_fails_is_made_anew_by_the_sealer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorder never waits for a thread that has given up."""
    store = runstone.open("memory:")
    with store.run("kind", run_id="r") as run:
        index = BackgroundIndex(run.writer)
        monkeypatch.setattr(run.writer.index, "_tree", None)
        for number in range(20):
            run.log(f"line {number}")
        index.finish()
    assert store.verify("r").ok


class TestLimit:
    """`max_output`: the first part and the last, together never over the limit."""

    @staticmethod
    def kept(max_output: int, *chunks: tuple[str, bytes]) -> tuple[bytes, bytes, dict[str, Any]]:
        """What is kept before and after the gap, and what is told of it."""
        store = runstone.open("memory:")
        with store.run("kind", run_id="r") as run:
            output = Output(run, run.redactor, max_output)
            for stream, chunk in chunks:
                output.feed(stream, chunk)
            output.finish()
        assert store.verify("r").ok
        parts, told = [b"", b""], {}
        for event in store.get("r").events("log", "dropped"):
            data = event["data"]
            if event["type"] == "dropped":
                told = data
            else:
                parts[bool(told)] += data["text"].encode() if "text" in data else data["latin1"].encode("latin-1")
        return parts[0], parts[1], told

    @pytest.mark.parametrize("limit", [0, 1, 7, 1024, 65536, 1 << 20, 3 << 20])
    @pytest.mark.parametrize("size", [1, 4096, 300_000])
    def test_what_is_kept_and_what_is_told_is_all(self, limit: int, size: int) -> None:
        """Never more than the limit, nearly all of it used, and the rest counted with its digest."""
        printed = b"".join(b"%06d\n" % number for number in range(300_000))
        chunks = [("stdout", printed[at : at + size]) for at in range(0, len(printed), size)]
        if size == 1:
            printed, chunks = printed[:9000], chunks[:9000]
        head, tail, told = self.kept(limit, *chunks)
        assert len(head) + len(tail) <= limit
        if len(printed) <= limit:
            assert head + tail == printed
            return
        assert len(head) + len(tail) >= limit - 16
        left_out = printed[len(head) : len(printed) - len(tail)]
        assert printed.startswith(head)
        assert printed.endswith(tail)
        assert (told["bytes"], told["sha256"]) == (len(left_out), hashlib.sha256(left_out).hexdigest())
        assert told["reason"] == "max_output"
        assert told["events"] > 0

    def test_cuts_stand_at_line_ends(self) -> None:
        """Where there are any."""
        head, tail, _ = self.kept(1024, ("stdout", b"".join(b"line %d\n" % number for number in range(1000))))
        assert head.endswith(b"\n")
        assert tail.startswith(b"line ")
        assert len(head) > 490
        assert len(tail) > 490

    def test_a_long_line_is_cut_between_characters(self) -> None:
        """Both parts are text; half of the limit is there for each."""
        head, tail, told = self.kept(1023, ("stdout", "€".encode() * 5000))
        assert head.decode() == "€" * (len(head) // 3)
        assert tail.decode() == "€" * (len(tail) // 3)
        assert len(head) + len(tail) + told["bytes"] == 15_000
        assert min(len(head), len(tail)) > 500

    def test_bytes_that_are_no_text_are_cut_anywhere(self) -> None:
        """Each is worth as much as another."""
        head, tail, told = self.kept(1000, ("stdout", b"\x80" * 5000))
        assert len(head) == 500
        assert len(tail) + told["bytes"] == 4500

    def test_no_cut_divides_a_secret(self) -> None:
        """Half of it would be a text that no rule finds."""
        secret = b"ghp_" + b"0123456789abcdefghijABCDEFGHIJ3mpbCX"
        for shift in range(0, 60, 7):
            printed = (
                b"." * (480 + shift) + b" " + secret + b" " + b"-" * 2000 + b" " + secret + b" " + b"." * (500 - shift)
            )
            head, tail, _ = self.kept(1024, ("stdout", printed))
            for length in range(8, len(secret)):
                assert secret[:length] not in head
                assert secret[-length:] not in tail
            assert len(head) + len(tail) <= 1024

    def test_both_streams_share_the_limit(self) -> None:
        """The end of each that is kept is what came last."""
        chunks = [(("stdout", "stderr")[number % 2], b"line %04d\n" % number) for number in range(1000)]
        head, tail, told = self.kept(100, *chunks)
        assert head == b"".join(b"line %04d\n" % number for number in range(5))
        assert tail == b"".join(b"line %04d\n" % number for number in range(995, 1000))
        assert told["events"] == 990


def raises(exc: Exception) -> Callable[..., None]:
    """A function that raises."""

    def fail(*_: object) -> None:
        raise exc

    return fail


def test_an_index_counts_a_line_that_comes_as_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread records at any moment of the beginning: the line is in the index, once."""
    store = runstone.open("memory:")
    with store.run("kind", run_id="r") as run:
        tell = run.writer.tell_from_here

        def recording(then: Any) -> Any:
            def call(*arguments: Any) -> Any:
                answer = then(*arguments)
                thread = threading.Thread(target=run.metrics, args=({"gpu": 1.0},))
                begin_here.append(thread)
                thread.start()
                thread.join()
                return answer

            return call

        begin_here: list[threading.Thread] = []
        monkeypatch.setattr(JournalWriter, "tell_from_here", lambda _, tap: recording(tell)(tap))
        index = BackgroundIndex(run.writer)
        monkeypatch.undo()
        assert begin_here
        run.log("behind")
        index.finish()
        assert run.writer.index.count == 3
    assert store.verify("r").ok
