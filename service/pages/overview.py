"""`/overview`: what was flagged and what became of it, as charts whose numbers lead to the cases."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import Response

from service.pages.shell import Visit, in_thread, page
from service.rights import Right
from service.storage import casebook, roster, statistics
from service.storage.statistics import Overview

router = APIRouter(include_in_schema=False)
Seeing = Annotated[Visit, page(Right.SEE_CASES)]
SPANS = (7, 30, 90)


@router.get("/overview")
async def overview(visit: Seeing, days: Annotated[int, Query(ge=1, le=366)] = 30) -> Response:
    """Show the last days."""
    zone = visit.state.settings.zone
    today = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    since, until = today - timedelta(days=days - 1), today + timedelta(days=1)

    def look() -> tuple[Overview, dict[str, Any], dict[str, str]]:
        with visit.state.database.read() as connection:
            found = statistics.overview(connection, since, until, zone)
            groups = roster.groups_at(connection, list(found.per_group))
            names = {group.group_id: group.name for group in groups}
            return found, casebook.agreement(connection), names

    found, agreement, names = await in_thread(look)
    return visit.show(
        "overview.html",
        found=found,
        agreement=agreement,
        names=names,
        days=days,
        spans=SPANS,
        columns=_columns(found.per_day, since.date(), days),
        since=since.date().isoformat(),
    )


def _columns(per_day: dict[date, int], first: date, days: int) -> list[dict[str, Any]]:
    """Return a column per day with its height in hundredths of the highest, and where it leads."""
    highest = max(per_day.values(), default=0) or 1
    out = []
    for number in range(days):
        day = first + timedelta(days=number)
        count = per_day.get(day, 0)
        until = (day + timedelta(days=1)).isoformat()
        query = urlencode({"order": "newest", "since": day.isoformat(), "until": until})
        out.append(
            {"day": day, "count": count, "height": 100 * count / highest, "url": f"/cases?{query}"}
        )
    return out
