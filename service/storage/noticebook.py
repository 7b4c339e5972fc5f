"""Notices in the database: drafted by the ledger, approved and published by people."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, insert, or_, select, update

from moderation.types import Amount, Penalty
from service import notices
from service.ledger import Entry
from service.notices import Notice, NoticeState
from service.storage import actions, roster
from service.storage.audit import Change, append
from service.storage.database import StorageError
from service.storage.schema import cases, counters, entries, users
from service.storage.schema import notices as table

LEDGER = "ledger"
"""Actor of what follows from the ledger by itself."""


class UnknownNoticeError(StorageError):
    """No notice has this id."""


def follow(
    connection: Connection,
    at: datetime,
    case: Any,
    decided_by: str | None,
    entry: Entry | None,
    amount: Decimal | None,
) -> None:
    """Bring the notice of a case in line with its entry in the ledger (None: no breach)."""
    penalty = entry.penalty if entry else None
    last = connection.execute(
        select(table).where(table.c.case_id == case.case_id).order_by(table.c.id.desc()).limit(1)
    ).first()
    if last is not None and last.state != NoticeState.WITHDRAWN.value:
        _bring_in_line(connection, at, case, last, decided_by, entry, amount)
    elif entry and penalty and notices.needs_notice(penalty) and not _taken_back(last, penalty):
        _draft(connection, at, case, notices.draft(decided_by or LEDGER, penalty, amount), entry)


def approve(connection: Connection, at: datetime, notice_id: int, by: str) -> None:
    """Approve a draft; raises `NoticeError` or `UnknownNoticeError`."""
    row = notice_row(connection, notice_id)
    notices.approve(to_notice(row), by, _concerned(connection, row))
    _update(connection, notice_id, state="approved", approved_by=by, approved_at=at, changed=False)
    append(connection, at, [Change(by, "notice.approve", str(notice_id), _told(row))])


def publish(connection: Connection, at: datetime, notice_id: int, by: str, zone: ZoneInfo) -> str:
    """Publish an approved notice under the next number of the year, which it returns."""
    row = notice_row(connection, notice_id)
    notices.publish(to_notice(row))
    year = at.astimezone(zone).year
    number = f"{year}-{_next(connection, f'notice-{year}'):04d}"
    _update(
        connection, notice_id, state="published", number=number, published_by=by, published_at=at
    )
    append(connection, at, [Change(by, "notice.publish", str(notice_id), {"number": number})])
    actions.on_published(connection, at, row, number)
    return number


def withdraw(connection: Connection, at: datetime, notice_id: int, by: str, reason: str) -> None:
    """Withdraw a notice. Where the ledger still asks for another one than this was, that is drafted."""
    row = notice_row(connection, notice_id)
    notices.withdraw(to_notice(row))
    outdated = row.changed and row.state == NoticeState.PUBLISHED.value
    _update(
        connection,
        notice_id,
        state="withdrawn",
        changed=outdated,
        withdrawn_by=by,
        withdrawn_at=at,
        reason=reason,
    )
    append(connection, at, [Change(by, "notice.withdraw", str(notice_id), {"number": row.number})])
    actions.on_withdrawn(connection, at, row)
    if outdated:
        _draft_anew(connection, at, row)


def notice_row(connection: Connection, notice_id: int) -> Row[Any]:
    """Return a notice as stored; raises `UnknownNoticeError`."""
    row = connection.execute(select(table).where(table.c.id == notice_id)).first()
    if row is None:
        raise UnknownNoticeError(f"no notice {notice_id}")
    return row


def to_notice(row: Any) -> Notice:
    """Return the state of a stored notice."""
    return Notice(
        decided_by=row.decided_by,
        penalty=penalty_of(row.penalty),
        amount=row.amount,
        state=NoticeState(row.state),
        approved_by=row.approved_by,
        changed=row.changed,
    )


def penalty_of(body: dict[str, Any]) -> Penalty:
    """Return a penalty from its public form."""
    amount = body["amount"]
    return Penalty(
        kind=body["kind"],
        amount=None
        if amount is None
        else Amount(
            Decimal(amount["min"]), None if amount["max"] is None else Decimal(amount["max"])
        ),
        liable=tuple(body["liable"]),
        occurrence=body["occurrence"],
        article=body["article"],
        duty=tuple(body.get("duty", ())),
        status=body["status"],
    )


def _bring_in_line(
    connection: Connection,
    at: datetime,
    case: Any,
    row: Any,
    decided_by: str | None,
    entry: Entry | None,
    amount: Decimal | None,
) -> None:
    before = to_notice(row)
    penalty = entry.penalty if entry else None
    after = notices.follow(before, decided_by, penalty, amount)
    lapsed_at = None
    if after.state is NoticeState.PUBLISHED and not notices.holds(after, penalty, amount):
        lapsed_at = row.lapsed_at or at
    if after == before and lapsed_at == row.lapsed_at:
        return
    values: dict[str, Any] = {
        "state": after.state.value,
        "changed": after.changed,
        "lapsed_at": lapsed_at,
    }
    if after.state is NoticeState.DRAFT and entry is not None:
        values |= _content(connection, case, after, entry)
        values |= {"approved_by": None, "approved_at": None}
    elif after.state is NoticeState.WITHDRAWN:
        values |= {"withdrawn_by": LEDGER, "withdrawn_at": at}
    _update(connection, row.id, **values)
    detail = {"state": after.state.value, "changed": after.changed}
    append(connection, at, [Change(LEDGER, "notice.follow", str(row.id), detail)])


def _draft(connection: Connection, at: datetime, case: Any, notice: Notice, entry: Entry) -> None:
    values = _content(connection, case, notice, entry) | {
        "case_id": case.case_id,
        "state": notice.state.value,
        "changed": False,
        "drafted_at": at,
    }
    key = connection.execute(insert(table).values(values)).inserted_primary_key
    number = str(key[0]) if key else ""
    append(connection, at, [Change(LEDGER, "notice.draft", number, {"case": case.case_id})])


def _draft_anew(connection: Connection, at: datetime, row: Any) -> None:
    """Draft what the ledger asks for now in place of a published notice that no longer held."""
    entry = connection.execute(select(entries).where(entries.c.case_id == row.case_id)).first()
    if entry is None or entry.ruling["penalty"] is None:
        return
    penalty = penalty_of(entry.ruling["penalty"])
    if not notices.needs_notice(penalty):
        return
    case = connection.execute(select(cases).where(cases.c.case_id == row.case_id)).one()
    values = {
        "case_id": row.case_id,
        "state": NoticeState.DRAFT.value,
        "changed": False,
        "drafted_at": at,
        "decided_by": row.decided_by,
        "penalty": entry.ruling["penalty"],
        "amount": entry.amount,
        "articles": entry.ruling["articles"],
        "liable": _liable(connection, case, penalty),
    }
    key = connection.execute(insert(table).values(values)).inserted_primary_key
    number = str(key[0]) if key else ""
    append(connection, at, [Change(LEDGER, "notice.draft", number, {"case": row.case_id})])


def _content(connection: Connection, case: Any, notice: Notice, entry: Entry) -> dict[str, Any]:
    """Return what a notice says."""
    return {
        "decided_by": notice.decided_by,
        "penalty": notice.penalty.to_dict(),
        "amount": notice.amount,
        "articles": entry.ruling.to_dict()["articles"],
        "liable": _liable(connection, case, notice.penalty),
    }


def _liable(connection: Connection, case: Any, penalty: Penalty) -> list[dict[str, Any]]:
    """Return who is liable by the roster at the time of the message."""
    place = roster.place_at(connection, case.group_id, case.sender_id, case.sent_at)
    return place.persons(penalty.liable, case.sender_id, case.party)


def _concerned(connection: Connection, row: Any) -> list[str]:
    """Return the users who sent the message or are liable for it."""
    sender = select(cases.c.sender_id).where(cases.c.case_id == row.case_id)
    liable = [one["member_id"] for one in row.liable if one["member_id"] is not None]
    query = select(users.c.name).where(
        or_(users.c.member_id.in_(liable), users.c.member_id == sender.scalar_subquery())
    )
    return list(connection.execute(query).scalars())


def _taken_back(last: Any, penalty: Penalty) -> bool:
    """Return whether a person has withdrawn just this notice: it does not come back by itself."""
    return (
        last is not None
        and last.withdrawn_by != LEDGER
        and not last.changed
        and penalty_of(last.penalty) == penalty
    )


def _next(connection: Connection, name: str) -> int:
    """Return the next number of a counter; it is taken only if the transaction is kept."""
    row = connection.execute(select(counters.c.value).where(counters.c.name == name)).first()
    value = 1 if row is None else int(row.value) + 1
    if row is None:
        connection.execute(insert(counters).values(name=name, value=value))
    else:
        connection.execute(update(counters).where(counters.c.name == name).values(value=value))
    return value


def _update(connection: Connection, notice_id: int, **values: Any) -> None:
    connection.execute(update(table).where(table.c.id == notice_id).values(values))


def _told(row: Any) -> dict[str, Any]:
    return {"kind": row.penalty["kind"], "amount": None if row.amount is None else str(row.amount)}
