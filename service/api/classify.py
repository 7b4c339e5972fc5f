"""`POST /v1/classify` and `POST /v1/classify/batch`, the general way: every error is answered here.

What has nothing wrong with it goes by `service/shortway.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from moderation import Moderator, UnknownNameError
from service import problems
from service.auth import may
from service.problems import ProblemError, invalid, unknown_policy
from service.recorder import Recorder
from service.rights import Right
from service.schemas import (
    BatchOut,
    BatchRequest,
    ClassifyRequest,
    DecisionOut,
    Problem,
    field_problems,
)
from service.storage.intake import ConflictError

ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": about}
    for code, about in (
        (401, "No key or a wrong one"),
        (403, "The key's roles do not allow it"),
        (409, "The message_id was used for another text"),
        (413, "Body too large"),
        (422, "A field is wrong"),
        (429, "Too many requests"),
        (503, "The database did not keep it: try again"),
    )
}
router = APIRouter(
    prefix="/v1",
    tags=["classify"],
    dependencies=[may(Right.CLASSIFY)],
)


@router.post("/classify", response_model=DecisionOut, responses=ERRORS)
async def classify(body: ClassifyRequest, request: Request) -> Response:
    """Judge one message: what was found, where, and which article and penalty apply."""
    recorder: Recorder = request.app.state.recorder
    _check_policy(body, recorder.moderator)
    asked = body.to_asked()
    return _json(await (recorder.preview(asked) if body.dry_run else recorder.answer(asked)))


@router.post("/classify/batch", response_model=BatchOut, responses=ERRORS)
async def classify_batch(body: BatchRequest, request: Request) -> Response:
    """Judge up to 1,000 messages. Answers come in order; a wrong message is answered in its place."""
    recorder: Recorder = request.app.state.recorder
    checked = [
        _checked(item, number, recorder.moderator) for number, item in enumerate(body.messages)
    ]
    good = [one for one in checked if isinstance(one, ClassifyRequest)]
    settled = await asyncio.gather(
        *(
            recorder.preview(one.to_asked()) if one.dry_run else recorder.answer(one.to_asked())
            for one in good
        ),
        return_exceptions=True,
    )
    answers = iter(settled)
    return _json({"results": [_item(one, answers) for one in checked]})


def _check_policy(body: ClassifyRequest, moderator: Moderator, prefix: str = "") -> None:
    """Refuse a policy that does not exist."""
    if body.policy is None:
        return
    try:
        moderator.policies[body.policy]
    except UnknownNameError as error:
        problem = unknown_policy(error, f"{prefix}/policy")
        raise ProblemError(422, problem.title, problem.detail, problem.errors) from error


def _checked(item: Any, number: int, moderator: Moderator) -> ClassifyRequest | Problem:
    """Return a message of a batch, or what is wrong with it."""
    try:
        body = ClassifyRequest.model_validate(item)
        _check_policy(body, moderator, f"/messages/{number}")
    except ValidationError as error:
        return invalid(field_problems(error, ("messages", number)))
    except ProblemError as error:
        return error.problem
    return body


def _item(
    one: ClassifyRequest | Problem, answers: Iterator[dict[str, Any] | BaseException]
) -> dict[str, Any]:
    if isinstance(one, Problem):
        return {"error": one.model_dump()}
    answer = next(answers)
    if isinstance(answer, ConflictError):
        return {"error": problems.of(answer).model_dump()}
    if isinstance(answer, BaseException):
        raise answer
    return {"decision": answer}


def _json(content: dict[str, Any]) -> Response:
    """Return JSON as it stands: the value objects are the contract, a second check would double the cost."""
    return Response(orjson.dumps(content), media_type="application/json")
