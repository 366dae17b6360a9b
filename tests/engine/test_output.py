"""What of a command's output has no line end when the command has ended."""

from __future__ import annotations

import pytest

import runstone
from runstone.engine.output import DEFAULT_MAX_OUTPUT, Discarded, Output


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
    """Only what is recorded counts: a line whose beginning alone fell out of the tail still has its end."""
    chunks = [("stderr", b"left out, no end" * 9 + b"\r"), *[("stdout", b"line %d\n" % number) for number in range(9)]]
    assert unfinished(*chunks, max_output=16) == ()


def test_output_that_nobody_records_has_no_lines() -> None:
    """Without a journal there is nothing to end."""
    discarded = Discarded()
    discarded.feed("stdout", b"part")
    assert discarded.unfinished == ()
