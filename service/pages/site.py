"""Puts the pages together."""

from __future__ import annotations

from fastapi import FastAPI

from service.pages import (
    admin,
    case,
    drift,
    duties,
    feedback,
    filters,
    models,
    nextup,
    notices,
    overview,
    queue,
    records,
    rules,
    shadow,
    shell,
    signin,
    tryit,
)

PAGES = (
    *(tryit, signin, queue, filters, case, nextup, feedback, duties, notices, overview),
    *(drift, records, rules, models, shadow, admin),
)


def install(app: FastAPI) -> None:
    """Add every page to the application."""
    shell.install(app)
    for page in PAGES:
        app.include_router(page.router)
