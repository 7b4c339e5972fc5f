"""`POST /v1/classify` and `POST /v1/classify/batch`."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

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


@router.post("/classify", response_model=DecisionOut, responses=ERRORS)
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
