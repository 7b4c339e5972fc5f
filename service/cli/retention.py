"""`moderation purge` and `moderation erase`: forget what is old, forget a person."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from service.cli import show, store

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def purge(
    days: Annotated[
        int | None,
        typer.Option(min=1, help="Days since a case was closed; default MODERATION_KEEP_DAYS."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much it is.")] = False,
    as_json: Json = False,
) -> None:
    """Remove the text of old closed cases and group notices, and fingerprints that have no more use.

    Labels, scores, articles, penalties, notices and the ledger stay. Run it every night.

    Example: moderation purge --days 180 --dry-run
    """
    from service.storage.retention import purge as carry_out

    with store.opened() as (database, settings):
        done = carry_out(
            database, datetime.now(UTC), store.ACTOR, days or settings.keep_days, dry_run=dry_run
        )
    if as_json:
        show.as_json({"dry_run": dry_run} | asdict(done))
        return
    verb = "would remove" if dry_run else "removed"
    texts = f"{done.cases} cases, {done.group_notices} group notices and {done.duties} duties"
    typer.echo(f"{verb} the text of {texts}, and {done.fingerprints} fingerprints")


def erase(
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="The member's id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Forget a person for good: texts and names go, the id gives way to a pseudonym.

    Counts, ledger, notices and audit log stay valid. It cannot be taken back.

    Example: moderation erase u-42
    """
    from service.auth import secret
    from service.storage.erasure import erase as carry_out

    if not yes:
        typer.confirm(f"Erase {member} for good?", abort=True, err=True)
    with store.opened() as (database, settings):
        done = carry_out(database, datetime.now(UTC), store.ACTOR, member, secret(settings))
    if as_json:
        show.as_json(asdict(done))
    else:
        typer.echo(f"erased: {done.cases} cases emptied, {done.mentions} mentions masked")
