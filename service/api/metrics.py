"""`GET /metrics`: what Prometheus asks for, as open as the settings say."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from service.auth import principal
from service.metrics import CountRequests, Metrics
from service.schemas import Problem
from service.storage import analyses
from service.storage.analyses import Standing

Access = Literal["off", "open", "key"]
"""Who may read the metrics: nobody, everybody, whoever has a key."""


async def metrics(request: Request) -> Response:
    """Return counts, latencies and what stands now, in Prometheus's text format."""
    found: Metrics = request.app.state.metrics
    found.judged_by(request.app.state.moderator.model.version)
    return Response(await run_in_threadpool(found.text), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def install(app: FastAPI, access: Access) -> None:
    """Count requests; offer the endpoint to whom it is open."""
    found: Metrics = app.state.metrics
    app.add_middleware(CountRequests, metrics=found)

    def look() -> Standing:
        with app.state.database.read() as connection:
            return analyses.standing(connection)

    found.watch(look)
    found.judged_by(app.state.moderator.model.version)
    if access == "off":
        return
    known = access == "key"
    app.add_api_route(
        "/metrics",
        metrics,
        response_class=Response,
        responses=_ANSWERS | (_REFUSALS if known else {}),
        dependencies=[Depends(principal)] if known else [],
        tags=["health"],
    )


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {CONTENT_TYPE_PLAIN_0_0_4: {}}, "description": "Prometheus's text format"}
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "No key or a wrong one"},
    429: {"model": Problem, "description": "Too many requests"},
    503: {"model": Problem, "description": "The database did not answer: try again"},
}
