"""Overrides: somebody who may says of a sealed decision that it is another one, and one call passes by it.

An override is an annotation of the run that holds the decision; that run is not touched. A call passes by it if it asks
for the same: the same kind and request, blocked for the same rules with the same measures. It passes once: the use
is claimed, create-once, before the work.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex
from runstone.core.outcome import run_decision
from runstone.core.policy.decision import PASSING, blocking
from runstone.core.words import DERIVES_FROM
from runstone.engine.annotating import annotate, proved_history
from runstone.engine.damage import prove
from runstone.engine.facts import text_of
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from runstone.engine.reader import Sealed
    from runstone.engine.store import Store

MIN_REASON_CHARACTERS: Final = 6
MAX_OUTCOME_CHARACTERS: Final = 64


def override(store: Store, target: Sealed, by: Any, reason: Any, outcome: Any) -> Sealed:
    """Record an override of the decision of `target`; answers the sealed annotation. Raises as `Store.override`."""
    for option, text, least in (("by", by, 1), ("reason", reason, MIN_REASON_CHARACTERS), ("outcome", outcome, 1)):
        if not isinstance(text, str) or len(text.strip()) < least:
            raise error("invalid_option", f"{option} is text of {least} characters or more", option=option)
    if len(outcome) > MAX_OUTCOME_CHARACTERS:
        raise error("invalid_option", f"outcome has more than {MAX_OUTCOME_CHARACTERS} characters", option="outcome")
    if run_decision(target.journal()) is None:
        raise error("invalid_option", f"run {target.run_id} has no decision to override", option="run")
    return annotate(store, target, {}, None, {}, None, {}, by, {"outcome": outcome, "reason": reason})


class Overridden:
    """The run that a call names whose decision was overridden; `None` where it names none that is sealed here."""

    def __init__(self, store: Store, run: Any) -> None:
        self._store = store
        self.named = text_of(run)[:200]
        self.sealed: Sealed | None = None
        try:
            self.sealed = store.get(run)
        except RunstoneError as exc:
            if exc.code == "store_unavailable":
                raise

    @property
    def links(self) -> list[dict[str, Any]]:
        """What the new run derives from."""
        sealed = self.sealed
        return [] if sealed is None else [{"rel": DERIVES_FROM, "run_id": sealed.run_id, "digest": sealed.digest}]

    def use(self, run_id: str, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Let the call of run `run_id` pass, once: what is told of the override.

        `data` is the decision as it is recorded. Raises `LookupError` with the reason if it does not pass, and
        `bundle_damaged` where that run, or what was said of it, is not what was sealed.
        """
        sealed = self.sealed
        if sealed is None:
            raise LookupError("no such run is sealed here")
        prove(sealed.bundle, self._store.contract_of)
        with sealed.reading():
            before = run_decision(sealed.journal())
        if before is None or sealed.kind != kind or _asked(before) != _asked(data):
            raise LookupError("that run was asked for something else")
        if canonical_bytes(blocking(before)) != canonical_bytes(blocking(data)):
            raise LookupError("it is blocked for other reasons than that run was")
        told = next((told for told in reversed(proved_history(self._store, sealed)) if "override" in told), None)
        if told is None:
            raise LookupError("its decision was not overridden")
        if told["override"]["outcome"] not in PASSING:
            raise LookupError(f"its decision was overridden by {told['override']['outcome']!r}")
        body = canonical_bytes({"override": told["run_id"], "run_id": run_id})
        if self._store.journals.claims.put_new(f"{sha256_hex(told['run_id'].encode())}.used", body) is not None:
            raise LookupError("its override was used by another call")
        return {"run_id": told["run_id"], "of": sealed.run_id, "by": told["by"], **told["override"]}


def _asked(data: Mapping[str, Any]) -> Any:
    """What a request is known by: its digest, or the facts of it."""
    details = data["details"] if isinstance(data["details"], dict) else {}
    return canonical_bytes(details.get("request_sha256") or details.get("facts"))
