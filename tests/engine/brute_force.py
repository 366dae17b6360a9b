"""What a store must answer, by reading each of its runs: no catalog, no card, no index, no query language."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from runstone.adapters.fs.objects import FsBundle
from runstone.core.times import parse_time
from runstone.engine.reader import Sealed
from runstone.errors import RunstoneError
from runstone.locate import contract_of

HIDDEN = ("annotation", "judge")
Edge = tuple[str, str, str]
"""From, to, relation."""
Place = tuple[str, str]


@dataclasses.dataclass
class Seen:
    """A run as whoever reads it whole sees it; once `fold` was here, with what was said of it since."""

    run_id: str
    state: str = "damaged"
    status: str = "damaged"
    kind: str | None = None
    name: str | None = None
    contract: str | None = None
    opened_at: str | None = None
    closed_at: str | None = None
    duration_ms: int | None = None
    digest: str | None = None
    outcome: str | None = None
    links: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    checked: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    """Every check, by id, with its status."""
    metrics: dict[str, Any] = dataclasses.field(default_factory=dict)
    scores: dict[str, Any] = dataclasses.field(default_factory=dict)
    config: Any = None
    inputs: list[tuple[str, str, str | None]] = dataclasses.field(default_factory=list)
    outputs: list[tuple[str, str, str | None]] = dataclasses.field(default_factory=list)
    texts: list[str] = dataclasses.field(default_factory=list)
    """What words are looked for in, beside kind, name, aliases and labels."""
    notes: list[str] = dataclasses.field(default_factory=list)
    said: dict[str, Any] | None = None
    """Of an annotation: what it says."""
    aliases: list[str] = dataclasses.field(default_factory=list)
    children: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    numbers: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What `Store.children` adds up."""

    @property
    def place(self) -> Place:
        return self.opened_at or "", self.run_id

    @property
    def checks(self) -> dict[str, str]:
        """The last status of each."""
        return dict(self.checked)

    @property
    def row(self) -> dict[str, Any]:
        fields = ("run_id", "kind", "name", "contract", "status", "state", "opened_at", "closed_at", "duration_ms")
        return {**{field: getattr(self, field) for field in fields}, "digest": self.digest}

    def amends(self, other: Seen) -> bool:
        return any(points(link, other) for link in self.links if link["rel"] == "amends")

    def uses(self, sha256: str) -> Iterator[tuple[str, str, str]]:
        """Role, name and type of what it made and read of these bytes, each once."""
        told = []
        for role, artifacts in (("made", self.outputs), ("read", self.inputs)):
            for name, kind, found in artifacts:
                if found == sha256 and (role, name, kind) not in told:
                    told.append((role, name, kind))
        return iter(told)

    def says(self, phrase: str) -> bool:
        """Whether words stand one behind another in one of the texts."""
        labels = [f"{name} {value}" for name, value in self.labels.items()]
        every = [self.kind or "", self.name or "", *self.aliases, *self.texts, *self.notes, *labels]
        return any(f" {phrase} " in f" {re.sub(r'[^a-z0-9]+', ' ', text.lower()).strip()} " for text in every)


def points(link: Mapping[str, Any], run: Seen) -> bool:
    """Whether a link is to this run, and to these bytes where it says to which and they can be known."""
    return bool(link["run_id"] == run.run_id and (None in (link["digest"], run.digest) or link["digest"] == run.digest))


def runs_of(root: Path, alive: Mapping[str, bool], known: dict[str, Seen] | None = None) -> dict[str, Seen]:
    """Every run below a store's folder, by id; `alive` are the open ones, and whether their writer lives.

    `known` keeps what was read, by digest: a bundle that has the same manifest is not read twice.
    """
    found = {}
    for folder in root.iterdir() if root.is_dir() else ():
        if (folder / "manifest.json").is_file():
            found[folder.name] = _sealed(folder, {} if known is None else known)
    for run_id, lives in alive.items():
        found[run_id] = _open(root / ".runstone/open" / run_id, lives)
    fold(list(found.values()))
    return found


def _sealed(folder: Path, known: dict[str, Seen]) -> Seen:
    try:
        sealed = Sealed(FsBundle(str(folder)), contract_of)
        if sealed.run_id != folder.name or not (folder / "events.jsonl").is_file():
            return Seen(folder.name)
        if sealed.digest not in known:
            known[sealed.digest] = _of(sealed.run_id, "sealed", sealed.events())
        seen = dataclasses.replace(known[sealed.digest])
    except RunstoneError:
        return Seen(folder.name)
    seen.digest, seen.outcome = sealed.digest, sealed.outcome_digest
    return seen


def _open(folder: Path, lives: bool) -> Seen:
    lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    events = [json.loads(line) for line in lines if line.endswith(b"\n")]
    seen = _of(folder.name, "open" if lives else "to recover", iter(events))
    seen.status = "running" if lives else "interrupted"
    return seen


def _of(run_id: str, state: str, events: Iterator[dict[str, Any]]) -> Seen:
    seen = Seen(run_id, state)
    log: list[str] = []
    counted: Counter[str] = Counter()
    for event in events:
        data, kind = event["data"], event["type"]
        counted[kind] += 1
        match kind:
            case "run.opened":
                seen.kind, seen.labels, seen.links, seen.opened_at = (
                    data["kind"],
                    data["labels"],
                    data["links"],
                    event["ts"],
                )
                seen.contract = "{name}/{version}".format(**data["contract"])
            case "config":
                seen.config = data["value"]
            case "input" | "output":
                getattr(seen, f"{kind}s").append((data["name"], data["type"], data["sha256"]))
            case "check":
                seen.checked.append((data["id"], data["status"]))
            case "metric":
                seen.metrics |= data["values"]
            case "score":
                seen.scores[data["name"]] = data["value"]
            case "note" | "log":
                (seen.notes if kind == "note" else log).append(data["text"])
            case "annotation":
                seen.said = data
            case "child":
                seen.children[data["run_id"]] = data
            case "run.closed":
                seen.status, seen.closed_at = data["status"], event["ts"]
                seen.duration_ms = _passed_ns(data["duration_ns"], str(seen.opened_at), event["ts"]) // 1_000_000
    seen.texts = ["\n".join(log)]
    seen.numbers = {"metrics": counted["metric"], "outputs": counted["output"], "checks": counted["check"]}
    return seen


def _passed_ns(measured: int | None, opened_at: str, closed_at: str) -> int:
    return parse_time(closed_at) - parse_time(opened_at) if measured is None else measured


def fold(runs: list[Seen]) -> None:
    """Say of each sealed run what its annotations say, the oldest first; an alias is of whom it was given to last."""
    said = sorted((run for run in runs if run.said is not None and run.state == "sealed"), key=lambda run: run.place)
    owners: dict[str, Mapping[str, Any] | None] = {}
    spoken = [(one, one.said, dict(one.scores), list(one.notes)) for one in said]
    for one, words, scores, notes in spoken:
        assert words is not None
        for link in one.links:
            if link["rel"] == "amends":
                owners |= {alias: link if given else None for alias, given in words["aliases"].items()}
        for run in runs:
            if run.state in ("sealed", "damaged") and one.amends(run):
                _say(run, words, scores, notes)
    for run in runs:
        if run.state in ("sealed", "damaged"):
            run.aliases = sorted(alias for alias, link in owners.items() if link is not None and points(link, run))


def _say(run: Seen, words: Mapping[str, Any], scores: Mapping[str, Any], notes: list[str]) -> None:
    labels = {**run.labels, **words["labels"]}
    run.labels = {name: value for name, value in labels.items() if value is not None}
    run.scores = {**run.scores, **scores}
    run.name = words.get("name", run.name)
    run.texts = [*run.texts, *notes]


def listed(
    runs: Iterable[Seen], fits: Callable[[Seen], bool], key: Callable[[Seen], Any] | None = None, *, down: bool = True
) -> list[Seen]:
    """Those that fit, newest first; or by a key, those for whom it is `None` last."""
    found = sorted((run for run in runs if fits(run)), key=lambda run: run.place, reverse=True)
    if key is None:
        return found
    there = sorted((run for run in found if key(run) is not None), key=key, reverse=down)
    return there + [run for run in found if key(run) is None]


def found_by(runs: Mapping[str, Seen], sha256: str) -> list[tuple[str, str, str, str]]:
    """Id, role, name and type of all sealed runs that made or read some bytes, newest first."""
    sealed = listed(runs.values(), lambda run: run.state == "sealed")
    return [(run.run_id, *use) for run in sealed for use in run.uses(sha256)]


def lineage(runs: Mapping[str, Seen], start: str) -> tuple[set[str], set[str], set[Edge]]:
    """Runs, bytes and edges that are reached upwards and downwards, each state of the walk looked at once."""
    sealed = {run_id: run for run_id, run in runs.items() if run.state in ("sealed", "damaged")}
    reached, edges = set(), set()
    for step in (_above, _below):
        left: list[tuple[str, Place | None]] = [(start, None)]
        seen = set()
        while left:
            here = left.pop()
            if here not in seen:
                seen.add(here)
                reached.add(here[0])
                for there, moment, edge in step(sealed, *here):
                    edges.add(edge)
                    left.append((there, moment))
    met = {node.removeprefix("run:") for node in reached if node.startswith("run:")}
    return met & set(sealed), {node for node in reached if node.startswith("sha256:")}, edges


Step = tuple[str, Place | None, Edge]


def _above(runs: Mapping[str, Seen], node: str, moment: Place | None) -> Iterator[Step]:
    run = runs.get(node.removeprefix("run:"))
    if run is not None:
        for bytes_read in {f"sha256:{sha256}" for _, _, sha256 in run.inputs if sha256}:
            yield bytes_read, run.place, (bytes_read, node, "read")
        for link in run.links:
            target = f"run:{link['run_id']}"
            yield target, None, (target, node, link["rel"])
    for maker in runs.values():
        made = any(f"sha256:{sha256}" == node for _, _, sha256 in maker.outputs)
        if made and (moment is None or maker.place <= moment):
            yield f"run:{maker.run_id}", None, (f"run:{maker.run_id}", node, "made")


def _below(runs: Mapping[str, Seen], node: str, moment: Place | None) -> Iterator[Step]:
    run = runs.get(node.removeprefix("run:"))
    if run is not None:
        for bytes_made in {f"sha256:{sha256}" for _, _, sha256 in run.outputs if sha256}:
            yield bytes_made, run.place, (node, bytes_made, "made")
        for other in runs.values():
            for link in other.links:
                if link["run_id"] == run.run_id:
                    yield f"run:{other.run_id}", None, (node, f"run:{other.run_id}", link["rel"])
    for reader in runs.values():
        reads = any(f"sha256:{sha256}" == node for _, _, sha256 in reader.inputs)
        if reads and (moment is None or reader.place >= moment):
            yield f"run:{reader.run_id}", None, (node, f"run:{reader.run_id}", "read")


def below(runs: Mapping[str, Seen], run_id: str) -> dict[str, set[str]]:
    """Every run below a run, and the parents by which it is found there."""
    found: dict[str, set[str]] = {}
    left, seen = [run_id], set()
    while left:
        here = left.pop()
        if here in seen:
            continue
        seen.add(here)
        linked = {
            run.run_id
            for run in runs.values()
            if any(link["rel"] == "child-of" and link["run_id"] == here for link in run.links)
        }
        told = set(runs[here].children) if here in runs and runs[here].state == "sealed" else set()
        for child in linked | told:
            found.setdefault(child, set()).add(here)
            left.append(child)
    found.pop(run_id, None)
    return found
