"""`moderation notices`: approve, publish, withdraw and print them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import show, store
from service.notices import NoticeState

if TYPE_CHECKING:
    from service.noticeview import NoticeView

app = typer.Typer(no_args_is_help=True, help="Approve, publish, withdraw and print notices.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="list")
def list_notices(
    user: store.As,
    state: Annotated[NoticeState | None, typer.Option(help="In this state.")] = None,
    month: Annotated[str | None, typer.Option(help="Published in it, such as 2026-11.")] = None,
    changed: Annotated[
        bool | None, typer.Option(help="Those whose grounds have changed since, or not.")
    ] = None,
    person: Annotated[str | None, typer.Option(help="Member id of sender or liable.")] = None,
    before: Annotated[int | None, typer.Option(min=1, help="Only with a lower id.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Notices at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List notices, newest first.

    Example: moderation notices list --as li.na --state draft
    """
    from service.payroll import span
    from service.rights import Right
    from service.storage import noticequery
    from service.storage.snapshots import Snapshots

    with store.opened() as (database, settings), database.read() as connection:
        store.acting(connection, user, Right.SEE_NOTICES)
        since, until = span(store.month(month), settings.zone) if month else (None, None)
        wanted = noticequery.Wanted(state, changed, person, since, until)
        found = noticequery.listed(connection, Snapshots(()), wanted, limit, before)
    if as_json:
        show.as_json([view.to_dict() for view in found])
        return
    columns = ["id", "number", "state", "who", "penalty", "case"]
    show.table("notices", columns, [_row(view) for view in found])


@app.command(name="show")
def show_notice(notice_id: int, user: store.As, as_json: Json = False) -> None:
    """Show what a notice says.

    Example: moderation notices show 7 --as li.na
    """
    from service.documents import form
    from service.rights import Right

    with store.opened() as (database, settings), database.read() as connection:
        store.acting(connection, user, Right.SEE_NOTICES)
        view = _view(connection, notice_id)
    if as_json:
        show.as_json(view.to_dict())
        return
    told = form(view, settings.firm, settings.zone)
    typer.echo(f"{told.firm}　奖惩通知单　{told.number}　{told.day}")
    for mark in told.marks:
        typer.echo(f"【{told.stamp}】{mark}")
    for label, value in told.fields:
        typer.echo(f"{label}：{value}")
    for section in told.sections:
        typer.echo(f"{section.label}：{'　'.join(section.paragraphs)}{section.quote or ''}")
    for signature in told.signatures:
        typer.echo(f"{signature.label}：{signature.name}　{signature.day}".rstrip())


@app.command()
def approve(notice_id: int, user: store.As, as_json: Json = False) -> None:
    """Approve a draft: another person than the one who confirmed the case.

    Example: moderation notices approve 7 --as zhao.min
    """
    from service.storage import noticebook

    _change(notice_id, user, as_json, noticebook.approve)


@app.command()
def publish(notice_id: int, user: store.As, as_json: Json = False) -> None:
    """Publish an approved notice under the next number of the year.

    Example: moderation notices publish 7 --as zhao.min
    """
    from service.settings import Settings
    from service.storage import noticebook

    zone = Settings().zone
    _change(notice_id, user, as_json, partial(noticebook.publish, zone=zone))


@app.command()
def withdraw(
    notice_id: int,
    user: store.As,
    reason: Annotated[str, typer.Option(help="Why; it stands on the document.")],
    as_json: Json = False,
) -> None:
    """Withdraw a notice; where the ledger asks for another one since, that is drafted.

    Example: moderation notices withdraw 7 --as zhao.min --reason 申诉成立
    """
    from service.storage import noticebook

    if not reason.strip():
        raise typer.BadParameter("must not be blank", param_hint="--reason")
    _change(notice_id, user, as_json, partial(noticebook.withdraw, reason=reason))


@app.command()
def document(
    notice_id: int,
    user: store.As,
    output: Annotated[Path, typer.Option(help="Ends in .pdf or .docx.")],
    as_json: Json = False,
) -> None:
    """Write a notice as PDF or DOCX, to be printed and signed.

    Example: moderation notices document 7 --as li.na --output notice-7.pdf
    """
    from service import documents
    from service.rights import Right

    kinds = {f".{kind.value}": kind for kind in documents.Format}
    kind = kinds.get(output.suffix.lower())
    if kind is None:
        raise typer.BadParameter(f"must end in {' or '.join(kinds)}", param_hint="--output")
    with store.opened() as (database, settings), database.read() as connection:
        store.acting(connection, user, Right.SEE_NOTICES)
        view = _view(connection, notice_id)
    body = documents.document(view, settings.firm, settings.zone, kind)
    store.written(output, body, as_json)


def _change(notice_id: int, user: str, as_json: bool, do: Callable[..., Any]) -> None:
    """Do something that an approver may, and show the notice after it."""
    from service.rights import Right

    with store.opened() as (database, _), database.write() as connection:
        store.acting(connection, user, Right.APPROVE)
        do(connection, datetime.now(UTC), notice_id, user)
        view = _view(connection, notice_id)
    if as_json:
        show.as_json(view.to_dict())
    else:
        typer.echo(f"notice {view.id} is {view.state.value}, number {view.number or '-'}")


def _view(connection: Any, notice_id: int) -> NoticeView:
    from service.storage import noticequery
    from service.storage.snapshots import Snapshots

    return noticequery.one(connection, Snapshots(()), notice_id)


def _row(view: NoticeView) -> list[str]:
    from service.wording import penalty

    sender = view.facts.sender
    state = f"{view.state.value}{' (changed)' if view.changed else ''}"
    who = sender.name or sender.nickname or sender.member_id or "-"
    return [
        str(view.id),
        view.number or "-",
        state,
        who,
        penalty(view.kind, view.amount),
        view.case_id,
    ]
