"""`/filters`: the filters of the queue that a user has given a name: kept, replaced, removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from fastapi.datastructures import QueryParams
from fastapi.responses import Response

from service.pages.queue import FILTERS, asked
from service.pages.shell import PageError, Visit, in_thread, page, redirect
from service.rights import Right
from service.storage import filters
from service.storage.filters import MOST, FilterError, SavedFilter

router = APIRouter(prefix="/filters", include_in_schema=False)
Seeing = Annotated[Visit, page(Right.SEE_CASES)]
Name = Annotated[str, Form(min_length=1, max_length=30)]
Query = Annotated[str, Form(max_length=1000)]
KEPT = (*FILTERS, "state", "order", "appeal_open", "opinion_wanted", "sampled")


@router.post("")
async def keep(visit: Seeing, name: Name, query: Query = "") -> Response:
    """Keep the filter that is shown under a name."""
    wanted = SavedFilter(name.strip(), _checked(visit, query))
    if not wanted.name:
        raise PageError(422, "请给这个筛选起名。")
    return await _changed(visit, query, lambda c: filters.put(c, visit.who.name, wanted))


@router.post("/remove")
async def remove(visit: Seeing, name: Name, query: Query = "") -> Response:
    """Forget a filter; `query` is where the user is."""
    return await _changed(visit, query, lambda c: filters.remove(c, visit.who.name, name))


async def _changed(visit: Visit, query: str, work: Callable[[Any], None]) -> Response:
    """Do a change and show the filters again: to htmx the part, else the queue as it was."""
    here = _checked(visit, query)

    def write() -> list[SavedFilter]:
        with visit.state.database.write() as connection:
            work(connection)
            return filters.saved(connection, visit.who.name)

    def look() -> list[SavedFilter]:
        with visit.state.database.read() as connection:
            return filters.saved(connection, visit.who.name)

    problem = None
    try:
        found = await in_thread(write)
    except FilterError as error:
        problem = f"最多保存 {MOST} 个筛选，请先删除一个。"
        if not visit.is_part:
            raise PageError(409, problem) from error
        found = await in_thread(look)
    if visit.is_part:
        return visit.show("part_filters.html", filters=found, here=here, problem=problem)
    return redirect(f"/cases?{here}")


def _checked(visit: Visit, query: str) -> str:
    """Return a query with what the queue knows and nothing else; raises `PageError`."""
    given = QueryParams(query.removeprefix("?"))
    asked(visit, given)
    return urlencode([(key, value) for key, value in given.multi_items() if key in KEPT and value])
