"""The audit log: `GET /v1/audit`, and `GET /v1/audit/verify`, which walks its chain of hashes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from service.accountforms import AuditPage, AuditRow, AuditVerified
from service.api.accounts import SECURED
from service.auth import may
from service.rights import Principal, Right
from service.storage import audit
from service.storage.database import Database

router = APIRouter(prefix="/v1", tags=["audit"], responses=SECURED)

Auditor = Annotated[Principal, may(Right.SEE_AUDIT)]
Word = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


@router.get("/audit")
def list_changes(
    who: Auditor,
    request: Request,
    actor: Word = None,
    verb: Word = None,
    subject: Word = None,
    since: AwareDatetime | None = None,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AuditPage:
    """List changes, newest first: who did what to which user, key, case, notice or group."""
    database: Database = request.app.state.database
    with database.read() as connection:
        rows = audit.listed(
            connection,
            actor=actor,
            verb=verb,
            subject=subject,
            since=since,
            before=before,
            limit=limit + 1,
        )
    more = len(rows) > limit
    entries = [AuditRow.model_validate(row) for row in rows[:limit]]
    return AuditPage(entries=entries, next=entries[-1].number if more else None)


@router.get("/audit/verify")
def verify(
    who: Auditor,
    request: Request,
    head: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")] = None,
) -> AuditVerified:
    """Walk the whole chain: every row is there and as it was written.

    Rows cut off at its end can only be missed by who noted an earlier `head` and sends it along.
    """
    database: Database = request.app.state.database
    with database.read() as connection:
        return AuditVerified(**audit.verify(connection, head).to_dict())
