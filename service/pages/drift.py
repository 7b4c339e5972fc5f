"""`/drift`: how the last weeks differ from those before, as it was found last; a button finds it anew."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import Response

from moderation.taxonomy import taxonomy
from service.drift import SHIFTED, WEEKS
from service.pages import tasks
from service.pages.shell import Visit, in_thread, page
from service.rights import Right
from service.storage import analyses, jobs
from service.storage.analyses import Result

router = APIRouter(include_in_schema=False)
Seeing = Annotated[Visit, page(Right.SEE_CASES)]
Asking = Annotated[Visit, page(Right.RETRAIN)]
Weeks = Annotated[int, Form(ge=2, le=104)]


@router.get("/drift")
async def drift(visit: Seeing) -> Response:
    """Show the last report."""

    def look() -> tuple[Result | None, tasks.Task]:
        with visit.state.database.read() as connection:
            return analyses.last(connection, analyses.DRIFT), tasks.task(connection, jobs.DRIFT)

    result, task = await in_thread(look)
    if result is None:
        return visit.show("drift.html", found=None, task=task, look_back=WEEKS)
    found = result.content
    weeks = [week | {"since": datetime.fromisoformat(week["since"])} for week in found["weeks"]]
    return visit.show(
        "drift.html",
        found=found,
        task=task,
        look_back=len(weeks),
        at=result.at,
        weeks=weeks,
        labels=[row for row in _per_label(weeks) if row["total"]],
        shifted=SHIFTED,
    )


@router.post("/drift")
async def ask(visit: Asking, weeks: Weeks = WEEKS) -> Response:
    """Ask a worker for a new report."""
    return await tasks.ask(visit, jobs.DRIFT, {"weeks": weeks}, "/drift")


@router.get("/drift/job")
async def job(visit: Seeing) -> Response:
    """Show how far the newest one is."""
    return await tasks.progress(visit, jobs.DRIFT)


def _per_label(weeks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return per label its share of the flagged and its stability index by week."""
    rows = []
    for label in taxonomy().ids:
        counts = [week["labels"].get(label, 0) for week in weeks]
        shares = [n / (week["flagged"] or 1) for n, week in zip(counts, weeks, strict=True)]
        psi = [week.get("psi", {}).get(label, 0.0) for week in weeks]
        rows.append(
            {"label": label, "total": sum(counts), "shares": shares, "psi": psi, "worst": max(psi)}
        )
    return sorted(rows, key=lambda row: (-row["worst"], -row["total"]))
