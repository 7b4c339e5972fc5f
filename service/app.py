"""The application: settings -> moderator, endpoints, errors."""

from __future__ import annotations

import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from moderation import Moderator
from moderation.lexiconwatch import LexiconWatch
from moderation.modelwatch import ModelWatch
from moderation.policyfiles import PolicyBook
from moderation.registry import CHAMPION
from moderation.turns import TurnModel
from service import problems
from service.api import (
    accounts,
    actions,
    audit,
    cases,
    classify,
    duties,
    events,
    feedback,
    groups,
    metrics,
    models,
    notices,
    payroll,
    people,
    reference,
    retention,
    shadow,
)
from service.auth import Gate, api_key, secret
from service.bodylimit import BodyLimit
from service.desk import Desk
from service.feedbackdesk import FeedbackDesk
from service.metrics import Metrics
from service.pages import site
from service.recorder import Recorder
from service.scheduler import load_dutybook, running
from service.schemas import Health
from service.settings import Settings
from service.shadow import Shadow
from service.shortway import ShortWay
from service.storage.casebook import Casebook
from service.storage.database import Database
from service.storage.intake import Intake
from service.storage.snapshots import Snapshots
from service.storage.turns import Ears

ABOUT = """Judges Chinese group-chat messages under a company's policy. A decision names what was found, where in the
text, and which article and penalty apply. The machine proposes; a person confirms."""

ENDPOINTS = (
    *(classify, reference, accounts, audit, cases, feedback),
    *(groups, duties, people, events, retention),
    *(notices, payroll, actions, shadow, models),
)
"""What has a router, in the order of the documentation."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application, its model and policies loaded.

    Raises:
        ModerationError: a model, policy or lexicon file is missing or wrong.
    """
    settings = settings or Settings()
    settings.make_folders()
    app = FastAPI(
        title="Group chat moderation",
        version=importlib.metadata.version("group-chat-moderation"),
        description=ABOUT,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.moderator = load_moderator(settings)
    app.state.database = open_database(settings)
    app.state.gate = Gate(app.state.database, api_key(settings), settings.rate)
    app.state.metrics = Metrics()
    intake = Intake(
        app.state.moderator.policies,
        settings.default_policy,
        secret(settings),
        settings.sample_rate,
        Ears(TurnModel.load()),
    )
    app.state.shadow = Shadow(app.state.database, intake, app.state.moderator, settings.registry)
    app.state.recorder = Recorder(
        app.state.database,
        intake,
        app.state.moderator,
        metrics=app.state.metrics,
        shadow=app.state.shadow,
    )
    snapshots = Snapshots(app.state.moderator.policies)
    casebook = Casebook(snapshots, settings.opinion_rate)
    app.state.desk = Desk(app.state.database, casebook)
    app.state.dutybook = load_dutybook(settings, app.state.moderator.policies, casebook)
    app.state.feedback = FeedbackDesk(
        app.state.database, casebook, app.state.recorder.intake, app.state.moderator
    )
    problems.install(app)
    app.add_middleware(BodyLimit, limit=settings.max_body)
    for endpoints in ENDPOINTS:
        app.include_router(endpoints.router)
    metrics.install(app, settings.metrics)
    site.install(app)
    app.add_middleware(
        ShortWay,
        gate=app.state.gate,
        recorder=app.state.recorder,
        metrics=app.state.metrics,
        limit=settings.max_body,
    )
    app.add_api_route("/healthz", healthz, tags=["health"])
    app.add_api_route(
        "/readyz",
        readyz,
        tags=["health"],
        response_model=Health,
        responses={503: {"model": Health, "description": "Not ready"}},
    )
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    async with AsyncExitStack() as ends:
        ends.callback(app.state.shadow.close)
        await ends.enter_async_context(running(app.state.database, app.state.dutybook))
        if settings.webhook is not None and settings.webhook_secret is not None:
            from service.webhook import (
                sending,
            )  # a client of HTTP is loaded only where one is needed

            sender = sending(app.state.database, settings.webhook, settings.webhook_secret)
            await ends.enter_async_context(sender)
        yield


def open_database(settings: Settings) -> Database:
    """Return the database, its tables brought to this version."""
    database = Database(settings.database_url)
    database.upgrade()
    return database


def load_moderator(settings: Settings) -> Moderator:
    """Return the moderator that the settings ask for, its default policy known to exist."""
    moderator = Moderator(
        ModelWatch(settings.registry, settings.model or CHAMPION),
        PolicyBook.load(settings.policies),
        LexiconWatch(settings.lexicons),
        compiled=settings.compiled,
    )
    moderator.policies[settings.default_policy]
    return moderator


async def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


async def readyz(request: Request) -> Any:
    """Say what is loaded, or 503 while a detector is out of order."""
    moderator: Moderator = request.app.state.moderator
    terms = len(moderator.lexicon.current().terms)
    problem = moderator.lexicon.problem
    body = Health(
        status="degraded" if problem else "ready",
        model=moderator.model.version,
        policies=len(moderator.policies),
        terms=terms,
        problem=problem,
    )
    return JSONResponse(body.model_dump(), 503 if problem else 200)
