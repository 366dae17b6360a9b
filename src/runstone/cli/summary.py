"""What `show` says of a run, as one mapping: the kernel's own view of the journal, whatever contract the run has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runstone.contracts.runstone.document import RUN_PATH
from runstone.core.card import labels_now
from runstone.core.journal import Journal
from runstone.core.outcome import run_decision
from runstone.core.parsing import parse_json
from runstone.engine.family import totals
from runstone.engine.publishing import publisher_of
from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.locate import contract_of


def summarize(store: Store, sealed: Sealed) -> dict[str, Any]:
    """Everything about a sealed run but the text of its log. Raises where the journal is not what it should be."""
    journal = sealed.journal()
    children = store.children(sealed.run_id)
    view = _view(journal)
    closed = journal.closed["data"]
    first = ("run_id", "kind", "version")
    said = Said(store, sealed.run_id)
    return {
        **{name: view.pop(name) for name in first},
        "name": said.name,
        "aliases": said.aliases,
        "contract": sealed.contract,
        "status": sealed.status,
        "digest": sealed.digest,
        "outcome_digest": sealed.outcome_digest,
        "path": sealed.path,
        **{name: value for name, value in view.items() if name != "contract"},
        "labels": said.labels(view["labels"]),
        "generator": journal.opened["data"]["generator"],
        "entry": journal.opened["data"]["entry"],
        "imported": journal.opened["data"].get("imported"),
        "children": children,
        "children_total": totals(children),
        "checks": list(journal.data("check")),
        "decision": run_decision(journal),
        "scores": said.scores(journal.data("score")),
        "verdicts": list(journal.data("verdict")),
        "notes": [data["text"] for data in journal.data("note")],
        "annotations": said.history,
        "withdrawn": _withdrawn(store, sealed),
        "exit": closed["exit"],
        "resources": closed["resources"],
        "dropped": list(journal.data("dropped")),
        "torn_bytes": closed["torn_bytes"],
        "lost": closed["lost"],
        "config": _config(journal, view),
        "counts": {**view["counts"], "files": len(sealed.manifest["files"])},
        "event_types": {name.decode(): span.count for name, span in sorted(journal.index.types.items())},
        "files": sealed.manifest["files"],
    }


def _withdrawn(store: Store, sealed: Sealed) -> dict[str, Any] | None:
    """When, by whom and why the published document of a run was taken away: for readers of its contract it is
    deleted."""
    noted = publisher_of(store).withdrawn(sealed.run_id)
    return None if noted is None else {name: noted[name] for name in ("at", "by", "reason")}


class Said:
    """What was said of a run since it was sealed, and what it makes of what was recorded."""

    def __init__(self, store: Store, run_id: str) -> None:
        self.history = store.annotations(run_id)
        self.name = next((told["name"] for told in reversed(self.history) if "name" in told), None)
        self.aliases = sorted(alias for alias, named in store.aliases().items() if named == run_id)

    def labels(self, recorded: dict[str, str]) -> dict[str, str]:
        """Labels with those that were given and taken since."""
        return labels_now(recorded, [told["labels"] for told in self.history])

    def scores(self, recorded: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Scores as recorded, with those that were given since in their places or behind them."""
        given = {name: value for told in self.history for name, value in told["scores"].items()}
        kept = [{**data, "value": given.pop(data["name"], data["value"])} for data in recorded]
        return kept + [{"name": name, "value": value} for name, value in given.items()]


def _view(journal: Journal) -> dict[str, Any]:
    """`run.json` of the default contract, folded from any run's journal."""
    for document in contract_of("runstone", "1").documents(journal):
        if document.path == RUN_PATH:
            view: dict[str, Any] = parse_json(b"".join(document.pieces()))
            return view
    raise AssertionError(f"runstone/1 has no {RUN_PATH}")


def _config(journal: Journal, view: dict[str, Any]) -> dict[str, Any] | None:
    event = journal.last("config")
    return None if event is None else {**(view["config"] or {}), **event["data"]}
