"""Duties to be read: those of the board, of a group, of a person."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from service.storage.columns import to_ms
from service.storage.dutybook import DutyState
from service.storage.schema import duties


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which duties to list; None leaves open."""

    state: DutyState | None = None
    rule: str | None = None
    group_id: str | None = None
    person: str | None = None


Cursor = tuple[datetime, str]
"""Time and id of the last duty of a page."""
CURSOR = r"^(\d{1,14})-([0-9a-f]{32})$"
_CURSOR = re.compile(CURSOR)


def cursor(due: datetime, duty_id: str) -> str:
    """Return a cursor as it is written in addresses."""
    return f"{to_ms(due)}-{duty_id}"


def parse_cursor(text: str) -> Cursor:
    """Read a cursor; raises `ValueError` for what `cursor` did not write."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise ValueError("no page has given this cursor")
    return datetime.fromtimestamp(int(found[1]) / 1000, UTC), found[2]


def listed(
    connection: Connection, wanted: Wanted, limit: int, after: Cursor | None = None
) -> list[Row[Any]]:
    """Return duties, those first whose time is over soonest, from behind a cursor on."""
    query = _filtered(select(duties), wanted)
    if after is not None:
        due, duty_id = after
        later = and_(duties.c.due == due, duties.c.duty_id > duty_id)
        query = query.where(or_(duties.c.due > due, later))
    return list(connection.execute(query.order_by(duties.c.due, duties.c.duty_id).limit(limit)))


def counts(connection: Connection, wanted: Wanted) -> dict[str, int]:
    """Return how many duties there are under each rule."""
    query = _filtered(select(duties.c.rule, func.count()), wanted).group_by(duties.c.rule)
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def health(connection: Connection, since: datetime) -> dict[str, dict[str, int]]:
    """Return per group how many duties are open, and how many fell due since a time and were breached."""
    breached = and_(duties.c.state == DutyState.BREACHED.value, duties.c.due >= since)
    is_open = duties.c.state == DutyState.OPEN.value
    query = (
        select(duties.c.group_id, duties.c.state, func.count())
        .where(or_(is_open, breached))
        .group_by(duties.c.group_id, duties.c.state)
    )
    found: dict[str, dict[str, int]] = {}
    for group_id, state, count in connection.execute(query):
        found.setdefault(group_id, {"open": 0, "breached": 0})[state] = int(count)
    return found


def of_cases(connection: Connection, case_ids: Sequence[str]) -> dict[str, Row[Any]]:
    """Return the duties whose breach is a case, by case."""
    query = select(duties).where(duties.c.case_id.in_(list(case_ids)))
    return {row.case_id: row for row in connection.execute(query)}


def _filtered(query: Select[Any], wanted: Wanted) -> Select[Any]:
    given = {
        "state": wanted.state.value if wanted.state else None,
        "rule": wanted.rule,
        "group_id": wanted.group_id,
        "person": wanted.person,
    }
    for name, value in given.items():
        if value is not None:
            query = query.where(duties.c[name] == value)
    return query
