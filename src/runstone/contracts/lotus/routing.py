"""Routes that read JSON as strictly as the kernel does: a body that is no JSON (NaN, half of a surrogate pair, a member
twice) is a 422. FastAPI takes it, and then cannot print what it says of it.
"""

from __future__ import annotations

from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.routing import APIRoute

from runstone.core.parsing import parse_json
from runstone.errors import RunstoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.responses import Response


class StrictRequest(Request):
    """A request whose `json` takes strict JSON alone."""

    async def json(self) -> Any:
        """The body as a value. Raises `JSONDecodeError`, which FastAPI answers by a 422."""
        try:
            return parse_json(await self.body())
        except RunstoneError as exc:
            raise JSONDecodeError(exc.message, "", exc.details.get("offset", 0)) from exc


class StrictRoute(APIRoute):
    """A route of strict requests."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI's, of strict requests."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strict
