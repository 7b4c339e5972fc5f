"""`GET /v1/shadow`: what a challenger says beside the champion."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from moderation.registry import CHALLENGER
from service.api.accounts import SECURED
from service.auth import may
from service.rights import Principal, Right
from service.schemas import Name
from service.shadowforms import Comparison, ShadowOut
from service.storage import shadows
from service.storage.database import Database

router = APIRouter(prefix="/v1", tags=["models"], responses=SECURED)
SHOWN = 20
"""Comparisons answered at once, the latest ones."""


@router.get("/shadow")
def shadow(
    who: Annotated[Principal, may(Right.SEE_MODELS)],
    request: Request,
    challenger: Annotated[Name | None, Query(description="Only this version")] = None,
    cases: Annotated[int, Query(ge=0, le=200, description="Cases listed per comparison")] = 50,
) -> ShadowOut:
    """Compare challenger and champion on live messages: agreement, changes by label, cases behind them."""
    database: Database = request.app.state.database
    with database.read() as connection:
        found = shadows.standings(connection, challenger)[:SHOWN]
        comparisons = [Comparison.of(one, shadows.behind(connection, one, cases)) for one in found]
    return ShadowOut(
        challenger=request.app.state.settings.registry.alias(CHALLENGER),
        problem=request.app.state.shadow.problem,
        comparisons=tuple(comparisons),
    )
