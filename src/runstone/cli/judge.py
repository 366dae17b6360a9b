"""`runstone judge`: a verdict on a run, perhaps beside a baseline, recorded as a run of its own."""

from __future__ import annotations

from typing import Any, Final

import click

from runstone.cli.measures import number_texts
from runstone.cli.parameters import complete_run, json_option, run_argument, store_option
from runstone.cli.rendering import Column, Screen, Span, print_json
from runstone.cli.runs import sealed_or_path
from runstone.core.judgement.verdict import Verdict
from runstone.engine.judge import judge_opened
from runstone.locate import hidden, open_store

FAILED: Final = 1
_STYLES: Final = {"pass": "good", "fail": "bad"}
_COLUMNS: Final = (
    Column("RESULT"),
    Column("RULE", flexible=True),
    Column("BASELINE", right=True, keep=1),
    Column("MEASURED", right=True),
    Column("LIMIT", right=True),
    Column("WHY"),
)


@click.command()
@run_argument()
@click.option("--baseline", metavar="RUN", shell_complete=complete_run, help="The run to judge beside.")
@click.option(
    "--max",
    "maxima",
    metavar="RULE",
    multiple=True,
    help="metric.NAME:LIMIT, score.NAME:LIMIT or worse.SCORE:N: no more. May be repeated, as those below.",
)
@click.option("--min", "minima", metavar="RULE", multiple=True, help="metric.NAME:LIMIT or score.NAME:LIMIT: no less.")
@click.option("--meet", metavar="SCORE", multiple=True, help="score.NAME, or scores: as good as its own threshold.")
@click.option("--cited", is_flag=True, help="Something was cited, and all of it was retrieved.")
@click.option("--require", metavar="CHECK", multiple=True, help="check.ID: it is there, and passed.")
@click.option("--require-same", "same", metavar="SECTION", multiple=True, help="outcome, config, …: no difference.")
@store_option()
@json_option("Print the verdict as one JSON object.")
def command(
    run: str,
    baseline: str | None,
    maxima: tuple[str, ...],
    minima: tuple[str, ...],
    meet: tuple[str, ...],
    require: tuple[str, ...],
    same: tuple[str, ...],
    store: str | None,
    *,
    cited: bool,
    as_json: bool,
) -> int:
    """Judge RUN by the rules given, and record the verdict in the store. Status 1 if a rule fails.

    RUN and the baseline may also be PATHs of bundles: folders, tar or zip archives.

    A LIMIT with a sign is a distance from the baseline's last value, as +2% or -0.01; without a sign it is the limit
    itself. A value that is missing or is no number fails, and so does a missing baseline where a rule needs one.
    worse.SCORE counts samples that got worse, went away, or changed in an unclear way. The verdict is a sealed run of
    kind judge that links to what was judged.
    """
    opened = open_store(store)
    rules = [f"max {limit}" for limit in maxima] + [f"min {limit}" for limit in minima]
    rules += [f"meet {name}" for name in meet] + (["cited"] if cited else [])
    rules += [f"require {name}" for name in require] + [f"same {name}" for name in same]
    verdict = judge_opened(
        opened, lambda name: sealed_or_path(opened, name), run, baseline, [hidden(rule) for rule in rules]
    )
    if as_json:
        print_json(verdict.as_dict())
    else:
        _print(Screen(), verdict)
    return 0 if verdict.ok else FAILED


def _print(screen: Screen, verdict: Verdict) -> None:
    """The verdict, who was judged beside whom, the rules, and where it is recorded."""
    result = Span("passes", "good") if verdict.ok else Span("fails", "bad")
    screen.line(Span(verdict.run["run_id"], "bold"), "  ", result)
    baseline = "none" if verdict.baseline is None else verdict.baseline["run_id"]
    screen.facts([("baseline", [baseline]), ("verdict", [str(verdict.run_id)])])
    screen.line()
    screen.table(_COLUMNS, [_row(rule) for rule in verdict.rules], indent=0)


def _row(rule: dict[str, Any]) -> list[str | Span]:
    numbers = number_texts([rule[field] for field in ("baseline", "measured", "threshold")])
    return [Span(rule["status"], _STYLES[rule["status"]]), rule["id"], *numbers, rule["reason_code"] or ""]
