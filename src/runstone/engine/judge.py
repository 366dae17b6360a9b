"""Judge a run, perhaps beside a baseline, and record the verdict as a sealed run of kind `judge`.

A verdict is recorded or not given: what keeps it from being recorded raises.
"""

from __future__ import annotations

from runstone.core.judgement.rule import parse_rule
from runstone.core.judgement.verdict import judge
from runstone.core.words import DERIVES_FROM
from runstone.engine.comparer import side_of, with_opened
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final

    from runstone.core.judgement.rule import Rule
    from runstone.core.judgement.verdict import Verdict
    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.reader import Sealed
    from runstone.engine.store import Store

KIND: Final = "judge"


def judge_opened(
    store: Store, open_run: Callable[[Any], Sealed], run: Any, baseline: Any, rules: Iterable[str]
) -> Verdict:
    """The verdict on what `open_run` makes of `run`, and of `baseline` if that is not `None`. As `judge_sealed`."""
    sides = [run] if baseline is None else [run, baseline]
    return with_opened(
        open_run, sides, lambda found: judge_sealed(store, found[0], found[1] if found[1:] else None, rules)
    )


def judge_sealed(store: Store, run: Sealed, baseline: Sealed | None, rules: Iterable[str]) -> Verdict:
    """The verdict on `run`, sealed in `store`. Without a baseline the rules fail that ask for one.

    Raises `invalid_option` for a rule that is none and where there is no rule, `bundle_damaged`, and as a strict run.
    """
    parsed = parsed_rules(rules)
    with (baseline or run).reading(), run.reading():
        beside = None if baseline is None else side_of(baseline, store.annotations)
        verdict = judge(side_of(run, store.annotations), beside, parsed)
    hide_rules(verdict, store.redactor())
    _record(store, verdict)
    return verdict


def parsed_rules(rules: Iterable[str]) -> list[Rule]:
    """Rules as they were written, each once. Raises `invalid_option`."""
    parsed = list({rule.text: rule for rule in map(parse_rule, rules)}.values())
    if not parsed:
        raise error("invalid_option", "a verdict needs a rule: a limit, or something that is required")
    return parsed


def hide_rules(verdict: Verdict, redactor: Redactor) -> None:
    """Rules are texts of the caller's: in a verdict that goes on from here they have no secret, as in its record."""
    for rule in verdict.rules:
        rule["id"] = redactor.text(rule["id"])[0]


def _record(store: Store, verdict: Verdict) -> None:
    links: list[dict[str, Any]] = [
        {"rel": DERIVES_FROM, "run_id": side["run_id"], "digest": side["digest"]}
        for side in (verdict.run, verdict.baseline)
        if side is not None
    ]
    config = {"run": verdict.run["digest"], "baseline": verdict.baseline and verdict.baseline["digest"]}
    config["rules"] = [rule["id"] for rule in verdict.rules]
    with store.run(KIND, config=config, links=links, strict=True) as record:
        if not record.recording:
            raise error("store_unavailable", "recording is switched off: a verdict is recorded, or not given")
        for rule in verdict.rules:
            record.check(rule["id"], rule["status"], id=rule["id"])
        record.event("decision", verdict.decision())
    verdict.run_id, verdict.digest = record.run_id, record.digest
