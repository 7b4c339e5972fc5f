"""`/cases`: what waits for a person, the gravest first; filters, keys, verdicts on many at once."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from fastapi.datastructures import QueryParams
from fastapi.responses import Response
from pydantic import ValidationError

from moderation.errors import ModerationError
from service.cases import BREACHES, State, Verb
from service.caseschemas import MAX_BULK, CaseListOut, CaseListRequest
from service.desk import CursorError, Desk
from service.pages.shell import PageError, Visit, in_thread, page, redirect
from service.rights import Right
from service.storage import filters
from service.storage.filters import SavedFilter

router = APIRouter(include_in_schema=False)
Seeing = Annotated[Visit, page(Right.SEE_CASES)]
Reviewing = Annotated[Visit, page(Right.REVIEW)]
VIEWS = (
    ("待处理", {"state": ["open", "claimed"]}),
    ("申诉", {"appeal_open": "true"}),
    ("二次复核", {"opinion_wanted": "true"}),
    ("抽检", {"sampled": "true", "state": ["open", "claimed"]}),
    ("已确认", {"state": ["confirmed", "relabelled"], "order": "newest"}),
    ("已驳回", {"state": ["rejected"], "order": "newest"}),
    ("全部", {"order": "newest"}),
)
"""Ready-made filters: name and query."""
WAITING = (State.OPEN, State.CLAIMED)
FILTERS = ("label", "group_id", "policy", "action", "sender_id", "since", "until")


@router.get("/cases")
async def queue(visit: Seeing) -> Response:
    """Show a page of cases; htmx asks for the table alone."""
    wanted = asked(visit, visit.request.query_params)
    desk: Desk = visit.state.desk
    try:
        found, places = await in_thread(lambda: desk.queue(wanted))
    except CursorError as error:
        raise PageError(400, "这一页已经不在了，请从头看起。") from error
    query = [(k, v) for k, v in visit.request.query_params.multi_items() if k != "cursor" and v]
    part = visit.request.headers.get("hx-target") == "queue"
    # A further page has its queries from the cursor on: filters stand on the first.
    first = not part and wanted.cursor is None
    return visit.show(
        "part_queue.html" if part else "queue.html",
        found=found,
        rows=list(zip(found.cases, places, strict=True)),
        views=_views(wanted, found),
        filters=await in_thread(lambda: _saved(visit)) if first else [],
        problem=None,
        given={name: visit.request.query_params.get(name, "") for name in FILTERS},
        policies=list(visit.state.moderator.policies),
        here="?" + urlencode(query),
        further="?" + urlencode([*query, ("cursor", found.next or "")]),
    )


@router.get("/waiting")
async def waiting(visit: Seeing) -> Response:
    """Say how many cases wait, for the navigation of every page; nothing when there are none."""
    desk: Desk = visit.state.desk
    found = await in_thread(lambda: desk.waiting())
    return visit.show("part_waiting.html", count=found)


@router.post("/cases")
async def decide_many(
    visit: Reviewing,
    verb: Annotated[str, Form(pattern="^(confirm|reject)$")],
    case_id: Annotated[list[str], Form(max_length=MAX_BULK)],
    back: Annotated[str, Form()] = "",
) -> Response:
    """Claim and decide every case that was ticked; those that could not be are named."""
    desk: Desk = visit.state.desk
    failed = []
    for one in case_id:
        try:
            await in_thread(partial(desk.act, one, visit.who.name, Verb.CLAIM, Verb(verb)))
        except ModerationError as error:
            failed.append(f"{one}：{error}")
    if failed:
        return visit.show(
            "bulk.html", 409, done=len(case_id) - len(failed), failed=failed, back=back
        )
    return redirect("/cases" + (back if back.startswith("?") else ""))


def asked(visit: Visit, query: QueryParams) -> CaseListRequest:
    """Return what a query asks for, without one what waits; raises `PageError`."""
    given: dict[str, Any] = {k: v for k, v in query.items() if v and k != "state"}
    states = [state for state in query.getlist("state") if state]
    if not query:
        states = ["open", "claimed"]
    for day in ("since", "until"):
        if len(given.get(day, "")) == len("2026-01-31"):
            given[day] += "T00:00:00" + _offset(visit)
    try:
        return CaseListRequest.model_validate(given | {"state": states, "limit": 50})
    except ValidationError as error:
        raise PageError(400, "筛选条件不对，请重新选择。") from error


def _saved(visit: Visit) -> list[SavedFilter]:
    with visit.state.database.read() as connection:
        return filters.saved(connection, visit.who.name)


def _offset(visit: Visit) -> str:
    offset = datetime.now(visit.state.settings.zone).strftime("%z")
    return f"{offset[:3]}:{offset[3:]}"


def _views(wanted: CaseListRequest, found: CaseListOut) -> list[dict[str, Any]]:
    counts = found.counts
    numbers = {
        "待处理": sum(counts.by_state.get(s, 0) for s in WAITING),
        "申诉": counts.appeal_open,
        "二次复核": counts.opinion_wanted,
        "抽检": counts.sampled,
        "已确认": sum(counts.by_state.get(s, 0) for s in BREACHES),
        "已驳回": counts.by_state.get(State.REJECTED, 0),
        "全部": sum(counts.by_state.values()),
    }
    current = {s.value for s in wanted.state}
    return [
        {
            "name": name,
            "url": "/cases?" + urlencode(query, doseq=True),
            "count": numbers[name],
            "here": set(query.get("state", [])) == current
            and ("appeal_open" in query) == wanted.appeal_open
            and ("opinion_wanted" in query) == wanted.opinion_wanted
            and ("sampled" in query) == wanted.sampled,
        }
        for name, query in VIEWS
    ]
