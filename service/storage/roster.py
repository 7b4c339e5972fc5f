"""Groups and their members over time: what held at the time of a message stays known.

A change adds a version; nothing is overwritten, and one that comes late takes its place among the
others. Who is liable for a message sent before the first version is read off the first one: a roster is
usually imported after the group began.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Table, and_, bindparam, delete, func, insert, select

from moderation.types import GroupKind, SenderRole
from service.storage import checks
from service.storage.audit import Change, append
from service.storage.schema import groups, members, people

PART = 500
"""Ids in one query: SQLite takes a limited number of parameters."""


_OF_MEMBER = (
    *(members.c.member_id, members.c.nickname, members.c.role),
    *(members.c.supervisor, members.c.present),
)


@dataclass(frozen=True, slots=True)
class Group:
    """A group; `policy` None means the default one. `owner` and `admin` are member ids.

    `departments` are those whose people belong in it, none where that is not said; `ended_at` is when
    the task of a temporary group was done.
    """

    group_id: str
    name: str
    kind: GroupKind = GroupKind.WORK
    policy: str | None = None
    owner: str | None = None
    admin: str | None = None
    dissolved: bool = False
    departments: tuple[str, ...] = ()
    temporary: bool = False
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One person in one group."""

    group_id: str
    member_id: str
    nickname: str | None = None
    role: SenderRole = SenderRole.STAFF
    supervisor: str | None = None
    present: bool = True


@dataclass(frozen=True, slots=True)
class Person:
    """What is the same in every group; `wage` is a month's, used for the cap alone.

    Employed from `employed_from` until before `employed_until`; None is not known, or no end. In his
    department since `department_since` at the latest: when that was told; None is from ever.
    """

    member_id: str
    name: str | None = None
    department: str | None = None
    wage: Decimal | None = None
    employed_from: datetime | None = None
    employed_until: datetime | None = None
    department_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A group and a member of it as they were at some time; either may be unknown."""

    group: Group | None
    member: Member | None

    def liable(self, party: str, sender_id: str | None) -> str | None:
        """Return the member id of a party that a policy names, None where the roster does not say."""
        if party in ("sender", "member", "responder", "inviter"):
            return sender_id
        if party == "supervisor":
            return self.member.supervisor if self.member else None
        if self.group is None:
            return None
        return self.group.owner if party == "group_owner" else self.group.admin

    def persons(
        self, parties: Iterable[str], sender_id: str | None, own: str | None = None
    ) -> list[dict[str, str | None]]:
        """Return parties that a policy names, each with who that is; as `own` the sender is liable himself."""
        return [
            {
                "party": party,
                "member_id": sender_id if party == own else self.liable(party, sender_id),
            }
            for party in parties
        ]


Value = TypeVar("Value", Group, Member)
Stamped = tuple[datetime, Value]
"""A version and since when it holds."""


def in_force(history: Sequence[Stamped[Value]], at: datetime | None = None) -> Value | None:
    """Return the last version not after a time (the newest by default), None before the first."""
    found = None
    for since, version in history:
        if at is None or since <= at:
            found = version
    return found


def group_history(
    connection: Connection, ids: Iterable[str] | None = None, *, stated: bool = False
) -> dict[str, list[Stamped[Group]]]:
    """Return every version of groups by id (all by default), oldest first.

    With `stated` those alone that were stated, none that follows from events.
    """
    found: dict[str, list[Stamped[Group]]] = {}
    for row in _versions(connection, groups, groups.c.group_id, ids, stated=stated):
        found.setdefault(row.group_id, []).append((row.since, _group(row)))
    return found


def member_history(
    connection: Connection, ids: Iterable[str], *, stated: bool = False
) -> dict[tuple[str, str], list[Stamped[Member]]]:
    """Return every version of the memberships of groups by group and member, oldest first.

    With `stated` those alone that were stated, none that follows from events.
    """
    found: dict[tuple[str, str], list[Stamped[Member]]] = {}
    for row in _versions(connection, members, members.c.group_id, ids, stated=stated):
        found.setdefault((row.group_id, row.member_id), []).append((row.since, _member(row)))
    return found


def write_groups(
    connection: Connection, at: datetime, actor: str, versions: Sequence[Stamped[Group]]
) -> None:
    """Keep versions; one of the same group and time is replaced."""
    _replace(connection, groups, ("group_id", "since"), _rows(versions))
    checks.wake_all(connection, (group.group_id for _, group in versions), at)
    newest = {group.group_id: group for _, group in versions}.values()
    append(connection, at, [Change(actor, "group.put", g.group_id, _told(g)) for g in newest])


def write_members(
    connection: Connection, at: datetime, actor: str, versions: Sequence[Stamped[Member]]
) -> None:
    """Keep versions; one of the same membership and time is replaced. The audit log names nobody."""
    _replace(connection, members, ("group_id", "member_id", "since"), _rows(versions))
    checks.wake_all(connection, (member.group_id for _, member in versions), at)
    newest = {(member.group_id, member.member_id): member for _, member in versions}.values()
    changes = [
        Change(actor, "member.put", m.group_id, {"present": m.present, "role": m.role.value})
        for m in newest
    ]
    append(connection, at, changes)


def replace_folded(
    connection: Connection,
    ids: Sequence[str],
    versions: Sequence[Stamped[Group]],
) -> None:
    """Keep the versions of groups that follow from events, in place of those that did before."""
    connection.execute(delete(groups).where(groups.c.group_id.in_(ids), groups.c.from_event))
    if versions:
        connection.execute(insert(groups), _rows(versions, from_event=True))


def replace_folded_members(
    connection: Connection,
    group_id: str,
    ids: Sequence[str],
    versions: Sequence[Stamped[Member]],
) -> None:
    """Keep the versions of memberships of a group that follow from events, in place of those before."""
    here = members.c.group_id == group_id
    folded = here & members.c.member_id.in_(ids) & members.c.from_event
    connection.execute(delete(members).where(folded))
    if versions:
        connection.execute(insert(members), _rows(versions, from_event=True))


def put_groups(
    connection: Connection, at: datetime, actor: str, found: Iterable[Group], since: datetime
) -> None:
    """Let groups be as given from `since` on."""
    write_groups(connection, at, actor, [(since, group) for group in found])


def put_members(
    connection: Connection, at: datetime, actor: str, found: Iterable[Member], since: datetime
) -> None:
    """Let memberships be as given from `since` on."""
    write_members(connection, at, actor, [(since, member) for member in found])


def put_people(connection: Connection, at: datetime, actor: str, found: Iterable[Person]) -> None:
    """Write what is known of people; a None leaves the old value."""
    wanted = list(found)
    known = people_by_id(connection, [person.member_id for person in wanted])
    write_people(connection, at, actor, changed_people(known, wanted))


def changed_people(known: Mapping[str, Person], found: Iterable[Person]) -> list[Person]:
    """Return as they are from now on the people of whom something is new; a None leaves the old value.

    Who is employed again after his time had ended has no end before him any more.
    """
    now = dict(known)
    changed: dict[str, Person] = {}
    for person in found:
        old = now.get(person.member_id)
        given = {name: value for name, value in _row(person).items() if value is not None}
        new = replace(old or person, **given)
        start, end = new.employed_from, new.employed_until
        if start is not None and end is not None and end <= start:
            new = replace(new, employed_until=None)
        if new != old:
            now[person.member_id] = changed[person.member_id] = new
    return list(changed.values())


def write_people(connection: Connection, at: datetime, actor: str, found: Sequence[Person]) -> None:
    """Let people be as given; what is None is not known. The audit log names nobody."""
    known = people_by_id(connection, [person.member_id for person in found])
    moved = [_moved(known.get(person.member_id), person, at) for person in found]
    _replace(connection, people, ("member_id",), [_row(person) for person in moved])
    if found:
        checks.wake_every(connection, at)
        append(connection, at, [Change(actor, "people.put", "people", {"count": len(found)})])


def _moved(old: Person | None, person: Person, at: datetime) -> Person:
    """Return a person with since when he is in his department: one just told begins then."""
    if old is not None and old.department == person.department:
        return replace(person, department_since=old.department_since)
    first = old is None or old.department is None
    told = person.department is not None and not (first and person.employed_from)
    return replace(person, department_since=at if told else None)


def people_page(connection: Connection, after: str, limit: int) -> list[Person]:
    """Return at most `limit` people by their ids, from behind `after` on."""
    query = select(people).where(people.c.member_id > after).order_by(people.c.member_id)
    return [_person(row) for row in connection.execute(query.limit(limit))]


def groups_at(
    connection: Connection, ids: Sequence[str] | None = None, at: datetime | None = None
) -> list[Group]:
    """Return groups by id (all by default) as they were at a time (the newest version by default)."""
    found = group_history(connection, ids)
    return [in_force(history, at) or history[0][1] for history in found.values()]


def members_of(
    connection: Connection, group_id: str, at: datetime | None = None, *, gone: bool = False
) -> list[Member]:
    """Return who was in a group at a time (newest versions by default), with those who had left if `gone`."""
    found = member_history(connection, [group_id])
    versions = [in_force(history, at) for history in found.values()]
    return [one for one in versions if one is not None and (one.present or gone)]


def member_at(
    connection: Connection, group_id: str, member_id: str, at: datetime | None = None
) -> Member | None:
    """Return one membership as it was at a time (now by default)."""
    query = (
        select(members)
        .where(members.c.group_id == group_id, members.c.member_id == member_id)
        .order_by(members.c.since)
    )
    found = None
    for row in connection.execute(query):
        if found is None or at is None or row.since <= at:
            found = row
    return None if found is None else _member(found)


def place_at(
    connection: Connection, group_id: str | None, member_id: str | None, at: datetime
) -> Place:
    """Return a group and one of its members as they were at a time."""
    return places_at(connection, [(group_id, member_id, at)])[0]


Whereabouts = tuple[str | None, str | None, datetime]
"""A group, a member of it, and a time."""


def places_at(connection: Connection, wanted: Sequence[Whereabouts]) -> list[Place]:
    """Return groups, each with one of its members, as they were: one query for each part of them."""
    found: list[Place] = []
    for start in range(0, len(wanted), PART):
        part = wanted[start : start + PART]
        of_groups, of_members = _histories(connection, part)
        found += [
            Place(
                _version_at(of_groups.get(group_id), at),
                _version_at(of_members.get((group_id, member_id)), at),
            )
            for group_id, member_id, at in part
        ]
    return found


def people_by_id(connection: Connection, ids: Iterable[str]) -> dict[str, Person]:
    """Return what is known of people."""
    rows = _versions(connection, people, people.c.member_id, ids)
    return {row.member_id: _person(row) for row in rows}


def people_in(connection: Connection, departments: Iterable[str]) -> dict[str, Person]:
    """Return who is of some departments, by member id."""
    rows = _versions(connection, people, people.c.department, departments)
    return {row.member_id: _person(row) for row in rows}


def member_counts(connection: Connection, at: datetime) -> dict[str, int]:
    """Return how many members each group had at a time."""
    newest = (
        select(members.c.group_id, members.c.member_id, func.max(members.c.since).label("since"))
        .where(members.c.since <= at)
        .group_by(members.c.group_id, members.c.member_id)
        .subquery()
    )
    query = (
        select(members.c.group_id, func.count())
        .join(
            newest,
            and_(
                members.c.group_id == newest.c.group_id,
                members.c.member_id == newest.c.member_id,
                members.c.since == newest.c.since,
            ),
        )
        .where(members.c.present)
        .group_by(members.c.group_id)
    )
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def _versions(
    connection: Connection,
    table: Table,
    column: Column[Any],
    ids: Iterable[str] | None,
    *,
    stated: bool = False,
) -> Iterator[Any]:
    """Yield rows in the order of their keys, a part of the ids at a time."""
    query = select(table).order_by(*table.primary_key.columns)
    if stated:
        query = query.where(~table.c.from_event)
    if ids is None:
        yield from connection.execute(query)
        return
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), PART):
        yield from connection.execute(query.where(column.in_(wanted[start : start + PART])))


def _histories(
    connection: Connection, wanted: Sequence[Whereabouts]
) -> tuple[dict[Any, dict[datetime, Group]], dict[Any, dict[datetime, Member]]]:
    """Return every version of the groups, and of the memberships by group and member, oldest first."""
    group_ids = sorted({group_id for group_id, _, _ in wanted if group_id is not None})
    member_ids = sorted({member_id for _, member_id, _ in wanted if member_id is not None})
    here = (members.c.group_id == groups.c.group_id) & members.c.member_id.in_(member_ids)
    joined = members.c.since.label("joined")
    query = (
        select(groups, *_OF_MEMBER, joined)
        .outerjoin(members, here)
        .where(groups.c.group_id.in_(group_ids))
        .order_by(groups.c.since, members.c.since)
    )
    of_groups: dict[Any, dict[datetime, Group]] = {}
    of_members: dict[Any, dict[datetime, Member]] = {}
    for row in connection.execute(query) if group_ids else ():
        of_groups.setdefault(row.group_id, {})[row.since] = _group(row)
        if row.member_id is not None:
            key = (row.group_id, row.member_id)
            of_members.setdefault(key, {})[row.joined] = _member(row)
    return of_groups, of_members


def _version_at(history: dict[datetime, Value] | None, at: datetime) -> Value | None:
    """Return the version in force at a time, before the first one the first."""
    if not history:
        return None
    return in_force(list(history.items()), at) or next(iter(history.values()))


def _rows(
    versions: Iterable[Stamped[Group]] | Iterable[Stamped[Member]], *, from_event: bool = False
) -> list[dict[str, Any]]:
    return [
        _row(version) | {"since": since, "from_event": from_event} for since, version in versions
    ]


def _row(value: Group | Member | Person) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _told(group: Group) -> dict[str, Any]:
    """Return what the audit log says of a group: nobody's id, and no name, which may be a person's."""
    return {"kind": group.kind.value, "policy": group.policy, "dissolved": group.dissolved}


def _group(row: Any) -> Group:
    return Group(
        row.group_id,
        row.name,
        GroupKind(row.kind),
        row.policy,
        row.owner,
        row.admin,
        row.dissolved,
        tuple(row.departments or ()),
        row.temporary,
        row.ended_at,
    )


def _member(row: Any) -> Member:
    return Member(
        row.group_id,
        row.member_id,
        row.nickname,
        SenderRole(row.role),
        row.supervisor,
        row.present,
    )


def _person(row: Any) -> Person:
    return Person(
        row.member_id,
        row.name,
        row.department,
        row.wage,
        row.employed_from,
        row.employed_until,
        row.department_since,
    )


def _replace(
    connection: Connection, table: Table, key: tuple[str, ...], rows: list[dict[str, Any]]
) -> None:
    """Write rows; one with the same key is replaced, of several the last one stays."""
    if not rows:
        return
    last = list({tuple(row[name] for name in key): row for row in rows}.values())
    same = [table.c[name] == bindparam(f"old_{name}") for name in key]
    keys = [{f"old_{name}": row[name] for name in key} for row in last]
    connection.execute(delete(table).where(*same), keys)
    connection.execute(insert(table), last)


def groups_of(connection: Connection, member_id: str) -> list[Member]:
    """Return every membership of a person as it is now, those he has left among them."""
    ids = connection.execute(
        select(members.c.group_id).where(members.c.member_id == member_id).distinct()
    ).scalars()
    found = (member_at(connection, group_id, member_id) for group_id in sorted(ids))
    return [member for member in found if member is not None]
