"""`moderation payroll`: the deductions of a month."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from service.cli import show, store


def payroll(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-11.")],
    user: store.As,
    output: Annotated[Path | None, typer.Option(help="Ends in .xlsx or .csv.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show who is to pay what for a month's notices, or write it as XLSX or CSV.

    Example: moderation payroll 2026-11 --as zhao.min --output 2026-11.xlsx
    """
    from service import payrollfiles
    from service.rights import Right
    from service.storage import noticequery

    if output is not None and output.suffix.lower() not in (".xlsx", ".csv"):
        raise typer.BadParameter("must end in .xlsx or .csv", param_hint="--output")
    with store.opened() as (database, settings), database.read() as connection:
        store.acting(connection, user, Right.PAYROLL)
        share = Decimal(str(settings.wage_cap))
        found = noticequery.month_payroll(connection, store.month(month), settings.zone, share)
    if output is not None:
        as_csv = output.suffix.lower() == ".csv"
        body = payrollfiles.to_csv(found) if as_csv else payrollfiles.to_xlsx(found, settings.zone)
        store.written(output, body, as_json)
    elif as_json:
        show.as_json(found.to_dict())
    else:
        rows = [
            [row.staff.name or "-", row.member_id or "-", f"{row.total:.2f}", row.mark]
            for row in found.rows
        ]
        show.table(f"payroll {month}", ["name", "member", "total", "mark"], rows)
        typer.echo(found.law)
