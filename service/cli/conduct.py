"""`moderation conduct`: what people owe their groups, looked at by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from service.cli import show, store

app = typer.Typer(no_args_is_help=True, help="Look at duties under the rules of conduct.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AT_ONCE = 20
"""Groups in one transaction: a service that runs beside has to wait for it."""


@app.command()
def check(
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="As of this time, RFC 3339 with offset; default now."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Look at every group, not only at those that are due.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look at the groups that are due, as the service does by itself: remind, open cases, close them.

    What was done stays done, so running it twice opens nothing twice. A time in the future opens what would
    be breached by then if nothing more were said.

    Example: moderation conduct check --at 2026-11-23T18:00:00+08:00 --json
    """
    from moderation.policyfiles import PolicyBook
    from service.scheduler import load_dutybook
    from service.storage import checks
    from service.storage.casebook import Casebook
    from service.storage.dutybook import Checked
    from service.storage.snapshots import Snapshots

    moment = _moment(at)
    with store.opened() as (database, settings):
        policies = PolicyBook.load(settings.policies)
        book = load_dutybook(
            settings, policies, Casebook(Snapshots(policies), settings.opinion_rate)
        )
        if everything:
            with database.write() as connection:
                checks.wake_every(connection, moment)
        done, found = Checked(), AT_ONCE
        with show.working() as say:
            while found:
                with database.write() as connection:
                    found = book.check_due(connection, moment, AT_ONCE, done)
                say(f"{done.groups} groups")
    if as_json:
        show.as_json({"at": moment.isoformat()} | done.to_dict())
    else:
        typer.echo(
            f"{done.groups} groups: {done.opened} duties new, {done.met} met, {done.breached} breached "
            f"and now cases, {done.reminded} reminded of, {done.closed} cases closed by themselves"
        )


@app.command(name="list")
def list_duties(
    state: Annotated[str | None, typer.Option(help="open, met, breached or gone.")] = "open",
    group: Annotated[str | None, typer.Option(help="Group id.")] = None,
    person: Annotated[str | None, typer.Option(help="Member id.")] = None,
    rule: Annotated[
        str | None, typer.Option(help="Id of a rule, such as question_answered.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Duties at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List duties, the soonest due first; of those that are past, the latest.

    Example: moderation conduct list --group g-7
    """
    from service.dutyforms import DutyOut
    from service.storage import dutyquery
    from service.storage.dutybook import DutyState

    try:
        wanted = dutyquery.Wanted(DutyState(state) if state else None, rule, group, person)
    except ValueError as error:
        raise typer.BadParameter("--state is open, met, breached or gone") from error
    with store.opened() as (database, settings), database.read() as connection:
        found = [DutyOut.of(row) for row in dutyquery.listed(connection, wanted, limit)]
    if as_json:
        show.as_json({"duties": [one.model_dump(mode="json") for one in found]})
        return
    for one in found:
        typer.echo(_line(one, settings.zone))
    if not found:
        typer.echo("no duties")


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time such as 2026-11-23T18:00+08:00") from error
    if found.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no offset such as +08:00")
    return found.astimezone(UTC)


def _line(duty: Any, zone: Any) -> str:
    due = f"{duty.due.astimezone(zone):%m-%d %H:%M}"
    return (
        f"{due}  {duty.state:<8}  {duty.group_id}  {duty.person or '?'}  {duty.name}  {duty.about}"
    )
