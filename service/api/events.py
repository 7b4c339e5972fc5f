"""What happens in groups besides messages: `/v1/events`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from service.api.accounts import SECURED
from service.auth import may, secret
from service.eventdesk import shown, take
from service.eventforms import EventPage, EventsOut, EventsRequest
from service.rights import Principal, Right
from service.rosterrows import Word
from service.schemas import Problem
from service.storage import events
from service.storage.database import Database

router = APIRouter(prefix="/v1", tags=["roster"], responses=SECURED)
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "`after` is no event of this group"}
}


@router.post("/events")
def send_events(
    body: EventsRequest, who: Annotated[Principal, may(Right.REPORT_EVENTS)], request: Request
) -> EventsOut:
    """Tell what happened in groups: 1 to 1,000 events, answered in order, late ones too.

    An event is known by its id: sent again it changes nothing and gets the same answer, another one
    under the same id is a 409 in its place.
    """
    state = request.app.state
    results = take(
        state.database,
        datetime.now(UTC),
        who.name,
        body.events,
        state.moderator.policies,
        secret(state.settings),
    )
    return EventsOut(results=tuple(results))


@router.get("/events", responses=NOT_FOUND)
def list_events(
    who: Annotated[Principal, may(Right.SEE_ROSTER)],
    request: Request,
    group_id: Annotated[Word, Query(description="As the bot names the group")],
    after: Annotated[Word | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> EventPage:
    """List the events of a group, oldest first; the text of a notice is not shown."""
    database: Database = request.app.state.database
    with database.read() as connection:
        found = events.page(connection, group_id, after, limit + 1)
    listed = found[:limit]
    return EventPage(
        events=tuple(map(shown, listed)),
        next=listed[-1].event.event_id if len(found) > limit else None,
    )
