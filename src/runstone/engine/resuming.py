"""Resume: what a new run takes over from one that did not come to its end.

- Only a run that was interrupted, failed or was cancelled can be resumed. One that is open and whose process is gone
  is recovered first; one that is alive is not touched.
- The axis of steps goes on where the earlier run had come, the runs that it resumed included: each run records where
  it began (`resumed_step`), so the earlier ones need not be there any more.
"""

from __future__ import annotations

import _thread

from runstone.core.words import CANCELLED, FAILED, INTERRUPTED, RETRIES
from runstone.engine.opening import Resumed
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.engine.reader import Sealed
    from runstone.engine.store import Store

RESUMABLE: Final = (INTERRUPTED, FAILED, CANCELLED)


class Axis:
    """The steps of a run that goes on where another one stopped, at `begin`. Safe to share between threads."""

    __slots__ = ("_last", "_lock", "begin")

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self._last = begin
        self._lock = _thread.allocate_lock()

    def step(self, given: int | None) -> int:
        """The step that was given; without one the next after the greatest so far."""
        with self._lock:
            step = self._last + 1 if given is None else given
            self._last = max(self._last, step)
            return step


def resumed(store: Store, name: str) -> Resumed:
    """The run that RUN names, recovered if that is what it needs.

    Raises as `Store.get`, `run_is_open` for a run whose process is alive, and `not_resumable`.
    """
    sealed = _sealed(store, name)
    try:
        if sealed.status not in RESUMABLE:
            raise error(
                "not_resumable",
                f"run {sealed.run_id} ended as {sealed.status}; only {', '.join(RESUMABLE)} runs can be resumed",
                run_id=sealed.run_id,
                status=sealed.status,
                expected=list(RESUMABLE),
            )
        config, last = None, _step(sealed.opened["data"], "resumed_step")
        for event in sealed.events("config", "metric"):
            if event["type"] == "config":
                config = event
            elif (step := _step(event["data"], "step")) is not None:
                last = step if last is None else max(last, step)
        link = {"rel": RETRIES, "run_id": sealed.run_id, "digest": sealed.digest}
        return Resumed(sealed.kind, (link,), config, None if last is None else Axis(last))
    finally:
        sealed.bundle.close()


def _step(data: dict[str, Any], name: str) -> int | None:
    """A step as recorded; anything may stand in the place of an optional member."""
    step = data.get(name)
    return step if type(step) is int else None


def _sealed(store: Store, name: str) -> Sealed:
    try:
        return store.get(name)
    except RunstoneError as exc:
        if exc.code != "run_is_open":
            raise
        run_id = str(exc.details["run_id"])
    [recovery] = store.recover(run_id)
    if recovery.reason is not None:  # why it cannot be sealed here
        raise error(recovery.reason["code"], recovery.reason["message"], **recovery.reason["details"])
    if recovery.digest is None and not store.objects.exists(run_id):
        if recovery.outcome == "alive":
            raise error("run_is_open", f"run {run_id} is still being recorded; its process is alive", run_id=run_id)
        raise error("run_not_found", f"run {run_id} was opened, and nothing was recorded", run=run_id, store=store.url)
    return store.get(run_id)
