"""A person in duties and turns, forgotten: a pseudonym in place of his id, his own words dropped.

A duty's id is made of what it says, so it is made anew: the duty found again under the pseudonym is the
one that is known, and opens no second case.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, or_, select, update

from service.conduct.model import Duty
from service.storage.schema import duties, turns

LONGEST = 200
"""Characters of a duty's subject."""


def empty(connection: Connection, member_id: str) -> None:
    """Drop what a person has said."""
    own = update(turns).where(turns.c.sender_id == member_id)
    connection.execute(own.values(text=None))


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


def in_about(detail: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """Return a duty's detail with its words changed."""
    return detail | {"about": change(detail["about"])} if "about" in detail else detail


def in_mentions(names: list[str], change: Callable[[str], str]) -> list[str]:
    """Return the names that a turn mentions, changed."""
    return [change(name) for name in names]


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
