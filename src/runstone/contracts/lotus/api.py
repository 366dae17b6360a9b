"""The routes of Lotus runs, for a FastAPI application to mount: plain, and again below `/api/v1`.

    app.include_router(router(open_runs))

Error bodies are `{"detail": CODE}`. What is off is off before anything is looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, HTTPException, Query
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, StringConstraints

from runstone.contracts.lotus.runs import LotusRuns
from runstone.contracts.lotus.settings import artifacts_enabled
from runstone.contracts.routing import KnowingRoute
from runstone.core.printing import print_json
from runstone.core.times import time_text
from runstone.errors import Damaged, NotFound, RunstoneError, StoreUnavailable

JSON = "application/json"
PREFIXES = ("", "/api/v1")
DISABLED = "DPM_ARTIFACTS_DISABLED"
NOT_FOUND = "DPM_RUN_NOT_FOUND"
UNAVAILABLE = "DPM_RUN_STORE_UNAVAILABLE"
CONFLICT = "IDEMPOTENCY_KEY_CONFLICT: request hash mismatch"
PURGED = "IDEMPOTENCY_KEY_RUN_PURGED"
IN_PROGRESS = "IDEMPOTENCY_KEY_IN_PROGRESS"
INVALID_TRANSITION = "DPM_WORKFLOW_INVALID_TRANSITION"
DAMAGED = "DPM_RUN_DAMAGED"
INTERNAL = "INTERNAL_ERROR"
UNKNOWN_CURSOR = "DPM_CURSOR_NOT_FOUND"

Text = Annotated[str, StringConstraints(min_length=1, max_length=512)]


def _written_out(value: Any) -> Any:
    """A time is text: a number might be one of seconds, milliseconds or a year."""
    if isinstance(value, str) and not (len(value) >= MIN_TIME and value[4] == value[7] == "-"):
        raise ValueError("a date and a time with a zone are meant, as 2026-05-06T07:08:09Z")
    return value


MIN_TIME = len("2026-05-06T07:08Z")
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]


NOT_BLANK: Final = r"[^\s\x1c-\x1f\x85\ufeff]"
"""At least one character that is a blank to nobody: dialects of patterns differ in what `\\s` is."""


class Detail(BaseModel):
    """The body of an error."""

    detail: str


class Review(BaseModel):
    """What a reviewer decides."""

    action: Literal["APPROVE", "REJECT", "REQUEST_CHANGES"]
    reason_code: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
    actor_id: Annotated[str, StringConstraints(pattern=NOT_BLANK, max_length=128)]
    comment: Annotated[str, StringConstraints(max_length=4000)] | None = None


class Decision(BaseModel):
    """A decision of a reviewer as it was recorded."""

    decision_id: str
    run_id: str
    action: str
    reason_code: str | None
    comment: str | None
    actor_id: str | None
    decided_at: str
    correlation_id: str | None


class Workflow(BaseModel):
    """How the review of a run stands."""

    run_id: str
    run_status: str
    workflow_status: str
    requires_review: bool
    latest_decision: Decision | None


class History(BaseModel):
    """All decisions of the reviewers of a run, the oldest first."""

    run_id: str
    decisions: list[Decision]


class StoredRun(BaseModel):
    """A run as it was stored."""

    rebalance_run_id: str
    correlation_id: str
    request_hash: str
    idempotency_key: str | None
    portfolio_id: str
    created_at: str
    result: dict[str, Any]


class Item(BaseModel):
    """A run in a list."""

    rebalance_run_id: str
    correlation_id: str
    request_hash: str
    idempotency_key: str | None
    portfolio_id: str
    status: str
    created_at: str


class Page(BaseModel):
    """Runs, the newest first."""

    items: list[Item]
    next_cursor: str | None


class KeyOwner(BaseModel):
    """Which run an idempotency key is answered by."""

    idempotency_key: str
    request_hash: str
    rebalance_run_id: str
    created_at: str


class Artifact(BaseModel):
    """A run's artifact, version 1.0. Its hash covers every member but itself."""

    artifact_id: str
    artifact_version: Literal["1.0"]
    rebalance_run_id: str
    correlation_id: str
    idempotency_key: str | None
    portfolio_id: str
    status: str
    request_snapshot: dict[str, Any]
    before_summary: Any
    after_summary: Any
    order_intents: Any
    rule_outcomes: Any
    diagnostics: Any
    result: dict[str, Any]
    evidence: dict[str, Any]


class SupportBundle(BaseModel):
    """All that is known of a run."""

    run: StoredRun
    artifact: Artifact | None
    workflow_history: History
    lineage: dict[str, Any]
    idempotency_history: dict[str, Any] | None
    record: dict[str, Any] = Field(description="The sealed run of Runstone that holds all of this.")


def answer(value: Any) -> Response:
    """JSON with integers and floats apart, the same bytes for the same value."""
    return Response(print_json(value, "compact-utf8"), media_type=JSON)


def refused(exc: Exception) -> HTTPException:
    """The answer to an error of a store, a gate or a look-up. What is wrong with a request is a 422, as FastAPI's own;
    what an engine has raised, and whatever else is no fault of the request, a 500 that names the sealed run which tells
    of it."""
    run = _run_of(exc)
    if isinstance(exc, RunstoneError):
        if exc.code in _UNFIT and not run:
            return HTTPException(422, [{"type": exc.code, "loc": ["request"], "msg": exc.message}])
        if (told := _told(exc)) is not None:
            return HTTPException(*told)
    return HTTPException(500, INTERNAL + run)


def _told(exc: RunstoneError) -> tuple[int, str] | None:
    unsealed = exc.code == "answer_withheld" and "cause" in exc.details  # the same key may be asked again
    if isinstance(exc, StoreUnavailable) or unsealed:
        return 503, UNAVAILABLE
    if exc.code == "run_purged" and exc.details.get("option") == "idempotency_key":
        return 409, PURGED
    if isinstance(exc, NotFound):
        return 404, NOT_FOUND
    return (500, DAMAGED) if isinstance(exc, Damaged) else _ANSWERS.get(exc.code)


def _run_of(exc: Exception) -> str:
    """The run that tells of an error, in words: a gate notes it."""
    noted = {**(exc.details if isinstance(exc, RunstoneError) else {}), **vars(exc)}
    run_id = noted.get("run_id")
    return f": run {run_id}" if run_id else ""


_UNFIT = frozenset({"invalid_option", "invalid_label", "not_json", "lone_surrogate", "too_deep"})
"""Codes of a request that no run can be opened for; where there is a run, its engine has raised them."""

_ANSWERS = {
    "idempotency_conflict": (409, CONFLICT),
    "in_progress": (409, IN_PROGRESS),
    "not_under_review": (409, INVALID_TRANSITION),
    "invalid_cursor": (404, UNKNOWN_CURSOR),
}


def router(runs_of: Callable[[], LotusRuns]) -> APIRouter:
    """The routes over what `runs_of` answers (asked at each request: whatever it raises is a 503)."""
    errors: dict[int | str, dict[str, Any]] = {status: {"model": Detail} for status in (404, 500, 503)}
    whole = APIRouter(tags=["Rebalance runs"], responses=errors, route_class=KnowingRoute)
    for prefix in PREFIXES:
        _Routes(runs_of).add_to(whole, f"{prefix}/rebalance/runs")
    return whole


class _Routes:
    """The handlers. They are plain functions, so an event loop does not wait for the disk."""

    def __init__(self, runs_of: Callable[[], LotusRuns]) -> None:
        self._runs_of = runs_of

    def add_to(self, routes: APIRouter, base: str) -> None:
        """Add every route; what has a name of its own stands before what takes any id. What callers choose may hold a
        slash."""
        refused: dict[int | str, dict[str, Any]] = {400: {"model": Detail}, 409: {"model": Detail}}
        routes.add_api_route(base, self.page, response_model=Page)
        for name, found in (
            ("by-correlation/{correlation_id:path}", self.by_correlation),
            ("by-request-hash/{request_hash}", self.by_request_hash),
            ("{rebalance_run_id}", self.run),
        ):
            routes.add_api_route(f"{base}/{name}", found, response_model=StoredRun)
        routes.add_api_route(f"{base}/idempotency/{{idempotency_key:path}}", self.by_key, response_model=KeyOwner)
        one = f"{base}/{{rebalance_run_id}}"
        routes.add_api_route(f"{one}/artifact", self.artifact, response_model=Artifact)
        routes.add_api_route(f"{one}/support-bundle", self.support_bundle, response_model=SupportBundle)
        routes.add_api_route(f"{one}/workflow", self.workflow, response_model=Workflow)
        routes.add_api_route(f"{one}/workflow/history", self.decisions, response_model=History)
        routes.add_api_route(
            f"{one}/workflow/actions", self.review, methods=["POST"], response_model=Workflow, responses=refused
        )

    def page(
        self,
        created_from: Annotated[Moment | None, Query(description="Not before; with a time zone.")] = None,
        created_to: Annotated[Moment | None, Query(description="Not after; with a time zone.")] = None,
        status_filter: Annotated[Literal["READY", "PENDING_REVIEW", "BLOCKED"] | None, Query()] = None,
        request_hash: Annotated[Text | None, Query()] = None,
        portfolio_id: Annotated[Text | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[Text | None, Query(description="`next_cursor` of the page before.")] = None,
    ) -> Response:
        """Runs, the newest first, filtered by all that is given."""

        def asked(runs: LotusRuns) -> Response:
            items, following = runs.page(
                created_from=_utc(created_from),
                created_to=_utc(created_to),
                status=status_filter,
                request_hash=request_hash,
                portfolio_id=portfolio_id,
                limit=limit,
                cursor=cursor,
            )
            return answer({"items": items, "next_cursor": following})

        return self._asked(asked)

    def by_correlation(self, correlation_id: str) -> Response:
        """The newest run of a correlation id."""
        return self._asked(lambda runs: answer(runs.latest("correlation_id", correlation_id)))

    def by_request_hash(self, request_hash: str) -> Response:
        """The newest run of a request hash."""
        return self._asked(lambda runs: answer(runs.latest("request_hash", request_hash)))

    def by_key(self, idempotency_key: str) -> Response:
        """Which run an idempotency key is answered by."""

        def asked(runs: LotusRuns) -> Response:
            run = runs.latest("idempotency_key", idempotency_key)
            return answer({name: run[name] for name in KeyOwner.model_fields})

        return self._asked(asked)

    def run(self, rebalance_run_id: str) -> Response:
        """A run as it was stored."""
        return self._asked(lambda runs: answer(runs.get(rebalance_run_id)))

    def artifact(self, rebalance_run_id: str) -> Response:
        """The artifact of a run: the same bytes at every read."""
        if not artifacts_enabled():
            raise HTTPException(404, DISABLED)
        return self._asked(lambda runs: Response(runs.artifact(rebalance_run_id), media_type=JSON))

    def support_bundle(
        self, rebalance_run_id: str, include_artifact: bool = True, include_idempotency_history: bool = True
    ) -> Response:
        """All that is known of a run."""
        parts = {
            "artifact": include_artifact and artifacts_enabled(),
            "idempotency_history": include_idempotency_history,
        }
        return self._asked(lambda runs: answer(runs.support_bundle(rebalance_run_id, **parts)))

    def workflow(self, rebalance_run_id: str) -> Response:
        """How the review of a run stands."""
        return self._asked(lambda runs: answer(runs.workflow(rebalance_run_id)))

    def decisions(self, rebalance_run_id: str) -> Response:
        """What reviewers decided of a run."""
        return self._asked(
            lambda runs: answer({"run_id": rebalance_run_id, "decisions": runs.decisions(rebalance_run_id)})
        )

    def review(
        self, rebalance_run_id: str, review: Review, x_correlation_id: Annotated[Text | None, Header()] = None
    ) -> Response:
        """Decide on a run that waits for a review."""
        said = review.model_dump()
        return self._asked(
            lambda runs: answer(
                runs.review(rebalance_run_id, said.pop("action"), correlation_id=x_correlation_id, **said)
            )
        )

    def _asked(self, ask: Callable[[LotusRuns], Response]) -> Response:
        try:
            runs = self._runs_of()
        except Exception as exc:  # whatever keeps a store from starting
            raise HTTPException(503, UNAVAILABLE) from exc
        try:
            return ask(runs)
        except RunstoneError as exc:
            raise refused(exc) from exc


def _utc(moment: datetime | None) -> str | None:
    """As the kernel writes a time; one outside of the years 1970 to 9999 is held at the nearer border."""
    if moment is None:
        return None
    since = moment - _EPOCH
    return time_text((since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
