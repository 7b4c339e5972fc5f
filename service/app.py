"""The application: settings -> moderator, endpoints, errors."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from moderation import Moderator
from service import problems
from service.api import classify, reference
from service.auth import api_key
from service.batcher import Batcher
from service.bodylimit import BodyLimit
from service.settings import Settings

ABOUT = """Judges Chinese group-chat messages under a company's policy. A decision names what was found, where in the
text, and which article and penalty apply. The machine proposes; a person confirms."""


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
    )
    app.state.settings = settings
    app.state.api_key = api_key(settings).encode()
    app.state.moderator = load_moderator(settings)
    app.state.batcher = Batcher(app.state.moderator)
    problems.install(app)
    app.add_middleware(BodyLimit, limit=settings.max_body)
    classify.install(app)
    app.include_router(reference.router)
    app.add_api_route("/healthz", healthz, tags=["health"])
    app.add_api_route(
        "/readyz", readyz, tags=["health"], responses={503: {"description": "Not ready"}}
    )
    return app


def load_moderator(settings: Settings) -> Moderator:
    """Return the moderator that the settings ask for, its default policy known to exist."""
    moderator = Moderator.load(
        settings.model,
        policies=[settings.policies],
        lexicons=[settings.lexicons],
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
    body = {
        "status": "degraded" if problem else "ready",
        "model": moderator.model.version,
        "policies": len(moderator.policies),
        "terms": terms,
        "problem": problem,
    }
    return JSONResponse(body, 503 if problem else 200)
