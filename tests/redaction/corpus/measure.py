"""How much of the corpus a redactor takes out, and what it touches that it should not.

- No part of a redactor is called. A callable is handed a thing and its door, and answers all bytes that were kept
  of it: `recording.Recorder` records it in a run of its own.
- Every pair of kind and place has fresh values: nothing is measured by heart.
- Misses name kind, place and number of the sample, never the value; the seed makes it again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import runstone

from .encodings import DECLARED, ENCODINGS
from .lookalikes import Trap
from .places import Place
from .reading import readings, spoken, stands_in, survives
from .recording import Planted, Redact, printed, through
from .secret import Kind, Secret


class Miss(NamedTuple):
    """What was not as it should be."""

    kind: str
    place: str
    sample: int


@dataclass(slots=True)
class Score:
    """How often it was asked, and what was missed."""

    asked: int = 0
    misses: list[Miss] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """The share that was as it should be, 0 to 1."""
        return 1 - len(self.misses) / self.asked if self.asked else 0.0

    def ask(self, where: Miss, missed: bool) -> None:
        """Count one question."""
        self.asked += 1
        if missed:
            self.misses.append(where)

    def __str__(self) -> str:
        """The rate, and the misses by kind and by place, most first."""
        lines = [f"{self.rate:.4f} of {self.asked}, {len(self.misses)} missed"]
        for column in ("kind", "place"):
            counts = Counter(getattr(miss, column) for miss in self.misses).most_common()
            lines.append(f"by {column}: " + (", ".join(f"{name} {count}" for name, count in counts) or "none"))
        return "\n".join(lines)


def sample(kind: Kind, place: str, number: int) -> tuple[Secret, str]:
    """A fresh secret of the kind for this place, and a fitting name."""
    random = Random(f"{kind.id}/{place}/{number}")
    return kind.make(random), random.choice(kind.names)


def plants(
    kinds: Sequence[Kind], places: Sequence[Place], samples: int = 1, share: int = 1
) -> Iterator[tuple[Miss, Secret, Planted]]:
    """Every kind at every place that it fits, or at one of `share` places; by name only where the place names it."""
    for place_number, place in enumerate(places):
        for kind_number, kind in enumerate(kinds):
            turn = place_number + kind_number
            if turn % share or turn // share % place.every or (kind.by == "name" and not place.names):
                continue
            for number in range(samples):
                secret, name = sample(kind, place.id, number)
                if place.fits(secret.text):
                    yield Miss(kind.id, place.id, number), secret, Planted(place.door, place.put(secret.text, name))


def recall(redact: Redact, kinds: Sequence[Kind], places: Sequence[Place], samples: int = 1, share: int = 1) -> Score:
    """How many of the secrets cannot be read any more; arguments as `plants`."""
    score = Score()
    for where, secret, planted in plants(kinds, places, samples, share):
        score.ask(where, survives(secret, redact(planted)))
    return score


def declared(redact: Redact, samples: int = 1) -> Score:
    """The same for values that the caller declares, in every spelling: in a log, JSON, bytes, a stream, a kept file."""
    score = Score()
    for shape, make in DECLARED.items():
        for name, encode in ENCODINGS.items():
            for number in range(samples):
                value = make(Random(f"{shape}/{name}/{number}"))
                for door, planted in _spelled(encode(value)):
                    kept = redact(planted, (value,))
                    score.ask(Miss(shape, f"{name}/{door}", number), survives(Secret(value, (value,)), kept))
    return score


def _spelled(spelling: str | bytes) -> Iterator[tuple[str, Planted]]:
    data = spelling if isinstance(spelling, bytes) else spelling.encode()
    if isinstance(spelling, str):
        yield "log", Planted("log", f"saw {spelling} there")
        yield "json", Planted("event", {"lines": ["first", spelling], "said": f"[{spelling}]"})
    yield "bytes", Planted("event", {"raw": b"saw " + data + b" there"})
    yield "stream", Planted("stream", [b"first\nsaw " + data[:7], data[7:] + b" there\n"])
    yield "file", Planted("file", b"saw " + data + b" there\n")


def untouched(redact: Redact, traps: Sequence[Trap], samples: int = 2) -> Score:
    """How many of the things that look like secrets and are none are kept as they are."""
    score = Score()
    for trap in traps:
        for number in range(samples):
            for door, planted, expected in _laid(trap.make(Random(f"{trap.id}/{number}"))):
                kept = redact(planted)
                kept += runstone.canonical_bytes(spoken(kept))
                touched = expected not in kept or b"[REDACTED" in kept.replace(expected, b"")
                score.ask(Miss(trap.id, door, number), touched)
    return score


def _laid(thing: Any) -> Iterator[tuple[str, Planted, bytes]]:
    """A trap at its places, and the bytes that must be found of it."""
    canonical = runstone.canonical_bytes(thing)
    yield "json", Planted("event", {"item": thing}), canonical
    yield "config", Planted("config", {"item": thing}), canonical
    yield "tool", Planted("tool", {"item": thing}), canonical
    text = thing if isinstance(thing, str) else json.dumps(thing)
    yield "log", Planted("log", text), runstone.canonical_bytes(text)
    yield "stream", Planted("stream", [text.encode() + b"\n"]), runstone.canonical_bytes(text)[1:-1]
    yield "file", Planted("file", text.encode() + b"\n"), text.encode()


# ---------------------------------------------------------------- the disk


def found_in(secrets: dict[str, Secret], *roots: Path) -> dict[str, str]:
    """Secrets that can be read in the bytes or the name of a file below the roots: their kind, and the file."""
    found: dict[str, str] = {}
    for path in (path for root in roots for path in sorted(root.rglob("*")) if path.is_file()):
        text = readings(str(path).encode() + b"\n" + path.read_bytes())
        found |= {kind: path.name for kind, secret in secrets.items() if stands_in(secret, text)}
    return found


def record(store: Path, folder: Path, kinds: Iterable[Kind]) -> Score:
    """Plant a secret of each kind in a store on disk, by library and by `runstone run`, and search every byte of it.

    `folder` is for what stands outside of the store. What the command says of itself is searched, too.
    """
    samples = {kind.id: sample(kind, "disk", 0) for kind in kinds}
    secrets = {kind: secret for kind, (secret, _) in samples.items()}
    named = [(name, secret.text) for secret, name in samples.values()]
    opened = runstone.open(str(store / "library"))
    with opened.run("library", config={"services": [dict([pair]) for pair in named]}) as run:
        for name, value in named:
            for door in ("event", "tool"):
                through(door, run, {name: value}, folder)
            through("log", run, f"{name}={json.dumps(value)}", folder)
            through("stream", run, [f"{name}={json.dumps(value)}\n".encode()], folder)
            through("file", run, json.dumps({name: value}).encode(), folder)
    told = readings(printed(store / "command", folder, named))
    found = found_in(secrets, store) | {kind: "stderr" for kind, secret in secrets.items() if stands_in(secret, told)}
    return Score(len(secrets), [Miss(kind, file, 0) for kind, file in found.items()])
