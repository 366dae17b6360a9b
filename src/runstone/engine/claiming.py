"""Idempotency: a key is claimed before the work, and the run that has it answers every later call.

- The claim is made between the lease of the run and its first line. So a claim whose run is neither open nor sealed
  stands for work that was never begun.
- A key is free again, for one run that retries, when its run came to no answer: its process died, the call was
  cancelled, or the work was never begun. The retry claims the next number of the key.
- A key whose run was purged stays taken: its tombstone does not say whether there was an answer, nor which, so to work
  again might give another one. It is as free as it was where the tombstone says `interrupted` or `cancelled`.
- What is answered is what was recorded, also the first time, so all answers are the same bytes. A later answer is
  proved before: a damaged run neither answers nor frees its key.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex
from runstone.core.limits import MAX_LINE_BYTES
from runstone.core.outcome import run_decision
from runstone.core.parsing import parse_canonical
from runstone.core.policy.decision import PASSING
from runstone.core.recorded import restored
from runstone.core.values import coerce, with_encoded_bytes
from runstone.core.words import BLOCKED, CANCELLED, FAILED, INTERRUPTED, RETRIES
from runstone.engine.damage import prove
from runstone.engine.opening import give_up
from runstone.engine.recoverer import ALIVE, recover
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.core.tombstone import Tombstone
    from runstone.engine.reader import Sealed
    from runstone.engine.store import Store
    from runstone.ports.journals import OpenRun

MAX_KEY_CHARACTERS: Final = 1024
MAX_RESULT_BYTES: Final = MAX_LINE_BYTES - (64 << 10)
"""So much of the last line may be the result; the rest is room for what stands around it."""


class Taken(Exception):  # noqa: N818  # no error: an answer
    """Somebody else has claimed the key first."""


class Request:
    """What is asked for, under which key: both as digests."""

    __slots__ = ("key_sha256", "kind", "request_sha256")

    def __init__(self, kind: str, key: Any, request: Any) -> None:
        if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY_CHARACTERS:
            raise error(
                "invalid_option",
                f"an idempotency key is text of 1 to {MAX_KEY_CHARACTERS} characters",
                option="idempotency_key",
            )
        self.kind = kind
        self.key_sha256 = sha256_hex(key.encode("utf-8", "surrogatepass"))
        self.request_sha256 = request_sha256(request)

    @property
    def opened(self) -> dict[str, Any]:
        """What the first event tells of it."""
        return {"key_sha256": self.key_sha256, "request_sha256": self.request_sha256}

    def body(self, run_id: str) -> bytes:
        """What is claimed for a run."""
        return canonical_bytes({"kind": self.kind, "run_id": run_id, **self.opened})


class Claim:
    """A key that is to be claimed for a new run, as its run number `number`, which retries `before`."""

    __slots__ = ("_request", "_store", "before", "number")

    def __init__(self, store: Store, request: Request, number: int, before: Sealed | None) -> None:
        self._store = store
        self._request = request
        self.number = number
        self.before = before

    @property
    def opened(self) -> dict[str, Any]:
        """What the first event tells of it."""
        return self._request.opened

    @property
    def links(self) -> list[dict[str, Any]]:
        """Whom the run retries."""
        before = self.before
        return [] if before is None else [{"rel": RETRIES, "run_id": before.run_id, "digest": before.digest}]

    def take(self, run_id: str, journal: OpenRun) -> None:
        """Claim the key for a run that has its lease, and not a line. Raises `Taken` and `store_unavailable`; the run
        is then gone, and its id free."""
        try:
            name = _name(self._request, self.number)
            if self._store.journals.claims.put_new(name, self._request.body(run_id)) is not None:
                raise Taken
        except BaseException:
            give_up(self._store.journals, run_id, journal)
            raise


def _name(request: Request, number: int) -> str:
    return request.key_sha256 if number == 1 else f"{request.key_sha256}.{number}"


def request_sha256(request: Any) -> str:
    """The digest of a request's canonical bytes; raises `invalid_option` for what JSON cannot hold."""
    try:
        tree = with_encoded_bytes(coerce(request)[0])
        if foreign := foreign_type(tree):
            raise error(
                "invalid_option",
                f"the request holds a {foreign}, which is no JSON: two requests could not be told apart by it",
                option="request",
            )
        return sha256_hex(canonical_bytes(tree))
    except RunstoneError as exc:
        if exc.code == "invalid_option":
            raise
        raise error("invalid_option", f"the request is no JSON: {exc.message}", option="request") from exc


def foreign_type(tree: Any) -> str | None:
    """The name of a type in a coerced tree of which JSON has only the name."""
    if isinstance(tree, dict):
        if tree.keys() == {"$repr"}:
            return str(tree["$repr"])
        return next((found for item in tree.values() if (found := foreign_type(item))), None)
    if isinstance(tree, list):
        return next((found for item in tree if (found := foreign_type(item))), None)
    return None


def result_problem(result: Any) -> str | None:
    """Why a result cannot be answered again, or `None`."""
    try:
        tree = with_encoded_bytes(coerce(result)[0])
        if foreign := foreign_type(tree):
            return f"it holds a {foreign}, which is no JSON"
        size = len(canonical_bytes(tree))
    except RunstoneError as exc:
        return exc.message
    return None if size <= MAX_RESULT_BYTES else f"it has {size} bytes of JSON; the limit is {MAX_RESULT_BYTES}"


def look(store: Store, request: Request) -> Sealed | Claim | None:
    """The sealed run that answers a request, or the claim to be made for it; `None` while somebody works on it.

    Raises `idempotency_conflict`, `run_purged`, `bundle_damaged` where what was sealed under the key cannot be proved,
    `store_unavailable`, and what `Store.recover` raises.
    """
    number, before, gone = 1, None, None
    while (body := store.journals.claims.get(_name(request, number))) is not None:
        claimed = _parsed(body, request)
        run_id = claimed["run_id"]
        if any(claimed[field] != value for field, value in (*request.opened.items(), ("kind", request.kind))):
            raise error(
                "idempotency_conflict", f"the idempotency key was used for another request, run {run_id}", run_id=run_id
            )
        if not _rest(store, run_id):
            return None
        sealed = store.get(run_id) if store.objects.exists(run_id) else None
        if sealed is not None:
            prove(sealed.bundle, store.contract_of)
            if not _is_free(sealed):
                return sealed
        gone = store.objects.tombstone(run_id) if sealed is None else None
        number, before = number + 1, sealed or before
    if gone is not None and gone.status not in (INTERRUPTED, CANCELLED):
        raise _purged(gone)
    return Claim(store, request, number, before)


def _purged(gone: Tombstone) -> RunstoneError:
    """The key has had its run, and nobody can say any more what came of it, nor whether its work was begun."""
    told = gone.error()
    message = f"the idempotency key stays taken by its run, whatever came of it: {told.message}; use another key"
    return error("run_purged", message, option="idempotency_key", **told.details)


def _parsed(body: bytes, request: Request) -> dict[str, Any]:
    try:
        claimed = parse_canonical(body, limit=4096)
        return {field: str(claimed[field]) for field in ("kind", "run_id", "key_sha256", "request_sha256")}
    except (RunstoneError, LookupError, TypeError):
        name = request.key_sha256
        raise error("store_unavailable", f"the claim {name} is damaged", reason="damaged claim", name=name) from None


def _rest(store: Store, run_id: str) -> bool:
    """Whether nobody works on a run any more; one whose process died is recovered."""
    if store.objects.exists(run_id) or store.journals.read(run_id) is None:
        return True
    if store.journals.alive(run_id):
        return False
    recovery = recover(run_id, store.objects, store.journals, store.contract_of)
    if (reason := recovery.reason) is not None:
        raise error(reason["code"], reason["message"], **reason["details"])
    return recovery.outcome != ALIVE


def _is_free(sealed: Sealed) -> bool:
    """Whether the run came to no answer: another may be made under its key."""
    if sealed.status != FAILED:
        return sealed.status in (INTERRUPTED, CANCELLED)
    with sealed.reading():
        decision = run_decision(sealed.journal())
    return decision is None or decision["outcome"] not in PASSING


def answer_of(sealed: Sealed) -> Any:
    """What a sealed run answers: its result. Raises `policy_blocked` and `work_failed` as it ended."""
    with sealed.reading():
        journal = sealed.journal()
        closed, decision = journal.closed["data"], run_decision(journal)
    if sealed.status == BLOCKED and decision is not None:
        raise blocked(sealed.run_id, decision)
    failure = closed["error"]
    if failure is not None:
        told = failure if isinstance(failure, dict) else {"message": failure}
        words = ": ".join(str(told[key]) for key in ("type", "message") if told.get(key))
        raise error(
            "work_failed",
            f"the work failed before under this key: {words[:1000]}",
            run_id=sealed.run_id,
            type=told.get("type"),
        )
    return restored(closed["result"])


def blocked(run_id: str, decision: dict[str, Any]) -> RunstoneError:
    """The error that a call was blocked; `decision` as it was recorded."""
    reason = decision["block_reason"] or decision["outcome"]
    return error("policy_blocked", f"blocked: {reason}", run_id=run_id, reason=reason, decision=decision)
