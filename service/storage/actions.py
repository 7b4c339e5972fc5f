"""What the bot is to do in a group: remind, warn, remove, take back. Fetched by it or sent to its webhook.

An instruction stays until the bot acknowledges it. One whose reason has gone is cancelled; a removal
that was carried out and is overturned is followed by one to restore the member.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, insert, select, update

from service.conduct.model import Duty
from service.ledger import Entry
from service.notices import ActionState
from service.storage import roster
from service.storage.audit import Change, append
from service.storage.database import StorageError
from service.storage.schema import actions, cases

PENDING, DONE, CANCELLED, DEAD = (state.value for state in ActionState)
BY_NOTICE = ("warning", "serious_warning", "removal")
MAX_ATTEMPTS = 8
FIRST_WAIT = timedelta(seconds=5)
_TEXTS = {
    "duty": "请提醒 {who}：须在 {until} 前处理，否则将按第{article}条记录：{about}。",
    "reminder": "请提醒 {who}：{summary}（第{article}条）。",
    "warning": "{who}：你在群内的消息违反第{article}条（{summary}），给予警告。通知单 {number}。",
    "serious_warning": "{who}：你在群内的消息违反第{article}条（{summary}），给予严重警告。通知单 {number}。",
    "removal": "将 {who} 移出群：违反第{article}条（{summary}）。通知单 {number}。",
    "restore": "请重新邀请 {who} 入群：移出群的处理已撤销。",
}


class UnknownActionError(StorageError):
    """No instruction has this id."""


class LivingActionError(StorageError):
    """Only a dead instruction is revived."""


def follow_reminder(connection: Connection, at: datetime, case: Any, entry: Entry | None) -> None:
    """Give or take back the reminder that a confirmed case asks for at once, without a notice."""
    last = _last(connection, case.case_id, "reminder")
    wanted = entry is not None and entry.penalty is not None and entry.penalty.kind == "reminder"
    live = last is not None and last.state in (PENDING, DONE)
    if wanted and not live and entry is not None:
        summary = entry.ruling.articles[0].summary
        article = entry.penalty.article if entry.penalty else ""
        _give(connection, at, case, None, "reminder", article=article, summary=summary, number="")
    elif last is not None and last.state == PENDING and not wanted:
        _cancel(connection, at, last)


def remind_of_duty(connection: Connection, at: datetime, duty: Duty, zone: ZoneInfo) -> None:
    """Let the bot remind somebody of a duty whose time is nearly over."""
    place = roster.place_at(connection, duty.group_id, duty.person, at)
    until = f"{duty.due.astimezone(zone):%m月%d日%H:%M}"
    told = {"until": until, "about": duty.about, "article": duty.article}
    where = (duty.group_id, duty.person)
    _insert(connection, at, None, None, "duty", where, _who(connection, place, duty.person), **told)


def on_published(connection: Connection, at: datetime, notice: Any, number: str) -> None:
    """Give the instruction of a notice that has been published."""
    kind = notice.penalty["kind"]
    if kind in BY_NOTICE:
        article = notice.penalty["article"]
        summary = next((a["summary"] for a in notice.articles if a["article"] == article), "")
        case = _case(connection, notice.case_id)
        _give(
            connection, at, case, notice.id, kind, article=article, summary=summary, number=number
        )


def on_withdrawn(connection: Connection, at: datetime, notice: Any) -> None:
    """Take back the instruction of a notice; a removal carried out is undone by another one."""
    query = select(actions).where(actions.c.notice_id == notice.id)
    for row in connection.execute(query).all():
        if row.state in (PENDING, DEAD):
            _cancel(connection, at, row)
        elif row.state == DONE and row.kind == "removal":
            _restore(connection, at, row)


def cancel_for(connection: Connection, at: datetime, member_id: str) -> None:
    """Cancel what is still to be done to a member who will be known no more."""
    waiting = actions.c.state.in_((PENDING, DEAD))
    query = select(actions).where(actions.c.member_id == member_id, waiting)
    for row in connection.execute(query).all():
        _cancel(connection, at, row)


def acknowledge(connection: Connection, at: datetime, action_id: int, by: str) -> None:
    """Note that the bot has done it; doing so again changes nothing.

    One that was cancelled while the bot had it in hand is done all the same: a removal is then
    followed by the instruction to restore.

    Raises:
        UnknownActionError: no such instruction.
    """
    row = action_row(connection, action_id)
    if row.state == DONE:
        return
    _set(connection, action_id, state=DONE, done_at=at, done_by=by)
    append(connection, at, [Change(by, "action.acknowledge", str(action_id), {})])
    if row.state == CANCELLED and row.kind == "removal":
        _restore(connection, at, row)


def action_row(connection: Connection, action_id: int) -> Row[Any]:
    """Return an instruction as stored; raises `UnknownActionError`."""
    row = connection.execute(select(actions).where(actions.c.id == action_id)).first()
    if row is None:
        raise UnknownActionError(f"no action {action_id}")
    return row


def listed(connection: Connection, state: str, limit: int, after: int = 0) -> list[Row[Any]]:
    """Return instructions in a state, oldest first, from behind the number `after` on."""
    query = select(actions).where(actions.c.state == state, actions.c.id > after)
    return list(connection.execute(query.order_by(actions.c.id).limit(limit)))


def is_due(connection: Connection, at: datetime) -> bool:
    """Return whether there is an instruction to be sent now; looking takes no lock."""
    query = select(actions.c.id).where(actions.c.state == PENDING, actions.c.due_at <= at)
    return connection.execute(query.limit(1)).first() is not None


def take_due(connection: Connection, at: datetime, lease: timedelta, limit: int) -> list[Row[Any]]:
    """Return instructions to be sent now, and keep others from sending them for the time of `lease`."""
    query = (
        select(actions)
        .where(actions.c.state == PENDING, actions.c.due_at <= at)
        .order_by(actions.c.due_at)
        .limit(limit)
    )
    rows = list(connection.execute(query))
    for row in rows:
        _set(connection, row.id, due_at=at + lease, attempts=row.attempts + 1)
    return rows


def delivered(connection: Connection, at: datetime, action_id: int) -> None:
    """Note that the webhook has taken an instruction."""
    acknowledge(connection, at, action_id, "webhook")


def failed(connection: Connection, at: datetime, action_id: int, error: str) -> None:
    """Note that sending failed: try again after twice the time, or give up and show it as dead."""
    row = action_row(connection, action_id)
    if row.state != PENDING:  # the bot fetched it meanwhile, or its reason has gone
        return
    if row.attempts >= MAX_ATTEMPTS:
        _set(connection, action_id, state=DEAD, error=error)
        append(connection, at, [Change("webhook", "action.dead", str(action_id), {})])
    else:
        wait = FIRST_WAIT * 2 ** (row.attempts - 1)
        _set(connection, action_id, due_at=at + wait, error=error)


def revive(connection: Connection, at: datetime, action_id: int, by: str) -> None:
    """Send a dead instruction again from the start.

    Raises:
        UnknownActionError: no such instruction.
        LivingActionError: it is not dead.
    """
    row = action_row(connection, action_id)
    if row.state != DEAD:
        raise LivingActionError(f"action {action_id} is {row.state}, not {DEAD}")
    _set(connection, action_id, state=PENDING, attempts=0, due_at=at, error=None)
    append(connection, at, [Change(by, "action.revive", str(action_id), {})])


def _give(
    connection: Connection, at: datetime, case: Any, notice_id: int | None, kind: str, **told: str
) -> None:
    place = roster.place_at(connection, case.group_id, case.sender_id, case.sent_at)
    who = _who(connection, place, case.sender_id)
    where = (case.group_id, case.sender_id)
    _insert(connection, at, case.case_id, notice_id, kind, where, who, **told)


def _who(connection: Connection, place: roster.Place, member_id: str | None) -> str:
    """Return what the bot calls somebody."""
    known = roster.people_by_id(connection, [member_id or ""]).get(member_id or "")
    named = (known.name if known else None) or (place.member.nickname if place.member else None)
    return named or member_id or "发送人"


def _insert(
    connection: Connection,
    at: datetime,
    case_id: str | None,
    notice_id: int | None,
    kind: str,
    where: tuple[str | None, str | None],
    who: str,
    **told: str,
) -> None:
    group_id, member_id = where
    values = {
        "case_id": case_id,
        "notice_id": notice_id,
        "kind": kind,
        "group_id": group_id,
        "member_id": member_id,
        "text": _TEXTS[kind].format(who=who, **told),
        "created_at": at,
        "state": PENDING,
        "attempts": 0,
        "due_at": at,
    }
    key = connection.execute(insert(actions).values(values)).inserted_primary_key
    change = Change("ledger", f"action.{kind}", str(key[0]) if key else "", {"case": case_id})
    append(connection, at, [change])


def _restore(connection: Connection, at: datetime, removal: Any) -> None:
    case = _case(connection, removal.case_id)
    _give(connection, at, case, removal.notice_id, "restore", article="", summary="", number="")


def _last(connection: Connection, case_id: str, kind: str) -> Row[Any] | None:
    query = select(actions).where(actions.c.case_id == case_id, actions.c.kind == kind)
    return connection.execute(query.order_by(actions.c.id.desc()).limit(1)).first()


def _case(connection: Connection, case_id: str) -> Row[Any]:
    return connection.execute(select(cases).where(cases.c.case_id == case_id)).one()


def _cancel(connection: Connection, at: datetime, row: Any) -> None:
    _set(connection, row.id, state=CANCELLED, done_at=at, done_by="ledger")
    append(connection, at, [Change("ledger", "action.cancel", str(row.id), {})])


def _set(connection: Connection, action_id: int, **values: Any) -> None:
    connection.execute(update(actions).where(actions.c.id == action_id).values(values))
