"""Duties to be read: those of the board, of a group, of a person."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, case, func, literal, select, tuple_

from service.storage.columns import to_ms
from service.storage.dutybook import DutyState
from service.storage.schema import duties, people


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which duties to list; None leaves open."""

    state: DutyState | None = None
    rule: str | None = None
    group_id: str | None = None
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many duties of a group there are under a rule in a state, and how many of them fell due lately."""

    group_id: str
    rule: str
    state: DutyState
    all: int
    lately: int


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
    """Return duties from behind a cursor on, the soonest due first; of those that are past, the latest.

    Each has beside its own columns the `person_name` that HR knows.
    """
    named = select(duties, people.c.name.label("person_name"))
    query = _filtered(named.outerjoin(people, people.c.member_id == duties.c.person), wanted)
    place = tuple_(duties.c.due, duties.c.duty_id)
    past = wanted.state not in (None, DutyState.OPEN)
    if after is not None:
        mark = tuple_(literal(after[0], duties.c.due.type), literal(after[1]))
        query = query.where(place < mark if past else place > mark)
    order = (
        (duties.c.due.desc(), duties.c.duty_id.desc()) if past else (duties.c.due, duties.c.duty_id)
    )
    return list(connection.execute(query.order_by(*order).limit(limit)))


def counts(connection: Connection, since: datetime) -> list[Count]:
    """Return how many open and breached duties there are by group and rule, and how many fell due since a time."""
    lately = func.sum(case((duties.c.due >= since, 1), else_=0))
    shown = (DutyState.OPEN.value, DutyState.BREACHED.value)
    by = (duties.c.group_id, duties.c.rule, duties.c.state)
    query = select(*by, func.count(), lately).where(duties.c.state.in_(shown)).group_by(*by)
    return [
        Count(group_id, rule, DutyState(state), int(count), int(recent))
        for group_id, rule, state, count, recent in connection.execute(query)
    ]


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
