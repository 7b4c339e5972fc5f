"""`moderation audit`: read the audit log and walk its chain of hashes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from service.cli import show, store

app = typer.Typer(no_args_is_help=True, help="Read and verify the log of changes.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="list")
def list_changes(
    actor: Annotated[str | None, typer.Option(help="Of this user, key or part.")] = None,
    verb: Annotated[str | None, typer.Option(help="Of this kind, such as case.confirm.")] = None,
    subject: Annotated[str | None, typer.Option(help="To this case, user, notice …")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
            help="From this time on.",
        ),
    ] = None,
    before: Annotated[int | None, typer.Option(help="Only rows with a lower number.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List changes, newest first. A time without a zone is the firm's.

    Example: moderation audit list --actor li.na --since 2026-11-01
    """
    from service.accountforms import AuditRow
    from service.storage import audit

    with store.opened() as (database, settings), database.read() as connection:
        if since is not None and since.tzinfo is None:
            since = since.replace(tzinfo=settings.zone)
        rows = audit.listed(
            connection,
            actor=actor,
            verb=verb,
            subject=subject,
            since=since,
            before=before,
            limit=limit,
        )
    if as_json:
        show.as_json([AuditRow.model_validate(row).model_dump(mode="json") for row in rows])
        return
    shown = [
        [
            str(row.number),
            row.at.astimezone(settings.zone).isoformat(" ", "seconds"),
            *(row.actor, row.verb, row.subject),
        ]
        for row in rows
    ]
    show.table("changes", ["number", "at", "actor", "verb", "subject"], shown)


@app.command()
def verify(
    head: Annotated[
        str | None, typer.Option(help="A head noted earlier: it must still be in the chain.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Walk the whole chain; exit code 1 when a row is missing or altered.

    Rows cut off at the end leave a chain that holds. Note the head printed here somewhere else, and
    give it the next time to see that nothing was cut off.

    Example: moderation audit verify --head 2f0c…
    """
    from service.storage import audit

    with store.opened() as (database, _), database.read() as connection:
        found = audit.verify(connection, head)
    if as_json:
        show.as_json(found.to_dict())
    elif found.problem:
        typer.echo(f"error: {found.problem}; {found.rows} rows before it hold", err=True)
    else:
        typer.echo(f"{found.rows} rows hold; head {found.head}")
    if found.problem:
        raise typer.Exit(1)
