"""Threat 11: recorded text never reaches a terminal as anything but text, through no verb and no error."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import HOSTILE, Invoke, raw_controls, seal_hostile, spoil
from runstone.engine.store import Store

_PROGRESS = re.compile(r"\r(\d+ of \d+ runs verified, \d+ %|\x1b\[K)")

VERBS = [
    ("ls",),
    ("show", "@latest"),
    ("logs", "@latest"),
    ("verify", "@latest"),
    ("verify", "--all"),
    ("contract", "runstone", "@latest"),
    ("contract", "ovc", "@latest"),
    ("contract", "runstone", "@latest", "run.log"),
    ("get", "@latest", "run.log", "-o", "-"),
    ("doctor",),
]


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_on_a_terminal(store: Store, on_terminal: Callable[..., str], words: tuple[str, ...]) -> None:
    """A clipboard, a title, a cursor and the direction of text are safe from every verb."""
    seal_hostile(store)
    shown = on_terminal(*words)
    assert raw_controls(_PROGRESS.sub("", shown)) == []
    assert "\x1b]" not in shown
    shows_the_log = words[0] in ("logs", "get", "contract")
    assert ("\nforged" in shown) == shows_the_log, "recorded text has lines of its own in a log, and nowhere else"


@pytest.mark.parametrize("words", [verb for verb in VERBS if verb[0] != "get" and "run.log" not in verb], ids=" ".join)
def test_into_a_pipe(store: Store, invoke: Invoke, words: tuple[str, ...]) -> None:
    """A pipe may end on a terminal: what is made for people is escaped there too."""
    seal_hostile(store)
    answer = invoke(*words)
    assert raw_controls(answer.out) == []
    assert raw_controls(answer.err) == []
    assert "\x1b" not in answer.out


@pytest.mark.parametrize(
    "words",
    [
        ("ls", "--json"),
        ("show", "@latest", "--json"),
        ("logs", "@latest", "--json"),
        ("contract", "runstone", "@latest", "--json"),
    ],
    ids=" ".join,
)
def test_json_is_ascii(store: Store, invoke: Invoke, words: tuple[str, ...]) -> None:
    """JSON answers hold no character that a terminal could obey."""
    seal_hostile(store)
    out = invoke(*words).out
    assert out.isascii()
    assert raw_controls(out) == []


@pytest.mark.parametrize(
    "words",
    [
        ("show", HOSTILE),
        ("ls", HOSTILE),
        ("ls", f"kind:{HOSTILE}".replace(" ", "")),
        ("ls", "--store", HOSTILE.replace("\0", "")),
        ("verify", HOSTILE),
        ("import", HOSTILE),
        ("contract", HOSTILE, "x"),
        ("get", HOSTILE, "-o", "out"),
        (HOSTILE,),
        ("ls", f"--{HOSTILE}"),
        ("completion", HOSTILE),
    ],
)
def test_errors_that_repeat_what_was_asked(invoke: Invoke, words: tuple[str, ...]) -> None:
    """A name that came from elsewhere is shown escaped in the error about it."""
    answer = invoke(*words)
    assert raw_controls(answer.err) == []
    assert answer.err


def test_one_line_a_run(store: Store, invoke: Invoke) -> None:
    """Threat 12: no kind, however it is written, makes a second row."""
    seal_hostile(store)
    assert len(invoke("ls").out.splitlines()) == 2


def test_a_damaged_hostile_bundle(store: Store, invoke: Invoke) -> None:
    """The error about a bundle repeats nothing raw of it."""
    run_id = seal_hostile(store)
    spoil(Path(store.url, run_id, "events.jsonl"), HOSTILE.encode() + b"\n")
    for words in (("verify", run_id), ("show", run_id), ("logs", run_id)):
        answer = invoke(*words)
        assert raw_controls(answer.out + answer.err) == []
