"""`/notices`: notices by state, one to be approved, published or withdrawn, and the payroll month."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query
from fastapi.responses import Response

from service.notices import NoticeError, NoticeState
from service.pages.shell import PageError, Visit, in_thread, page, redirect
from service.pages.words import refusal
from service.payroll import MONTH, Payroll, span
from service.rights import Right
from service.storage import noticebook, noticequery
from service.storage.noticequery import Wanted
from service.storage.snapshots import Snapshots

router = APIRouter(include_in_schema=False)
Seeing = Annotated[Visit, page(Right.SEE_NOTICES)]
Approving = Annotated[Visit, page(Right.APPROVE)]
Paying = Annotated[Visit, page(Right.PAYROLL)]
NoticeId = Annotated[int, Path(ge=1, lt=2**63)]
PER_PAGE = 50


@router.get("/notices")
async def notices(
    visit: Seeing,
    state: NoticeState | None = None,
    changed: bool | None = None,
    person: Annotated[str, Query(max_length=200)] = "",
    month: Annotated[str, Query(pattern=f"{MONTH}|^$")] = "",
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    """List notices, newest first."""
    since, until = span(month, visit.state.settings.zone) if month else (None, None)
    wanted = Wanted(state, changed, person or None, since, until)

    def look() -> tuple[list[Any], dict[str, int]]:
        with visit.state.database.read() as connection:
            found = noticequery.listed(connection, _snapshots(visit), wanted, PER_PAGE + 1, before)
            return found, noticequery.counts(connection)

    found, counts = await in_thread(look)
    return visit.show(
        "notices.html",
        notices=found[:PER_PAGE],
        next=found[PER_PAGE - 1].id if len(found) > PER_PAGE else None,
        counts=counts,
        state=state,
        changed=changed,
        person=person,
        month=month,
    )


@router.get("/notices/{notice_id}")
async def notice(visit: Seeing, notice_id: NoticeId) -> Response:
    """Show a notice as it will be printed, with what can be done to it."""
    return await _show(visit, notice_id)


@router.post("/notices/{notice_id}/{verb}")
async def act(
    visit: Approving,
    notice_id: NoticeId,
    verb: Annotated[str, Path(pattern="^(approve|publish|withdraw)$")],
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Approve, publish or withdraw; what the rules refuse is said in words."""
    if verb == "withdraw" and not reason.strip():
        return await _show(visit, notice_id, "请写明撤回的理由。")
    work = partial(_act, visit, notice_id, verb, reason.strip())
    try:
        await in_thread(work)
    except noticebook.UnknownNoticeError as error:
        raise PageError(404, "没有这张通知单。") from error
    except NoticeError as error:
        return await _show(visit, notice_id, refusal(error))
    return redirect(f"/notices/{notice_id}")


@router.get("/payroll")
async def payroll(
    visit: Paying, month: Annotated[str, Query(pattern=f"{MONTH}|^$")] = ""
) -> Response:
    """Show the deductions of a month with their marks, and the files to hand on."""
    settings = visit.state.settings
    wanted = month or datetime.now(settings.zone).strftime("%Y-%m")

    def look() -> Payroll:
        with visit.state.database.read() as connection:
            share = Decimal(str(settings.wage_cap))
            return noticequery.month_payroll(connection, wanted, settings.zone, share)

    found = await in_thread(look)
    return visit.show("payroll.html", found=found)


def _act(visit: Visit, notice_id: int, verb: str, reason: str) -> None:
    at, by = datetime.now(UTC), visit.who.name
    with visit.state.database.write() as connection:
        if verb == "approve":
            noticebook.approve(connection, at, notice_id, by)
        elif verb == "publish":
            noticebook.publish(connection, at, notice_id, by, visit.state.settings.zone)
        else:
            noticebook.withdraw(connection, at, notice_id, by, reason)


async def _show(visit: Visit, notice_id: int, problem: str | None = None) -> Response:
    def look() -> Any:
        with visit.state.database.read() as connection:
            return noticequery.one(connection, _snapshots(visit), notice_id)

    try:
        found = await in_thread(look)
    except noticebook.UnknownNoticeError as error:
        raise PageError(404, "没有这张通知单。") from error
    status = 409 if problem else 200
    return visit.show("notice.html", status, n=found, problem=problem, me=visit.who.name)


def _snapshots(visit: Visit) -> Snapshots:
    return Snapshots(visit.state.moderator.policies)
