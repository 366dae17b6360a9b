"""The scenes of states, and what must hold of them after any crash.

A scene prints `putting THREAD STEP DIGEST` before it puts and `put …` behind it, `removing THREAD STEP` and `removed …`
around what deletes. After a crash:

1. A step that was said to be put is there with those bytes, unless something was begun with it afterwards: then it is
   as it was before that, or as it is behind it.
2. A step that was said to be removed is gone.
3. Every step that is there has bytes that it was put with, whole.
4. The store can be written to, and what is written is there.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import runstone
from runstone.core.digests import sha256_hex
from runstone.engine.states import StateStore
from runstone.errors import RunstoneError

WORDS = ("putting", "put", "removing", "removed")
GONE = "gone"


def states_in(directory: Path) -> StateStore:
    """The store of a scene."""
    return runstone.open_states(directory / "states.db")


def say(*words: object) -> None:
    """What is begun, or promised."""
    print(*words, flush=True)


def noise(size: int, seed: int) -> bytes:
    """Bytes that do not shrink."""
    return random.Random(seed).randbytes(size)


def put(store: StateStore, thread: str, step: int, state: bytes) -> None:
    """Put a state, announced and promised."""
    say("putting", thread, step, sha256_hex(state))
    store.put(thread, step, state)
    say("put", thread, step, sha256_hex(state))


def removing(store: StateStore, thread: str, kept: Iterable[int]) -> Iterator[None]:
    """Around what removes all of a thread but some steps."""
    steps = [found.step for found in store.list(thread, limit=None) if found.step not in set(kept)]
    for step in steps:
        say("removing", thread, step)
    yield
    for step in steps:
        say("removed", thread, step)


def put_states(directory: Path) -> None:
    """A store that the first put makes; two threads that grow, one step put again."""
    with states_in(directory) as store:
        for step in range(6):
            put(store, "a", step, noise(3000, 1) + noise(700 * step, 2))
            put(store, "b", step, noise(900, step))
        put(store, "a", 3, b"again")
        put(store, "a", 6, noise(3000, 1) + noise(700 * 5, 2) + b"end")


def remove_states(directory: Path) -> None:
    """Steps deleted of which others are made, a thread pruned, one deleted; puts in between, and behind a copy."""
    with states_in(directory) as store:
        for step in (0, 2):
            for _ in removing(store, "a", {found.step for found in store.list("a")} - {step}):
                store.delete("a", step)
        put(store, "a", 7, noise(3000, 1) + noise(700 * 6, 2))
        for _ in removing(store, "a", (6, 7)):
            store.prune("a", keep=2)
        for step in (6, 7):
            say("putting", "c", step, sha256_hex(store.get("a", step).state))  # type: ignore[union-attr]  # it is there
        store.copy("a", "c")
        for found in store.list("c"):
            say("put", "c", found.step, sha256_hex(found.state))
        for _ in removing(store, "b", ()):
            store.delete("b")
        put(store, "b", 9, noise(2000, 9))


def check_states(directory: Path, before: str, printed: str) -> list[str]:
    """What is wrong, as lines; none is good. `before` is what the scene had printed that this one began with."""
    told: dict[tuple[str, int], set[str]] = defaultdict(lambda: {GONE})
    for line in [*before.splitlines(), *printed.splitlines()]:
        word, thread, step, *digest = line.split()
        key, what = (thread, int(step)), digest[0] if digest else GONE
        if word in ("put", "removed"):
            told[key] = {what}
        else:
            told[key] |= {what}
    try:
        with states_in(directory) as store:
            there = {
                (place.thread, found.step): sha256_hex(found.state)
                for place in store.places(limit=None)
                for found in store.list(place.thread, limit=None)
            }
            problems = _compared(told, there)
            store.put("after", 1, b"the store works")
        with states_in(directory) as store:
            found = store.get("after", 1)
            problems += [] if found is not None and found.state == b"the store works" else ["a new state is not there"]
    except RunstoneError as exc:
        return [f"{exc.code}: {exc.message}"]
    return problems


def _compared(told: dict[tuple[str, int], set[str]], there: dict[tuple[str, int | str], str]) -> list[str]:
    problems = []
    for (thread, step), allowed in told.items():
        found = there.get((thread, step), GONE)
        if found not in allowed:
            problems.append(
                f"step {step} of {thread} is {found[:12]}, and may be {sorted(one[:12] for one in allowed)}"
            )
    return problems + [f"step {step} of {thread} was never put" for thread, step in there if (thread, step) not in told]
