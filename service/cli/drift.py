"""`moderation drift`: how the last weeks differ from those before. Needs the extra `training`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from service.cli import show, store


def drift(
    weeks: Annotated[int, typer.Option(min=2, max=104, help="Weeks to look back.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare each week of the later half with the earlier half, and keep the result for the page.

    Looked at are texts that were flagged or drawn for the sample, without personal data. Exit code 1
    if the last week is marked as drift.

    Example: moderation drift --weeks 12 --json
    """
    from service import workeranalysis

    with show.working() as step, store.opened() as (database, settings):
        found = workeranalysis.drift(database, settings, weeks, datetime.now(UTC), step)
    if as_json:
        show.as_json(found)
    else:
        _show(found)
    if found["alert"]:
        raise typer.Exit(1)


def _show(found: dict[str, Any]) -> None:
    rows = [
        [
            week["since"][:10],
            str(week["texts"]),
            str(week["flagged"]),
            *(_figure(week.get(name)) for name in ("auc", "null", "p")),
            "drift" if week.get("alert") else "",
        ]
        for week in found["weeks"]
    ]
    columns = ["week from", "texts", "flagged", "AUC", "95 % of shuffles", "p", ""]
    show.table("input", columns, rows)
    for name in ("flagged", "missed"):
        rows = [
            [one["text"], str(one["count"]), str(one["before"]), str(one["weight"])]
            for one in found[name]["words"]
        ]
        show.table(f"new words among the {name}", ["word", "texts", "before", "weight"], rows)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
