"""`moderation events`: bring in and list what happened in groups besides messages."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import show, store

if TYPE_CHECKING:
    from service.eventforms import EventItemOut

app = typer.Typer(no_args_is_help=True, help="What happened in groups besides messages.")

TOGETHER = 1000
"""Events kept in one transaction."""
SHOWN = 100
"""Mistakes printed; `--json` has all of them."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="import")
def import_events(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Lines; - is standard input.")],
    policies: Annotated[
        Path | None, typer.Option(help="Own policy files; default MODERATION_POLICIES_DIR.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring in events, one a line, each as `POST /v1/events` takes it; in any order.

    One that is known already changes nothing. A wrong line is named and left out; the rest goes on
    and the exit code is 1.

    Example: moderation events import events.jsonl
    """
    from moderation.policyfiles import PolicyBook
    from service.auth import secret
    from service.eventdesk import take

    kept = 0
    errors: list[dict[str, Any]] = []
    with store.opened() as (database, settings):
        known, key = PolicyBook.load(policies or settings.policies), secret(settings)
        for part in _parts(_lines(file), errors):
            items = [item for _, item in part]
            answers = take(database, datetime.now(UTC), store.ACTOR, items, known, key)
            for (line, _), answer in zip(part, answers, strict=True):
                if answer.error:
                    errors.append({"line": line, "problem": _plain(answer)})
                else:
                    kept += 1
    errors.sort(key=lambda one: one["line"])
    if as_json:
        show.as_json({"kept": kept, "errors": errors})
    else:
        for one in errors[:SHOWN]:
            typer.echo(f"error: {file}:{one['line']}: {one['problem']}", err=True)
        if len(errors) > SHOWN:
            typer.echo(f"error: and {len(errors) - SHOWN} more", err=True)
        typer.echo(f"{kept} events are known, {len(errors)} lines were left out")
    raise typer.Exit(1 if errors else 0)


@app.command(name="list")
def list_events(
    group: Annotated[str, typer.Option(help="Of this group.")],
    after: Annotated[str | None, typer.Option(help="Only behind the event with this id.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Events at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List the events of a group, oldest first; the text of a notice is not shown.

    Example: moderation events list --group g-1
    """
    from service.eventdesk import shown
    from service.storage import events

    with store.opened() as (database, settings), database.read() as connection:
        found = [shown(one) for one in events.page(connection, group, after, limit)]
    if as_json:
        show.as_json([one.model_dump(mode="json", exclude_none=True) for one in found])
        return
    rows = [
        [
            one.at.astimezone(settings.zone).isoformat(" ", "seconds"),
            one.kind.value,
            one.member_id or "-",
            one.by or "-",
            one.nickname or one.name or one.message_id or "",
            one.event_id,
        ]
        for one in found
    ]
    show.table(f"events of {group}", ["at", "kind", "member", "by", "", "event"], rows)


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield lines with their numbers, blank ones left out."""
    try:
        with sys.stdin if str(file) == "-" else file.open(encoding="utf-8") as opened:
            yield from ((number, line) for number, line in enumerate(opened, 1) if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file}: {error}", param_hint="FILE") from error


def _parts(
    lines: Iterator[tuple[int, str]], errors: list[dict[str, Any]]
) -> Iterator[list[tuple[int, Any]]]:
    """Yield what the lines say, some together; what is no JSON goes to the errors."""
    part: list[tuple[int, Any]] = []
    for number, line in lines:
        try:
            part.append((number, json.loads(line)))
        except (ValueError, RecursionError) as error:
            errors.append({"line": number, "problem": f"no JSON: {error}"})
        if len(part) == TOGETHER:
            yield part
            part = []
    if part:
        yield part


def _plain(answer: EventItemOut) -> str:
    """Return what is wrong with an event, by its field instead of its place among the others."""
    assert answer.error is not None
    told = [
        f"{'/'.join(one.pointer.split('/')[3:])}: {one.detail}".removeprefix(": ")
        for one in answer.error.errors
    ]
    return "; ".join(told) or answer.error.detail
