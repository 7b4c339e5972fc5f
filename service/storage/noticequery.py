"""Notices to be read: one with its facts, pages of them, and the fines of a month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Connection, Select, Text, and_, func, or_, select, type_coerce

from service import payroll
from service.masking import dotted
from service.notices import NoticeState
from service.noticeview import Facts, Liable, NoticeView, Signed, Someone
from service.storage import roster
from service.storage.noticebook import UnknownNoticeError
from service.storage.schema import cases, notices
from service.storage.snapshots import Snapshots

_CASE = (
    *(cases.c.group_id, cases.c.sender_id, cases.c.sent_at, cases.c.text, cases.c.recalled_at),
    *(cases.c.decision, cases.c.policy_version),
)
_FINE = (
    *(notices.c.number, notices.c.amount, notices.c.liable),
    *(notices.c.published_at, notices.c.lapsed_at, notices.c.withdrawn_at),
)
_QUERY = select(notices, *_CASE).join(cases, cases.c.case_id == notices.c.case_id)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notices to list; `since` and `until` bound the publication, `person` sent or is liable."""

    state: NoticeState | None = None
    changed: bool | None = None
    person: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def listed(
    connection: Connection,
    snapshots: Snapshots,
    wanted: Wanted,
    limit: int,
    before: int | None = None,
) -> list[NoticeView]:
    """Return notices, newest first, from below the id `before` on."""
    query = _filtered(wanted)
    if before is not None:
        query = query.where(notices.c.id < before)
    rows = connection.execute(query.order_by(notices.c.id.desc()).limit(limit)).all()
    return _views(connection, snapshots, rows)


def one(connection: Connection, snapshots: Snapshots, notice_id: int) -> NoticeView:
    """Return a notice with its facts; raises `UnknownNoticeError`."""
    row = connection.execute(_QUERY.where(notices.c.id == notice_id)).first()
    if row is None:
        raise UnknownNoticeError(f"no notice {notice_id}")
    return _views(connection, snapshots, [row])[0]


def month_payroll(
    connection: Connection, month: str, zone: ZoneInfo, share: Decimal
) -> payroll.Payroll:
    """Return the deductions of a month of the firm's zone; `share` of the wage is the cap."""
    since, until = payroll.span(month, zone)
    charged = payroll.charges(fines(connection, since, until), since, until)
    ids = sorted({one.member_id for one in charged if one.member_id is not None})
    people = roster.people_by_id(connection, ids)
    staff = {
        member_id: payroll.Staff(known.name, known.department, known.wage)
        for member_id, known in people.items()
    }
    return payroll.payroll(month, charged, staff, share)


def fines(connection: Connection, since: datetime, until: datetime) -> list[payroll.Fine]:
    """Return the fines ever published that began or ceased to hold in `[since, until)`."""

    def within(column: Any) -> Any:
        return and_(column >= since, column < until)

    query = select(*_FINE).where(
        notices.c.number.is_not(None),
        notices.c.amount > 0,
        or_(*map(within, (notices.c.published_at, notices.c.lapsed_at, notices.c.withdrawn_at))),
    )
    rows = connection.execute(query.order_by(notices.c.id))
    return [
        payroll.Fine(
            number=number,
            amount=amount,
            liable=tuple((one["party"], one["member_id"]) for one in liable),
            published_at=published_at,
            void_at=min((at for at in ends if at is not None), default=None),
        )
        for number, amount, liable, published_at, *ends in rows
    ]


def _filtered(wanted: Wanted) -> Select[Any]:
    query = _QUERY
    if wanted.state is not None:
        query = query.where(notices.c.state == wanted.state.value)
    if wanted.changed is not None:
        query = query.where(notices.c.changed.is_(wanted.changed))
    if wanted.since is not None:
        query = query.where(notices.c.published_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(notices.c.published_at < wanted.until)
    if wanted.person is not None:
        named = orjson.dumps({"member_id": wanted.person}).decode()[1:]
        liable = type_coerce(notices.c.liable, Text)
        # LIKE would take A for a on SQLite.
        is_liable = func.replace(liable, named, "", type_=Text) != liable
        query = query.where(or_(cases.c.sender_id == wanted.person, is_liable))
    return query


def _views(connection: Connection, snapshots: Snapshots, rows: Sequence[Any]) -> list[NoticeView]:
    """Return notices with the names of all concerned, looked up for all of them together."""
    places = roster.places_at(connection, [(r.group_id, r.sender_id, r.sent_at) for r in rows])
    ids = {one["member_id"] for row in rows for one in row.liable} | {r.sender_id for r in rows}
    people = roster.people_by_id(connection, ids - {None})
    return [
        _view(row, snapshots.policy(connection, row.policy_version).title, place, people)
        for row, place in zip(rows, places, strict=True)
    ]


def _view(
    row: Any, policy_title: str, place: roster.Place, people: dict[str, roster.Person]
) -> NoticeView:
    parties = [(one["party"], one["member_id"]) for one in row.liable]
    nickname = place.member.nickname if place.member else None
    return NoticeView(
        id=row.id,
        case_id=row.case_id,
        number=row.number,
        state=NoticeState(row.state),
        changed=row.changed,
        policy=row.policy_version,
        policy_title=policy_title,
        penalty=row.penalty,
        amount=row.amount,
        articles=tuple(row.articles),
        liable=tuple(Liable(party, _someone(people, who)) for party, who in parties),
        facts=Facts(
            sent_at=row.sent_at,
            sender=_someone(people, row.sender_id, nickname),
            group_id=row.group_id,
            group_name=place.group.name if place.group else None,
            labels=_labels(row.articles),
            quotation=dotted(row.text, row.decision),
            recalled=row.recalled_at is not None,
        ),
        drafted_at=row.drafted_at,
        decided_by=row.decided_by,
        approved=Signed(row.approved_by, row.approved_at),
        published=Signed(row.published_by, row.published_at),
        withdrawn=Signed(row.withdrawn_by, row.withdrawn_at),
        reason=row.reason,
    )


def _someone(
    people: dict[str, roster.Person], member_id: str | None, nickname: str | None = None
) -> Someone:
    known = people.get(member_id or "")
    if known is None:
        return Someone(member_id, nickname=nickname)
    return Someone(member_id, known.name, known.department, nickname)


def _labels(articles: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Return the labels that the notice rests on; those of the case may have been overturned since."""
    return tuple(dict.fromkeys(label for article in articles for label in article["labels"]))


def counts(connection: Connection) -> dict[str, int]:
    """Return how many notices there are in each state, and how many published ones no longer hold (`changed`)."""
    by_state = connection.execute(
        select(notices.c.state, func.count()).group_by(notices.c.state)
    ).all()
    changed = connection.execute(
        select(func.count()).where(
            notices.c.changed, notices.c.state == NoticeState.PUBLISHED.value
        )
    ).scalar_one()
    found = {state.value: 0 for state in NoticeState} | {row[0]: int(row[1]) for row in by_state}
    return found | {"changed": changed}
