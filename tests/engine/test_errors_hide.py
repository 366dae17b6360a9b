"""What errors repeat of what was handed in: without secrets, in the library and in the command, in text and in JSON."""

from __future__ import annotations

import json
import pickle
import traceback
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from core.planted import LETTERS, checked, drawn

import runstone
from runstone.engine.recorder import Run
from runstone.engine.store import Store
from runstone.errors import InvalidInput, RunstoneError, error

TOKEN = "ghp" + "_" + checked(Random(41))
DECLARED = "dcl-" + drawn(Random(42), LETTERS, 12)
LONG = "sk-" + "ant-" + drawn(Random(43), LETTERS, 90)


def scored(store: Store, text: str) -> Any:
    """Give a sealed run a score that is no number."""
    store.run("k", run_id="sealed").finish()
    return store.annotate("sealed", scores={"a": text})


CALLS: dict[str, Callable[[Store, Run, str], Any]] = {
    "check": lambda _, run, text: run.check("c", text),
    "finish": lambda _, run, text: run.finish(text),
    "event": lambda _, run, text: run.event(text, {}),
    "data": lambda _, run, text: run.event(f"x.{text}", text),  # type: ignore[arg-type]  # as a program may
    "file": lambda _, run, text: run.output("file", f"/nowhere/{text}"),
    "object": lambda _, run, text: run.output(f"{text}.json", object()),
    "contract": lambda store, _, text: store.run("k", contract=text),
    "resume": lambda store, _, text: store.run("k", resume=text),
    "links": lambda store, _, text: store.run("k", links=[{"rel": text}]),
    "run_id": lambda store, _, text: store.run("k", run_id=f"{text}/.."),
    "get": lambda store, _, text: store.get(text),
    "far": lambda store, _, text: store.get(f"{'x' * 110}-{text}"),
    "score": lambda store, _, text: scored(store, text),
    "query": lambda store, _, text: list(store.runs(f"nofield:{text}")),
    "verify": lambda *rest: runstone.verify(f"/nowhere/{rest[-1]}"),
    "open": lambda *rest: runstone.open(f"s3://{rest[-1]}@bucket"),
}


def told(exc: RunstoneError) -> str:
    """All that is seen of an error."""
    shown = "".join(traceback.format_exception_only(exc)) + str(exc) + repr(exc) + exc.message
    return shown + json.dumps(exc.as_dict(), default=str) + str(exc.details) + str(exc.args)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("text", [TOKEN, DECLARED, LONG], ids=["token", "declared", "long token"])
def test_an_error_of_the_library_repeats_no_secret(store: Store, name: str, text: str) -> None:
    """A token by its form, cut short or not, in whatever case; a declared value by what the run was told."""
    run = store.run("k", secrets=[DECLARED], strict=True)
    with pytest.raises(RunstoneError) as caught:
        CALLS[name](store, run, text)
    assert text[:20].lower() not in told(caught.value).lower()
    assert text[-20:].lower() not in told(caught.value).lower()


@pytest.mark.parametrize("option", ["contract", "resume", "run_id"])
def test_an_error_at_the_door_knows_what_was_declared(store: Store, option: str) -> None:
    """The run that was told the secret is not open yet, and never will be."""
    with pytest.raises(RunstoneError) as caught:
        store.run("k", secrets=[DECLARED], **{option: f"{DECLARED}/.."})  # type: ignore[arg-type]  # all three are text
    assert DECLARED not in told(caught.value)


def test_an_error_that_is_seen_when_the_run_has_ended(store: Store) -> None:
    """What the run was told is known all the same."""
    with pytest.raises(RunstoneError) as caught, store.run("k", secrets=[DECLARED], strict=True) as run:
        run.check("c", DECLARED)
    assert DECLARED not in told(caught.value)


@pytest.mark.parametrize("wrong", [None, 7, b"x", ["x"]])
def test_what_is_no_text_is_told_by_its_type(store: Store, wrong: Any) -> None:
    """An error repeats what was handed in; where that is no text, the error is still the one that it is."""
    with store.run("job", run_id="r"):
        pass
    sealed = store.get("r")
    calls = {
        "file_not_found": [lambda: sealed.file(wrong), lambda: sealed.document(wrong)],
        "invalid_option": [lambda: store.judge("r", rules=[wrong])],
        "run_not_found": [] if wrong is None else [lambda: store.recover(wrong)],
    }
    for code, made in calls.items():
        for call in made:
            with pytest.raises(RunstoneError) as caught:
                call()
            assert (caught.value.code, type(wrong).__name__ in caught.value.message) == (code, True)


def test_an_error_is_otherwise_what_it_was() -> None:
    """Text, numbers and lists of its details; also once it has gone to another process."""
    made = error(
        "invalid_option", f"a {TOKEN} b", option="x", number=3, found=[TOKEN, None, {"a": TOKEN}], text="plain"
    )
    mark = "[REDACTED:github-token]"
    expected = {"option": "x", "number": 3, "found": [mark, None, {"a": mark}], "text": "plain"}
    for exc in (made, pickle.loads(pickle.dumps(made))):
        assert isinstance(exc, InvalidInput)
        assert (exc.code, exc.message, str(exc), exc.details) == (
            "invalid_option",
            f"a {mark} b",
            f"a {mark} b",
            expected,
        )
