"""`moderation groups`: bring in files of groups, members and people, list and show them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import show, store

if TYPE_CHECKING:
    from service.storage.roster import Group, Person

app = typer.Typer(no_args_is_help=True, help="Bring in and look at groups, members, people.")

TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
SHOWN = 100
"""Mistakes printed; `--json` has all of them."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
At = Annotated[
    datetime | None, typer.Option(formats=TIMES, help="As it was at this time; now if absent.")
]


@app.command(name="import")
def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="CSV or JSON.")],
    since: Annotated[
        datetime | None,
        typer.Option(formats=TIMES, help="From when on what they say holds; now if absent."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out wrong lines.")] = False,
    policies: Annotated[
        Path | None, typer.Option(help="Own policy files; default MODERATION_POLICIES_DIR.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring in files of groups, of members and of people as HR knows them.

    Columns may have Chinese names. A line that names a member and no group is HR's of a person.
    Every mistake is named with line and column; then nothing is brought in and the exit code is 1.

    Example: moderation groups import groups.csv members.csv people.csv --dry-run
    """
    from moderation.policyfiles import PolicyBook
    from service.rosterfiles import read
    from service.storage.rosterbook import bring_in

    contents = [(str(path), _content(path)) for path in files]
    now = datetime.now(UTC)
    with store.opened() as (database, settings):
        known = [policy.id for policy in PolicyBook.load(policies or settings.policies)]
        found = read(contents, known, settings.zone)
        moment = _moment(since, settings.zone) or now
        if moment > now:
            raise typer.BadParameter("lies in the future", param_hint="--since")
        made = bring_in(
            database, now, store.ACTOR, found, moment, dry_run=dry_run, skip_bad=skip_bad
        )
    kept = skip_bad or not made.errors
    if as_json:
        errors = [asdict(error) for error in made.errors]
        show.as_json(
            {
                "dry_run": dry_run,
                "brought_in": kept and not dry_run,
                **made.counts,
                "errors": errors,
            }
        )
    else:
        for error in made.errors[:SHOWN]:
            typer.echo(f"error: {error}", err=True)
        if len(made.errors) > SHOWN:
            typer.echo(f"error: and {len(made.errors) - SHOWN} more", err=True)
        typer.echo(_summary(made.counts, kept, dry_run))
    raise typer.Exit(1 if made.errors else 0)


@app.command(name="list")
def list_groups(at: At = None, as_json: Json = False) -> None:
    """List all groups.

    Example: moderation groups list
    """
    from service.storage import roster

    with store.opened() as (database, settings), database.read() as connection:
        moment = _moment(at, settings.zone) or datetime.now(UTC)
        counts = roster.member_counts(connection, moment)
        found = roster.groups_at(connection, at=moment)
    if as_json:
        show.as_json([_plain(one) | {"members": counts.get(one.group_id, 0)} for one in found])
        return
    rows = [
        [
            one.group_id,
            one.name,
            one.kind.value,
            one.policy or "-",
            one.owner or "-",
            one.admin or "-",
            str(counts.get(one.group_id, 0)),
        ]
        for one in found
    ]
    columns = ["group", "name", "kind", "policy", "owner", "admin", "members"]
    show.table("groups", columns, rows)


@app.command(name="show")
def show_group(
    group_id: str,
    at: At = None,
    gone: Annotated[bool, typer.Option("--gone", help="Those who had left, too.")] = False,
    as_json: Json = False,
) -> None:
    """Show a group and its members, now or as they were.

    Example: moderation groups show g-1 --at 2026-03-01
    """
    from service.storage import roster
    from service.storage.rosterbook import UnknownGroupError

    with store.opened() as (database, settings), database.read() as connection:
        moment = _moment(at, settings.zone) or datetime.now(UTC)
        found = roster.groups_at(connection, [group_id], moment)
        members = roster.members_of(connection, group_id, moment, gone=gone)
        people = roster.people_by_id(connection, [one.member_id for one in members])
    if not found:
        raise UnknownGroupError(f"no group {group_id!r}")
    names = {
        one.member_id: people[one.member_id].name for one in members if one.member_id in people
    }
    if as_json:
        listed = [asdict(one) | {"name": names.get(one.member_id)} for one in members]
        show.as_json(_plain(found[0]) | {"members": listed})
        return
    rows = [
        [
            one.member_id,
            names.get(one.member_id) or "-",
            one.nickname or "-",
            one.role.value,
            one.supervisor or "-",
            "" if one.present else "left",
        ]
        for one in members
    ]
    title = f"{found[0].name} ({found[0].kind.value}, {found[0].policy or 'default policy'})"
    show.table(title, ["member", "name", "nickname", "role", "supervisor", ""], rows)


@app.command(name="people")
def list_people(
    after: Annotated[str, typer.Option(help="Only with a higher id.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="People at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List whom HR knows, by their ids; wages are in the payroll export alone.

    Example: moderation groups people --after u-100
    """
    from service.storage import roster

    with store.opened() as (database, settings), database.read() as connection:
        found = roster.people_page(connection, after, limit)
    if as_json:
        without = [_plain(one) for one in found]
        show.as_json([{k: v for k, v in one.items() if k != "wage"} for one in without])
        return
    rows = [
        [
            one.member_id,
            one.name or "-",
            one.department or "-",
            *(
                at.astimezone(settings.zone).isoformat(" ", "minutes") if at else "-"
                for at in (one.employed_from, one.employed_until)
            ),
        ]
        for one in found
    ]
    show.table("people", ["member", "name", "department", "employed from", "until"], rows)


def _plain(value: Group | Person) -> dict[str, Any]:
    """Return the fields as JSON has them."""
    return {
        name: field.isoformat() if isinstance(field, datetime) else field
        for name, field in asdict(value).items()
    }


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="FILE") from error


def _moment(at: datetime | None, zone: Any) -> datetime | None:
    return at.replace(tzinfo=zone) if at is not None and at.tzinfo is None else at


def _summary(counts: dict[str, dict[str, int]], kept: bool, dry_run: bool) -> str:
    told = "; ".join(
        f"{what}: {', '.join(f'{count} {how}' for how, count in parts.items())}"
        for what, parts in counts.items()
    )
    if not kept:
        return f"nothing was brought in; the good lines: {told}"
    return f"would bring in {told}" if dry_run else f"brought in {told}"
