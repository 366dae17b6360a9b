"""`run.log`: what was written, line after line, and no line that nobody wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core import runlog
from runstone.core.canonical import canonical_bytes
from runstone.core.events import event_line
from runstone.core.runlog import chunk_bytes, line_ends_in, log_pieces, one_line

from .journals import journal, log, stream

SEPARATORS = {"\n": "\\n", "\r": "\\r", "\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def text_of(*facts: tuple[str, dict[str, object]], head: bytes = b"", stamped: bool = False) -> bytes:
    return b"".join(log_pieces(journal(*facts), head, stamped=stamped))


def latin1(text: str, name: str = "stdout") -> tuple[str, dict[str, object]]:
    return "log", {"stream": name, "latin1": text}


def test_nothing_logged_is_nothing() -> None:
    """Without a log event there is no byte, or only the head."""
    assert text_of() == b""
    assert text_of(head=b"RUN_ID=r1\n") == b"RUN_ID=r1\n"


def test_messages_are_lines() -> None:
    """Each in its order, alone or with its second."""
    facts = [log("one"), ("note", {"text": "no line"}), log("two", "warning")]
    assert text_of(*facts) == b"one\ntwo\n"
    assert text_of(*facts, stamped=True) == b"2026-01-02T03:04:06Z one\n2026-01-02T03:04:08Z two\n"


@pytest.mark.parametrize(("separator", "shown"), SEPARATORS.items(), ids=ascii)
def test_a_message_cannot_forge_a_line(separator: str, shown: str) -> None:
    """What ends a line anywhere is shown as an escape: one message, one line (threat 12)."""
    assert text_of(log(f"a{separator}b")) == f"a{shown}b\n".encode()
    assert one_line(f"{separator}x{separator}") == f"{shown}x{shown}"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_message_is_one_line(text: str) -> None:
    """Whatever the text: one LF, at the end, and none of the other ends of lines."""
    line = text_of(log(text))
    assert line.endswith(b"\n")
    assert not set(line[:-1].decode()) & set(SEPARATORS)


def test_output_is_as_it_was() -> None:
    """A stream's chunks put together, byte for byte, CR and separators included."""
    assert text_of(stream("a\r\nb\u2028c\x85"), stream("d\n")) == "a\r\nb\u2028c\x85d\n".encode()


def test_output_that_is_not_utf8_is_the_bytes_it_was() -> None:
    """`latin1` goes back to bytes 0 to 255."""
    every = bytes(range(256))
    assert text_of(latin1(every.decode("latin-1"))) == every + b"\n"
    assert chunk_bytes({"latin1": every.decode("latin-1")}) == every


def test_streams_do_not_share_a_line() -> None:
    """An unfinished line waits for its own stream; lines stand in the order of their completion."""
    facts = [
        stream("out 1, "),
        stream("err 1\nerr 2, ", "stderr"),
        log("between"),
        stream("out 1 goes on\n"),
        stream("goes on\n", "stderr"),
    ]
    assert text_of(*facts) == b"err 1\nbetween\nout 1, out 1 goes on\nerr 2, goes on\n"


def test_unfinished_lines_get_their_end() -> None:
    """At the end of the run, in the order in which the streams began."""
    facts = [stream("out"), stream("err", "stderr"), stream("put")]
    assert text_of(*facts) == b"output\nerr\n"


def test_the_head_comes_first() -> None:
    """Before any line."""
    assert text_of(log("one"), head=b"RUN_ID=r1\n") == b"RUN_ID=r1\none\n"


chunks = st.lists(
    st.tuples(st.sampled_from(["stdout", "stderr"]), st.text(st.sampled_from("ab\n\r\u2028"), min_size=1, max_size=6)),
    max_size=10,
)


def naive(written: list[tuple[str, str]]) -> bytes:
    """Lines in the order of their completion, then the unfinished ones in the order in which they began."""
    unfinished: dict[str, str] = {}
    expected: list[str] = []
    for name, text in written:
        *whole, rest = (unfinished.get(name, "") + text).split("\n")
        if whole:
            unfinished.pop(name, None)
        expected += [line + "\n" for line in whole]
        if rest:
            unfinished[name] = rest
    return "".join([*expected, *(rest + "\n" for rest in unfinished.values())]).encode()


@given(chunks)
def test_the_log_is_that_of_a_naive_reader(written: list[tuple[str, str]]) -> None:
    """Each stream's own text is found again in its lines, and no line mixes two."""
    assert text_of(*(stream(text, name) for name, text in written)) == naive(written)


@given(chunks)
def test_a_long_line_is_not_held(written: list[tuple[str, str]]) -> None:
    """A line over the limit is read from the journal again; the bytes are the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runlog, "HELD_BYTES", 2)
        facts = [
            fact for name, text in written for fact in (log("message"), stream(text, name), ("note", {"text": "n"}))
        ]
        assert text_of(*facts).replace(b"message\n", b"") == naive(written)


def test_the_beginning_of_an_endless_line_is_let_go() -> None:
    """Past the limit nothing of it is held."""
    line = runlog._Unfinished("stdout", 0, 0)
    for _ in range(5):
        line.add(b"x" * 300_000)
    assert line._held == []


def test_an_endless_line_takes_little_memory() -> None:
    """Of an unfinished line at most a megabyte is kept; it comes out in pieces, whole."""
    facts = [stream("x" * 300_000) for _ in range(10)]
    pieces = list(log_pieces(journal(*facts, stream("\n"))))
    assert max(map(len, pieces)) <= 300_000
    assert b"".join(pieces) == b"x" * 3_000_000 + b"\n"


TRICKY = st.text(st.sampled_from(list('\n\r\\"n,:{}[]textsreamlatin1é\x80')), max_size=12)


@given(TRICKY, st.lists(TRICKY, max_size=3), st.booleans())
def test_line_ends_are_counted_without_a_look_at_the_value(name: str, texts: list[str], plain: bool) -> None:
    """Names and texts may look like the line around them."""
    data = {"stream": name, "text" if plain else "latin1": '","text":"'.join(texts)}
    line = event_line("log", canonical_bytes(data), 3, "2026-01-02T03:04:05.000000Z", [["/text", "truncated"]])
    assert line_ends_in(line) == sum(text.count("\n") for text in texts)
    message = event_line("log", canonical_bytes({"level": "info", "text": name}), 3, "2026-01-02T03:04:05.000000Z", [])
    assert line_ends_in(message) == 1
