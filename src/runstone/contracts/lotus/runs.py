"""The runs of a Lotus service over one store: simulate behind a gate, look up, review, bundle for support.

- Every simulation is a sealed run, ready, to be reviewed, blocked or failed, before its answer leaves. What is answered
  is what was recorded, so the same idempotency key is answered by the same bytes.
- The kernel's labels hold what runs are looked up by. Reviews are annotations: the run that they are of never changes.
"""

from __future__ import annotations

from runstone.contracts.lotus.document import (
    ARTIFACT,
    NAME,
    PROFILE,
    RUN_PREFIX,
    STORED,
    build_artifact,
    checked,
    printed,
    request_hash,
    stored_of,
)
from runstone.contracts.lotus.policy import PENDING_REVIEW, POLICY, STATUSES, check_agrees
from runstone.core.canonical import canonical_bytes
from runstone.core.card import GIVEN
from runstone.core.digests import sha256_hex
from runstone.core.parsing import parse_canonical, parse_json
from runstone.core.query import Query, exactly, parse_query
from runstone.core.times import parse_time, time_text
from runstone.core.values import Foreign
from runstone.engine.annotating import proved_history
from runstone.engine.current import current_run
from runstone.engine.damage import prove
from runstone.engine.gatekeeper import Gatekeeper
from runstone.engine.gates import Gate
from runstone.engine.lost import member, prove_lost
from runstone.errors import PolicyBlocked, RunstoneError, StoreUnavailable, error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, Final, NoReturn

    from runstone.core.query import Match
    from runstone.engine.reader import Sealed
    from runstone.engine.store import Store

    Engine = Callable[[str, str], Mapping[str, Any]]
    """Makes a result for a run id and a correlation id."""

KIND: Final = "rebalance"
DERIVED_MODE: Final = "DERIVED"
PERSISTED_MODE: Final = "PERSISTED"

RUN_ID: Final = "rebalance_run_id"
CORRELATION: Final = "correlation_id"
LOOKED_UP: Final = (RUN_ID, CORRELATION, "portfolio_id", "request_hash", "idempotency_key")
"""Labels of a run, each a member of its stored run."""

REVIEW: Final = "lotus.review"
"""Label of an annotation that is a review: the action."""
ACTIONS: Final = {"APPROVE": "APPROVED", "REJECT": "REJECTED", "REQUEST_CHANGES": PENDING_REVIEW}
"""Action of a reviewer → status of the workflow behind it."""
DECISION_PREFIX: Final = "dwd_"
"""Stands before the id of the annotation."""
NOT_REQUIRED: Final = "NOT_REQUIRED"
DAY_S: Final = 86_400
WAIT_S: Final = 30.0
"""So long one call waits for another one of the same key."""
REMOVED: Final = "remove"


class LotusRuns:
    """The runs of one service. Safe to share between threads.

    `mode` is `DERIVED` (an artifact is made when it is read) or `PERSISTED` (a copy is published when its run is
    sealed). Runs older than `retention_days` are not found; 0 keeps all. They are removed by `purge`.
    """

    def __init__(self, store: Store, *, mode: str = DERIVED_MODE, retention_days: int = 0) -> None:
        self.store = store
        self.mode = mode
        self.retention_days = retention_days

    # record

    def simulate(
        self,
        request: Any,
        engine: Engine,
        *,
        portfolio_id: str,
        idempotency_key: str | None = None,
        correlation_id: str | None = None,
    ) -> dict[str, Any]:
        """Run the engine behind a gate; answers the stored run, ready, to be reviewed or blocked.

        The same `idempotency_key` with the same `request` (by its `request_hash`) answers the same stored run. Raises
        `idempotency_conflict`, `in_progress`, `store_unavailable`, `answer_withheld`, `bundle_damaged`, what the engine
        raises, and `invalid_stored_run` for a result that lacks something, or whose status is none, or not what its
        rules come to; before any run is opened `not_json`, `lone_surrogate`, `too_deep`, `invalid_option` and
        `invalid_label`.
        """
        rebalance_run_id = RUN_PREFIX + self.store.entropy.random_bytes(16).hex()
        correlation = correlation_id or "corr_" + self.store.entropy.random_bytes(8).hex()
        known = {
            RUN_ID: rebalance_run_id,
            CORRELATION: correlation,
            "portfolio_id": portfolio_id,
            "request_hash": request_hash(request),
            "idempotency_key": idempotency_key,
        }

        def facts() -> dict[str, Any]:
            return self._record({**known, "result": dict(engine(rebalance_run_id, correlation))})

        asked = {
            "facts": facts,
            "idempotency_key": idempotency_key,
            "request": known["request_hash"],
            "labels": {name: value for name, value in known.items() if value is not None},
        }
        options = {"contract": NAME}
        keeper = Gatekeeper(KIND, POLICY, asked, lambda: self.store, options, wait_s=WAIT_S, result=True)
        try:
            run_id = Gate(keeper)(_run_id)()
        except PolicyBlocked as exc:
            run_id = exc.run_id
        stored = self._stored(self.store.get(run_id))
        if stored is None:
            message = "the stored run holds what looks like a secret, so it was not recorded as it is"
            raise error("answer_withheld", message, run_id=run_id, reason="redacted")
        return stored

    def _record(self, run: dict[str, Any]) -> dict[str, Any]:
        """Record a stored run in the run around; answers what its policy decides on."""
        recorder = current_run()
        assert recorder is not None
        assert recorder.opened_at is not None
        stored = checked({**run, "created_at": f"{recorder.opened_at[:-1]}+00:00"})
        parse_json(printed(stored))  # what cannot be read back is the engine's failure, and not recorded
        told = {"status": stored["result"]["status"], "rule_results": stored["result"]["rule_results"]}
        check_agrees(told)
        recorder.event(STORED, {"run": Foreign(stored, PROFILE), "published": self.mode == PERSISTED_MODE})
        return told

    # look up

    def get(self, rebalance_run_id: str) -> dict[str, Any]:
        """The stored run of an id. Raises `run_not_found`."""
        return self._whole(self._sealed(RUN_ID, rebalance_run_id))

    def latest(self, label: str, value: str) -> dict[str, Any]:
        """The newest stored run that has that value of one of `LOOKED_UP`. Raises `run_not_found`."""
        return self._whole(self._sealed(label, value))

    def artifact(self, rebalance_run_id: str) -> bytes:
        """The artifact of a run, as its document is printed. Raises `run_not_found`."""
        sealed = self._sealed(RUN_ID, rebalance_run_id)
        return b"".join(sealed.pieces(ARTIFACT))

    def page(
        self,
        *,
        created_from: str | None = None,
        created_to: str | None = None,
        status: str | None = None,
        request_hash: str | None = None,
        portfolio_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Stored runs without their results, the newest first, and the cursor of the next page.

        Times are UTC as the kernel writes them; both bounds are included. Raises `invalid_cursor`.
        """
        terms = [] if created_from is None else [f"since:{created_from}"]
        terms += [] if created_to is None else [f"until:{time_text(parse_time(created_to) + 1000)}"]
        labels = {"request_hash": request_hash, "portfolio_id": portfolio_id}
        kernel = [name for name, shown in STATUSES.items() if status in (None, shown)]
        if not kernel:
            return [], None
        query = self._query([*terms, f"status:{','.join(kernel)}"], labels)
        items: list[dict[str, Any]] = []
        while True:
            page = self.store.page(query, limit=limit - len(items), after=cursor)
            items += [item for row in page.rows if (item := self._item(row)) is not None]
            cursor = page.next
            if cursor is None or len(items) == limit:
                return items, cursor

    def _item(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """A run in a list; `None` where it is damaged, or purged at this moment: it never breaks the list."""
        try:
            labels = self.store.get(row["run_id"]).labels
        except StoreUnavailable:
            raise
        except RunstoneError:
            return None
        return {
            **{name: labels.get(name) for name in LOOKED_UP},
            "status": STATUSES[row["status"]],
            "created_at": f"{row['opened_at'][:-1]}+00:00",
        }

    def _query(self, terms: Iterable[str], labels: Mapping[str, str | None]) -> Query:
        """The query for runs that have these labels by themselves, without those that are older than the retention."""
        asked = [f"kind:{KIND}", f"contract:{NAME}", *terms]
        if self.retention_days:
            oldest = self.store.clock.time_ns() - self.retention_days * DAY_S * 10**9
            asked.append(f"since:{time_text(oldest)}")
        given = [_has(name, value) for name, value in labels.items() if value is not None]
        return Query([*parse_query(" ".join(asked)).terms, *given])

    def _sealed(self, label: str, value: str) -> Sealed:
        """The newest run with a label that has a stored run, proved. Raises `run_not_found`, `bundle_damaged`."""
        found = next(self._all(label, value), None)
        if found is None:
            contract = member("contract", {"name": NAME})[:-1]
            prove_lost(self.store, [contract, member("kind", KIND), member(label, value)], _has(label, value))
            _raise_not_found(value)
        try:
            prove(found.bundle, self.store.contract_of)
        finally:
            found.bundle.rest()
        return found

    def _all(self, label: str, value: str) -> Iterator[Sealed]:
        """Every run with a label, the newest first."""
        for sealed in self.store.runs(self._query((), {label: value})):
            if sealed.labels.get(label) == value and sealed.status in STATUSES:
                yield sealed

    def _whole(self, sealed: Sealed) -> dict[str, Any]:
        return self._stored(sealed) or _raise_not_found(sealed.run_id)

    def _stored(self, sealed: Sealed) -> dict[str, Any] | None:
        with sealed.reading():
            told = stored_of(sealed.journal())
        return None if told is None else told[0]

    def history(self, idempotency_key: str) -> list[dict[str, Any]]:
        """Every run of an idempotency key, the oldest first. Raises `run_not_found`."""
        found = [self._whole(sealed) for sealed in self._all("idempotency_key", idempotency_key)]
        if not found:
            _raise_not_found(idempotency_key)
        members = (RUN_ID, CORRELATION, "request_hash", "created_at")
        return [{name: run[name] for name in members} for run in reversed(found)]

    # review

    def review(
        self,
        rebalance_run_id: str,
        action: str,
        *,
        reason_code: str,
        actor_id: str,
        comment: str | None = None,
        correlation_id: str | None = None,
    ) -> dict[str, Any]:
        """Say what a reviewer decided of a run that waits for it; answers `workflow`.

        `APPROVE` and `REJECT` end the review, `REQUEST_CHANGES` leaves it open. Of two that end it at the same moment
        the first one counts. Raises `run_not_found`, `not_under_review`, `invalid_option`.
        """
        if action not in ACTIONS:
            raise error("invalid_option", f"an action is one of {', '.join(ACTIONS)}", option="action")
        sealed = self._sealed(RUN_ID, rebalance_run_id)
        state = _workflow(sealed, self._decisions(sealed))
        if state["workflow_status"] != PENDING_REVIEW:
            raise _not_under_review(state)
        told = {"reason_code": reason_code, "correlation_id": correlation_id or sealed.labels[CORRELATION]}
        labels = {REVIEW: action, **{f"{REVIEW}.{name}": value for name, value in told.items()}}
        said = self.store.annotate(sealed.run_id, labels=labels, note=comment, by=actor_id)
        decisions = self._decisions(sealed)
        state = _workflow(sealed, decisions)
        if all(one["decision_id"] != _decision_id(said.run_id) for one in decisions):
            raise _not_under_review(state)
        return state

    def workflow(self, rebalance_run_id: str) -> dict[str, Any]:
        """How the review of a run stands. Raises `run_not_found`, and `store_unavailable`, also where nobody has been
        told yet that the review is ended, and the store cannot fix it."""
        sealed = self._sealed(RUN_ID, rebalance_run_id)
        return _workflow(sealed, self._decisions(sealed))

    def decisions(self, rebalance_run_id: str) -> list[dict[str, Any]]:
        """What reviewers decided of a run, the oldest first. Raises as `workflow`."""
        return self._decisions(self._sealed(RUN_ID, rebalance_run_id))

    def _decisions(self, sealed: Sealed) -> list[dict[str, Any]]:
        """Up to the one that ends the review, which is fixed before anybody is told of it: what was begun earlier may
        be sealed later, and counts no more."""
        claims, name = self.store.journals.claims, _review_claim(sealed)
        fixed = claims.get(name)  # before what is said: that has what is fixed
        decisions = self._said(sealed, fixed)
        last = next(reversed(decisions), None)
        if fixed is not None or last is None or ACTIONS[last["action"]] == PENDING_REVIEW:
            return decisions
        ends = canonical_bytes({"decision_id": last["decision_id"]})
        quicker = claims.put_new(name, ends)
        return decisions if quicker in (None, ends) else self._said(sealed, quicker)

    def _said(self, sealed: Sealed, fixed: bytes | None) -> list[dict[str, Any]]:
        """Those decisions, proved, with the one that is `fixed` to end the review; where none is, or it was purged,
        with the first that does."""
        decisions = []
        said = proved_history(self.store, sealed)
        settled = None if fixed is None else self._settled(sealed, fixed, said)
        for told in said:
            labels = told["labels"]
            if labels.get(REVIEW) in ACTIONS:
                ends = ACTIONS[labels[REVIEW]] != PENDING_REVIEW
                if ends and settled not in (None, told["run_id"]):
                    continue
                decisions.append(
                    {
                        "decision_id": _decision_id(told["run_id"]),
                        "run_id": sealed.labels[RUN_ID],
                        "action": labels[REVIEW],
                        "reason_code": labels.get(f"{REVIEW}.reason_code"),
                        "comment": told["notes"][0] if told["notes"] else None,
                        "actor_id": told["by"],
                        "decided_at": f"{told['at'][:-1]}+00:00",
                        "correlation_id": labels.get(f"{REVIEW}.correlation_id"),
                    }
                )
                if ends:
                    break
        return decisions

    def _settled(self, sealed: Sealed, fixed: bytes, said: list[dict[str, Any]]) -> str | None:
        """The annotation that is `fixed` to end the review; `None` where it was purged. Raises `bundle_damaged` where
        it is neither there nor purged, and `store_unavailable` for a damaged claim."""
        try:
            run_id = str(parse_canonical(fixed)["decision_id"]).removeprefix(DECISION_PREFIX)
        except (RunstoneError, LookupError, TypeError):
            name, reason = _review_claim(sealed), "damaged claim"
            raise error("store_unavailable", f"the claim {name} is damaged", reason=reason, name=name) from None
        if any(told["run_id"] == run_id for told in said):
            return run_id
        objects = self.store.objects
        if objects.exists(run_id) or objects.tombstone(run_id) is None:
            reason = f"run {run_id}, which ended its review, is not there, or not of these bytes"
            message = f"run {sealed.run_id} is damaged: {reason}"
            raise error("bundle_damaged", message, reason=reason, cause="run_not_found", run_id=sealed.run_id)
        return None

    # support

    def support_bundle(
        self, rebalance_run_id: str, *, artifact: bool = True, idempotency_history: bool = True
    ) -> dict[str, Any]:
        """All that is known of a run, in one answer. Raises `run_not_found`."""
        sealed = self._sealed(RUN_ID, rebalance_run_id)
        run = self._whole(sealed)
        key = run["idempotency_key"]
        return {
            "run": run,
            "artifact": build_artifact(run) if artifact else None,
            "workflow_history": {"run_id": rebalance_run_id, "decisions": self._decisions(sealed)},
            "lineage": {"entity_id": rebalance_run_id, "edges": _edges(sealed, run)},
            "idempotency_history": (
                {"idempotency_key": key, "history": self.history(key)} if idempotency_history and key else None
            ),
            "record": {
                "run_id": sealed.run_id,
                "digest": sealed.digest,
                "outcome_digest": sealed.outcome_digest,
                "status": sealed.status,
                "verified": self.store.verify(sealed.run_id).ok,
            },
        }

    def purge(self) -> int:
        """Remove runs that are older than the retention, at once; answers how many. One that is being read stays."""
        if not self.retention_days:
            return 0
        policy = {"rules": [{"query": f"kind:{KIND} contract:{NAME}", "older_than": f"{self.retention_days}d"}]}
        done = self.store.purge(policy, grace="0s", apply=True, reason="retention of the service")
        return sum(fate.done for fate in done.of(REMOVED))


def _run_id() -> str:
    recorder = current_run()
    assert recorder is not None
    return recorder.run_id


def _workflow(sealed: Sealed, decisions: list[dict[str, Any]]) -> dict[str, Any]:
    status = STATUSES[sealed.status]
    reviewed = ACTIONS[decisions[-1]["action"]] if decisions else PENDING_REVIEW
    return {
        "run_id": sealed.labels[RUN_ID],
        "run_status": status,
        "workflow_status": reviewed if status == PENDING_REVIEW else NOT_REQUIRED,
        "requires_review": status == PENDING_REVIEW,
        "latest_decision": decisions[-1] if decisions else None,
    }


def _review_claim(sealed: Sealed) -> str:
    return f"{sha256_hex(sealed.run_id.encode())}.review"


def _decision_id(run_id: str) -> str:
    return DECISION_PREFIX + run_id


def _not_under_review(state: Mapping[str, Any]) -> RunstoneError:
    message = f"run {state['run_id']} waits for no review: it is {state['workflow_status']}"
    return error("not_under_review", message, run_id=state["run_id"], status=state["workflow_status"])


def _has(label: str, value: str) -> Match:
    return exactly(f"{GIVEN}.{label}", value)


def _edges(sealed: Sealed, run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a run comes from: its correlation, its idempotency key, and the runs that its record links to."""
    said = [("CORRELATION_TO_RUN", run[CORRELATION]), ("IDEMPOTENCY_TO_RUN", run["idempotency_key"])]
    edges = [{"edge_type": kind, "source": source, "target": run[RUN_ID]} for kind, source in said if source]
    links = sealed.opened["data"]["links"]
    return [*edges, *({"edge_type": link["rel"], "source": sealed.run_id, "target": link["run_id"]} for link in links)]


def _raise_not_found(what: str) -> NoReturn:
    raise error("run_not_found", f"no run {excerpt(what, 140)!r}", run=excerpt(what, 140))
