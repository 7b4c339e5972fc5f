"""`moderation feedback`: reviewed messages as a data file, and how much passes unseen."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import show, store

if TYPE_CHECKING:
    from service.storage.feedback import Gold
    from training.check import Problem

app = typer.Typer(
    no_args_is_help=True, help="What reviewers say was right, and how much is missed."
)

Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this day on.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
CONTRADICTION = "contradiction"


@app.command()
def export(
    output: Annotated[Path, typer.Option(help="Data file to write, JSON Lines.")],
    since: Since = None,
    as_json: Json = False,
) -> None:
    """Write every reviewed message with its right labels, without personal data, to learn from.

    What repeats or contradicts the project's data, or another line, is listed and left to you.
    Exit code 1 when there are contradictions.

    Example: moderation feedback export --output feedback.jsonl --since 2026-11-01

    Example: moderation train --add feedback.jsonl --output models/ours
    """
    from service.storage.feedback import gold
    from training import check

    with store.opened() as (database, settings), database.read() as connection:
        lines = gold(connection, since and since.replace(tzinfo=settings.zone))
    _write(output, lines)
    alike = check.against_the_rest(output) if lines else []
    wrong = [one for one in alike if one.rule == CONTRADICTION]
    if as_json:
        show.as_json(
            {
                "file": str(output),
                "lines": len(lines),
                "contradictions": [asdict(one) for one in wrong],
                "repeated": [asdict(one) for one in alike if one.rule != CONTRADICTION],
            }
        )
    else:
        _tell(output, len(lines), alike, len(wrong))
    raise typer.Exit(1 if wrong else 0)


@app.command()
def recall(since: Since = None, as_json: Json = False) -> None:
    """Estimate how many breaches pass unseen, from the reviewed part of the sample of passed messages.

    The sample is drawn at the rate `MODERATION_SAMPLE_RATE` and reviewed like any case.

    Example: moderation feedback recall --since 2026-11-01
    """
    from service.storage.samples import recall_estimate

    with store.opened() as (database, settings), database.read() as connection:
        found = recall_estimate(connection, since and since.replace(tzinfo=settings.zone))
    if as_json:
        show.as_json(found.to_dict())
        return
    typer.echo(f"{found.sampled} drawn, {found.reviewed} reviewed, {found.missed} breaches")
    for name, share, ends in (
        ("passed messages that are breaches", found.miss_rate, found.miss_interval),
        ("recall", found.recall, found.recall_interval),
    ):
        if share is not None and ends is not None:
            typer.echo(f"{name}: {share:.2%} (95 %: {ends[0]:.2%} to {ends[1]:.2%})")


def _write(output: Path, lines: list[Gold]) -> None:
    body = "".join(json.dumps(one.to_line(), ensure_ascii=False) + "\n" for one in lines)
    output.write_text(body, encoding="utf-8")


def _tell(output: Path, count: int, alike: list[Problem], wrong: int) -> None:
    for one in alike:
        typer.echo(str(one))
    typer.echo(f"{output}: {count} lines, {len(alike) - wrong} repeated, {wrong} contradictions")
