"""Routes that know of one another: a method that a path does not have is answered with all that it has.

FastAPI names the methods of the first route alone that fits the path, whatever the others take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.routing import APIRoute
from starlette.responses import JSONResponse
from starlette.routing import Match

if TYPE_CHECKING:
    from typing import Final

    from starlette.types import Receive, Scope, Send

METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
_ASKED: Final = ("type", "path", "root_path", "headers", "query_string", "scheme", "server", "http_version", "app")


class KnowingRoute(APIRoute):
    """A route whose 405 has the methods of every route of the application at the same path."""

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
