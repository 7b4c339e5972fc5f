"""A person in duties and turns, forgotten: a pseudonym in place of his id, his own words dropped; the old too.

A duty's id is made of what it says, so it is made anew: the duty found again under the pseudonym is the
one that is known, and opens no second case.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    delete,
    func,
    or_,
    select,
    type_coerce,
    update,
)

from service.conduct.model import Duty
from service.storage.dutybook import DutyState
from service.storage.schema import duties, turns

GONE = "（已删除）"
"""What stands in place of what a duty quoted."""
LONGEST = 200
"""Characters of a duty's subject."""


def empty(connection: Connection, member_id: str) -> None:
    """Drop what a person has said, and what duties quote of it."""
    his = turns.c.sender_id == member_id
    said = {
        (row.group_id, row.message_id)
        for row in connection.execute(select(turns.c.group_id, turns.c.message_id).where(his))
    }
    connection.execute(update(turns).where(his).values(text=None))
    here = duties.c.group_id.in_(select(turns.c.group_id).where(his).distinct())
    query = select(duties.c.duty_id, duties.c.group_id, duties.c.subject).where(here)
    for row in connection.execute(query).all():
        if (row.group_id, row.subject.partition("/")[0]) in said:
            one = duties.c.duty_id == row.duty_id
            connection.execute(update(duties).where(one).values(detail={"about": GONE}))


def rename(connection: Connection, member_id: str, pseudonym: str) -> int:
    """Put a pseudonym in place of an id in duties; return how many had it."""
    here = or_(duties.c.person == member_id, duties.c.subject.contains(member_id, autoescape=True))
    id_alone = re.compile(rf"(?<![0-9A-Za-z_-]){re.escape(member_id)}(?![0-9A-Za-z_-])")
    found = 0
    for row in connection.execute(select(duties).where(here)).all():
        person = pseudonym if row.person == member_id else row.person
        subject = id_alone.sub(pseudonym, row.subject)[:LONGEST]
        if (person, subject) != (row.person, row.subject):
            new = {"person": person, "subject": subject, "duty_id": _id(row, person, subject)}
            connection.execute(update(duties).where(duties.c.duty_id == row.duty_id).values(new))
            found += 1
    return found


def count_old(connection: Connection, before: datetime) -> int:
    """Return how many turns said before a time there are, and duties due before it that still have words."""
    counts = (
        select(func.count()).select_from(turns).where(turns.c.sent_at < before),
        select(func.count()).select_from(duties).where(_old(before)),
    )
    return sum(connection.execute(query).scalar_one() for query in counts)


def purge(connection: Connection, before: datetime, limit: int) -> int:
    """Drop turns said before a time and the words of duties due before it, at most `limit` of each."""
    said = select(turns.c.id).where(turns.c.sent_at < before).limit(limit)
    due = select(duties.c.duty_id).where(_old(before)).limit(limit)
    told = update(duties).where(duties.c.duty_id.in_(due)).values(detail={"about": GONE})
    dropped = connection.execute(delete(turns).where(turns.c.id.in_(said))).rowcount
    return dropped + connection.execute(told).rowcount


def in_about(detail: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """Return a duty's detail with its words changed."""
    return detail | {"about": change(detail["about"])} if "about" in detail else detail


def in_mentions(names: list[str], change: Callable[[str], str]) -> list[str]:
    """Return the names that a turn mentions, changed."""
    return [change(name) for name in names]


def _old(before: datetime) -> ColumnElement[bool]:
    has_words = ~type_coerce(duties.c.detail, Text).contains(GONE, autoescape=True)
    return (duties.c.due < before) & (duties.c.state != DutyState.OPEN.value) & has_words


def _id(row: Any, person: str | None, subject: str) -> str:
    return Duty(
        rule=row.rule,
        article=row.article,
        group_id=row.group_id,
        party=row.party,
        person=person,
        subject=subject,
        since=row.since,
        due=row.due,
        about="",
    ).duty_id
