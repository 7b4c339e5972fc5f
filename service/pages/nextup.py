"""`/next`: what to label next: uncertain cases, suspects among the labels, terms to add by one key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import Response

from moderation.errors import DataFileError, UnknownNameError
from moderation.taxonomy import taxonomy
from service import nextup, ownterms
from service.ownterms import OwnTerm
from service.pages import tasks
from service.pages.shell import PageError, Visit, in_thread, page, redirect
from service.rights import Right
from service.storage import analyses, audit, jobs, texts

router = APIRouter(include_in_schema=False)
Seeing = Annotated[Visit, page(Right.SEE_CASES)]
Asking = Annotated[Visit, page(Right.RETRAIN)]
Editing = Annotated[Visit, page(Right.EDIT_TERMS)]
Word = Annotated[str, Form(max_length=100)]
SCORE = "0.9"
GLOSS = "由已确认案件建议"
SHOWN = 50
"""Suspects of an origin on the page; `moderation next --json` gives all."""


@router.get("/next")
async def next_up(visit: Seeing) -> Response:
    """Show what to label next."""
    return visit.show("next.html", **await in_thread(lambda: _look(visit)))


@router.post("/next/noise")
async def look_for_noise(visit: Asking) -> Response:
    """Ask a worker to look for wrong labels."""
    return await tasks.ask(visit, jobs.NOISE, {}, "/next")


@router.get("/next/noise/job")
async def noise_job(visit: Seeing) -> Response:
    """Show how far the newest search for wrong labels is."""
    return await tasks.progress(visit, jobs.NOISE)


@router.post("/next/terms")
async def accept(visit: Editing, term: Word, label: Word) -> Response:
    """Add a suggested term; it is in force within a second and can be taken back on the page of terms."""
    try:
        taxonomy()[label]
    except UnknownNameError as error:
        raise PageError(400, "没有这个标签。") from error
    wanted = OwnTerm(term.strip(), label, SCORE, GLOSS)

    def write() -> None:
        with visit.state.database.write() as connection:
            before = ownterms.put(visit.state.settings.lexicons, wanted)
            detail = {"before": before and before.row(), "after": wanted.row()}
            change = audit.Change(visit.who.name, ownterms.PUT, wanted.term, detail)
            audit.append(connection, datetime.now(UTC), [change])

    try:
        await in_thread(write)
    except DataFileError as error:
        raise PageError(422, f"没有保存：{error.problem}") from error
    return redirect("/next")


def _look(visit: Visit) -> dict[str, Any]:
    with visit.state.database.read() as connection:
        waiting, closed = texts.waiting(connection), texts.closed(connection)
        noise = analyses.suspects(connection)
        task = tasks.task(connection, jobs.NOISE)
    added = {one.term for one in ownterms.own_terms(visit.state.settings.lexicons)}
    suggested = nextup.suggestions(closed, visit.state.moderator.lexicon.current())
    return {
        "cases": nextup.uncertain(waiting, visit.state.moderator.model),
        "waiting": len(waiting),
        "noise": noise,
        "task": task,
        "shown": SHOWN,
        # The lexicon takes a second to hear of a term that was accepted.
        "terms": [one for one in suggested if one.term not in added],
    }
