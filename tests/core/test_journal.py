"""Reading journals: lines proved one by one, an index of what is where, events by type."""

from __future__ import annotations

import io
import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core import journal as journal_module
from runstone.core.journal import JournalIndex, LineReader, marks_fit, proved_prefix, redactions, split_lines
from runstone.core.limits import MAX_LINE_BYTES
from runstone.core.merkle import MerkleTree
from runstone.errors import RunstoneError

from . import journals
from .journals import check, line, lines, log, stream

WHOLE = lines(
    log("one"),
    ("x.mine", {"a": [1, {"type": "log"}]}),
    stream("out\n"),
    log("two", "warning"),
    ("note", {"text": '"type":"log"'}),
)


# the reader


def test_a_good_journal_is_read() -> None:
    """Every line gives its event, in order, and the reader counts on."""
    reader = LineReader()
    events = [reader.read(data) for data in WHOLE]
    assert [event["seq"] for event in events] == list(range(len(WHOLE)))
    assert events == [json.loads(data) for data in WHOLE]
    assert reader.next_seq == len(WHOLE)


def changed(**fields: Any) -> bytes:
    """The second line of a journal, canonical, with fields of its envelope changed (None: left out)."""
    event = {
        "data": {"level": "info", "text": "t"},
        "seq": 1,
        "ts": "2026-01-02T03:04:06.000000Z",
        "type": "log",
        **fields,
    }
    kept = {key: value for key, value in event.items() if value is not None}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


GOOD = changed()
REFUSED: dict[str, tuple[bytes, str, str]] = {
    "no LF": (GOOD[:-1], "invalid_json", "no LF"),
    "empty": (b"", "invalid_json", "no LF"),
    "only LF": (b"\n", "invalid_json", "expected a value"),
    "CRLF": (GOOD[:-1] + b"\r\n", "not_canonical", "canonical form"),
    "two values": (GOOD[:-1] + GOOD, "trailing_bytes", "follows the end"),
    "two lines": (GOOD + GOOD, "trailing_bytes", "follows the end"),
    "spacing": (GOOD.replace(b'"seq":1', b'"seq": 1'), "not_canonical", "canonical form"),
    "key order": (
        b'{"seq":1,"data":{},"ts":"2026-01-02T03:04:06.000000Z","type":"x.a"}\n',
        "not_canonical",
        "canonical form",
    ),
    "duplicate key": (GOOD.replace(b'"seq":1', b'"seq":1,"seq":1'), "duplicate_key", "stands twice"),
    "NaN": (GOOD.replace(b'"seq":1', b'"seq":NaN'), "invalid_json", "expected a value"),
    "not UTF-8": (GOOD.replace(b'"t"', b'"\xff"'), "invalid_utf8", "not UTF-8"),
    "lone surrogate": (GOOD.replace(b'"t"', b'"\\ud800"'), "lone_surrogate", "surrogate"),
    "too deep": (GOOD.replace(b'"t"', b"[" * 70 + b"]" * 70), "too_deep", "nesting"),
    "an array": (b"[]\n", "invalid_event", "envelope"),
    "a number": (b"1\n", "invalid_event", "envelope"),
    "null": (b"null\n", "invalid_event", "envelope"),
    "no data": (changed(data=None), "invalid_event", "envelope"),
    "no seq": (changed(seq=None), "invalid_event", "envelope"),
    "no ts": (changed(ts=None), "invalid_event", "envelope"),
    "no type": (changed(type=None), "invalid_event", "envelope"),
    "unknown envelope key": (changed(host="h"), "invalid_event", "envelope"),
    "seq back": (changed(seq=0), "invalid_event", "expected seq 1, found 0"),
    "seq ahead": (changed(seq=2), "invalid_event", "expected seq 1, found 2"),
    "seq negative": (changed(seq=-1), "invalid_event", "expected seq 1"),
    "seq text": (changed(seq="1"), "invalid_event", "expected seq 1"),
    "seq true": (changed(seq=True), "invalid_event", "expected seq 1"),
    "ts form": (changed(ts="2026-01-02T03:04:06Z"), "invalid_event", "is not a UTC time"),
    "ts number": (changed(ts=5), "invalid_event", "is not a UTC time"),
    "ts back": (changed(ts="2026-01-02T03:04:04.999999Z"), "invalid_event", "before the line above"),
    "type number": (changed(type=5), "invalid_event", "type is not text"),
    "empty marks": (changed(marks=[]), "invalid_event", "marks"),
    "marks object": (changed(marks={}), "invalid_event", "marks"),
    "opened again": (changed(type="run.opened", data=journals.OPENED), "invalid_event", "first line"),
    "data list": (changed(data=[]), "invalid_event", "data is not an object"),
    "data of its type": (changed(data={"text": "t"}), "invalid_event", "neither level and text"),
    "type of a caller's": (changed(type="x..a"), "invalid_event", "begins with `x.`"),
    "field of its type": (changed(type="note", data={}), "invalid_event", "no field 'text'"),
}


@pytest.mark.parametrize("defect", REFUSED)
def test_a_bad_line_is_refused(defect: str) -> None:
    """The error says what is wrong, and the reader stands where it stood: the good line is still accepted."""
    data, code, words = REFUSED[defect]
    reader = LineReader()
    reader.read(WHOLE[0])
    with pytest.raises(RunstoneError) as caught:
        reader.read(data)
    assert caught.value.code == code
    assert words in caught.value.message
    assert (reader.next_seq, reader.last_ts) == (1, "2026-01-02T03:04:05.000000Z")
    reader.read(GOOD)


def test_a_block_of_lines_is_read_as_each_alone() -> None:
    """At once, block by block, and the reader counts on."""
    reader, alone = LineReader(), LineReader()
    texts = [data[:-1] for data in WHOLE]
    events = [*(reader.read_block(texts[:2]) or []), *(reader.read_block(texts[2:]) or [])]
    assert events == [alone.read_text(text) for text in texts]
    assert (reader.next_seq, reader.last_ts) == (alone.next_seq, alone.last_ts)


@pytest.mark.parametrize("defect", REFUSED)
def test_a_block_with_a_bad_line_is_not_read(defect: str) -> None:
    """Whatever is wrong with the line; the reader stands where it stood."""
    data = REFUSED[defect][0]
    for text in {data, data.removesuffix(b"\n")} - {GOOD[:-1]}:
        reader = LineReader()
        assert reader.read_block([WHOLE[0][:-1], text]) is None
        assert (reader.next_seq, reader.last_ts) == (0, "")


def test_a_block_with_a_line_behind_the_end_is_not_read() -> None:
    """A line that follows `run.closed` is good to no block."""
    texts = [data[:-1] for data in WHOLE]
    behind = line("note", {"text": "n"}, len(WHOLE))[:-1]
    assert LineReader().read_block(texts) is not None
    assert LineReader().read_block([*texts, behind]) is None


def test_a_line_over_the_limit_is_in_no_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of a line counts its LF."""
    texts = [data[:-1] for data in WHOLE]
    longest = max(map(len, texts))
    for limit, good in ((longest + 1, True), (longest, False)):
        monkeypatch.setattr(journal_module, "MAX_LINE_BYTES", limit)
        assert (LineReader().read_block(texts) is not None) == good


def test_the_first_line_must_open_the_run() -> None:
    """Any other type is refused there."""
    with pytest.raises(RunstoneError) as caught:
        LineReader().read(line("note", {"text": "n"}, 0))
    assert caught.value.code == "invalid_event"
    assert "first line" in caught.value.message


def test_a_time_may_repeat() -> None:
    """A clock that went back repeats the last time; that is no fault."""
    reader = LineReader()
    reader.read(WHOLE[0])
    reader.read(changed(ts="2026-01-02T03:04:05.000000Z"))


def test_the_longest_line() -> None:
    """8 MiB with its LF are read, one byte more is `too_large`."""
    room = MAX_LINE_BYTES - len(line("note", {"text": ""}, 1))
    reader = LineReader()
    reader.read(WHOLE[0])
    with pytest.raises(RunstoneError) as caught:
        reader.read(line("note", {"text": "x" * (room + 1)}, 1))
    assert caught.value.code == "too_large"
    longest = line("note", {"text": "x" * room}, 1)
    assert len(longest) == MAX_LINE_BYTES
    reader.read(longest)


@given(st.data())
def test_no_changed_byte_gets_past_the_reader_unseen(data: st.DataObject) -> None:
    """Any one byte of a journal changed: a line is refused, or the Merkle root is another."""
    whole = b"".join(WHOLE)
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[at]))
    damaged = whole[:at] + bytes([byte]) + whole[at + 1 :]
    index, reader = JournalIndex(), LineReader()
    try:
        for piece in split_lines([damaged]):
            reader.read(piece)
            index.feed(piece)
    except RunstoneError:
        return
    assert index.root() != journals.journal_of(WHOLE).index.root()


# marks


@pytest.mark.parametrize(
    ("marks", "fits"),
    [
        ([["/a", "coerced"]], True),
        ([["", "redacted:redactor-failed"]], True),
        ([["/a", "truncated"]], True),
        ([["/a", "coerced"], ["/a", "redacted:x"], ["/b", "coerced"]], True),
        ([], False),
        (None, False),
        ({"/a": "coerced"}, False),
        (["/a"], False),
        ([["/a"]], False),
        ([["/a", "coerced", "x"]], False),
        ([["/a", 5]], False),
        ([[None, "coerced"]], False),
        ([["a", "coerced"]], False),
        ([["/~0~1", "coerced"]], True),
        *(([[pointer, "coerced"]], False) for pointer in ("/a~", "/a~2", "/~~0", "~0")),
        ([["/a", "changed"]], False),
        ([["/a", "redacted:"]], False),
        ([["/a", "redacted"]], False),
        ([["/b", "coerced"], ["/a", "coerced"]], False),
        ([["/a", "coerced"], ["/a", "coerced"]], False),
    ],
)
def test_the_form_of_marks(marks: Any, fits: bool) -> None:
    """Pairs of a pointer and a known mark, sorted by canonical bytes, distinct, not empty."""
    assert marks_fit(marks) is fits


def test_redactions_are_counted() -> None:
    """Only the marks that say so."""
    assert redactions({"marks": [["/a", "coerced"], ["/a", "redacted:x"], ["/b", "redacted:y"]]}) == 2
    assert redactions({}) == 0


# lines from chunks


@given(
    st.lists(st.sampled_from([b"\n", b"\r", b"a", b"bc", b"\xe2\x80\xa8"])).map(b"".join),
    st.lists(st.integers(0, 90), max_size=10),
)
def test_lines_do_not_depend_on_chunks(data: bytes, places: list[int]) -> None:
    """However the bytes are cut, the lines are those of the whole."""
    ends = sorted({min(place, len(data)) for place in places})
    chunks = [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]
    assert list(split_lines(chunks)) == io.BytesIO(data).readlines()


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_a_line_over_the_limit_is_refused_however_it_comes(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """In small chunks before more of it is read, in one chunk at once; the lines before it are yielded."""
    monkeypatch.setattr(journal_module, "MAX_LINE_BYTES", 100)
    data = b"good\n" + b"x" * 99 + b"\n" + b"y" * 1000 + b"\nafter\n"
    taken = 0

    def chunks() -> Any:
        nonlocal taken
        for at in range(0, len(data), size):
            taken = at
            yield data[at : at + size]

    found = []
    with pytest.raises(RunstoneError) as caught:
        found.extend(split_lines(chunks()))
    assert caught.value.code == "too_large"
    assert taken <= 5 + 100 + 100 + size


# the index


@given(st.lists(st.integers(1, len(WHOLE)), max_size=4))
def test_the_index_is_that_of_a_naive_reader(places: list[int]) -> None:
    """Size, digest, root, count, and the first and last byte of each type, however the lines were fed."""
    index = JournalIndex()
    ends = sorted({*places, len(WHOLE)})
    for start, end in zip([0, *ends], ends, strict=False):
        index.feed(b"".join(WHOLE[start:end]))
    tree, offset, types = MerkleTree(), 0, dict[bytes, list[int]]()
    for data in WHOLE:
        tree.extend([data[:-1]])
        kind = json.loads(data)["type"].encode()
        count, first, _ = types.get(kind, [0, offset, 0])
        offset += len(data)
        types[kind] = [count + 1, first, offset]
    assert (index.size, index.count, index.root()) == (offset, len(WHOLE), tree.root())
    assert index.sha256() == sha256(b"".join(WHOLE)).hexdigest()
    assert {kind: [span.count, span.start, span.end] for kind, span in index.types.items()} == types


def test_the_index_of_single_lines_is_that_of_all() -> None:
    """Fed line by line, short and long, a warning among them, or at once: the same in every part."""
    long = lines(log("x" * 40_000), log("w" * 40_000, "warning"), stream("stdout", "y" * 40_000), log("w", "warning"))
    for whole in (WHOLE, long):
        single, all_at_once = JournalIndex(), JournalIndex()
        for data in whole:
            single.feed_line(data)
        all_at_once.feed(b"".join(whole))
        assert (single.size, single.count, single.warnings) == (
            all_at_once.size,
            all_at_once.count,
            all_at_once.warnings,
        )
        assert (single.sha256(), single.root()) == (all_at_once.sha256(), all_at_once.root())
        spans = [{k: (v.count, v.start, v.end) for k, v in one.types.items()} for one in (single, all_at_once)]
        assert spans[0] == spans[1]
    assert single.warnings == 2


def test_an_index_of_nothing() -> None:
    """Nothing fed: the digest of no bytes, the root of no leaves."""
    index = JournalIndex()
    assert (index.size, index.count, index.sha256()) == (0, 0, sha256(b"").hexdigest())
    assert index.root() == sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("kind", "data", "counts"),
    [
        ("log", {"level": "warning", "text": "w"}, True),
        ("log", {"a": 1, "level": "warning", "text": "a key of a later version sorts first"}, True),
        ("log", {"level": "info", "text": '"level":"warning"'}, False),
        ("log", {"a": {"level": "warning"}, "level": "info", "text": "t"}, False),
        ("log", {"level": "error", "text": "e"}, False),
        ("log", {"stream": "stderr", "text": '{"level":"warning"}'}, False),
        ("x.mine", {"level": "warning", "text": "somebody else's"}, False),
    ],
)
def test_warnings_are_log_messages_of_that_level(kind: str, data: dict[str, Any], counts: bool) -> None:
    """`counts.warnings` of `run.json` follows from the words of the format, not from how a line begins."""
    assert journals.journal((kind, data)).index.warnings == counts


def test_a_digest_of_the_callers_is_not_made_twice() -> None:
    """The index takes the running digest of who reads the same bytes."""
    digest = sha256(b"".join(WHOLE))
    index = JournalIndex(digest)
    index.feed(b"".join(WHOLE))
    assert index.sha256() == sha256(b"".join(WHOLE)).hexdigest()


# the journal


@pytest.mark.parametrize("held_bytes", [-1, 1 << 20])
@pytest.mark.parametrize("chunk_bytes", [1, 50, 1 << 20])
@pytest.mark.parametrize(
    "kinds", [(), ("log",), ("x.mine",), ("log", "note"), ("metric",), ("metric", "log"), ("run.closed",)]
)
def test_events_by_type(
    held_bytes: int, chunk_bytes: int, kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events of the chosen types, in order; all where none is named; held or read in chunks of any size."""
    monkeypatch.setattr(journal_module, "HELD_BYTES", held_bytes)
    expected = [event for event in map(json.loads, WHOLE) if not kinds or event["type"] in kinds]
    folded = journals.journal_of(WHOLE, chunk_bytes)
    assert list(folded.events(*kinds)) == expected
    assert list(folded.data(*kinds)) == [event["data"] for event in expected]
    assert sum(map(folded.count, kinds)) == (len(expected) if kinds else 0)


def test_a_small_journal_is_read_once() -> None:
    """Its events are held; of those that the caller has, not even that."""
    whole, asked = b"".join(WHOLE), []
    index = JournalIndex()
    index.feed(whole)

    def read(start: int, end: int) -> list[bytes]:
        asked.append((start, end))
        return [whole[start:end]]

    folded = journal_module.Journal(index, read)
    assert list(folded.events("x.mine", "log")) == list(folded.events("x.mine", "log"))
    assert folded.array(lambda: folded.data("log")) == list(folded.data("log"))
    assert asked == [(0, len(whole))]
    again = journal_module.Journal(index, read, list(folded.events()))
    assert list(again.events()) == list(folded.events())
    assert len(asked) == 1


def test_only_the_bytes_between_first_and_last_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large journal a fold that asks for a type reads no further than it goes."""
    monkeypatch.setattr(journal_module, "HELD_BYTES", -1)
    asked = []
    index = JournalIndex()
    index.feed(b"".join(WHOLE))

    def read(start: int, end: int) -> list[bytes]:
        asked.append((start, end))
        return [b"".join(WHOLE)[start:end]]

    folded = journal_module.Journal(index, read)
    asked.clear()
    list(folded.events("x.mine"))
    start = len(WHOLE[0]) + len(WHOLE[1])
    assert asked == [(start, start + len(WHOLE[2]))]
    assert list(folded.events("metric")) == []
    assert len(asked) == 1


def test_the_last_event_of_a_type() -> None:
    """Or None where there is none."""
    folded = journals.journal(check("a", "pass"), check("b", "fail"))
    last = folded.last("check")
    assert last is not None
    assert last["data"]["id"] == "b"
    assert folded.last("metric") is None
    assert folded.opened["data"]["run_id"] == "r1"
    assert folded.closed["data"]["status"] == "success"


@pytest.mark.parametrize("part", [slice(0, -1), slice(1, None)])
def test_a_journal_without_its_first_or_last_line_is_none(part: slice) -> None:
    """Folds need both: `invalid_event`."""
    with pytest.raises(RunstoneError) as caught:
        journals.journal_of(WHOLE[part])
    assert caught.value.code == "invalid_event"


# what recovery keeps


def test_the_prefix_of_a_good_journal_is_the_journal() -> None:
    """With its events."""
    assert [data for data, _ in proved_prefix(WHOLE)] == WHOLE


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_line_ends_the_prefix(cut: int) -> None:
    """The longest run of good lines is kept; what follows is not looked at."""
    torn = [*WHOLE[:3], WHOLE[3][:-cut], *WHOLE[4:]]
    assert [data for data, _ in proved_prefix(torn)] == WHOLE[:3]


def test_nothing_after_the_close_is_good() -> None:
    """A line behind `run.closed` is not taken, however canonical it is."""
    more = line("note", {"text": "late"}, len(WHOLE))
    assert [data for data, _ in proved_prefix([*WHOLE, more])] == WHOLE


def test_a_line_too_long_ends_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error from the source of the lines is the end of what is good, too."""
    monkeypatch.setattr(journal_module, "MAX_LINE_BYTES", 700)
    data = [b"".join(WHOLE[:2]), b"x" * 2000]
    assert [piece for piece, _ in proved_prefix(split_lines(data))] == WHOLE[:2]
