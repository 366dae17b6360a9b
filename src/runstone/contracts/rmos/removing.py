"""Deleting and purging runs, by a named actor with a reason, each try a sealed run of its own.

- A try stands behind a gate: an actor, a reason of 6 characters or more, a run that is there, and no more than so many
  tries of that actor a minute; those of nobody count together. One that is refused is a `blocked` run, whatever
  refuses it: who tries what is to be known.
- To delete takes a run out of lists and readers, its published document too; its sealed bundle stays. To purge removes
  the bundle and what amends it, by the kernel's purge, at once or not at all: holds and open runs that link to it
  keep it. Other runs that are marked are let be.
"""

from __future__ import annotations

from runstone.contracts.rmos.writing import short_label
from runstone.core.card import GIVEN
from runstone.core.policy.policy import Policy
from runstone.core.query import OPENED, Bound, Query, exactly
from runstone.engine.current import current_run
from runstone.engine.gatekeeper import Gatekeeper
from runstone.engine.gates import Gate
from runstone.engine.publishing import publisher_of, withdraw
from runstone.engine.purger import purge_run
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    from runstone.contracts.rmos.store import RunStore

DELETE: Final = "rmos.delete"
PURGE: Final = "rmos.purge"
MIN_REASON_CHARACTERS: Final = 6
MAX_TRIES: Final = 10
"""So many tries of one actor are looked at in a minute; the others are refused."""
WINDOW_US: Final = 60_000_000
TARGET_LABEL: Final = "target"
ACTOR_LABEL: Final = "actor"


def _allowed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The rules, of which each one that does not hold refuses."""
    checks = (
        ("actor", facts["actor"], 1, facts["actor"] >= 1),
        ("reason", facts["reason"], MIN_REASON_CHARACTERS, facts["reason"] >= MIN_REASON_CHARACTERS),
        ("tries", facts["tries"], MAX_TRIES, facts["tries"] <= MAX_TRIES),
        ("run", facts["found"], True, facts["found"]),
    )
    return {
        "rules": [
            {
                "id": name,
                "status": "pass" if holds else "fail",
                "severity": "ALLOWED" if holds else "REFUSED",
                "reason_code": None if holds else f"{name}_refused",
                "measured": measured,
                "threshold": threshold,
            }
            for name, measured, threshold, holds in checks
        ]
    }


POLICY: Final = Policy("rmos-removal", "1", _allowed, levels=["ALLOWED", "REFUSED"], blocks="REFUSED")


def delete(store: RunStore, run_id: str, by: str, reason: str) -> str:
    """Delete a run; answers the id of the run that tells of it. Raises `policy_blocked` where it is refused."""
    return _try(store, DELETE, run_id, by, reason, lambda: withdraw(store.store, run_id, by=by, reason=reason))


def purge(store: RunStore, run_id: str, by: str, reason: str) -> str:
    """Purge a run; answers the id of the run that tells of it. Raises `policy_blocked` where it is refused, and
    `run_in_use` where something keeps the run."""

    def work() -> None:
        purge_run(store.store, run_id, PURGE, by=by.strip(), reason=reason)

    return _try(store, PURGE, run_id, by, reason, work, deleted=True)


def _try(
    store: RunStore, kind: str, run_id: str, by: str, reason: str, work: Callable[[], Any], *, deleted: bool = False
) -> str:
    kernel = store.store
    actor = by.strip()
    told = {TARGET_LABEL: run_id, ACTOR_LABEL: actor}
    labels = {name: short_label(text, kernel.redactor) for name, text in told.items()}

    def facts() -> dict[str, Any]:
        run = current_run()
        assert run is not None
        run.note(f"{actor}: {reason}")
        found = _is_there(store, run_id, deleted=deleted)
        recorded = run.redactor.tree({"labels": labels}, [])["labels"][ACTOR_LABEL]
        tries = _tries(store, kind, recorded)
        return {"actor": len(actor), "reason": len(reason.strip()), "tries": tries, "found": found}

    def worked() -> str:
        run = current_run()
        assert run is not None
        work()
        return run.run_id

    asked = {"facts": facts, "labels": labels}
    keeper = Gatekeeper(kind, POLICY, asked, lambda: kernel, {}, wait_s=0.0, result=False)
    audit_run_id: str = Gate(keeper)(worked)()
    return audit_run_id


def _is_there(store: RunStore, run_id: str, *, deleted: bool) -> bool:
    """Whether there is such a run of this contract; with `deleted` also one that was deleted."""
    try:
        if not deleted:
            store.sealed(run_id)
            return True
        found = store.store.get(run_id)
        return found.run_id == run_id and bool(publisher_of(store.store).places(found))
    except RunstoneError:
        return False


def _tries(store: RunStore, kind: str, actor: str) -> int:
    """Tries of an actor, by the label as it is recorded, in the last minute; this one too."""
    now_us = store.store.clock.time_ns() / 1000
    known = [exactly("kind", kind), exactly(f"{GIVEN}.{ACTOR_LABEL}", actor)]
    recent = Bound(OPENED, ">=", now_us - WINDOW_US, negated=False)
    return len(store.store.page(Query([*known, recent]), limit=MAX_TRIES + 2).rows)
