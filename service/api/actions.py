"""Instructions to the bot: fetched and acknowledged by it; the dead ones revived by people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from service.api.accounts import SECURED
from service.auth import may
from service.noticeforms import ActionOut, ActionPage
from service.notices import ActionState
from service.rights import Principal, Right
from service.schemas import Problem
from service.storage import actions
from service.storage.database import Database

router = APIRouter(prefix="/v1", tags=["actions"], responses=SECURED)

MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such instruction"}
}
ALIVE: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "The instruction is not dead"}
}
ActionId = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("/actions")
def list_actions(
    who: Annotated[Principal, may(Right.SEE_ACTIONS)],
    request: Request,
    state: ActionState = ActionState.PENDING,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ActionPage:
    """List instructions, oldest first: what the bot is to do (`pending`), or could not be sent (`dead`)."""
    database: Database = request.app.state.database
    with database.read() as connection:
        rows = actions.listed(connection, state, limit + 1, after)
    shown = rows[:limit]
    return ActionPage(
        actions=tuple(map(ActionOut.of, shown)),
        next=shown[-1].id if len(rows) > limit else None,
    )


@router.post("/actions/{action_id}/acknowledge", responses=MISSING)
def acknowledge_action(
    who: Annotated[Principal, may(Right.CARRY_OUT)], request: Request, action_id: ActionId
) -> ActionOut:
    """Say that an instruction was carried out; once more changes nothing."""
    database: Database = request.app.state.database
    with database.write() as connection:
        actions.acknowledge(connection, datetime.now(UTC), action_id, who.name)
        return ActionOut.of(actions.action_row(connection, action_id))


@router.post("/actions/{action_id}/revive", responses=MISSING | ALIVE)
def revive_action(
    who: Annotated[Principal, may(Right.REVIVE)], request: Request, action_id: ActionId
) -> ActionOut:
    """Send a dead instruction again from the start."""
    database: Database = request.app.state.database
    with database.write() as connection:
        actions.revive(connection, datetime.now(UTC), action_id, who.name)
        return ActionOut.of(actions.action_row(connection, action_id))
