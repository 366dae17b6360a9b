"""The seven phases of the pipeline. They are given what earlier ones made, and know of no store, file or run."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from typing import Any

from translation import PLACEHOLDER, Issue, Tables, issues_of

from runstone.contracts.rentl import Phase, PhaseContext, PhaseOutput
from runstone.contracts.rentl.models import (
    ArtifactFormat,
    PhaseName,
    PhaseResultMetric,
    QaCategory,
    QaSeverity,
    QaSummary,
    ResultMetricUnit,
)

Line = dict[str, Any]
P, Unit = PhaseName, ResultMetricUnit


def metric(key: str, unit: ResultMetricUnit, value: int) -> PhaseResultMetric:
    """One number that a phase comes to."""
    return PhaseResultMetric(metric_key=key, unit=unit, value=value)


class ScriptPhases:
    """The phases over one script and its tables; `read` gives the script's text when it is asked for."""

    def __init__(self, read: Callable[[], str], tables: Tables) -> None:
        self.read = read
        self.tables = tables

    def phases(self) -> list[Phase]:
        """In their order, each with what it needs."""
        return [
            Phase(P.INGEST, self.ingest),
            Phase(P.CONTEXT, self.context),
            Phase(P.PRETRANSLATION, self.pretranslation, needs=[P.INGEST]),
            Phase(P.TRANSLATE, self.translate, needs=[P.INGEST, P.PRETRANSLATION], by_language=True, timeout_s=60),
            Phase(P.QA, self.qa, needs=[P.INGEST, P.TRANSLATE], by_language=True),
            Phase(P.EDIT, self.edit, needs=[P.INGEST, P.TRANSLATE, P.QA], by_language=True),
            Phase(P.EXPORT, self.export, needs=[P.INGEST, P.CONTEXT, P.EDIT], by_language=True),
        ]

    async def ingest(self, context: PhaseContext) -> PhaseOutput:
        """The lines of the script, each once."""
        lines: list[Any] = list(csv.DictReader(io.StringIO(self.read())))
        twice = [one for one, count in Counter(line["id"] for line in lines).items() if count > 1]
        if twice or not lines:
            raise ValueError(f"a script has lines, each with an id of its own; twice: {', '.join(twice) or 'none'}")
        context.log("script_read", f"{len(lines)} lines")
        return PhaseOutput(lines, metrics=[metric("lines_read", Unit.LINES, len(lines))])

    async def context(self, context: PhaseContext) -> PhaseOutput:
        """Who speaks in each scene, and which terms occur."""
        scenes: dict[str, dict[str, Any]] = {}
        for line in lines_of(context, P.INGEST):
            scene = scenes.setdefault(line["scene"], {"scene": line["scene"], "speakers": [], "terms": [], "lines": 0})
            scene["lines"] += 1
            for key, found in (("speakers", [line["speaker"]]), ("terms", self.tables.terms(line["text"]))):
                scene[key] += [one for one in found if one not in scene[key]]
        return PhaseOutput(list(scenes.values()), metrics=[metric("scenes_found", Unit.SCENES, len(scenes))])

    async def pretranslation(self, context: PhaseContext) -> PhaseOutput:
        """What the memory knows already; and which line says what an earlier one has said."""
        first: dict[str, str] = {}
        made = []
        for line in lines_of(context, P.INGEST):
            same = first.setdefault(line["text"], line["id"])
            known = self.tables.memory.get(line["text"])
            made.append({"id": line["id"], "memory": known, "same_as": None if same == line["id"] else same})
        hits = sum(one["memory"] is not None or one["same_as"] is not None for one in made)
        return PhaseOutput(made, metrics=[metric("lines_known", Unit.LINES, hits)])

    async def translate(self, context: PhaseContext) -> PhaseOutput:
        """Every line, by memory or by rule; one that was said before is said in the same words."""
        known = {line["id"]: line for line in lines_of(context, P.PRETRANSLATION)}
        source = lines_of(context, P.INGEST)
        made: dict[str, dict[str, Any]] = {}
        for number, line in enumerate(source, 1):
            same = known[line["id"]]["same_as"]
            text = known[line["id"]]["memory"] or (made[same]["text"] if same else self.tables.translate(line["text"]))
            made[line["id"]] = {"id": line["id"], "text": text}
            context.progress(number, len(source))
        return PhaseOutput(list(made.values()), metrics=[metric("lines_translated", Unit.LINES, len(made))])

    async def qa(self, context: PhaseContext) -> PhaseOutput:
        """What is wrong: placeholders, lines that are left, terms, length."""
        issues = self._issues(context, {line["id"]: line["text"] for line in lines_of(context, P.TRANSLATE)})
        for issue in issues:
            context.log("qa_issue", f"{issue.line}: {issue.message}", severity=issue.severity)
        return PhaseOutput(
            [issue._asdict() for issue in issues],
            metrics=[metric("issues_found", Unit.ISSUES, len(issues))],
            qa=summary_of(issues),
        )

    async def edit(self, context: PhaseContext) -> PhaseOutput:
        """The editor's corrections of what is wrong; what is wrong after them is a failure."""
        wrong = {issue["line"] for issue in lines_of(context, P.QA)}
        made = []
        for line in lines_of(context, P.TRANSLATE):
            correction = self.tables.corrections.get(line["id"]) if line["id"] in wrong else None
            made.append({"id": line["id"], "text": correction or line["text"], "edited": correction is not None})
        left = self._issues(context, {str(line["id"]): str(line["text"]) for line in made})
        if any(issue.severity == "critical" for issue in left):
            raise ValueError(f"what is critical has no correction: {', '.join(issue.line for issue in left)}")
        edits = sum(bool(line["edited"]) for line in made)
        metrics = [metric("lines_edited", Unit.EDITS, edits), metric("issues_left", Unit.ISSUES, len(left))]
        return PhaseOutput(made, metrics=metrics, qa=summary_of(left))

    async def export(self, context: PhaseContext) -> PhaseOutput:
        """The lines as they are delivered: a table of both languages, and a text to read."""
        final = {line["id"]: line["text"] for line in lines_of(context, P.EDIT)}
        rows = [{**line, "target": final[line["id"]]} for line in lines_of(context, P.INGEST)]
        table = io.StringIO()
        writer = csv.DictWriter(table, ["id", "scene", "speaker", "text", "target"])
        writer.writeheader()
        writer.writerows(rows)
        scenes = {scene["scene"]: scene["lines"] for scene in lines_of(context, P.CONTEXT)}
        reading, before = [], None
        for row in rows:
            if row["scene"] != before:
                reading += ["", f"== {row['scene']} ({scenes[row['scene']]} lines in all)", ""]
                before = row["scene"]
            reading.append(f"{self._speaker(row['speaker'])}: {row['target']}")
        texts = {ArtifactFormat.CSV: table.getvalue(), ArtifactFormat.TXT: "\n".join(reading[1:]) + "\n"}
        return PhaseOutput(rows, texts, [metric("lines_exported", Unit.LINES, len(rows))])

    def _speaker(self, name: str) -> str:
        known = self.tables.glossary.get(name, name)
        return known if PLACEHOLDER.fullmatch(name) else known[:1].upper() + known[1:]

    def _issues(self, context: PhaseContext, targets: dict[str, str]) -> list[Issue]:
        lines = lines_of(context, P.INGEST)
        return [one for line in lines for one in issues_of(line["id"], line["text"], targets[line["id"]], self.tables)]


def lines_of(context: PhaseContext, phase: PhaseName) -> list[Line]:
    """What an earlier phase has made."""
    return [item for item in context.inputs[phase] if isinstance(item, dict)]


def summary_of(issues: list[Issue]) -> QaSummary:
    """How many of what kind."""
    return QaSummary(
        total_issues=len(issues),
        by_category={QaCategory(name): count for name, count in Counter(one.category for one in issues).items()},
        by_severity={QaSeverity(name): count for name, count in Counter(one.severity for one in issues).items()},
    )
