"""Events: kept once each, and the roster's history folded anew from all that are known.

new events ─ kept ─ versions of the groups and members they touch ─ groups woken
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select

from moderation.conversation import keyed
from service.conduct.model import Event
from service.eventforms import EventIn
from service.events import OF_GROUP, OF_MEMBER, fold_group, fold_member, in_order
from service.storage import checks, roster
from service.storage.audit import Change, append
from service.storage.columns import from_ms, to_ms
from service.storage.database import StorageError
from service.storage.schema import events

PART = 500
"""Ids in one query: SQLite takes a limited number of parameters."""
PRINT = "print"
"""In a row's detail: the keyed fingerprint of all that was said, by which it is known when erased."""
Membership = tuple[str, str]
"""Group and member."""


class UnknownEventError(StorageError):
    """No event of the group has this id."""


class OtherEventError(Exception):
    """An event id that was used before for something else."""


@dataclass(frozen=True, slots=True)
class Received:
    """An event and when it first came in."""

    event: Event
    received_at: datetime


def record(
    connection: Connection, now: datetime, actor: str, said: Sequence[EventIn], key: bytes
) -> list[Received | OtherEventError]:
    """Keep events that are new and fold them in; return in order as what each is known.

    `key` is that of the fingerprints.
    """
    known = _by_id(connection, [one.event_id for one in said])
    answers: list[Received | OtherEventError] = []
    new: list[dict[str, Any]] = []
    for one in said:
        row = _row(one, now, key)
        old = known.setdefault(one.event_id, row)
        if old is row:
            new.append(row)
        if old["detail"][PRINT] == row["detail"][PRINT]:
            answers.append(Received(_event(old), old["received_at"]))
        else:
            answers.append(OtherEventError(f"event_id {one.event_id!r} was used for another event"))
    if new:
        _keep(connection, now, actor, new)
    return answers


def refold(
    connection: Connection, group_ids: Iterable[str], memberships: Iterable[Membership]
) -> None:
    """Read versions off the events of groups and memberships again: events or stated versions are new."""
    wanted: dict[str, set[str]] = {}
    for group_id, member_id in memberships:
        wanted.setdefault(group_id, set()).add(member_id)
    _refold_groups(connection, group_ids)
    for part in _parts(wanted):
        query = select(events.c.group_id).where(events.c.group_id.in_(part)).distinct()
        for group_id in connection.execute(query).scalars().all():
            _refold_members(connection, group_id, wanted[group_id])


def of_group(connection: Connection, group_id: str) -> list[Event]:
    """Return all events of a group, by time then id."""
    rows = connection.execute(select(events).where(events.c.group_id == group_id))
    return in_order(_event(row._mapping) for row in rows)


def page(connection: Connection, group_id: str, after: str | None, limit: int) -> list[Received]:
    """Return at most `limit` events of a group, oldest first, from behind the event `after` on.

    Raises:
        UnknownEventError: `after` is no event of the group.
    """
    query = select(events).where(events.c.group_id == group_id)
    if after is not None:
        query = query.where(_behind(connection, group_id, after))
    rows = connection.execute(query.order_by(events.c.at, events.c.event_id).limit(limit))
    return [Received(_event(row._mapping), row.received_at) for row in rows]


def _behind(connection: Connection, group_id: str, after: str) -> ColumnElement[bool]:
    here = (events.c.group_id == group_id) & (events.c.event_id == after)
    at = connection.execute(select(events.c.at).where(here)).scalar()
    if at is None:
        raise UnknownEventError(f"no event {after!r} in group {group_id!r}")
    return or_(events.c.at > at, and_(events.c.at == at, events.c.event_id > after))


def _keep(connection: Connection, now: datetime, actor: str, new: list[dict[str, Any]]) -> None:
    connection.execute(insert(events), new)
    groups = {row["group_id"] for row in new if row["kind"] in OF_GROUP}
    members = {(row["group_id"], row["member_id"]) for row in new if row["kind"] in OF_MEMBER}
    refold(connection, groups, members)
    touched = sorted({row["group_id"] for row in new})
    checks.wake_all(connection, touched, now)
    counts = {one: Counter(row["kind"] for row in new if row["group_id"] == one) for one in touched}
    append(
        connection, now, [Change(actor, "events.add", one, dict(counts[one])) for one in touched]
    )


def _refold_groups(connection: Connection, group_ids: Iterable[str]) -> None:
    for part in _parts(group_ids):
        here = events.c.group_id.in_(part) & events.c.kind.in_(sorted(OF_GROUP))
        happened = _grouped(connection, here, "group_id")
        stated = roster.group_history(connection, part, stated=True)
        made = [
            version
            for group_id in part
            for version in fold_group(stated.get(group_id, []), happened.get(group_id, []))
        ]
        roster.replace_folded(connection, part, made)


def _refold_members(connection: Connection, group_id: str, member_ids: Iterable[str]) -> None:
    stated = roster.member_history(connection, [group_id], stated=True)
    for part in _parts(member_ids):
        here = (
            (events.c.group_id == group_id)
            & events.c.member_id.in_(part)
            & events.c.kind.in_(sorted(OF_MEMBER))
        )
        happened = _grouped(connection, here, "member_id")
        made = [
            version
            for one in part
            for version in fold_member(stated.get((group_id, one), []), happened.get(one, []))
        ]
        roster.replace_folded_members(connection, group_id, part, made)


def _grouped(
    connection: Connection, here: ColumnElement[bool], column: str
) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for row in connection.execute(select(events).where(here)):
        found.setdefault(row._mapping[column], []).append(_event(row._mapping))
    return found


def _by_id(connection: Connection, ids: Iterable[str]) -> dict[str, Any]:
    return {
        row.event_id: row._mapping
        for part in _parts(ids)
        for row in connection.execute(select(events).where(events.c.event_id.in_(part)))
    }


def _row(said: EventIn, now: datetime, key: bytes) -> dict[str, Any]:
    """Return the row of an event; its time is cut to what the database keeps."""
    row = {
        "event_id": said.event_id,
        "kind": said.kind.value,
        "group_id": said.group_id,
        "at": from_ms(to_ms(said.at)),
        "member_id": said.member_id,
        "by": said.by,
    }
    detail = said.detail()
    content = orjson.dumps(row | {"detail": detail}, option=orjson.OPT_SORT_KEYS).decode()
    mark = f"{keyed(key, 'event', content) % 2**64:016x}"
    return row | {"detail": detail | {PRINT: mark}, "received_at": from_ms(to_ms(now))}


def _event(row: Any) -> Event:
    detail = {name: value for name, value in row["detail"].items() if name != PRINT}
    return Event(
        row["event_id"],
        row["kind"],
        row["group_id"],
        row["at"],
        row["member_id"],
        row["by"],
        detail,
    )


def _parts(ids: Iterable[str]) -> Iterator[list[str]]:
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), PART):
        yield wanted[start : start + PART]
