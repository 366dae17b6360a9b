"""What a pipeline has to do next, by its state alone: which phases are fresh, and what a phase that is made anew leaves
stale. Nothing here knows of stores, clocks or threads.

- A step is a phase, or a phase for one target language.
- A step is fresh if its last run is completed, is not stale, and was made from the revisions that its needs have now.
- A step that is made anew takes the next revision; all steps that were made from it, and from those, are stale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runstone.contracts.rentl.models import PhaseDependency, PhaseName, PhaseRevision, PhaseRunRecord, PhaseStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


class Step(NamedTuple):
    """A phase, for a target language or for all."""

    phase: PhaseName
    language: str | None = None

    def __str__(self) -> str:
        return self.phase.value if self.language is None else f"{self.phase.value} {self.language}"


class Plan:
    """The steps of a pipeline, in their order, and which needs which. Raises `ValueError` for phases that do not stand
    once each in rentl's order, for none, and for a need that does not come before its phase."""

    def __init__(
        self,
        phases: Sequence[PhaseName],
        languages: Sequence[str],
        *,
        needs: dict[PhaseName, Sequence[PhaseName]],
        by_language: Collection[PhaseName],
    ) -> None:
        order = {name: number for number, name in enumerate(PhaseName)}
        if not phases:
            raise ValueError("a pipeline has at least one phase")
        if len(set(phases)) != len(phases) or [order[one] for one in phases] != sorted(order[one] for one in phases):
            raise ValueError(f"phases stand once each, in the order {', '.join(PhaseName)}")
        for phase, needed in needs.items():
            late = [one for one in needed if one not in phases or order[one] >= order[phase]]
            if late:
                raise ValueError(f"{phase} needs {', '.join(late)}, which does not come before it")
        self.steps = [
            Step(phase, language) for phase in phases for language in (languages if phase in by_language else [None])
        ]
        self._needs = {step: self._needed(step, needs.get(step.phase, ())) for step in self.steps}

    def _needed(self, step: Step, phases: Iterable[PhaseName]) -> list[Step]:
        found = [one for phase in phases for one in self.steps if one.phase == phase]
        return [one for one in found if step.language is None or one.language in (None, step.language)]

    def needs(self, step: Step) -> list[Step]:
        """The steps that a step is made from."""
        return self._needs[step]

    def users(self, step: Step) -> list[Step]:
        """The steps that are made from a step, and from those, in their order."""
        found = {step}
        for one in self.steps:
            if not found.isdisjoint(self._needs[one]):
                found.add(one)
        return [one for one in self.steps if one in found and one != step]


def last(history: Iterable[PhaseRunRecord], step: Step) -> PhaseRunRecord | None:
    """The last run of a step that was completed."""
    found = None
    for record in history:
        if step_of(record) == step and record.status is PhaseStatus.COMPLETED:
            found = record
    return found


def step_of(record: PhaseRunRecord) -> Step:
    """The step that a record is of."""
    return Step(record.phase, record.target_language)


def revision(history: Iterable[PhaseRunRecord], step: Step) -> int:
    """Which revision of a step stands; 0 where none was completed."""
    found = last(history, step)
    return 0 if found is None else found.revision


def is_fresh(plan: Plan, history: Sequence[PhaseRunRecord], step: Step) -> bool:
    """Whether nothing has to be done for a step, its own needs aside."""
    found = last(history, step)
    return found is not None and not found.stale and made_from(found) == made_from_now(plan, history, step)


def made_from(record: PhaseRunRecord) -> dict[Step, int]:
    """The revisions that a record was made from."""
    return {Step(one.phase, one.target_language): one.revision for one in record.dependencies or []}


def made_from_now(plan: Plan, history: Sequence[PhaseRunRecord], step: Step) -> dict[Step, int]:
    """The revisions that a step would be made from now."""
    return {need: revision(history, need) for need in plan.needs(step)}


def dependencies(plan: Plan, history: Sequence[PhaseRunRecord], step: Step) -> list[PhaseDependency]:
    """The same as a record says it."""
    now = made_from_now(plan, history, step)
    return [
        PhaseDependency(phase=need.phase, revision=number, target_language=need.language)
        for need, number in now.items()
    ]


def to_do(plan: Plan, history: Sequence[PhaseRunRecord]) -> list[Step]:
    """The steps that are not fresh, or are made from one that is not, in their order."""
    found: list[Step] = []
    for step in plan.steps:
        if not is_fresh(plan, history, step) or any(need in found for need in plan.needs(step)):
            found.append(step)
    return found


def stale(plan: Plan, history: Sequence[PhaseRunRecord], steps: Iterable[Step]) -> list[PhaseRunRecord]:
    """The history with the last runs of some steps, and of all that use them, marked stale."""
    marked = {one for step in steps for one in (step, *plan.users(step))}
    lasts = {id(found) for step in marked if (found := last(history, step)) is not None}
    return [one.model_copy(update={"stale": True}) if id(one) in lasts else one for one in history]


def completed(plan: Plan, history: Sequence[PhaseRunRecord], record: PhaseRunRecord) -> list[PhaseRunRecord]:
    """The history with one more completed run, and what was made from an older revision of it marked stale."""
    users = [step for step in plan.users(step_of(record)) if last(history, step) is not None]
    return [*stale(plan, history, users), record]


def revisions(plan: Plan, history: Sequence[PhaseRunRecord]) -> list[PhaseRevision]:
    """The revisions that stand, of the steps that have one."""
    known = [(step, revision(history, step)) for step in plan.steps]
    return [
        PhaseRevision(phase=step.phase, revision=number, target_language=step.language)
        for step, number in known
        if number
    ]
