"""What events say of persons in words, forgotten: nicknames, names of groups, texts of group notices.

An event stays known by its fingerprint, so sent again it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, func, or_, select, type_coerce, update

from service.eventforms import Kind
from service.storage.schema import events

Detail = dict[str, Any]
WORDS = ("nickname", "name", "text")
"""What people have written."""
_IDS = ("owner", "admin")


def in_words(detail: Detail, change: Callable[[str], str]) -> Detail:
    """Return an event's detail with all that people have written changed."""
    return detail | {name: change(detail[name]) for name in WORDS if name in detail}


def empty(connection: Connection, member_id: str) -> None:
    """Drop what a person was called and what he posted."""
    of_him = or_(events.c.member_id == member_id, events.c.by == member_id)

    def without(row: Any) -> Detail:
        own = {"nickname"} if row.member_id == member_id else set()
        return _without(row.detail, own | ({"text"} if row.by == member_id else set()))

    _rewrite(connection, of_him, without)


def rename(connection: Connection, member_id: str, pseudonym: str) -> int:
    """Put a pseudonym in place of an id in the details; return how many events had it."""

    def renamed(row: Any) -> Detail:
        detail: Detail = dict(row.detail)
        for name in _IDS:
            if detail.get(name) == member_id:
                detail[name] = pseudonym
        if "members" in detail:
            detail["members"] = [
                pseudonym if one == member_id else one for one in detail["members"]
            ]
        return detail

    told = type_coerce(events.c.detail, Text).contains(member_id, autoescape=True)
    return _rewrite(connection, told, renamed)


def count_old(connection: Connection, before: datetime) -> int:
    """Return how many group notices posted before a time still have their text."""
    return connection.execute(
        select(func.count()).select_from(events).where(_old(before))
    ).scalar_one()


def purge(connection: Connection, before: datetime, limit: int) -> int:
    """Drop the text of at most `limit` group notices posted before a time; return of how many."""
    query = select(events.c.event_id).where(_old(before)).limit(limit)
    ids = list(connection.execute(query).scalars())
    here = events.c.event_id.in_(ids)
    return _rewrite(connection, here, lambda row: _without(row.detail, {"text"}))


def _old(before: datetime) -> ColumnElement[bool]:
    has_text = type_coerce(events.c.detail, Text).contains('"text":', autoescape=True)
    return (events.c.kind == Kind.NOTICE_POSTED.value) & (events.c.at < before) & has_text


def _without(detail: Detail, names: set[str]) -> Detail:
    return {name: value for name, value in detail.items() if name not in names}


def _rewrite(
    connection: Connection, here: ColumnElement[bool], change: Callable[[Any], Detail]
) -> int:
    changed = 0
    query = select(events.c.event_id, events.c.member_id, events.c.by, events.c.detail)
    for row in connection.execute(query.where(here)).all():
        new = change(row)
        if new != row.detail:
            one = events.c.event_id == row.event_id
            connection.execute(update(events).where(one).values(detail=new))
            changed += 1
    return changed
