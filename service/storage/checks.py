"""When each group's duties are looked at next: whatever changes what is known of a group wakes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from service.storage.schema import checks, groups, members

PART = 500
"""Ids in one query: SQLite takes a limited number of parameters."""


def wake(connection: Connection, group_id: str, at: datetime) -> None:
    """Let a group be looked at by `at` at the latest; what was to be looked at sooner stays so."""
    wake_all(connection, [group_id], at)


def wake_all(connection: Connection, group_ids: Iterable[str], at: datetime) -> None:
    """Let groups be looked at by `at` at the latest."""
    for part in _parts(group_ids):
        known = set(
            connection.execute(
                select(checks.c.group_id).where(checks.c.group_id.in_(part))
            ).scalars()
        )
        later = checks.c.group_id.in_(part) & (checks.c.next_at > at)
        connection.execute(update(checks).where(later).values(next_at=at))
        new = [{"group_id": one, "next_at": at, "since": at} for one in part if one not in known]
        if new:
            connection.execute(insert(checks), new)


def wake_groups_of(connection: Connection, member_ids: Iterable[str], at: datetime) -> None:
    """Wake every group that has or had one of these people: what HR knows of them has changed."""
    found: set[str] = set()
    for part in _parts(member_ids):
        query = select(members.c.group_id).where(members.c.member_id.in_(part)).distinct()
        found.update(connection.execute(query).scalars())
    wake_all(connection, found, at)


def wake_every(connection: Connection, at: datetime) -> None:
    """Wake all groups: what holds for all of them has changed, such as their policies."""
    wake_all(connection, connection.execute(select(groups.c.group_id).distinct()).scalars(), at)


def due(connection: Connection, at: datetime, limit: int) -> list[Row[Any]]:
    """Return groups whose time has come, those first that have waited longest."""
    query = select(checks).where(checks.c.next_at <= at)
    return list(
        connection.execute(query.order_by(checks.c.next_at, checks.c.group_id).limit(limit))
    )


def looked(
    connection: Connection, group_id: str, next_at: datetime, quiet_since: datetime | None
) -> None:
    """Note that a group was looked at, when to do so again, and up to when its turns are decided."""
    here = checks.c.group_id == group_id
    connection.execute(update(checks).where(here).values(next_at=next_at, quiet_since=quiet_since))


def _parts(ids: Iterable[str]) -> Iterator[list[str]]:
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), PART):
        yield wanted[start : start + PART]
