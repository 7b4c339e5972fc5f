"""`POST /v1/classify` and `POST /v1/classify/batch`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from moderation import Moderator, UnknownNameError
from service.auth import Gate, may
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


async def classify(body: ClassifyRequest, request: Request) -> Response:
    """Judge one message: what was found, where, and which article and penalty apply."""
    recorder: Recorder = request.app.state.recorder
    _check_policy(body, recorder.moderator)
    asked = body.to_asked()
    try:
        return _json(await (recorder.preview(asked) if body.dry_run else recorder.answer(asked)))
    except ConflictError as error:
        raise ProblemError(409, "Conflict", str(error)) from error


def _check_policy(body: ClassifyRequest, moderator: Moderator, prefix: str = "") -> None:
    """Refuse a policy that does not exist."""
    if body.policy is None:
        return
    try:
        moderator.policies[body.policy]
    except UnknownNameError as error:
        problem = unknown_policy(error, f"{prefix}/policy")
        raise ProblemError(422, problem.title, problem.detail, problem.errors) from error


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
    gate: Gate = request.app.state.gate
    key = request.headers.get("x-api-key", "")
    who = gate.remembered(key)
    if who is None or not who.may(Right.CLASSIFY):
        return None
    try:
        body = ClassifyRequest.model_validate_json(await request.body())
    except (ValidationError, ClientDisconnect):
        return None
    return None if gate.limit.wait(key) else body  # one too many is refused by the general way


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
async def classify_batch(body: BatchRequest, request: Request) -> Response:
    """Judge up to 1,000 messages. Answers come in order; a wrong message is answered in its place."""
    recorder: Recorder = request.app.state.recorder
    checked = [
        _checked(item, number, recorder.moderator) for number, item in enumerate(body.messages)
    ]
    good = [one for one in checked if isinstance(one, ClassifyRequest)]
    asked = [one.to_asked() for one in good]
    messages = [one.message() for one in asked]
    decisions = await run_in_threadpool(recorder.moderator.moderate, messages)
    settled = await asyncio.gather(
        *(
            recorder.preview(one) if given.dry_run else recorder.keep(one, made)
            for given, one, made in zip(good, asked, decisions, strict=True)
        ),
        return_exceptions=True,
    )
    answers = iter(settled)
    return _json({"results": [_item(one, answers) for one in checked]})


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
        return {"error": Problem(title="Conflict", status=409, detail=str(answer)).model_dump()}
    if isinstance(answer, BaseException):
        raise answer
    return {"decision": answer}


def _json(content: dict[str, Any]) -> Response:
    """Return JSON as it stands: the value objects are the contract, a second check would double the cost."""
    return Response(orjson.dumps(content), media_type="application/json")
