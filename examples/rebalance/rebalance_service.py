"""A rebalancing service whose every answer stands in a sealed run: `POST /rebalance/simulate`, and the routes of Lotus.

    uvicorn --app-dir examples/rebalance rebalance_service:app

Runs go to the store of `RUNSTONE_STORE`, else `./runs`. The settings of Lotus (`DPM_…`) are read at each request; runs
that are too old for them are removed at the start.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Annotated, Any

from engine import plan
from fastapi import APIRouter, FastAPI, Header, HTTPException, Response
from models import RebalanceRequest
from pydantic import StringConstraints
from result import result_of

import runstone
from runstone.contracts.lotus import LotusRuns, open_runs, router
from runstone.contracts.lotus.api import PREFIXES, UNAVAILABLE, Detail, answer, refused
from runstone.contracts.routing import KnowingRoute

Key = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


def create_app(runs_of: Callable[[], LotusRuns]) -> FastAPI:
    """The service over the runs that `runs_of` answers."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with suppress(Exception):  # a store that cannot start is told by every route
            runs_of().purge()
        yield

    app = FastAPI(title="Rebalancing, recorded", version="1.0.0", lifespan=lifespan)
    simulation = _Simulation(runs_of)
    routes = APIRouter(tags=["Simulation"], route_class=KnowingRoute)
    for prefix in PREFIXES:
        routes.add_api_route(
            f"{prefix}/rebalance/simulate",
            simulation.post,
            methods=["POST"],
            responses={400: {"model": Detail}, 409: {"model": Detail}, 500: {"model": Detail}, 503: {"model": Detail}},
        )
    app.include_router(routes)
    app.include_router(router(runs_of))
    return app


class _Simulation:
    def __init__(self, runs_of: Callable[[], LotusRuns]) -> None:
        self._runs_of = runs_of

    def post(
        self,
        request: RebalanceRequest,
        idempotency_key: Annotated[Key | None, Header()] = None,
        x_correlation_id: Annotated[Key | None, Header()] = None,
    ) -> Response:
        """Plan how a portfolio comes to its targets. `BLOCKED` is an answer like the others: see `rule_results`.

        The same `Idempotency-Key` with the same request has the same answer, byte for byte; with another one 409.
        """

        def engine(run_id: str, correlation_id: str) -> dict[str, Any]:
            return result_of(request, plan(request), run_id, correlation_id, idempotency_key)

        try:
            runs = self._runs_of()
        except Exception as exc:  # whatever keeps a store from starting
            raise HTTPException(503, UNAVAILABLE) from exc
        try:
            run = runs.simulate(
                json.loads(request.model_dump_json()),
                engine,
                portfolio_id=request.portfolio.portfolio_id,
                idempotency_key=idempotency_key,
                correlation_id=x_correlation_id,
            )
        except Exception as exc:  # also what the engine raised: the run is sealed, and the answer names it
            raise refused(exc) from exc
        response = answer(run["result"])
        response.headers["X-Correlation-Id"] = run["correlation_id"]
        return response


store = cache(runstone.open)
app = create_app(lambda: open_runs(store()))
