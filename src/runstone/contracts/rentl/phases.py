"""What an orchestrator is made of: phases, what they are given, what they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runstone.contracts.rentl.models import (
    ArtifactFormat,
    LogLevel,
    PhaseName,
    PhaseResultMetric,
    QaSummary,
)
from runstone.contracts.rentl.sinks import Progress, entry_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pydantic import JsonValue

    from runstone.contracts.rentl.models import LogEntry, RunId
    from runstone.contracts.rentl.planning import Step


class PhaseOutput(NamedTuple):
    """What a phase has made."""

    items: Sequence[JsonValue] = ()
    """What later phases are given; kept as lines of JSON."""
    texts: Mapping[ArtifactFormat, str] = {}  # never written to
    """Exports: text by format, `csv` or `txt`."""
    metrics: Sequence[PhaseResultMetric] = ()
    qa: QaSummary | None = None
    message: str | None = None


class PhaseContext:
    """What a phase is given while it works. `inputs` are the items of the phases that it needs, its own to change.

    `progress` and `log` may be called from any thread.
    """

    def __init__(
        self,
        run_id: RunId,
        step: Step,
        inputs: Mapping[PhaseName, list[JsonValue]],
        report: Callable[[Progress], None],
        log: Callable[[LogEntry], None],
        now: Callable[[], str],
    ) -> None:
        self.run_id = run_id
        self.phase = step.phase
        self.language = step.language
        self.inputs = inputs
        self._report = report
        self._log = log
        self._now = now

    def progress(self, completed: int, total: int | None = None) -> None:
        """Say how far the phase has come, as often as you like: it costs no seal."""
        self._report(Progress(self.run_id, self.phase, self.language, completed, total))

    def log(self, event: str, message: str, *, level: LogLevel = LogLevel.INFO, **data: Any) -> None:
        """Put a line into the log of the run; never waits, and raises for no value: what a line cannot hold is coerced,
        or left out of it, and the line says so."""
        entry = {
            "timestamp": self._now(),
            "level": level,
            "event": event,
            "run_id": self.run_id,
            "phase": self.phase,
            "message": message,
            "data": data or None,
        }
        self._log(entry_of(entry))


class Phase(NamedTuple):
    """A phase of a pipeline: what it does, what it needs, and how long it may take."""

    name: PhaseName
    work: Callable[[PhaseContext], Awaitable[PhaseOutput]]
    needs: Sequence[PhaseName] | None = None
    """The phases whose items it is given; without them the one before."""
    by_language: bool = False
    """Whether it is done for each target language."""
    timeout_s: float | None = None
