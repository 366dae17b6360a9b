"""Which runs made or read these bytes, and what led to what: walks over artifacts by digest, and over links."""

from __future__ import annotations

from collections import deque

from runstone.core.card import place_of, row_of
from runstone.core.digests import parse_digest
from runstone.core.terminal import safe_text
from runstone.core.words import LINK_RELATIONS
from runstone.engine.finder import asking
from runstone.errors import error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final, Literal

    from runstone.core.card import Card
    from runstone.core.digests import Digest
    from runstone.engine.finder import Finder

    Direction = Literal["up", "down"]

MADE: Final = "made"
READ: Final = "read"
MAX_NODES: Final = 10_000
"""A walk that has met so many runs and artifacts ends, and says so."""


class Use:
    """A run that made or read some bytes, and under which name. `row` is what a list shows of the run, `decision` what
    its card knows of the decision that it was begun by (`outcome` is the one that counts now), or `None`."""

    __slots__ = ("decision", "name", "role", "row", "type")

    def __init__(self, card: Card, role: str, name: str, kind: str) -> None:
        self.row = row_of(card)
        self.decision: dict[str, Any] | None = card["decision"]
        self.role = role
        self.name = name
        self.type = kind

    def as_dict(self) -> dict[str, Any]:
        """The row with `role` (`made` or `read`), `name` and `type` of the artifact, and the decision."""
        artifact = {"name": self.name, "type": self.type}
        return {**self.row, "role": self.role, "artifact": artifact, "decision": self.decision}


def uses(finder: Finder, digest: Digest) -> list[Use]:
    """Every run that made or read the bytes of a digest, newest first: once for each name that it has for them, as for
    files that are empty."""
    found = {}
    for field in ("output", "input"):
        for card in finder.cards(asking(field, digest)):
            found[card["run_id"]] = card
    newest = sorted(found.values(), key=place_of, reverse=True)
    return [use for card in newest for use in _uses_in(card, digest)]


def _uses_in(card: Card, digest: Digest) -> Iterator[Use]:
    for field, role in (("outputs", MADE), ("inputs", READ)):
        named = {(name, kind): None for name, kind, sha256, _ in card[field] if f"sha256:{sha256}" == digest}
        for name, kind in named:
            yield Use(card, role, name, kind)


class Edge:
    """One step: what it leads from and to (`run:<id>` or `sha256:<hex>`), and `made`, `read` or a link's relation."""

    __slots__ = ("relation", "source", "target")

    def __init__(self, source: str, target: str, relation: str) -> None:
        self.source = source
        self.target = target
        self.relation = relation

    def as_dict(self) -> dict[str, str]:
        """The fields."""
        return {"from": self.source, "to": self.target, "relation": self.relation}


class Lineage:
    """What led to something, and what it led to.

    `runs` are rows by id, `files` names by digest, `edges` point in the direction of the work: from what was read
    to who read it, from who made it to what was made, from the run that a link points at to the one that has the link.
    """

    def __init__(self, start: str) -> None:
        self.start = start
        self.runs: dict[str, dict[str, Any]] = {}
        self.files: dict[str, list[str]] = {}
        self.edges: list[Edge] = []
        self.whole = True
        """Whether the walk came to its end, not to its limit."""

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {
            "start": self.start,
            "runs": list(self.runs.values()),
            "files": [{"digest": digest, "names": names} for digest, names in self.files.items()],
            "edges": [edge.as_dict() for edge in self.edges],
            "whole": self.whole,
        }

    def dot(self) -> str:
        """The graph in the language of Graphviz."""
        fonts = [f'  {thing} [fontname="sans-serif"];' for thing in ("node", "edge")]
        lines = ["digraph lineage {", "  rankdir=LR;", *fonts]
        for run_id, row in self.runs.items():
            label = _label(row["kind"] or "", run_id, row["status"])
            lines.append(f"  {_quoted('run:' + run_id)} [shape=box, label={label}];")
        for digest, names in self.files.items():
            lines.append(f"  {_quoted(digest)} [shape=ellipse, label={_label(*names[:3], digest[:19])}];")
        lines += [f"  {_quoted(e.source)} -> {_quoted(e.target)} [label={_label(e.relation)}];" for e in self.edges]
        return "\n".join([*lines, "}", ""])


def _label(*lines: str) -> str:
    """What Graphviz draws as these lines; of a label it reads the entities of HTML."""
    return _quoted(*(line.replace("&", "&amp;") for line in lines))


def _quoted(*lines: str) -> str:
    """Text in Graphviz's quotes: it has no other escapes than these. No text makes a line or shows a control
    character."""
    shown = (safe_text(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(shown) + '"'


def lineage(finder: Finder, start: str) -> Lineage:
    """Walk up and down from a run (`run:<id>`) or from bytes (`sha256:<hex>`).

    Of the runs that made some bytes those are taken that opened no later than who read them. Raises `invalid_option`
    for what is neither, `invalid_digest`.
    """
    if not isinstance(start, str) or not start.startswith(("run:", "sha256:")):
        message = f"a lineage begins at run:<id> or sha256:<hex>; found {excerpt(start, 140)!r}"
        raise error("invalid_option", message, option="start")
    if start.startswith("sha256:"):
        parse_digest(start)
    found = Lineage(start)
    _Walk(finder, found, "up").go(start)
    _Walk(finder, found, "down").go(start)
    return found


class _Walk:
    """A walk in one direction, breadth first. Each run is left once, each artifact from the widest moment."""

    def __init__(self, finder: Finder, found: Lineage, direction: Direction) -> None:
        self._finder = finder
        self._found = found
        self._up = direction == "up"
        self._seen: dict[str, tuple[str, str] | None] = {}
        self._edges = {(edge.source, edge.target, edge.relation) for edge in found.edges}
        self._left: deque[tuple[str, tuple[str, str] | None]] = deque()

    def go(self, start: str) -> None:
        self._left.append((start, None))
        while self._left:
            if len(self._found.runs) + len(self._found.files) >= MAX_NODES:
                self._found.whole = False
                return
            node, moment = self._left.popleft()
            if not self._wider(node, moment):
                continue
            self._seen[node] = moment
            if node.startswith("run:"):
                for card in self._finder.cards(asking("id", node.removeprefix("run:"))):
                    self._from_run(card)
            else:
                self._from_artifact(node, moment)

    def _wider(self, node: str, moment: tuple[str, str] | None) -> bool:
        """Whether a node is new, or now asked of from a moment that takes in more of the runs around it."""
        if node not in self._seen:
            return True
        before = self._seen[node]
        if before is None or moment is None:
            return before is not None
        return moment > before if self._up else moment < before

    def _from_run(self, card: Card) -> None:
        self._found.runs.setdefault(card["run_id"], row_of(card))
        node = f"run:{card['run_id']}"
        field, relation = ("inputs", READ) if self._up else ("outputs", MADE)
        for name, _, sha256, _ in card[field]:
            if sha256 is not None:
                digest = f"sha256:{sha256}"
                self._name(digest, name)
                self._step(node, digest, relation, place_of(card))
        if self._up:
            for link in card["links"]:
                self._step(node, f"run:{link['run_id']}", link["rel"], None)
            return
        for relation in LINK_RELATIONS:
            for other in self._finder.cards(asking(f"link.{relation}", card["run_id"])):
                self._step(node, f"run:{other['run_id']}", relation, None)

    def _from_artifact(self, digest: str, moment: tuple[str, str] | None) -> None:
        field, relation = ("output", MADE) if self._up else ("input", READ)
        self._found.files.setdefault(digest, [])
        for card in self._finder.cards(asking(field, digest)):
            place = place_of(card)
            if moment is None or (place <= moment if self._up else place >= moment):
                for name, _, sha256, _ in card[f"{field}s"]:
                    if f"sha256:{sha256}" == digest:
                        self._name(digest, name)
                self._step(digest, f"run:{card['run_id']}", relation, None)

    def _name(self, digest: str, name: str) -> None:
        names = self._found.files.setdefault(digest, [])
        if name not in names:
            names.append(name)

    def _step(self, here: str, there: str, relation: str, moment: tuple[str, str] | None) -> None:
        source, target = (there, here) if self._up else (here, there)
        if (source, target, relation) not in self._edges:
            self._edges.add((source, target, relation))
            self._found.edges.append(Edge(source, target, relation))
        self._left.append((there, moment))
