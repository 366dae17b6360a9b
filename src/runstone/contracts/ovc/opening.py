"""Open a run under the first free `ovc` id, and find which required variables are missing.

- A taken id moves to the next free second; nobody sleeps, and `started_utc` stays the true second.
- The environment, the clock and git are read now, through the store's ports.
"""

from __future__ import annotations

from runstone.contracts.ovc import layout
from runstone.contracts.ovc.document import NAME, STARTED, VERSION, git_facts
from runstone.core.times import SECOND_NS, second_text
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Final

    from runstone.engine.recorder import Run
    from runstone.engine.store import Store

_TRIES: Final = 86_400
"""Seconds from its own on that a run looks through for a free id."""


class Opening:
    """How a run started: `started_utc`, and the required variables by whether they were `present`, both sorted."""

    def __init__(self, store: Store, required_env: Iterable[str]) -> None:
        names = sorted(set(required_env))
        self.second = store.clock.time_ns() // SECOND_NS
        self.present = [name for name in names if store.host.setting(name) is not None]
        self.missing = [name for name in names if name not in self.present]

    def tell(self, run: Run, trigger: dict[str, str]) -> None:
        """Record it, with what triggered the run."""
        env = {"present": self.present, "missing": self.missing}
        run.event(STARTED, {"started_utc": f"{second_text(self.second)}Z", "env": env, "trigger": trigger})

    def check(self, run: Run) -> None:
        """Record the check of the variables, if any was required."""
        if self.missing or self.present:
            status, names = ("fail", "missing") if self.missing else ("pass", "present")
            evidence = f"{layout.RUN}:$.env.{names}"
            run.check("Required environment variables present", status, evidence, id="required_env_present")


def open_run(store: Store, opening: Opening, pipeline_id: str, facts: Mapping[str, Any]) -> Run:
    """Start recording under a free id; `facts` are arguments of `Store.run`. Raises what that raises for wrong use."""
    sha7 = git_facts(store.host.git())["sha7"]
    for second in range(opening.second, opening.second + _TRIES):
        try:
            return store.run(
                pipeline_id,
                contract=f"{NAME}/{VERSION}",
                run_id=layout.run_id(second, pipeline_id, sha7),
                **facts,
            )
        except RunstoneError as exc:
            if exc.code != "run_exists":
                raise
    raise error("run_exists", f"every id of {pipeline_id} from {second_text(opening.second)}Z on is taken")
