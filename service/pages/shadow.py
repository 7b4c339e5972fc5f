"""`/shadow`: a challenger beside the champion: agreement, what would change, the cases behind it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response

from moderation.errors import ModelError, UnknownNameError
from moderation.registry import CHALLENGER, CHAMPION
from service import versions
from service.pages.shell import PageError, Visit, in_thread, page, redirect
from service.rights import Right
from service.shadowforms import Comparison
from service.storage import shadows
from service.storage.shadows import Standing

router = APIRouter(include_in_schema=False)
Seeing = Annotated[Visit, page(Right.SEE_MODELS)]
Choosing = Annotated[Visit, page(Right.PROMOTE)]
SHOWN = 100


@router.get("/shadow")
async def shadow(
    visit: Seeing, number: Annotated[int, Query(alias="n", ge=0, le=1000)] = 0
) -> Response:
    """Show the latest comparison, or the `number`-th before it."""

    def look() -> tuple[list[Standing], Comparison | None]:
        with visit.state.database.read() as connection:
            found = shadows.standings(connection)
            if number >= len(found):
                return found, None
            chosen = found[number]
            return found, Comparison.of(chosen, shadows.behind(connection, chosen, SHOWN))

    standings, comparison = await in_thread(look)
    registry = visit.state.settings.registry
    names = [folder.name for folder in registry.versions()][::-1]
    return visit.show(
        "shadow.html",
        versions=[name for name in names if name != registry.alias(CHAMPION)],
        challenger=registry.alias(CHALLENGER),
        problem=visit.state.shadow.problem,
        standings=standings,
        number=number,
        found=comparison,
    )


@router.post("/shadow")
async def challenge(
    visit: Choosing, version: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Let a version judge beside the champion, or none."""
    registry = visit.state.settings.registry

    def write() -> None:
        with visit.state.database.write() as connection:
            versions.challenge(
                connection, datetime.now(UTC), registry, version or None, visit.who.name
            )

    try:
        await in_thread(write)
    except UnknownNameError as error:
        raise PageError(404, "没有这个版本。") from error
    except ModelError as error:
        raise PageError(409, f"这个版本不能用：{error.problem}") from error
    return redirect("/shadow")
