"""Routes that know of one another, and read JSON as strictly as the kernel does.

- A method that a path does not have is answered with all that it has. FastAPI names the methods of the first route
  alone that fits the path, whatever the others take.
- A body that is no JSON (NaN, half of a surrogate pair, a member twice) is a 422. FastAPI takes it, and then cannot
  print what it says of it.
"""

from __future__ import annotations

from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse
from starlette.routing import Match

from runstone.core.parsing import parse_json
from runstone.errors import RunstoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Final

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
_ASKED: Final = ("type", "path", "root_path", "headers", "query_string", "scheme", "server", "http_version", "app")


class StrictRequest(Request):
    """A request whose `json` takes strict JSON alone."""

    async def json(self) -> Any:
        """The body as a value. Raises `JSONDecodeError`, which FastAPI answers by a 422."""
        try:
            return parse_json(await self.body())
        except RunstoneError as exc:
            raise JSONDecodeError(exc.message, "", exc.details.get("offset", 0)) from exc


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
