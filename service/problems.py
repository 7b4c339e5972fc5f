"""Every error answer has one shape: problem details (RFC 9457) with pointers to the fields."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from moderation.errors import UnknownNameError
from service.schemas import FieldProblem, Problem

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """An answer other than success, raised anywhere below an endpoint."""

    def __init__(
        self, status: int, title: str, detail: str, errors: list[FieldProblem] | None = None
    ) -> None:
        self.problem = Problem(title=title, status=status, detail=detail, errors=errors or [])
        super().__init__(detail)


def invalid(errors: list[FieldProblem]) -> Problem:
    """Return the problem of a request with wrong fields."""
    detail = "; ".join(f"{error.pointer or '/'}: {error.detail}" for error in errors)
    return Problem(title="Invalid request", status=422, detail=detail, errors=errors)


def unknown_policy(error: UnknownNameError, pointer: str) -> Problem:
    """Return the problem of a request that names something that does not exist."""
    return invalid([FieldProblem(pointer=pointer, detail=str(error))])


def install(app: FastAPI) -> None:
    """Make the app answer every error in the one shape."""
    app.add_exception_handler(ProblemError, _problem_error)
    app.add_exception_handler(RequestValidationError, _request_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


def answer(problem: Problem) -> JSONResponse:
    """Return a problem as a response."""
    return JSONResponse(problem.model_dump(), problem.status, media_type=MEDIA_TYPE)


async def _problem_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    return answer(error.problem)


async def _request_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [_without_place(item) for item in error.errors()]
    return answer(invalid(found))


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title, detail = HTTPStatus(error.status_code).phrase, str(error.detail)
    # The framework answers 400 only to a body that it cannot read at all.
    errors = [FieldProblem(pointer="", detail=detail)] if error.status_code == 400 else []
    return answer(Problem(title=title, status=error.status_code, detail=detail, errors=errors))


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    logger.error("unexpected error", exc_info=error)
    return answer(
        Problem(
            title="Internal error", status=500, detail="the message was not judged; see the log"
        )
    )


def _without_place(item: Any) -> FieldProblem:
    """Return a finding of FastAPI with its pointer from the body on (`/text`, not `/body/text`)."""
    where = [str(part) for part in item["loc"] if part not in ("body", "query", "path")]
    if item["type"] == "json_invalid":
        return FieldProblem(pointer="", detail=f"body is not valid JSON at character {where[-1]}")
    return FieldProblem(
        pointer="".join(f"/{part}" for part in where),
        detail=str(item["msg"]).removeprefix("Value error, "),
    )
