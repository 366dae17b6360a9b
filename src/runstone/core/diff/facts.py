"""What a comparison looks at, folded from a journal in one pass. Log lines and a caller's own events are not parsed."""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.card import labels_now
from runstone.core.diff.printed import is_printed
from runstone.core.digests import sha256_hex
from runstone.core.evaluation.citations import Citations
from runstone.core.totals import add_metrics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Final

    from runstone.core.journal import Journal

_LOG: Final = "log"
ARTIFACT_FIELDS: Final = ("name", "type", "sha256", "size", "ref", "media_type", "path")


class Call:
    """A tool call: what was asked and answered, as digests, and the line of the journal that it stands in."""

    __slots__ = ("args_sha256", "line", "name", "result_sha256", "status")

    def __init__(self, data: dict[str, Any], line: int) -> None:
        self.line = line
        self.name: str = data["name"]
        self.args_sha256 = _sha256(data["args"])
        self.result_sha256: str | None = None
        self.status = "open"

    def answer(self, data: dict[str, Any]) -> None:
        """Take in a `tool.returned`."""
        self.result_sha256 = None if data["result"] is None else _sha256(data["result"])
        self.status = data["status"]

    def key(self) -> tuple[str, str, str, str]:
        """What the outcome digest covers of it."""
        return self.name, self.args_sha256, self.result_sha256 or "", self.status

    def as_dict(self) -> dict[str, Any]:
        """The fields, for an answer; the name stands beside them."""
        return {field: getattr(self, field) for field in ("line", "status", "args_sha256", "result_sha256")}


class RunFacts:
    """One run as a comparison sees it: what it recorded, and what `amend` takes in of what was said of it since."""

    def __init__(self, journal: Journal) -> None:
        self.opened: dict[str, Any] = journal.opened["data"]
        self.closed: dict[str, Any] = journal.closed["data"]
        self.labels: dict[str, str] = self.opened["labels"]
        self.git: dict[str, Any] | None = self.opened["git"] and {"dirty": None, **self.opened["git"]}
        self.config: dict[str, Any] | None = None
        self.inputs: list[dict[str, Any]] = []
        self.outputs: list[dict[str, Any]] = []
        self.checks: list[tuple[str, str]] = []
        self.decision: dict[str, Any] | None = None
        self.scores: list[tuple[str, Any]] = []
        self.scored: dict[str, dict[str, Any]] = {}
        """The last score of each name, as it was recorded."""
        self.sampled: dict[str, dict[str, Any]] = {}
        """The last one that has samples."""
        self.citations = Citations()
        self.given: dict[str, Any] = {}
        """Scores that were given after the seal."""
        self.override: dict[str, Any] | None = None
        """What the decision was overridden by after the seal."""
        self.metrics: dict[str, dict[str, Any]] = {}
        self._journal = journal
        self.called: dict[str, Call] = {}
        for event in journal.events(*_TAKEN):
            _TAKEN[event["type"]](self, event["data"], event["seq"] + 1)

    def amend(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Take in what was said of the run since it was sealed, the oldest first."""
        self.labels = labels_now(self.labels, [told["labels"] for told in history])
        for told in history:
            self.given.update(told["scores"])
            if "override" in told:
                self.override = {"by": told["by"], **told["override"]}

    def counts(self) -> dict[str, int]:
        """How many events of each type there are, the pieces left out in which a command's output was read: their
        number is chance. Reads the journal where there is a log."""
        found = {kind.decode(): span.count for kind, span in self._journal.index.types.items()}
        if _LOG in found:
            found[_LOG] -= sum(map(is_printed, self._journal.lines()))
        return found

    @property
    def calls(self) -> list[Call]:
        """Tool calls in the order of calling; of an id the first call, and its last answer."""
        return list(self.called.values())


def _git(facts: RunFacts, data: dict[str, Any], _: int) -> None:
    facts.git = {field: data[field] for field in ("sha", "ref", "dirty")}


def _config(facts: RunFacts, data: dict[str, Any], _: int) -> None:
    facts.config = data


def _input(facts: RunFacts, data: dict[str, Any], _: int) -> None:
    facts.inputs.append(_artifact(data))


def _output(facts: RunFacts, data: dict[str, Any], _: int) -> None:
    facts.outputs.append(_artifact(data))


def _check(facts: RunFacts, data: dict[str, Any], _: int) -> None:
    facts.checks.append((data["id"], data["status"]))


def _decision(facts: RunFacts, data: dict[str, Any], _: int) -> None:
    if data["call"] is None:
        facts.decision = data


def _score(facts: RunFacts, data: dict[str, Any], _: int) -> None:
    facts.scores.append((data["name"], data["value"]))
    facts.scored[data["name"]] = data
    if isinstance(data.get("samples"), list):
        facts.sampled[data["name"]] = data


def _evidence(facts: RunFacts, data: dict[str, Any], _: int) -> None:
    facts.citations.evidence(data)


def _citation(facts: RunFacts, data: dict[str, Any], _: int) -> None:
    facts.citations.citation(data)


def _metric(facts: RunFacts, data: dict[str, Any], _: int) -> None:
    add_metrics(facts.metrics, data["values"])


def _called(facts: RunFacts, data: dict[str, Any], line: int) -> None:
    if data["call"] not in facts.called:
        facts.called[data["call"]] = Call(data, line)


def _returned(facts: RunFacts, data: dict[str, Any], _: int) -> None:
    call = facts.called.get(data["call"])
    if call is not None:
        call.answer(data)


_TAKEN: Final[dict[str, Callable[[RunFacts, dict[str, Any], int], None]]] = {
    "git": _git,
    "config": _config,
    "input": _input,
    "output": _output,
    "check": _check,
    "decision": _decision,
    "score": _score,
    "evidence": _evidence,
    "citation": _citation,
    "metric": _metric,
    "tool.called": _called,
    "tool.returned": _returned,
}
"""Event type → what takes its data, and the line that it stands in."""


def _artifact(data: dict[str, Any]) -> dict[str, Any]:
    """The fields that are compared, and whether the bytes that are kept may hold a secret."""
    anyway = data.get("kept_anyway")
    return {
        **{field: data[field] for field in ARTIFACT_FIELDS},
        "problem": data.get("problem"),
        "secrets": isinstance(anyway, dict) and anyway.get("rules") != [],
    }


def _sha256(value: Any) -> str:
    return sha256_hex(canonical_bytes(value))
