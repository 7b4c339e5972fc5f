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
from service.cases import RuleError
from service.notices import NoticeError
from service.schemas import FieldProblem, Problem
from service.storage.actions import LivingActionError, UnknownActionError
from service.storage.casebook import ErasedError, UnknownCaseError
from service.storage.database import StorageError
from service.storage.erasure import UnknownPersonError
from service.storage.events import UnknownEventError
from service.storage.intake import ConflictError, UnknownMessageError
from service.storage.jobs import JobError, UnknownJobError
from service.storage.noticebook import UnknownNoticeError
from service.storage.rosterbook import UnknownGroupError, UnknownMemberError
from service.versions import PromotionError

logger = logging.getLogger(__name__)
MISSING = (
    UnknownCaseError,
    ErasedError,
    UnknownMessageError,
    UnknownNoticeError,
    UnknownActionError,
    UnknownGroupError,
    UnknownMemberError,
    UnknownPersonError,
    UnknownEventError,
    UnknownJobError,
)
"""Errors about what does not exist, or does no more."""
FORBIDDEN = (ConflictError, RuleError, NoticeError, LivingActionError, JobError, PromotionError)
"""Errors about what the state of things does not allow now."""
MEDIA_TYPE = "application/problem+json"
_REFERENCE = {"$ref": f"#/components/schemas/{Problem.__name__}"}


class ProblemError(Exception):
    """An answer other than success, raised anywhere below an endpoint."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        errors: list[FieldProblem] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.problem = Problem(title=title, status=status, detail=detail, errors=errors or [])
        self.headers = headers or {}
        super().__init__(detail)


def invalid(errors: list[FieldProblem]) -> Problem:
    """Return the problem of a request with wrong fields."""
    detail = "; ".join(f"{error.pointer or '/'}: {error.detail}" for error in errors)
    return Problem(title="Invalid request", status=422, detail=detail, errors=errors)


def unknown_policy(error: UnknownNameError, pointer: str) -> Problem:
    """Return the problem of a request that names something that does not exist."""
    return invalid([FieldProblem(pointer=pointer, detail=str(error))])


def of(error: Exception) -> Problem:
    """Return the problem of an error of the rules or of storage."""
    if isinstance(error, MISSING):
        return Problem(title="Not Found", status=404, detail=str(error))
    if isinstance(error, FORBIDDEN):
        return Problem(title="Conflict", status=409, detail=str(error))
    logger.error("not kept: %s", error)
    return Problem(title="Not kept", status=503, detail="the database did not keep it: try again")


def install(app: FastAPI) -> None:
    """Make the app answer every error in the one shape, and say so in its document."""
    _document(app)
    app.add_exception_handler(ProblemError, _problem_error)
    app.add_exception_handler(RequestValidationError, _request_error)
    app.add_exception_handler(HTTPException, _http_error)
    for refused in (StorageError, *MISSING, *FORBIDDEN):
        app.add_exception_handler(refused, _refused)
    app.add_exception_handler(Exception, _unexpected)


def _document(app: FastAPI) -> None:
    """Give problems their own media type in the document; FastAPI knows but one for all answers."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        for path in document["paths"].values():
            for operation in path.values():
                for answered in operation["responses"].values():
                    content = answered.get("content", {})
                    if content.get("application/json", {}).get("schema") == _REFERENCE:
                        content[MEDIA_TYPE] = content.pop("application/json")
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def answer(problem: Problem) -> JSONResponse:
    """Return a problem as a response."""
    return JSONResponse(problem.model_dump(), problem.status, media_type=MEDIA_TYPE)


def refusal(error: Exception) -> JSONResponse:
    """Return the response to an error of the rules or of storage."""
    response = answer(of(error))
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "1"
    return response


async def _problem_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    response = answer(error.problem)
    response.headers.update(error.headers)
    return response


async def _request_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [_without_place(item) for item in error.errors()]
    return answer(invalid(found))


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title, detail = HTTPStatus(error.status_code).phrase, str(error.detail)
    if error.status_code == 400:  # by which the framework means a body that it cannot read at all
        return answer(invalid([FieldProblem(pointer="", detail=detail)]))
    return answer(Problem(title=title, status=error.status_code, detail=detail))


async def _refused(_: Request, error: Exception) -> JSONResponse:
    return refusal(error)


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
