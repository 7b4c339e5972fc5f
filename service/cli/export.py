"""`moderation export`: cases, verdicts and scores as tables that pandas opens in one line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli import show, store

app = typer.Typer(
    no_args_is_help=True, help="Tables for analysts, CSV or Parquet, without personal data."
)

SUFFIXES = (".csv", ".parquet")
Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this day on.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _named(path: Path) -> Path:
    if path.suffix not in SUFFIXES:
        raise typer.BadParameter(f"{path} must end in {' or '.join(SUFFIXES)}")
    return path


Output = Annotated[Path, typer.Option(help="File to write, .csv or .parquet.", callback=_named)]


@app.command(name="cases")
def export_cases(output: Output, since: Since = None, as_json: Json = False) -> None:
    """Write a row per case opened since: what was found, what was decided, the text without names.

    Example: moderation export cases --output cases.parquet --since 2026-11-01
    """
    from service.storage.extracts import case_rows

    _export("cases", case_rows, output, since, as_json)


@app.command(name="feedback")
def export_feedback(output: Output, since: Since = None, as_json: Json = False) -> None:
    """Write a row per verdict since, as training would learn from it.

    Example: moderation export feedback --output feedback.csv
    """
    from service.storage.extracts import feedback_rows

    _export("feedback", feedback_rows, output, since, as_json)


@app.command(name="scores")
def export_scores(output: Output, since: Since = None, as_json: Json = False) -> None:
    """Write a row per finding of the cases opened since: who found which label, how sure, and rightly or not.

    Example: moderation export scores --output scores.parquet
    """
    from service.storage.extracts import score_rows

    _export("scores", score_rows, output, since, as_json)


@app.command()
def columns(as_json: Json = False) -> None:
    """Say what each column of each table holds.

    Example: moderation export columns
    """
    from service.exports import TABLES

    if as_json:
        show.as_json(
            {
                table: [{"name": c.name, "kind": c.kind.value, "about": c.about} for c in found]
                for table, found in TABLES.items()
            }
        )
        return
    for table, found in TABLES.items():
        rows = [[column.name, column.kind.value, column.about] for column in found]
        show.table(table, ["column", "kind", "what it holds"], rows)


def _export(
    table: str,
    rows: Callable[..., Any],
    output: Path,
    since: datetime | None,
    as_json: bool,
) -> None:
    from service.auth import secret
    from service.exports import write

    with store.opened() as (database, settings), database.read() as connection:
        start = since and since.replace(tzinfo=settings.zone)
        count = write(output, table, rows(connection, secret(settings), start))
    if as_json:
        show.as_json({"file": str(output), "table": table, "rows": count})
    else:
        typer.echo(f"{output}: {count} rows")
