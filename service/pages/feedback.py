"""`/feedback`: what bots report as wrong, how many verdicts can be learnt from, how much passes unseen."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import Response

from service.masking import dotted
from service.pages.shell import SECURITY, Visit, in_thread, page
from service.rights import Right
from service.storage import audit
from service.storage.feedback import CLEAN, Gold, gold, reports, verdict_counts
from service.storage.samples import recall_estimate

router = APIRouter(include_in_schema=False)
Seeing = Annotated[Visit, page(Right.SEE_CASES)]
Taking = Annotated[Visit, page(Right.TAKE_OUT)]
SHOWN = 200


@router.get("/feedback")
async def feedback(visit: Seeing) -> Response:
    """Show the reports of bots, a summary of the verdicts and the estimate of recall."""

    def look() -> dict[str, Any]:
        with visit.state.database.read() as connection:
            count, labels = verdict_counts(connection)
            return {
                "reports": [_shown(row) for row in reports(connection, SHOWN)],
                "count": count,
                "clean": labels.pop(CLEAN, 0),
                "labels": labels.most_common(),
                "estimate": recall_estimate(connection),
            }

    found = await in_thread(look)
    return visit.show("feedback.html", rate=visit.state.settings.sample_rate, **found)


@router.post("/feedback/export")
async def export(visit: Taking) -> Response:
    """Hand out the lines of the data file; who took them stands in the audit log."""

    def take() -> list[Gold]:
        with visit.state.database.write() as connection:
            lines = gold(connection)
            change = audit.Change(
                visit.who.name, "feedback.export", "feedback", {"lines": len(lines)}
            )
            audit.append(connection, datetime.now(UTC), [change])
            return lines

    lines = await in_thread(take)
    body = "".join(json.dumps(one.to_line(), ensure_ascii=False) + "\n" for one in lines)
    headers = {"Content-Disposition": 'attachment; filename="feedback.jsonl"'}
    return Response(body, media_type="application/jsonl", headers=SECURITY | headers)


def _shown(row: Any) -> dict[str, Any]:
    return {
        "case_id": row.case_id,
        "text": dotted(row.text, row.decision),
        "found": row.found,
        "said": row.said,
        "comment": row.comment,
        "by": row.by,
        "at": row.at,
        "state": row.state,
        "labels": row.labels,
    }
