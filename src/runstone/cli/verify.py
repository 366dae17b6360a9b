"""`runstone verify`: what holds, what does not, and what was not checked, for one bundle or for a whole store."""

from __future__ import annotations

import os
from typing import Any, Final

import click

from runstone.api import verify as verify_path
from runstone.cli.fleet import Fleet, verify_all
from runstone.cli.measures import count_text
from runstone.cli.parameters import json_option, run_argument, store_option
from runstone.cli.rendering import Cell, Screen, Span, print_json, say
from runstone.cli.runs import existing, nothing_in, unsealed_hint
from runstone.core.digests import parse_digest
from runstone.engine.store import Store
from runstone.engine.verifier import FAULT, SECRETS, STEPS, Report
from runstone.errors import RunstoneError, error
from runstone.locate import hidden, open_store

BAD: Final = 1
STEP_CELLS: Final = 44
NEEDED_STEPS: Final = frozenset(range(10))
"""Without the last one, published copies, which most contracts do not make."""


@click.command()
@run_argument("[RUN|PATH]")
@click.option("--all", "everything", is_flag=True, help="Every run of the store, in parallel.")
@click.option("--quick", is_flag=True, help="Read manifest and journal only; the answer names what was not read.")
@click.option("--secrets", is_flag=True, help="Search every file for secrets too; each one is a fault.")
@click.option("--digest", metavar="DIGEST", help="A run digest from elsewhere (sha256:<hex>) that the run must have.")
@store_option()
@json_option("Print the report as one JSON object.")
def command(
    run: str | None,
    store: str | None,
    digest: str | None,
    *,
    everything: bool,
    quick: bool,
    secrets: bool,
    as_json: bool,
) -> int:
    """Prove that a run is as it was sealed, or name each fault. Nothing is trusted and nothing is changed.

    RUN may also be the PATH of a bundle: a folder, a tar or zip archive. A run of the store comes first; write
    ./NAME for a folder in the working directory.

    With --secrets, for a bundle that came from elsewhere: its secrets, by file, line and rule, never by value, and
    those of this environment. They change nothing of the proof.

    The answer ends with what was not checked. Without --digest that includes the one thing that no bundle can
    prove of itself: that it was not rewritten as a whole.
    """
    if everything == (run is not None) or (everything and digest is not None):
        raise error("invalid_option", "give one RUN or PATH, or --all (without --digest)", option="--all")
    if quick and secrets:
        raise error("invalid_option", "--quick reads few files, --secrets all", option="--secrets")
    if digest is not None:
        parse_digest(digest)
    if run is None:
        return _verify_all(open_store(store), quick=quick, secrets=secrets, as_json=as_json)
    report = _report(run, store, quick=quick, digest=digest, secrets=secrets)
    if as_json:
        print_json(report.as_dict())
    else:
        print_report(Screen(), report, run)
    return 0 if report.ok else BAD


def _report(run: str, store: str | None, *, quick: bool, digest: str | None, secrets: bool) -> Report:
    if os.path.dirname(run):
        return verify_path(run, quick=quick, digest=digest, secrets=secrets)
    opened = open_store(store)
    try:
        return opened.verify(run, quick=quick, digest=digest, secrets=secrets)
    except RunstoneError as exc:
        if exc.code == "run_is_open":
            raise _not_yet(opened, str(exc.details["run_id"])) from exc
        if exc.code != "run_not_found" or not os.path.lexists(run):
            raise
    return verify_path(run, quick=quick, digest=digest, secrets=secrets)


def _not_yet(store: Store, run_id: str) -> RunstoneError:
    alive = store.journals.alive(run_id)
    hint = unsealed_hint(store, run_id, alive=alive)
    message = f"run {run_id} is not sealed yet, and can be verified once it is; {hint}"
    return error("run_is_open", message, run_id=run_id)


def print_report(screen: Screen, report: Report, name: str) -> None:
    """The verdict, a line a step, every finding, and what was not checked."""
    begun = {int(text.partition(" ")[0]) for text in report.checked}
    screen.line(Span(report.run_id or hidden(name), "bold"), "  ", _verdict(report, begun))
    if report.digest is not None:
        screen.facts([("digest", [report.digest])])
    screen.line()
    for number, step in enumerate([*STEPS, SECRETS] if len(STEPS) in begun else STEPS):
        findings = [finding.as_dict() for finding in report.findings if finding.step == number]
        screen.line(f"{number:>2}  {step.ljust(STEP_CELLS)}", _mark(number in begun, findings))
        for finding in findings:
            _print_finding(screen, finding)
    screen.heading("NOT CHECKED")
    for text in report.not_checked:
        screen.wrapped("  -", [text], indent=4)


def _verdict(report: Report, begun: set[int]) -> Span:
    faults = sum(finding.level == FAULT for finding in report.findings)
    if faults:
        return Span(count_text(faults, "fault"), "bad")
    return Span("verified" if begun >= NEEDED_STEPS else "no fault in what was read", "good")


def _mark(begun: bool, findings: list[dict[str, Any]]) -> Span:
    if any(finding["level"] == FAULT for finding in findings):
        return Span("FAULT", "bad")
    return Span("ok", "good") if begun else Span("-", "dim")


def _print_finding(screen: Screen, finding: dict[str, Any]) -> None:
    """A finding in the words of the report; a note is no fault."""
    style = "bad" if finding["level"] == FAULT else "warn"
    screen.wrapped("", [Span(finding["code"], style), finding["message"]], indent=4)


def _verify_all(store: Store, *, quick: bool, secrets: bool, as_json: bool) -> int:
    fleet = verify_all(existing(store), quick=quick, secrets=secrets)
    if as_json:
        print_json(fleet.as_dict())
    else:
        _print_fleet(Screen(), store, fleet)
    return 0 if fleet.ok else BAD


def _print_fleet(screen: Screen, store: Store, fleet: Fleet) -> None:
    for report in fleet.reports:
        if report["findings"]:
            verdict = Span("noted", "warn") if report["ok"] else Span("FAULT", "bad")
            screen.line(verdict, f"  {report['run_id']}")
            for finding in report["findings"]:
                _print_finding(screen, finding)
    for name in fleet.foreign:
        screen.line(Span("foreign", "warn"), f"  {name}: not a bundle, not checked")
    if not fleet.reports:
        say(nothing_in(store, "no sealed runs"))
        return
    print_total(screen, fleet, store.url)
    screen.heading("NOT CHECKED")
    for text in fleet.not_checked():
        screen.wrapped("  -", [text], indent=4)


def print_total(screen: Screen, fleet: Fleet, url: str) -> None:
    """How many runs hold, and how many do not."""
    bad = sum(not report["ok"] for report in fleet.reports)
    good = f"{len(fleet.reports) - bad} {'without a fault in what was read' if fleet.quick else 'verified'}"
    faulty: list[Cell] = [", ", Span(f"{bad} with faults", "bad")] if bad else []
    screen.line(f"{count_text(len(fleet.reports), 'run')} in {url}: ", Span(good, "" if bad else "good"), *faulty)
