"""Versions of the model: looked at, promoted, rolled back, challenged; long work as jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from moderation.errors import ModelError, UnknownNameError
from moderation.registry import Registry
from service import versions
from service.api.accounts import SECURED
from service.auth import may
from service.modelforms import (
    DriftRequest,
    JobOut,
    ModelList,
    ModelOut,
    ModelWhole,
    PromoteRequest,
    RetrainRequest,
)
from service.problems import ProblemError
from service.rights import Principal, Right
from service.schemas import Name, Problem
from service.storage import jobs
from service.storage.database import Database

router = APIRouter(prefix="/v1", tags=["models"], responses=SECURED)

Documented = dict[int | str, dict[str, Any]]
MISSING: Documented = {404: {"model": Problem, "description": "No such version"}}
NO_JOB: Documented = {404: {"model": Problem, "description": "No such job"}}
REFUSED: Documented = {
    409: {"model": Problem, "description": "The gate refuses, or the folder cannot be loaded"}
}
BROKEN: Documented = {409: {"model": Problem, "description": "The folder cannot be loaded"}}
BUSY: Documented = {409: {"model": Problem, "description": "One waits or is at work already"}}

Looking = Annotated[Principal, may(Right.SEE_MODELS)]
Promoting = Annotated[Principal, may(Right.PROMOTE)]
VersionName = Annotated[Name, Path(description="a version, `champion` or `challenger`")]
JobId = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("/models")
def list_models(who: Looking, request: Request) -> ModelList:
    """List the versions with their figures."""
    return ModelList(models=tuple(map(ModelOut.of, versions.listed(_registry(request)))))


@router.get("/models/{version}", responses=MISSING)
def show_model(who: Looking, request: Request, version: VersionName) -> ModelWhole:
    """Show a version: how it compares with its champion, per label and with intervals, and what flips."""
    with _known():
        found = versions.version(_registry(request), version)
    return ModelWhole(**ModelOut.of(found).model_dump(), comparison=_plain(found.comparison))


@router.post("/models/rollback", responses=REFUSED)
def roll_back(who: Promoting, request: Request) -> ModelOut:
    """Make the champion before this one champion again; once more undoes that."""
    database: Database = request.app.state.database
    with database.write() as connection:
        found = versions.rollback(connection, datetime.now(UTC), _registry(request), who.name)
    return ModelOut.of(found)


@router.post("/models/{version}/promote", responses=MISSING | REFUSED)
def promote(
    who: Promoting, request: Request, version: VersionName, body: PromoteRequest | None = None
) -> ModelOut:
    """Make a version champion if the gate lets it through; running services follow within a second."""
    database: Database = request.app.state.database
    reason = body.reason if body and body.force else None
    with _known(), database.write() as connection:
        found = versions.promote(
            connection, datetime.now(UTC), _registry(request), version, who.name, reason
        )
    return ModelOut.of(found)


@router.post("/models/{version}/challenge", responses=MISSING | BROKEN)
def challenge(who: Promoting, request: Request, version: VersionName) -> ModelOut:
    """Let a version judge live messages beside the champion without acting, in place of any other."""
    database: Database = request.app.state.database
    registry = _registry(request)
    try:
        with _known(), database.write() as connection:
            versions.challenge(connection, datetime.now(UTC), registry, version, who.name)
    except ModelError as error:
        raise ProblemError(409, "Conflict", str(error)) from error
    return ModelOut.of(versions.version(registry, version))


@router.delete("/models/challenger", status_code=204)
def end_challenge(who: Promoting, request: Request) -> None:
    """Let no version judge beside the champion; what was counted stays."""
    database: Database = request.app.state.database
    with database.write() as connection:
        versions.challenge(connection, datetime.now(UTC), _registry(request), None, who.name)


@router.post("/retrain", status_code=202, responses=BUSY)
def retrain(
    who: Annotated[Principal, may(Right.RETRAIN)],
    request: Request,
    body: RetrainRequest | None = None,
) -> JobOut:
    """Ask for a retraining on project data and reviewed cases; `moderation worker` does it."""
    return _ask(request, who, jobs.RETRAIN, body or RetrainRequest())


@router.post("/drift", status_code=202, responses=BUSY)
def look_for_drift(
    who: Annotated[Principal, may(Right.RETRAIN)],
    request: Request,
    body: DriftRequest | None = None,
) -> JobOut:
    """Ask for a comparison of the last weeks; `moderation worker` does it, the page `/drift` shows it."""
    return _ask(request, who, jobs.DRIFT, body or DriftRequest())


@router.post("/noise", status_code=202, responses=BUSY)
def look_for_noise(who: Annotated[Principal, may(Right.RETRAIN)], request: Request) -> JobOut:
    """Ask for a search for wrong labels; `moderation worker` does it, the page `/next` shows it."""
    return _ask(request, who, jobs.NOISE)


@router.get("/jobs/{job_id}", responses=NO_JOB)
def show_job(who: Looking, request: Request, job_id: JobId) -> JobOut:
    """Say where a job stands."""
    database: Database = request.app.state.database
    with database.read() as connection:
        return JobOut.of(jobs.job(connection, job_id))


def _ask(
    request: Request, who: Principal, kind: str, body: RetrainRequest | DriftRequest | None = None
) -> JobOut:
    database: Database = request.app.state.database
    params = {} if body is None else body.model_dump()
    with database.write() as connection:
        number = jobs.ask(connection, datetime.now(UTC), kind, who.name, params)
        return JobOut.of(jobs.job(connection, number))


def _registry(request: Request) -> Registry:
    found: Registry = request.app.state.settings.registry
    return found


def _plain(comparison: Any) -> dict[str, Any] | None:
    return None if comparison is None else dict(comparison)


@contextmanager
def _known() -> Iterator[None]:
    """Answer a name that is none with 404."""
    try:
        yield
    except UnknownNameError as error:
        raise ProblemError(404, "Not Found", str(error)) from error
