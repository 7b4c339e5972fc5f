"""`GET /v1/payroll/{month}`: what is to be deducted from wages, as JSON, CSV or XLSX."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from service.api.accounts import SECURED
from service.auth import may
from service.noticeforms import PayrollOut
from service.payroll import MONTH
from service.payrollfiles import CSV_TYPE, XLSX_TYPE, to_csv, to_xlsx
from service.rights import Principal, Right
from service.settings import Settings
from service.storage import noticequery
from service.storage.database import Database

router = APIRouter(prefix="/v1", tags=["notices"], responses=SECURED)


class Format(StrEnum):
    """How payroll is answered."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The deductions of the month",
        "content": {
            CSV_TYPE: {"schema": {"type": "string"}},
            XLSX_TYPE: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.get("/payroll/{month}", response_model=PayrollOut, responses=FILES)
def payroll(
    who: Annotated[Principal, may(Right.PAYROLL)],
    request: Request,
    month: Annotated[str, Path(pattern=MONTH, description="Such as 2026-11")],
    format: Format = Format.JSON,
) -> Any:
    """Return who is to pay what for the notices published in a month, marked where it exceeds the cap."""
    settings: Settings = request.app.state.settings
    database: Database = request.app.state.database
    with database.read() as connection:
        share = Decimal(str(settings.wage_cap))
        found = noticequery.month_payroll(connection, month, settings.zone, share)
    if format is Format.JSON:
        return found.to_dict()
    body = to_csv(found) if format is Format.CSV else to_xlsx(found, settings.zone)
    return Response(
        body,
        media_type=CSV_TYPE if format is Format.CSV else XLSX_TYPE,
        headers={"Content-Disposition": f'attachment; filename="payroll-{month}.{format.value}"'},
    )
