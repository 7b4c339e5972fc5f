"""When each group's duties are looked at next: whatever changes what is known of a group wakes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from service.storage.schema import checks, groups

PART = 500
"""Ids in one query: SQLite takes a limited number of parameters."""

# Built once: every message and every look needs them.
_HERE = checks.c.group_id.in_(bindparam("ids", expanding=True))
_KNOWN = select(checks.c.group_id).where(_HERE)
_SOONER = (
    update(checks).where(_HERE, checks.c.next_at > bindparam("at")).values(next_at=bindparam("at"))
)
_DUE = (
    select(checks)
    .where(checks.c.next_at <= bindparam("at"))
    .order_by(checks.c.next_at, checks.c.group_id)
    .limit(bindparam("limit"))
)
_LOOKED = (
    update(checks)
    .where(checks.c.group_id == bindparam("wanted"))
    .values(next_at=bindparam("next"), quiet_since=bindparam("quiet"))
)


def wake_all(connection: Connection, group_ids: Iterable[str], at: datetime) -> None:
    """Let groups whose roster or events have changed be looked at by `at` at the latest."""
    for part in _parts(group_ids):
        _see_to(connection, part, at)
        here = checks.c.group_id.in_(part)
        connection.execute(update(checks).where(here).values(edition=checks.c.edition + 1))


def wake_every(connection: Connection, at: datetime) -> None:
    """Wake all groups: what holds for all of them has changed, such as their policies or HR's people."""
    wake_all(connection, connection.execute(select(groups.c.group_id).distinct()).scalars(), at)


def heard(connection: Connection, group_ids: Iterable[str], at: datetime) -> None:
    """Let groups in which something was said be looked at by `at` at the latest."""
    for part in _parts(group_ids):
        _see_to(connection, part, at)


def due(connection: Connection, at: datetime, limit: int) -> list[Row[Any]]:
    """Return groups whose time has come, those first that have waited longest."""
    return list(connection.execute(_DUE, {"at": at, "limit": limit}))


def looked(
    connection: Connection, group_id: str, next_at: datetime, quiet_since: datetime | None
) -> None:
    """Note that a group was looked at, when to do so again, and up to when its turns are decided."""
    values = {"wanted": group_id, "next": next_at, "quiet": quiet_since}
    connection.execute(_LOOKED, values)


def _see_to(connection: Connection, part: list[str], at: datetime) -> None:
    """Have each group looked at by `at`; what was to be looked at sooner stays so."""
    known = set(connection.execute(_KNOWN, {"ids": part}).scalars())
    connection.execute(_SOONER, {"ids": part, "at": at})
    new = [
        {"group_id": one, "next_at": at, "since": at, "edition": 0}
        for one in part
        if one not in known
    ]
    if new:
        connection.execute(insert(checks), new)


def _parts(ids: Iterable[str]) -> Iterator[list[str]]:
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), PART):
        yield wanted[start : start + PART]
