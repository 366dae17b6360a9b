"""The documents of the default contract, `runstone/1`, in print profile `pretty-ascii`.

- `run.json` stands in every bundle; each other document only if what it tells of happened.
- `run.log` is derived: the journal holds the text once.
- Absent means that it did not happen; an empty list means that it happened and was empty.
"""

from __future__ import annotations

from runstone.core.contract import DERIVED, Document, json_document
from runstone.core.outcome import run_decision, tool_calls
from runstone.core.printing import print_pieces
from runstone.core.runlog import log_pieces
from runstone.core.totals import add_metrics, check_summary, duration_ms, git_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.journal import Journal

PROFILE: Final = "pretty-ascii"
RUN_PATH: Final = "run.json"
CONFIG_PATH: Final = "config.snapshot.json"
LOG_PATH: Final = "run.log"


class RunstoneContract:
    """`runstone/1`: the kernel's words, one document a topic."""

    name: Final = "runstone"
    version: Final = "1"

    def documents(self, journal: Journal) -> Iterator[Document]:
        """All documents of a run, sealed ones first, each group in the order of its paths."""
        run_id = journal.opened["data"]["run_id"]
        if journal.count("check"):
            yield json_document("checks.json", _checks(journal, run_id), PROFILE)
        config = _config(journal)
        if config is not None:
            yield config
        decision = run_decision(journal)
        if decision is not None:
            yield json_document("decision.json", {"run_id": run_id, **decision}, PROFILE)
        if journal.count("score"):
            yield _listing(journal, "eval/scorecard.json", run_id, "scores", "score")
        if journal.count("evidence"):
            yield _listing(journal, "evidence.json", run_id, "evidence", "evidence")
        yield json_document(RUN_PATH, _run(journal, config), PROFILE)
        if journal.count("tool.called"):
            yield json_document("tool_calls.json", {"run_id": run_id, "calls": _calls(journal)}, PROFILE)
        if journal.count("log"):
            yield Document(LOG_PATH, lambda: log_pieces(journal), DERIVED)


CONTRACT: Final = RunstoneContract()


def _listing(journal: Journal, path: str, run_id: str, key: str, kind: str) -> Document:
    return json_document(path, {"run_id": run_id, key: journal.array(lambda: journal.data(kind))}, PROFILE)


def _checks(journal: Journal, run_id: str) -> dict[str, Any]:
    return {"run_id": run_id, "checks": journal.array(lambda: journal.data("check")), "summary": check_summary(journal)}


def _config(journal: Journal) -> Document | None:
    """The configuration, printed once: `run.json` names its digest."""
    event = journal.last("config")
    if event is None:
        return None
    printed = list(print_pieces(event["data"], PROFILE))
    return Document(CONFIG_PATH, lambda: iter(printed))


def _calls(journal: Journal) -> list[dict[str, Any]]:
    blank = {"status": "open", "result": None, "error": None, "duration_ns": None, "attempts": 0}
    return [{**called, **(returned or blank)} for called, returned in tool_calls(journal)]


def _run(journal: Journal, config: Document | None) -> dict[str, Any]:
    opened, closed = journal.opened["data"], journal.closed["data"]
    return {
        "run_id": opened["run_id"],
        "kind": opened["kind"],
        "version": opened["version"],
        "contract": opened["contract"],
        "status": closed["status"],
        "opened_at": journal.opened["ts"],
        "closed_at": journal.closed["ts"],
        "duration_ms": duration_ms(journal),
        "labels": opened["labels"],
        "links": opened["links"],
        "argv": opened["argv"],
        "cwd": opened["cwd"],
        "git": git_of(journal),
        "platform": opened["platform"],
        "config": None if config is None else {"path": config.path, "sha256": config.sha256()},
        "inputs": journal.array(lambda: journal.data("input")),
        "outputs": journal.array(lambda: journal.data("output")),
        "metrics": _metrics(journal),
        "counts": {
            "events": journal.index.count,
            "checks": journal.count("check"),
            "warnings": journal.index.warnings,
            "dropped": closed["dropped"],
            "redactions": closed["redactions"],
        },
        "error": closed["error"],
        "result": closed["result"],
    }


def _metrics(journal: Journal) -> dict[str, Any]:
    table: dict[str, dict[str, Any]] = {}
    for data in journal.data("metric"):
        add_metrics(table, data["values"])
    return table
