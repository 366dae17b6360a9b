"""Routers to mount in a FastAPI application; what they answer is `ToolpathGate`'s and `RunStore`'s.

    app.include_router(toolpaths_router(store, feasibility={"saw": judge}, toolpaths={"saw": build}))
    app.include_router(runs_router(store))

Behind the extra `web`. Who may delete, purge or override is for the application to say: put its dependency in front.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, StringConstraints, WithJsonSchema

from runstone.contracts.rmos import answers, layout
from runstone.contracts.rmos.attachments import MAX_BYTES
from runstone.contracts.rmos.gate import ToolpathGate
from runstone.contracts.rmos.hashing import stable_json
from runstone.contracts.rmos.index import MAX_LIMIT, Asked
from runstone.contracts.rmos.store import RunStore
from runstone.contracts.routing import KnowingRoute, body_within, is_json
from runstone.core.parsing import parse_json
from runstone.core.policy.policy import Policy
from runstone.errors import CODES, Damaged, PolicyBlocked, RunstoneError

if TYPE_CHECKING:
    from runstone.contracts.rmos.gate import Builder, Feasibility

PREFIX: Final = "/api/rmos"
_OBJECT: Final = {"type": "object"}
_JSON_BODY: Final = {"requestBody": {"required": True, "content": {"application/json": {"schema": _OBJECT}}}}
_FILE: Final[dict[str, Any]] = {"content": {"application/octet-stream": {"schema": {}}}}
_FILE_BODY: Final = {"requestBody": {"required": True, **_FILE}}
_NOT_FOUND: Final = ("run_not_found", "run_purged", "invalid_run_id", "file_not_found", "ambiguous_run")
_UNREADABLE: Final = ("unknown_contract",)
"""Of a run, as `Damaged` errors are: the request is not at fault."""


_OF_A_RUN: Final = (
    "rmos_run",
    "rmos_run_download",
    "rmos_compare",
    "rmos_lineage",
    "rmos_amendments",
    "rmos_attachments",
    "rmos_attach",
    "rmos_check_attachments",
    "rmos_override",
    "rmos_delete",
    "rmos_purge",
)
"""What can be asked of a run, by the names of the handlers: those are the ids of the operations, too."""


def _links(pointer: str, other: str | None = None) -> dict[str, Any]:
    """OpenAPI links from an answer, which has a run id (and that of another run) there, to all routes of a run."""
    named = {"run_id": f"$response.body#{pointer}"}
    both = {**named, "other_id": f"$response.body#{other or pointer}"}
    return {
        "links": {
            name: {"operationId": name, "parameters": both if name == "rmos_compare" else named} for name in _OF_A_RUN
        }
    }


def _name(route: APIRoute) -> str:
    return route.name


class Refused(BaseModel):
    """An error: a word for programs, perhaps a message and what it is about."""

    error: str


class Failure(BaseModel):
    """The error of a toolpath request."""

    detail: Any


_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": Refused},
    409: {"model": Refused},
    422: {"model": Failure},
    500: {"model": Refused},
    503: {"model": Refused},
}
_BODY_ERRORS: Final[dict[int | str, dict[str, Any]]] = {**_ERRORS, 400: {"model": Failure}}
_REMOVAL_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    **_BODY_ERRORS,
    403: {"model": Refused},
    429: {"model": Refused},
}
_TOOLPATH_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: _links("/_run_id"),
    409: {"model": Failure, **_links("/detail/run_id")},
    422: {"model": Failure},
    500: {"model": Failure, **_links("/detail/run_id")},
    503: {"model": Failure},
}
_LISTED: Final[dict[int | str, dict[str, Any]]] = {200: _links("/items/0/run_id", "/items/1/run_id")}


def toolpaths_router(
    store: RunStore | None = None,
    *,
    feasibility: Mapping[str, Feasibility],
    toolpaths: Mapping[str, Builder],
    policy: Policy | Mapping[str, Any] | None = None,
    resolve_mode: Callable[[str], str] | None = None,
) -> APIRouter:
    """`POST /api/rmos/toolpaths`. The arguments are those of `ToolpathGate`; its functions are plain ones, called in a
    thread."""
    gate = ToolpathGate(store or RunStore(), feasibility, toolpaths, policy, resolve_mode)
    router = APIRouter(prefix=PREFIX, route_class=KnowingRoute, generate_unique_id_function=_name)

    @router.post("/toolpaths", response_model=answers.Made, openapi_extra=_JSON_BODY, responses=_TOOLPATH_ANSWERS)
    def rmos_toolpaths(req: Annotated[dict[str, Any], Depends(json_object)]) -> Response:
        """Make toolpaths, if the server's own feasibility lets it; every request leaves a run."""
        answer = gate.answer(req)
        return JSONResponse(answer.content, answer.status)

    return router


def runs_router(store: RunStore | None = None) -> APIRouter:
    """`/api/rmos/runs`: list, read, compare, attach, override, delete and purge."""
    known = store or RunStore()
    router = APIRouter(prefix=PREFIX, route_class=KnowingRoute, responses=_ERRORS, generate_unique_id_function=_name)
    _add_reading(router, known)
    _add_attachments(router, known)
    _add_changes(router, known)
    return router


def _add_reading(router: APIRouter, store: RunStore) -> None:
    @router.get("/runs", response_model=answers.Page, responses=_LISTED)
    def rmos_runs(asked: Annotated[Listed, Depends()]) -> Response:
        """Runs, the newest first."""
        return _answered(lambda: asked.answer(store))

    @router.get("/runs/{run_id}", response_model=answers.Document)
    def rmos_run(run_id: str) -> Response:
        """The document of a run."""
        return _read(store, lambda: Response(store.read(run_id), media_type="application/json"), run_id)

    @router.get("/runs/{run_id}/download", response_model=answers.Document)
    def rmos_run_download(run_id: str) -> Response:
        """The same, as a file."""

        def answer() -> Response:
            named = _disposition(f"{store.sealed(run_id).run_id}.json")
            return Response(store.read(run_id), media_type="application/json", headers=named)

        return _read(store, answer, run_id)

    @router.get("/runs/{run_id}/compare/{other_id}", response_model=answers.Compared)
    def rmos_compare(run_id: str, other_id: str) -> Response:
        """What changed from one run to another."""

        def answer() -> Response:
            found = store.compare(run_id, other_id)
            return JSONResponse({"a": run_id, "b": other_id, "same": not found, "differences": found})

        return _read(store, answer, run_id, other_id)

    @router.get("/runs/{run_id}/lineage", response_model=answers.Lineage)
    def rmos_lineage(run_id: str) -> Response:
        """The plans of a run, and what was made of it."""
        return _read(store, lambda: JSONResponse({"run_id": run_id, **store.lineage(run_id)}), run_id)

    @router.get("/runs/{run_id}/amendments", response_model=answers.Amendments)
    def rmos_amendments(run_id: str) -> Response:
        """What was said of a run since it was sealed."""
        return _read(store, lambda: JSONResponse({"run_id": run_id, "items": store.amendments(run_id)}), run_id)


def _add_attachments(router: APIRouter, store: RunStore) -> None:
    @router.get("/runs/{run_id}/attachments", response_model=answers.AttachedFiles)
    def rmos_attachments(run_id: str) -> Response:
        """The files that are kept with a run."""
        return _read(
            store, lambda: JSONResponse({"items": [found.as_dict() for found in store.attachments(run_id)]}), run_id
        )

    @router.post(
        "/runs/{run_id}/attachments", response_model=answers.Attached, status_code=201, openapi_extra=_FILE_BODY
    )
    def rmos_attach(
        run_id: str,
        data: Annotated[bytes, Depends(file_bytes)],
        filename: Annotated[str, Query(min_length=1, max_length=200)],
        kind: Annotated[str, Query(max_length=80)] = "file",
        actor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Response:
        """Keep a file with a run: the body, as it is."""
        return _answered(
            lambda: JSONResponse(store.attach(run_id, filename, data, kind=kind, by=actor).as_dict(), 201), run_id
        )

    @router.get("/runs/{run_id}/attachments/verify", response_model=answers.CheckedFiles)
    def rmos_check_attachments(run_id: str) -> Response:
        """Read every attachment again: whether its SHA-256 holds, and of what."""

        def answer() -> Response:
            items = [checked.as_dict() for checked in store.check_attachments(run_id)]
            return JSONResponse({"ok": all(item["ok"] for item in items), "items": items})

        return _read(store, answer, run_id)

    @router.get("/runs/{run_id}/attachments/{sha256}", response_class=Response, responses={200: _FILE})
    def rmos_attachment(run_id: str, sha256: str) -> Response:
        """One attachment's bytes."""

        def answer() -> Response:
            found = next((one for one in store.attachments(run_id) if one.sha256 == sha256), None)
            if found is None or found.path is None:
                return JSONResponse({"error": "ATTACHMENT_NOT_FOUND", "run_id": run_id, "sha256": sha256}, 404)
            return Response(found.read(), media_type="application/octet-stream", headers=_disposition(found.filename))

        return _read(store, answer, run_id)


class Overriding(BaseModel):
    """Who says that a decision is another one, and why, in 6 characters or more."""

    actor: Annotated[str, StringConstraints(pattern=r"\S", max_length=200)]
    reason: Annotated[str, StringConstraints(pattern=r"\S[\s\S]{4,}\S", max_length=4000)]
    outcome: Literal["allow", "review", "block"] = "allow"


class Removing(BaseModel):
    """Who removes a run, and why. What is missing is refused, and the try recorded."""

    actor: str = ""
    reason: str = ""


def _add_changes(router: APIRouter, store: RunStore) -> None:
    @router.post("/runs/{run_id}/override", response_model=answers.Overridden, status_code=201, responses=_BODY_ERRORS)
    def rmos_override(run_id: str, asked: Overriding) -> Response:
        """Say that a run's decision is another one; the run stays as it is."""

        def answer() -> Response:
            made = store.override(run_id, by=asked.actor, reason=asked.reason, outcome=asked.outcome)
            return JSONResponse({"run_id": run_id, "override_run_id": made.run_id}, 201)

        return _answered(answer, run_id)

    @router.delete("/runs/{run_id}", response_model=answers.Deleted, responses=_REMOVAL_ERRORS)
    def rmos_delete(run_id: str, asked: Annotated[Removing, Query()]) -> Response:
        """Take a run out of lists and readers; its sealed bundle stays."""

        def answer() -> Response:
            told = store.delete(run_id, by=asked.actor, reason=asked.reason)
            return JSONResponse({"run_id": run_id, "audit_run_id": told, "deleted": True})

        return _answered(answer, run_id)

    @router.post("/runs/{run_id}/purge", response_model=answers.Purged, responses=_REMOVAL_ERRORS)
    def rmos_purge(run_id: str, asked: Removing) -> Response:
        """Remove a run for good."""

        def answer() -> Response:
            told = store.purge(run_id, by=asked.actor, reason=asked.reason)
            return JSONResponse({"run_id": run_id, "audit_run_id": told, "purged": True})

        return _answered(answer, run_id)


def _moment(text: str) -> str:
    """A day, or a time in UTC, as the index takes them. Raises `ValueError`."""
    with suppress(ValueError):
        return max(date.fromisoformat(text).isoformat(), FIRST_DAY)
    found = datetime.fromisoformat(LEAP_SECOND.sub(r"\1:59", text.upper()))
    moved = found.astimezone(UTC) if found.tzinfo is not None and MINYEAR < found.year < MAXYEAR else found
    return max(moved.replace(tzinfo=None).isoformat(timespec="microseconds"), FIRST_DAY)


FIRST_DAY: Final = "1970-01-01"
LEAP_SECOND: Final = re.compile(r"^(.{10}.[0-9]{2}:[0-9]{2}):60")
Moment = Annotated[
    str,
    AfterValidator(_moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}),
]
"""A day, or a time; without a zone it is in UTC."""


class Listed:
    """The parameters of a list."""

    def __init__(
        self,
        status: Literal["OK", "BLOCKED", "ERROR"] | None = None,
        mode: str | None = None,
        tool_id_prefix: str | None = None,
        risk_level: str | None = None,
        date_from: Moment | None = None,
        date_to: Moment | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
        cursor: str | None = None,
    ) -> None:
        self._asked: dict[str, Any] = {
            "status": status,
            "mode": mode,
            "tool_id_prefix": tool_id_prefix,
            "risk_level": risk_level,
            "date_from": date_from,
            "date_to": date_to,
        }
        self._limit = limit
        self._cursor = cursor

    def answer(self, store: RunStore) -> Response:
        """A page of the list."""
        found = store.runs(Asked(**self._asked), limit=self._limit, cursor=self._cursor)
        page = {"items": found.items, "next_cursor": found.next_cursor, "runs_dir": str(store.runs_dir)}
        return JSONResponse(page)


async def json_object(request: Request) -> dict[str, Any]:
    """The body, if it is a JSON object that can be recorded, and told to be one; raises 422."""
    if not is_json(request):
        raise _unfit("content_type", "the body is JSON, and its Content-Type says so: application/json")
    body = await _body(request, layout.MAX_REQUEST_BYTES)
    try:
        value = parse_json(body)
        stable_json(value)
    except RunstoneError as exc:
        raise _unfit(exc.code, exc.message) from exc
    if not isinstance(value, dict):
        raise _unfit("dict_type", "the body is a JSON object")
    return value


async def file_bytes(request: Request) -> bytes:
    """The body, if it is no longer than an attachment may be; raises 422."""
    return await _body(request, MAX_BYTES)


async def _body(request: Request, limit: int) -> bytes:
    found = await body_within(request, limit)
    if found is None:
        raise _unfit("too_large", f"the body has more than {limit} bytes")
    return found


def _unfit(code: str, message: str, *where: str) -> HTTPException:
    return HTTPException(422, [{"type": code, "loc": ["body", *where], "msg": message}])


def _read(store: RunStore, answer: Callable[[], Response], *run_ids: str) -> Response:
    """What is answered of runs that are proved first, or the answer to what is wrong with one of them."""
    for run_id in run_ids:
        try:
            store.prove(run_id)
        except RunstoneError as exc:
            return _problem(exc, run_id)
    return _answered(answer, run_ids[0])


def _answered(answer: Callable[[], Response], run_id: str = "") -> Response:
    """An answer, or the one to what it raised."""
    try:
        return answer()
    except RunstoneError as exc:
        return _problem(exc, run_id)


def _problem(exc: RunstoneError, run_id: str) -> Response:
    """The answer to an error; raises 422 where the request is at fault."""
    if isinstance(exc, PolicyBlocked):
        return _refused(exc, run_id)
    if exc.code in _NOT_FOUND and run_id:
        return JSONResponse({"error": "RUN_NOT_FOUND", "run_id": run_id}, 404)
    if exc.code == "invalid_cursor":
        return JSONResponse({"error": "CURSOR_NOT_FOUND"}, 404)
    if exc.details.get("option") == "run":  # it is no run of which that can be said
        return JSONResponse({"error": "CONFLICT", "message": exc.message}, 409)
    told = {"error": exc.code.upper(), "message": exc.message}
    if isinstance(exc, Damaged) or exc.code in _UNREADABLE:
        return JSONResponse({**told, "run_id": run_id}, 500)
    status = CODES[exc.code].http_status
    if status in (400, 422):
        raise _unfit(exc.code, exc.message) from exc
    return JSONResponse(told, status)


def _refused(exc: PolicyBlocked, run_id: str) -> Response:
    """A try to remove a run that the policy refuses: which run tells of it, and why."""
    broken = {rule["id"] for rule in exc.decision["rules"] if rule["status"] != "pass"}
    told = {"run_id": run_id, "audit_run_id": exc.run_id}
    if "tries" in broken:
        return JSONResponse({"error": "RATE_LIMITED", **told}, 429, {"Retry-After": "60"})
    if "run" in broken:
        return JSONResponse({"error": "RUN_NOT_FOUND", **told}, 404)
    message = "say who you are (actor), and why in 6 characters or more (reason)"
    return JSONResponse({"error": "REFUSED", "message": message, **told}, 403)


def _disposition(filename: Any) -> dict[str, str]:
    """Headers by which a browser saves a file, and never shows what somebody has uploaded."""
    named = f"attachment; filename*=UTF-8''{quote(str(filename), safe='')}"
    return {"Content-Disposition": named, "X-Content-Type-Options": "nosniff"}
