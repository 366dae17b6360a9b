"""Routes that know of one another, and read JSON as strictly as the kernel does.

- A method that a path does not have is answered with all that it has. FastAPI names the methods of the first route
  alone that fits the path, whatever the others take.
- A body that is no JSON (NaN, half of a surrogate pair, a member twice) is a 422. FastAPI takes it, and then cannot
  print what it says of it.
- So is one of more than 2 MiB, which is not held. FastAPI reads all, and repeats it in what it says of it.
"""

from __future__ import annotations

from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.routing import Match

from runstone.core.parsing import parse_json
from runstone.errors import RunstoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Final

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

MAX_BODY_BYTES: Final = 2 << 20
METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
_ASKED: Final = ("type", "path", "root_path", "headers", "query_string", "scheme", "server", "http_version", "app")


class StrictRequest(Request):
    """A request whose `json` takes strict JSON alone, of `MAX_BODY_BYTES` at most."""

    async def body(self) -> bytes:
        """The body. Raises `JSONDecodeError` for one that is too large, which FastAPI answers by a 422."""
        if not hasattr(self, "_body"):
            found = await body_within(self, MAX_BODY_BYTES)
            if found is None:
                raise JSONDecodeError(f"the body has more than {MAX_BODY_BYTES} bytes", "", 0)
            self._body = found
        return self._body

    async def json(self) -> Any:
        """The body as a value. Raises `JSONDecodeError`, which FastAPI answers by a 422."""
        try:
            return parse_json(await self.body())
        except RunstoneError as exc:
            raise JSONDecodeError(exc.message, "", exc.details.get("offset", 0)) from exc


async def body_within(request: Request, limit: int) -> bytes | None:
    """The body, if it is no longer than that. Raises `HTTPException` 400 where the client goes away meanwhile."""
    found = bytearray()
    try:
        async for chunk in request.stream():
            found += chunk
            if len(found) > limit:
                return None
    except ClientDisconnect as exc:  # nobody reads the answer; a server would log the exception as its own
        raise HTTPException(400, "the client went away") from exc
    return bytes(found)


def is_json(request: Request) -> bool:
    """Whether the body is told to be JSON, as FastAPI takes it. What is not told may be sent by a page of another site
    in the name of its reader, who is not asked."""
    kind, _, subtype = request.headers.get("content-type", "").partition(";")[0].strip().lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


class KnowingRoute(APIRoute):
    """A route whose 405 has the methods of every route of the application at the same path."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI's, of strict requests."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strict

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or say what can be asked for."""
        own = self.methods or set()
        if scope["method"] in own:
            await super().handle(scope, receive, send)
            return
        allowed = {*own, *(method for method in METHODS if _takes(scope, method))}
        answer = JSONResponse({"detail": "Method Not Allowed"}, 405, {"Allow": ", ".join(sorted(allowed))})
        await answer(scope, receive, send)


def _takes(scope: Scope, method: str) -> bool:
    """Whether any route of the application takes the same request by another method."""
    asked = {key: scope[key] for key in _ASKED if key in scope}
    routes = getattr(scope.get("app"), "routes", ())
    return any(route.matches({**asked, "method": method})[0] is Match.FULL for route in routes)
