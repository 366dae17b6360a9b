"""What a sweep found, for people, for programs and as an exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from crashpoints.checking import Failure
from crashpoints.explore import Findings
from crashpoints.states import History

_SHOWN_CHANGES = 12


@dataclass(frozen=True)
class Report:
    """A finished sweep and the number of states it had to reach."""

    name: str
    history: History
    findings: Findings
    seed: int
    min_states: int

    @property
    def passed(self) -> bool:
        """Whether every checked state was good and there were enough of them."""
        return not self.findings.failures and not self.too_few

    @property
    def too_few(self) -> bool:
        """Whether fewer states were checked than were asked for."""
        return self.findings.states < self.min_states

    def summary(self) -> str:
        """One line that a program can read."""
        found = self.findings
        return (
            f"crashpoints: {self.name} states={found.states} kill={found.checked['kill']}"
            f" power={found.checked['power']} failing={len(found.failures)} minimum={self.min_states}"
        )

    def as_json(self) -> str:
        """The whole report; failures have no `kept` when nothing was saved."""
        found = self.findings
        document = {
            "name": self.name,
            "operations": len(self.history.ops),
            "crash_points": len(self.history.ops) + 1,
            "crash_points_visited": len(found.visited),
            "checked": found.checked,
            "states": found.states,
            "minimum": self.min_states,
            "failures": [_failure_document(failure) for failure in found.failures],
            "stopped_by": found.stopped_by,
            "seconds": found.seconds,
            "seed": self.seed,
            "model": self.history.model,
            "warnings": list(self.history.warnings),
        }
        return json.dumps(document, indent=2)

    def lines(self, shown_failures: int) -> Iterator[str]:
        """The report for people; its last line is the summary."""
        found, points = self.findings, len(self.history.ops) + 1
        yield (
            f"{len(self.history.ops)} recorded operations; {found.checked['kill']} kill and "
            f"{found.checked['power']} power-loss states at {len(found.visited)} of {points} crash points "
            f"checked in {found.seconds} s (model {self.history.model}, seed {self.seed})"
        )
        yield from (f"note: {warning}" for warning in self.history.warnings)
        if found.stopped_by:
            yield f"note: stopped by the {found.stopped_by}; more states remain"
        yield from self._verdict(shown_failures)
        yield self.summary()

    def _verdict(self, shown_failures: int) -> Iterator[str]:
        failures = self.findings.failures
        if failures:
            yield f"FAIL: the check failed in {len(failures)} states; the simplest first"
        for failure in failures[:shown_failures]:
            yield from _failure_lines(failure)
        if len(failures) > shown_failures:
            yield f"\n... and {len(failures) - shown_failures} more (see --json)"
        if self.too_few:
            states = self.findings.states
            yield f"FAIL: only {states} distinct states were checked; the minimum is {self.min_states}"
        if self.passed:
            yield "PASS: the check succeeded in every state that was tried"


def operation_lines(history: History) -> Iterator[str]:
    """Every recorded op and what made it durable."""
    for op in history.ops:
        note = ""
        if op.losable:
            since = history.durable_since.get(op.index)
            note = "  (never made durable)" if since is None else f"  (durable from op {since})"
        yield f"  op {op.index:4} {op.text}{note}"


def _failure_document(failure: Failure) -> dict[str, object]:
    return {key: value for key, value in asdict(failure).items() if value is not None}


def _failure_lines(failure: Failure) -> Iterator[str]:
    yield f"\n[{failure.id}] {failure.kind}: crash after: {failure.crash_after}"
    yield from (f"    {change}" for change in failure.changes[:_SHOWN_CHANGES])
    if len(failure.changes) > _SHOWN_CHANGES:
        yield f"    ... and {len(failure.changes) - _SHOWN_CHANGES} more"
    if failure.printed:
        yield f"    printed before: {failure.printed!r}"
    yield f"    check: status {failure.status}"
    yield from (f"    | {line}" for line in failure.output.strip().splitlines()[-3:])
    if failure.kept:
        yield f"    kept in {failure.kept}"
