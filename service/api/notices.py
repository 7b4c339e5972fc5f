"""Notices (奖惩通知单): read, approved by a second person, published under a number, withdrawn, printed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from service.api.accounts import SECURED
from service.auth import may
from service.documents import Format, document, filename
from service.noticeforms import NoticeOut, NoticePage, Withdrawal
from service.notices import NoticeState
from service.noticeview import NoticeView
from service.payroll import MONTH, span
from service.rights import Principal, Right
from service.schemas import Name, Problem
from service.settings import Settings
from service.storage import noticebook, noticequery
from service.storage.database import Database
from service.storage.noticequery import Wanted
from service.storage.snapshots import Snapshots

router = APIRouter(prefix="/v1", tags=["notices"], responses=SECURED)

MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such notice"}
}
FORBIDDEN_NOW: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "The notice's state, or who asks, does not allow it"}
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The document",
        "content": {
            one.media_type: {"schema": {"type": "string", "format": "binary"}} for one in Format
        },
    }
}
Reader = Annotated[Principal, may(Right.SEE_NOTICES)]
Approver = Annotated[Principal, may(Right.APPROVE)]
NoticeId = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("/notices")
def list_notices(
    who: Reader,
    request: Request,
    state: NoticeState | None = None,
    month: Annotated[
        str | None, Query(pattern=MONTH, description="Published in it, such as 2026-11")
    ] = None,
    changed: Annotated[bool | None, Query(description="The ledger has changed since")] = None,
    person: Annotated[Name | None, Query(description="Who sent the message or is liable")] = None,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> NoticePage:
    """List notices, newest first."""
    since, until = span(month, _settings(request).zone) if month else (None, None)
    wanted = Wanted(state, changed, person, since, until)
    with _database(request).read() as connection:
        found = noticequery.listed(connection, _snapshots(request), wanted, limit + 1, before)
    shown = found[:limit]
    return NoticePage(
        notices=tuple(_out(view) for view in shown),
        next=shown[-1].id if len(found) > limit else None,
    )


@router.get("/notices/{notice_id}", responses=MISSING)
def show_notice(who: Reader, request: Request, notice_id: NoticeId) -> NoticeOut:
    """Show a notice with the facts it rests on."""
    return _out(_view(request, notice_id))


@router.get("/notices/{notice_id}/document", responses=FILE | MISSING, response_class=Response)
def notice_document(
    who: Reader, request: Request, notice_id: NoticeId, format: Format = Format.PDF
) -> Response:
    """Return a notice to be printed and signed, as PDF or DOCX."""
    view, settings = _view(request, notice_id), _settings(request)
    return Response(
        document(view, settings.firm, settings.zone, format),
        media_type=format.media_type,
        headers={"Content-Disposition": f'attachment; filename="{filename(view, format)}"'},
    )


@router.post("/notices/{notice_id}/approve", responses=MISSING | FORBIDDEN_NOW)
def approve_notice(who: Approver, request: Request, notice_id: NoticeId) -> NoticeOut:
    """Approve a draft. Another person than the one who confirmed the case; the amount must be set."""
    with _database(request).write() as connection:
        noticebook.approve(connection, _now(), notice_id, who.name)
    return _out(_view(request, notice_id))


@router.post("/notices/{notice_id}/publish", responses=MISSING | FORBIDDEN_NOW)
def publish_notice(who: Approver, request: Request, notice_id: NoticeId) -> NoticeOut:
    """Publish an approved notice under the next number of the year; the bot is instructed."""
    with _database(request).write() as connection:
        noticebook.publish(connection, _now(), notice_id, who.name, _settings(request).zone)
    return _out(_view(request, notice_id))


@router.post("/notices/{notice_id}/withdraw", responses=MISSING | FORBIDDEN_NOW)
def withdraw_notice(
    body: Withdrawal, who: Approver, request: Request, notice_id: NoticeId
) -> NoticeOut:
    """Withdraw a notice. Where the ledger asks for another one since, that is drafted."""
    with _database(request).write() as connection:
        noticebook.withdraw(connection, _now(), notice_id, who.name, body.reason)
    return _out(_view(request, notice_id))


def _view(request: Request, notice_id: int) -> NoticeView:
    with _database(request).read() as connection:
        return noticequery.one(connection, _snapshots(request), notice_id)


def _out(view: NoticeView) -> NoticeOut:
    return NoticeOut.model_validate(view.to_dict())


def _snapshots(request: Request) -> Snapshots:
    return Snapshots(request.app.state.moderator.policies)


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _now() -> datetime:
    return datetime.now(UTC)
