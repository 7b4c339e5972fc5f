"""`GET /v1/duties`: what people owe their groups, and what became of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from service.api.accounts import SECURED
from service.auth import may
from service.dutyforms import DutyOut, DutyPage
from service.rights import Principal, Right
from service.schemas import Name
from service.storage import dutyquery
from service.storage.database import Database
from service.storage.dutybook import DutyState

router = APIRouter(prefix="/v1", tags=["duties"], responses=SECURED)


@router.get("/duties")
def list_duties(
    who: Annotated[Principal, may(Right.SEE_ROSTER)],
    request: Request,
    state: DutyState | None = None,
    rule: Annotated[Name | None, Query()] = None,
    group_id: Annotated[Name | None, Query()] = None,
    person: Annotated[Name | None, Query()] = None,
    after: Annotated[str | None, Query(pattern=dutyquery.CURSOR)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DutyPage:
    """List duties: open ones with their running clock, breached ones with their case."""
    database: Database = request.app.state.database
    wanted = dutyquery.Wanted(state, rule, group_id, person)
    with database.read() as connection:
        rows = dutyquery.listed(
            connection, wanted, limit + 1, dutyquery.parse_cursor(after) if after else None
        )
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return DutyPage(
        duties=tuple(map(DutyOut.of, shown)),
        next=dutyquery.cursor(last.due, last.duty_id) if last is not None else None,
    )
