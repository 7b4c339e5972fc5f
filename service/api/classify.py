"""`POST /v1/classify` and `POST /v1/classify/batch`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from moderation import Message, UnknownNameError
from service.auth import HEADER, require_key
from service.problems import ProblemError, invalid, unknown_policy
from service.schemas import (
    BatchOut,
    BatchRequest,
    ClassifyRequest,
    DecisionOut,
    Problem,
    field_problems,
)

ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": about}
    for code, about in (
        (401, "No key or a wrong one"),
        (413, "Body too large"),
        (422, "A field is wrong"),
    )
}
router = APIRouter(
    prefix="/v1", tags=["classify"], dependencies=[Depends(HEADER), Depends(require_key)]
)


async def classify(body: ClassifyRequest, request: Request) -> Response:
    """Judge one message: what was found, where, and which article and penalty apply."""
    message = _message(body, request)
    try:
        request.app.state.moderator.policies[message.policy]
    except UnknownNameError as error:
        problem = unknown_policy(error, "/policy")
        raise ProblemError(422, problem.title, problem.detail, problem.errors) from error
    decision = await request.app.state.batcher.moderate(message)
    return _json(decision.to_dict())


class _ShortWay(APIRoute):
    """Answers a request that has nothing wrong with it without FastAPI's general machinery.

    That machinery costs more than judging a message. Whatever is unusual (key, content type, a
    field) goes the general way, so that every error is answered there and only there.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler that tries the short way first."""
        general = super().get_route_handler()

        async def handle(request: Request) -> Response:
            body = await _faultless(request)
            return await (general(request) if body is None else classify(body, request))

        return handle


async def _faultless(request: Request) -> ClassifyRequest | None:
    """Return the body of a request that the general way would let pass, else None."""
    if request.headers.get("content-type") != "application/json":
        return None
    try:
        await require_key(request)
        return ClassifyRequest.model_validate_json(await request.body())
    except (ProblemError, ValidationError, ClientDisconnect):
        return None


def install(app: FastAPI) -> None:
    """Add both endpoints; the busy one directly, for a router in between matches every request twice."""
    app.router.add_api_route(
        "/v1/classify",
        classify,
        methods=["POST"],
        response_model=DecisionOut,
        responses=ERRORS,
        tags=list(router.tags),
        dependencies=router.dependencies,
        route_class_override=_ShortWay,
    )
    app.include_router(router)


@router.post("/classify/batch", response_model=BatchOut, responses=ERRORS)
def classify_batch(body: BatchRequest, request: Request) -> Response:
    """Judge up to 1,000 messages. Answers come in order; a wrong message is answered in its place."""
    results: list[dict[str, Any]] = [{} for _ in body.messages]
    messages: list[tuple[int, Message]] = []
    for number, item in enumerate(body.messages):
        try:
            message = _message(ClassifyRequest.model_validate(item), request)
            request.app.state.moderator.policies[message.policy]
            messages.append((number, message))
        except ValidationError as error:
            problem = invalid(field_problems(error, ("messages", number)))
            results[number]["error"] = problem.model_dump()
        except UnknownNameError as error:
            problem = unknown_policy(error, f"/messages/{number}/policy")
            results[number]["error"] = problem.model_dump()
    decisions = request.app.state.moderator.moderate([message for _, message in messages])
    for (number, _), decision in zip(messages, decisions, strict=True):
        results[number]["decision"] = decision.to_dict()
    return _json({"results": results})


def _message(body: ClassifyRequest, request: Request) -> Message:
    return body.to_message(policy=request.app.state.settings.default_policy)


def _json(content: dict[str, Any]) -> Response:
    """Return JSON as it stands: the value objects are the contract, a second check would double the cost."""
    return Response(orjson.dumps(content), media_type="application/json")
