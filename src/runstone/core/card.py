"""The card of a run: what lists, queries and the catalog know of it. A pure fold of manifest and journal.

- A card is JSON, so that a catalog can keep it; the effective card has the annotations of the run folded in.
- `facts` are what a query asks about: field, text, and number where there is one. They are the index of a catalog.
"""

from __future__ import annotations

from runstone.core import canonical
from runstone.core.digests import sha256_hex
from runstone.core.events import ANNOTATION, CLOSED, OPENED
from runstone.core.fulltext import BORDER, searchable
from runstone.core.times import parse_time
from runstone.core.totals import whole_ms
from runstone.core.words import AMENDS, RUNNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from typing import Any, Final

    from runstone.core.events import Event
    from runstone.core.manifest import Manifest

    Card = dict[str, Any]
    """Fields as `EMPTY` has them."""
    Link = Mapping[str, Any]
    Fact = tuple[str, str, float | None]
    """Field, text, and the number that the text spells."""

FORMAT: Final = "runstone-card/5"
"""Changes whenever the same bundle would get another card."""
SEALED: Final = "sealed"
DAMAGED: Final = "damaged"
GIVEN: Final = "given"
"""The field of a label as the run itself has it, whole, whatever was said since: for contracts, whose runs are known
by it."""

MAX_SETTINGS: Final = 10_000
"""So many values of a configuration can be asked for."""
MAX_FACT_CHARACTERS: Final = 512
"""A longer text can be asked for by what it begins with."""
LOG_HEAD_CHARACTERS: Final = 4_096
"""So much of a run's log can be searched for words."""

EVENTS: Final = frozenset(
    {OPENED, CLOSED, "config", "input", "output", "check", "metric", "score", "decision", "note", ANNOTATION, "log"}
)
"""Types of events of which something is on the card."""

EMPTY: Final[Card] = {
    "run_id": None,
    "kind": None,
    "version": None,
    "contract": None,
    "status": None,
    "state": None,
    "opened_at": None,
    "closed_at": None,
    "duration_ms": None,
    "digest": None,
    "outcome_digest": None,
    "name": None,
    "error": None,
    "labels": {},
    "checks": {},
    "metrics": {},
    "scores": {},
    "config": {},
    "inputs": [],
    "outputs": [],
    "decision": None,
    "links": [],
    "aliases": [],
    "annotation": None,
    "words": "",
}
_FILLED: Final = tuple((key, type(value)) for key, value in EMPTY.items() if isinstance(value, (dict, list)))
"""What of it grows while a card is made: each card has its own."""
ROW_FIELDS: Final = (
    "run_id", "kind", "name", "contract", "status", "state", "opened_at", "closed_at", "duration_ms", "digest",
)  # fmt: skip
"""What a list shows of a run."""


class CardMaker:
    """Makes the card of a run from its events, in order; it holds no event."""

    def __init__(self) -> None:
        self._card: Card = {**EMPTY, **{key: kind() for key, kind in _FILLED}}
        self._log: list[str] = []
        self._log_room = LOG_HEAD_CHARACTERS
        self._notes: list[str] = []

    @property
    def wants_log(self) -> bool:
        """Whether the head of the log is not whole yet; further `log` events say nothing."""
        return self._log_room > 0

    def add(self, event: Event) -> None:
        """Take in the next event of a type in `EVENTS`."""
        take = self._TAKERS.get(event["type"])
        if take is not None:
            take(self, event)

    def sealed(self, manifest: Manifest, digest: str) -> Card:
        """The card of a sealed run."""
        contract = manifest["contract"]
        self._card.update(
            {key: manifest[key] for key in ("run_id", "kind", "status", "opened_at", "closed_at", "links")},
            contract=f"{contract['name']}/{contract['version']}",
            outcome_digest=manifest["outcome_digest"],
            digest=digest,
            state=SEALED,
        )
        return self._whole()

    def open(self, run_id: str, *, alive: bool) -> Card:
        """The card of a run that is not sealed; of one whose process died the status is what recovery makes of it."""
        self._card.update(
            run_id=run_id,
            status=RUNNING if alive else "interrupted",
            state="open" if alive else "to recover",
            closed_at=None,
            duration_ms=None,
        )
        return self._whole()

    def _whole(self) -> Card:
        card = self._card
        if card["annotation"] is not None:
            card["annotation"]["notes"] = self._notes
        texts = [card["kind"], card["name"], card["error"], *self._notes, "".join(self._log)]
        card["words"] = searchable(text for text in (*texts, *label_texts(card["labels"])) if text)
        return card

    def _opened(self, event: Event) -> None:
        data = event["data"]
        contract = data["contract"]
        self._card.update(
            {key: data[key] for key in ("run_id", "kind", "version", "labels", "links")},
            contract=f"{contract['name']}/{contract['version']}",
            opened_at=event["ts"],
        )

    def _closed(self, event: Event) -> None:
        data = event["data"]
        failure = data["error"]
        if isinstance(failure, dict):
            failure = " ".join(str(failure[key]) for key in ("type", "code", "message") if failure.get(key))
        opened = self._card["opened_at"]
        self._card.update(
            error=None if failure is None else str(failure)[:LOG_HEAD_CHARACTERS],
            duration_ms=None if opened is None else whole_ms(data["duration_ns"], opened, event["ts"]),
        )

    def _config(self, event: Event) -> None:
        self._card["config"] = dict(_leaves(event["data"]["value"]))

    def _artifact(self, event: Event) -> None:
        data = event["data"]
        self._card[event["type"] + "s"].append([data["name"], data["type"], data["sha256"], data["ref"]])

    def _check(self, event: Event) -> None:
        self._card["checks"][event["data"]["id"]] = event["data"]["status"]

    def _metric(self, event: Event) -> None:
        self._card["metrics"].update(event["data"]["values"])

    def _score(self, event: Event) -> None:
        self._card["scores"][event["data"]["name"]] = event["data"]["value"]

    def _decision(self, event: Event) -> None:
        data = event["data"]
        if data["call"] is None:
            policy = data["policy"]
            self._card["decision"] = {
                "outcome": data["outcome"],
                "risk_level": data["risk_level"],
                "score": _brief(data["score"]),
                "policy": policy and {key: _brief(policy.get(key)) for key in ("name", "version", "sha256")},
                "facts_sha256": _facts_sha256(data["details"]),
            }

    def _note(self, event: Event) -> None:
        self._notes.append(event["data"]["text"][:LOG_HEAD_CHARACTERS])

    def _annotation(self, event: Event) -> None:
        self._card["annotation"] = dict(event["data"])

    def _logged(self, event: Event) -> None:
        if self._log_room > 0:
            data = event["data"]
            text = data.get("text") or data.get("latin1") or ""
            text = text[: self._log_room] + ("" if "stream" in data else "\n")
            self._log.append(text)
            self._log_room -= len(text)

    _TAKERS: Final = {
        OPENED: _opened,
        CLOSED: _closed,
        "config": _config,
        "input": _artifact,
        "output": _artifact,
        "check": _check,
        "metric": _metric,
        "score": _score,
        "decision": _decision,
        "note": _note,
        ANNOTATION: _annotation,
        "log": _logged,
    }


def damaged_card(run_id: str) -> Card:
    """The card of a bundle that cannot be read."""
    return {**EMPTY, "run_id": run_id, "status": DAMAGED, "state": DAMAGED}


def row_of(card: Mapping[str, Any]) -> dict[str, Any]:
    """What a list shows of a card."""
    return {field: card[field] for field in ROW_FIELDS}


def label_texts(labels: Mapping[str, str]) -> list[str]:
    """Labels as texts that can be searched."""
    return [f"{name} {value}" for name, value in sorted(labels.items())]


def place_of(card: Mapping[str, Any]) -> tuple[str, str]:
    """What runs are ordered by: when it was opened, and its id."""
    return card["opened_at"] or "", card["run_id"]


def amended(card: Mapping[str, Any]) -> list[Link]:
    """The links of an annotation to the runs that it is of."""
    if card["annotation"] is None:
        return []
    return [link for link in card["links"] if link["rel"] == AMENDS]


def is_of(link: Link, card: Mapping[str, Any]) -> bool:
    """Whether a link is to this run: by its id, and to these very bytes where both say which they are."""
    same = link["digest"] == card["digest"] or None in (link["digest"], card["digest"])
    return same and bool(link["run_id"] == card["run_id"])


def amends(annotation: Mapping[str, Any], card: Mapping[str, Any]) -> bool:
    """Whether an annotation is of this run."""
    return any(is_of(link, card) for link in amended(annotation))


def labels_now(recorded: Mapping[str, str], changes: Iterable[Mapping[str, str | None]]) -> dict[str, str]:
    """Labels with what was given and (as null) taken away since, the oldest change first."""
    labels: dict[str, str | None] = dict(recorded)
    for change in changes:
        labels.update(change)
    return {label: value for label, value in labels.items() if value is not None}


def annotated(card: Card, annotations: Iterable[Mapping[str, Any]], aliases: list[str]) -> Card:
    """The effective card: what annotations say of the run, the oldest first, and the aliases that it has now."""
    annotations = list(annotations)
    labels = labels_now(card["labels"], [annotation["annotation"]["labels"] for annotation in annotations])
    scores, texts, name, decision = dict(card["scores"]), [], card["name"], card["decision"]
    for annotation in annotations:
        given = annotation["annotation"]
        scores.update(annotation["scores"])
        name = given.get("name", name)
        texts += given.get("notes", ())
        if decision is not None and "override" in given:
            decision = {**decision, "outcome": given["override"]["outcome"], "by": given.get("by")}
    aliases = sorted(aliases)
    recorded = card["words"].removesuffix(searchable(label_texts(card["labels"])))
    since = searchable([*([name] if name else []), *aliases, *texts, *label_texts(labels)])
    words = f"{recorded} {BORDER} {since}" if since else recorded
    said = {"labels": labels, "scores": scores, "name": name, "aliases": aliases, "decision": decision}
    return {**card, **said, GIVEN: card["labels"], "words": words}


def folded(cards: list[Card]) -> list[Card]:
    """Cards with their annotations; an alias is the run's that the newest annotation with that alias names."""
    by_target: dict[str, list[tuple[Link, Card]]] = {}
    owners: dict[str, Link | None] = {}
    for annotation in sorted((card for card in cards if card["annotation"] is not None), key=place_of):
        for link in amended(annotation):
            by_target.setdefault(link["run_id"], []).append((link, annotation))
            for alias, given in annotation["annotation"].get("aliases", {}).items():
                owners[alias] = link if given else None
    found = []
    for card in cards:
        annotations = [one for link, one in by_target.get(card["run_id"], ()) if is_of(link, card)]
        aliases = [alias for alias, link in owners.items() if link is not None and is_of(link, card)]
        found.append(annotated(card, annotations, aliases) if annotations else card)
    return found


def facts(card: Mapping[str, Any], families: Collection[str] | None = None) -> Iterator[Fact]:
    """All that can be asked of a card, but for its words; the same fact may come twice.

    With `families` (what fields begin with, up to a dot) at least the facts of these: one look at a card costs less.
    """
    for field in ("id", "kind", "status", "contract", "name", "digest", "outcome"):
        text = card[_HOMES.get(field, field)]
        if text is not None:
            yield field, text[:MAX_FACT_CHARACTERS], None
    if card["contract"] is not None:
        yield "contract", card["contract"].partition("/")[0], None
    if card["opened_at"] is not None and (families is None or "opened" in families):
        yield "opened", card["opened_at"], parse_time(card["opened_at"]) / 1000
    if card["duration_ms"] is not None:
        yield "duration", str(card["duration_ms"]), card["duration_ms"] / 1000
    for name, value in card["labels"].items():
        yield f"label.{name}", value[:MAX_FACT_CHARACTERS], None
    for name, value in card.get(GIVEN, card["labels"]).items():
        yield f"{GIVEN}.{name}", value, None
    for name, value in card["checks"].items():
        yield f"check.{name}", value, None
    for family, part in (("metric", "metrics"), ("score", "scores"), ("config", "config")):
        if families is None or family in families:
            for name, value in card[part].items():
                yield f"{family}.{name}", *_spelled(value)
    yield from _pointing(card)


_HOMES: Final = {"id": "run_id", "outcome": "outcome_digest"}


def _pointing(card: Mapping[str, Any]) -> Iterator[Fact]:
    """What leads from run to run: bytes, links, aliases; and what was decided."""
    for field in ("input", "output"):
        for name, _, sha256, ref in card[f"{field}s"]:
            yield field, name[:MAX_FACT_CHARACTERS], None
            if sha256 is not None:
                yield field, f"sha256:{sha256}", None
            if ref is not None:
                yield field, ref[:MAX_FACT_CHARACTERS], None
    for link in card["links"]:
        yield f"link.{link['rel']}", link["run_id"], None
    for alias in card["aliases"]:
        yield "alias", alias, None
    if card["annotation"] is not None:
        for alias in card["annotation"].get("aliases", ()):
            yield "naming", alias, None
    if card["decision"] is not None:
        for field, key in (("risk", "risk_level"), ("outcome", "outcome"), ("by", "by")):
            if (text := card["decision"].get(key)) is not None:
                yield f"decision.{field}", text[:MAX_FACT_CHARACTERS], None


def _brief(value: Any) -> Any:
    """Text or a number, as it is shown of a run; nothing of what is neither."""
    if isinstance(value, str):
        return value[:MAX_FACT_CHARACTERS]
    return value if type(value) in (int, float) else None


def _facts_sha256(details: Any) -> str | None:
    """What a decision was made on, by the SHA-256 of the facts as they are recorded: of their canonical JSON, or of the
    text of JSON whose bytes somebody else hashes."""
    if not isinstance(details, dict) or "facts" not in details:
        return None
    facts = details["facts"]
    if isinstance(facts, dict) and facts.keys() == {"$json"} and isinstance(facts["$json"], str):
        return sha256_hex(facts["$json"].encode())
    return sha256_hex(canonical.canonical_bytes(facts))


def _spelled(value: Any) -> tuple[str, float | None]:
    """A value as JSON spells it, text as it is; and the number that it is."""
    if isinstance(value, str):
        return value[:MAX_FACT_CHARACTERS], None
    text = canonical.canonical_bytes(value).decode()
    return text, None if isinstance(value, bool) or value is None or value in ({}, []) else float(value)


def _leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """Values of a tree that hold no others, by JSON Pointer; the first `MAX_SETTINGS`."""
    left: list[tuple[str, Any]] = [("", value)]
    found = 0
    while left and found < MAX_SETTINGS:
        pointer, item = left.pop()
        if isinstance(item, (dict, list)) and item:
            named = item.items() if isinstance(item, dict) else ((str(at), one) for at, one in enumerate(item))
            inside = [(pointer + canonical.pointer([name]), one) for name, one in named]
            left += reversed(inside)
        else:
            found += 1
            yield pointer, item[:MAX_FACT_CHARACTERS] if isinstance(item, str) else item
