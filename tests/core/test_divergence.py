"""Where two journals part: in four places, and never because of what is another thing in every run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.diff.difference import Difference
from runstone.core.diff.divergence import divergence
from runstone.core.journal import Journal

from .journals import OPENED, check, journal, journal_of, line, log, stream
from .test_diff import called, decision, metric, returned


def parted(a: Journal, b: Journal) -> list[Difference]:
    return list(divergence(a, b))


def summary(found: list[Difference]) -> list[tuple[str, int, int, Any, Any]]:
    return [(item.name, item.a["line"], item.b["line"], item.a["at"], item.b["at"]) for item in found]


def test_at_the_first_event() -> None:
    """It is told, and the next place as well: the first event has sections of its own."""
    a = journal(log("same"), log("one"), opened={"version": "1"})
    b = journal(log("same"), log("two"), opened={"version": "2"})
    assert summary(parted(a, b)) == [
        ("first", 1, 1, {"/data/version": "1"}, {"/data/version": "2"}),
        ("middle", 3, 3, {"/data/text": "one"}, {"/data/text": "two"}),
    ]


def test_in_the_middle() -> None:
    """With the places that differ, and both lengths; what comes later is not looked for."""
    a, b = journal(log("same"), metric(loss=1), log("x")), journal(log("same"), metric(loss=2), log("y"), log("z"))
    found = parted(a, b)
    assert summary(found) == [("middle", 3, 3, {"/data/values/loss": 1}, {"/data/values/loss": 2})]
    assert (found[0].a["lines"], found[0].b["lines"], found[0].a["type"]) == (5, 6, "metric")


def test_at_events_of_two_types() -> None:
    """All of both is told."""
    found = parted(journal(log("x")), journal(check("rows", "pass")))
    assert (found[0].a["type"], found[0].b["type"]) == ("log", "check")
    assert found[0].b["at"]["/data"]["id"] == "rows"


def test_at_the_last_event() -> None:
    """Everything was the same until the run was closed."""
    found = parted(journal(log("x"), status="success"), journal(log("x"), status="failed", exit=1))
    assert summary(found) == [
        ("last", 3, 3, {"/data/exit": None, "/data/status": "success"}, {"/data/exit": 1, "/data/status": "failed"})
    ]


def test_in_length_only() -> None:
    """One run is closed where the other goes on."""
    found = parted(journal(log("x"), log("y")), journal(log("x")))
    assert [(item.name, item.a["type"], item.b["type"], item.a["line"]) for item in found] == [
        ("length", "log", "run.closed", 3)
    ]


SET_ASIDE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "run id": ({"opened": {"run_id": "r1"}}, {"opened": {"run_id": "r2"}}),
    "links": ({}, {"opened": {"links": [{"digest": None, "rel": "retries", "run_id": "r0"}]}}),
    "folder and machine": ({"opened": {"cwd": "/a", "platform": {}}}, {"opened": {"cwd": "/b"}}),
    "duration": ({"duration_ns": 1}, {"duration_ns": 2}),
    "resources": ({"resources": {"user_s": 1}}, {"resources": None}),
}


@pytest.mark.parametrize("name", SET_ASIDE)
def test_what_is_set_aside(name: str) -> None:
    """What is another thing in every run parts no journals."""
    a, b = SET_ASIDE[name]
    assert parted(journal(log("x"), **a), journal(log("x"), **b)) == []


def test_times_and_ids_that_were_drawn_are_set_aside() -> None:
    """What a run gave its program of the clock and of chance is another thing in every run; a seed tells two apart."""
    a = journal(("now", {"time": "2026-01-02T03:04:05.000000Z"}), ("uuid", {"uuid": "a"}))
    b = journal(("now", {"time": "2027-01-02T03:04:05.000000Z"}), ("uuid", {"uuid": "b"}))
    assert parted(a, b) == []
    one, other = (journal(("seed", {"name": "", "seed": seed})) for seed in (1, 2))
    assert len(parted(one, other)) == 1


def test_times_are_set_aside() -> None:
    """`ts` stands in every line, and differs in every line."""
    later = [
        text.replace(b"2026-01-02T", b"2027-05-06T")
        for text in (line("run.opened", OPENED, 0), line("note", {"text": "a"}, 1))
    ]
    close = journal().closed["data"]
    a = journal(("note", {"text": "a"}))
    b = journal_of([*later, line("run.closed", close, 2).replace(b"2026-", b"2028-")])
    assert parted(a, b) == []


@pytest.mark.parametrize(
    ("member", "a", "b", "parts"),
    [
        ("started_utc", "2026-01-02T03:04:05Z", "2026-05-06T07:08:09Z", False),
        ("at", "2026-01-02T03:04:05Z", "2026-05-06T07:08:09Z", True),
        ("created_at", "2026-01-02T03:04:05.123456789+01:00", "2026-05-06 07:08:09Z", False),
        ("created_at", "2026-01-02T03:04:05Z", "yesterday", True),
        ("created_at", "2026-01-02T03:04:05Z", "2026-02-30T03:04:05Z", True),
        ("created_at", "2026-01-02T03:04:05Z", None, True),
    ],
)
def test_times_by_name_are_set_aside(member: str, a: str, b: str | None, parts: bool) -> None:
    """A member whose name says that it holds a time, where both sides are one."""
    found = parted(journal(("x.a", {member: a})), journal(("x.a", {member: b})))
    assert bool(found) is parts


def test_a_time_inside_of_text_counts() -> None:
    """Only the envelope's own is cut out, also where data looks like an envelope."""
    looks = '"seq":1,"ts":"2026-01-02T03:04:0%d.000000Z","type":"log"}'
    found = parted(journal(("note", {"text": looks % 1})), journal(("note", {"text": looks % 2})))
    assert [item.name for item in found] == ["middle"]


def test_durations_process_ids_and_children_are_set_aside() -> None:
    """In events of any type, at the top of `data`; what a child came to is not."""

    def facts(number: int) -> list[tuple[str, dict[str, Any]]]:
        child = {"run_id": f"r{number}", "digest": None, "status": "success"}
        return [("x.step", {"pid": number, "duration_s": number, "host": str(number)}), ("child", child)]

    assert parted(journal(*facts(1)), journal(*facts(2))) == []
    child = {"run_id": "r1", "digest": None, "status": "failed"}
    assert [item.name for item in parted(journal(*facts(1)), journal(facts(1)[0], ("child", child)))] == ["middle"]


def test_ids_of_calls_are_compared_by_their_order() -> None:
    """Which answer belongs to which call counts; what the id is does not."""

    def calls(first: str, second: str, answered: str) -> Journal:
        return journal(called(first), called(second), returned(answered), decision(call=answered))

    assert parted(calls("a", "b", "a"), calls("x", "y", "x")) == []
    assert [(item.name, item.a["line"]) for item in parted(calls("a", "b", "a"), calls("x", "y", "y"))] == [
        ("middle", 4)
    ]
    assert [item.a["line"] for item in parted(calls("a", "b", "a"), calls("a", "b", "b"))] == [4]


def test_a_run_s_own_id_inside_of_text_is_set_aside() -> None:
    """A path or a thread named after the run; another word is another word, also where an id stands in it."""
    a = journal(log("wrote out/run-7/x"), log("a run-7"), opened={"run_id": "run-7"})
    b = journal(log("wrote out/b/x"), log("a b"), opened={"run_id": "b"})
    assert parted(a, b) == []
    c = journal(log("wrote out/b/x"), log("b run-7"), opened={"run_id": "b"})
    assert [item.a["line"] for item in parted(a, c)] == [3]


def test_true_is_not_one() -> None:
    """Values are compared as JSON has them."""
    assert [
        item.name for item in parted(journal(("x.a", {"pid": 1, "v": True})), journal(("x.a", {"pid": 2, "v": 1})))
    ] == ["middle"]


def test_git_s_answer_may_stand_anywhere() -> None:
    """It is recorded when it has arrived."""
    git = ("git", {"sha": "1", "ref": "main", "dirty": False})
    assert parted(journal(log("x"), git, log("y")), journal(git, log("x"), log("y"))) == []


# output of commands


@given(st.text(st.sampled_from("ab\nü"), max_size=30), st.data())
def test_it_does_not_count_how_output_was_read(text: str, data: st.DataObject) -> None:
    """The same text in other pieces, and streams that take turns in another way, are the same output."""

    def journaled() -> Journal:
        rest, pieces = {"stdout": text, "stderr": text[::-1]}, []
        while any(rest.values()):
            name = data.draw(st.sampled_from([name for name, left in rest.items() if left]))
            size = data.draw(st.integers(1, len(rest[name])))
            pieces.append(stream(rest[name][:size], name))
            rest[name] = rest[name][size:]
        return journal(log("before"), *pieces, log("after"))

    assert parted(journaled(), journaled()) == []


@given(
    st.lists(st.sampled_from(["a", "b", "\n", "ab\n"]), max_size=8),
    st.lists(st.sampled_from(["a", "b", "\n", "ab\n"]), max_size=8),
)
def test_output_parts_exactly_where_its_text_does(a: list[str], b: list[str]) -> None:
    """By brute force over the joined text."""
    found = parted(journal(*map(stream, a), log("end")), journal(*map(stream, b), log("end")))
    assert bool(found) == ("".join(a) != "".join(b))


def test_output_is_told_by_line() -> None:
    """The line of output that differs, and the line of the journal in which it begins."""
    a = journal(stream("one\ntw"), stream("o\nthree\n"), log("end"))
    b = journal(stream("one\n"), stream("two!\nthree\n"), log("end"))
    assert summary(parted(a, b)) == [("middle", 2, 3, {"stdout": "two"}, {"stdout": "two!"})]


def test_a_run_that_printed_less_is_told_by_what_follows() -> None:
    """Here by its end."""
    found = parted(journal(stream("one\ntwo\n")), journal(stream("one\n")))
    assert [(item.name, item.a["at"], item.b["type"], item.b["line"]) for item in found] == [
        ("length", {"stdout": "two"}, "run.closed", 3)
    ]


def test_bytes_that_are_no_utf_8_are_compared_as_bytes() -> None:
    """A piece in `latin1` is the same output as one in `text`."""
    latin = ("log", {"stream": "stdout", "latin1": "gr\xc3\xbc\xc3\x9f\n"})
    assert parted(journal(stream("grüß\n")), journal(latin)) == []


def test_long_values_are_cut() -> None:
    """An answer holds the beginning of what is 8 MiB in the journals."""
    (found,) = parted(journal(log("a" * 10_000)), journal(log("b" * 10_000)))
    assert len(found.a["at"]["/data/text"]) < 2100
