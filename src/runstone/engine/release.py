"""A verdict in the run that it judges, while that is open: whether what was made may be released.

A gate is strict: a rule that is none, a baseline that cannot be read, a verdict that cannot be recorded raise, whatever
the run is. It judges what is in the journal, so what was lost is missing.
"""

from __future__ import annotations

from runstone.core.diff.comparison import Side
from runstone.core.journal import split_lines, type_of
from runstone.core.judgement.verdict import judge
from runstone.core.outcome import outcome_digest
from runstone.core.recorded import VERDICT
from runstone.core.words import SUCCESS, status_from_checks
from runstone.engine.comparer import side_of, with_opened
from runstone.engine.judge import hide_rules, parsed_rules
from runstone.engine.so_far import BLANK, journal_so_far
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from runstone.core.journal import Journal
    from runstone.core.judgement.rule import Rule
    from runstone.core.judgement.verdict import Verdict
    from runstone.engine.reader import Sealed
    from runstone.engine.recorder import Run


def judge_open(run: Run, rules: Iterable[str], baseline: str | Sealed | None) -> Verdict:
    """The verdict on an open run, recorded in it.

    Raises `invalid_option`, `store_unavailable` where it cannot be recorded, errors as `Store.get`, `bundle_damaged`.
    """
    parsed = parsed_rules(rules)
    journal = _journal(run) if run.recording else None
    if journal is None:
        raise not_recorded(run.run_id)
    side = _side(run, journal)

    def beside(chosen: str | Sealed | None) -> Verdict:
        sides = [] if chosen is None else [chosen]
        return with_opened(run.store.get, sides, lambda found: _judged(run, side, found, parsed))

    verdict = beside(baseline) if run.replay is None else run.replay.judged(baseline, beside)
    hide_rules(verdict, run.redactor)
    verdict.run_id = run.run_id
    _record(run, verdict)
    return verdict


def _journal(run: Run) -> Journal | None:
    """The journal as it stands; it ends as its checks say."""
    journal = journal_so_far(run.writer, {**BLANK, "status": SUCCESS})
    earned = SUCCESS if journal is None else status_from_checks([data["status"] for data in journal.data("check")])
    return journal if earned == SUCCESS else journal_so_far(run.writer, {**BLANK, "status": earned})


def _record(run: Run, verdict: Verdict) -> None:
    """Record it, and see that it is there."""
    writer, before = run.writer, run.writer.size
    writer.record(VERDICT, verdict.event())
    lines = split_lines(writer.journal.read(before, writer.size)) if writer.journal is not None else ()
    if not any(type_of(line) == VERDICT for line in lines):
        raise not_recorded(run.run_id)


def not_recorded(run_id: str) -> Exception:
    """What a verdict raises that no record would tell of."""
    return error(
        "store_unavailable", f"run {run_id} records nothing: a verdict is recorded, or not given", run_id=run_id
    )


def _judged(run: Run, side: Side, found: list[Sealed], rules: list[Rule]) -> Verdict:
    if not found:
        return judge(side, None, rules)
    with found[0].reading():
        return judge(side, side_of(found[0], run.store.annotations), rules)


def _side(run: Run, journal: Journal) -> Side:
    """What names the run; it has no digest yet, and what it keeps is compared by digest."""
    opened = journal.opened["data"]
    about: dict[str, Any] = {
        "run_id": run.run_id,
        "kind": opened["kind"],
        "version": opened["version"],
        "contract": f"{opened['contract']['name']}/{opened['contract']['version']}",
        "status": run.status,
        "opened_at": journal.opened["ts"],
        "closed_at": None,
        "digest": None,
        "outcome_digest": outcome_digest(journal),
        "path": None,
    }
    return Side(about, journal, {}, _nothing_kept)


def _nothing_kept(path: str) -> bytes:
    raise KeyError(path)
