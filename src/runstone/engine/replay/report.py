"""What came of a replay."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runstone.core.diff.comparison import Comparison


class Replay:
    """What came of replaying a run: true where the outcome is the same and nothing was different on the way.

    `run` and `replayed` say which is the recorded run and which the replay (`run_id`, `digest`, `outcome_digest`,
    `status`; `None` where no run came of it); `kind` what was started, `process` or `command`. `divergence` is the
    first thing that was different (`reason`, `message`, `expected`, `found`), `refused` what a guard did not let
    happen, `guards` which guards there were (`name`, `active`, `reason`), `comparison` the whole difference of both
    records, or `None`. `exit_status` is that of the process, of a signal minus its number. `notes` are remarks.
    """

    def __init__(self, run: dict[str, Any], kind: str, argv: list[str]) -> None:
        self.run = run
        self.kind = kind
        self.argv = argv
        self.replayed: dict[str, Any] | None = None
        self.mode: str | None = None
        self.live: list[str] = []
        self.guards: list[dict[str, Any]] = []
        self.divergence: dict[str, Any] | None = None
        self.refused: list[dict[str, Any]] = []
        self.comparison: Comparison | None = None
        self.exit_status: int | None = None
        self.notes: list[str] = []

    @property
    def same(self) -> bool:
        """Whether both came to the same outcome digest."""
        return self.replayed is not None and self.replayed["outcome_digest"] == self.run["outcome_digest"]

    @property
    def ok(self) -> bool:
        """Whether the outcome is the same and nothing was different or refused on the way."""
        return self.same and self.divergence is None and not self.refused

    def __bool__(self) -> bool:
        return self.ok

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        comparison = self.comparison
        return {
            "ok": self.ok,
            "same": self.same,
            "run": self.run,
            "replayed": self.replayed,
            "kind": self.kind,
            "argv": self.argv,
            "mode": self.mode,
            "live": self.live,
            "guards": self.guards,
            "divergence": self.divergence,
            "refused": self.refused,
            "exit_status": self.exit_status,
            "notes": self.notes,
            "differences": [] if comparison is None else [item.as_dict() for item in comparison.differences],
        }

    def __repr__(self) -> str:
        return f"<Replay of {self.run['run_id']} {'same' if self.ok else 'diverged'}>"
