"""What a roster says -> versions of groups and members: from files and over the API alike.

    rows ─ what is known ─ plan: which versions, from when on ─ kept

A row says what holds from the time of the import. Of somebody new it holds from when he joined; where that is
not said, from ever. What a line of a file leaves out stays as it is known. What events say of the time after
goes on from there.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from service.rosterfiles import Line, LineError, RosterFiles
from service.rosterrows import EARLIEST, GroupIn, MemberIn, MemberRow, PersonIn
from service.storage import events, roster
from service.storage.database import Database, StorageError
from service.storage.roster import Group, Member, Person, Stamped, Value, in_force

EVER = EARLIEST
"""Since when a first version holds whose beginning is not known."""
TOLD = 50
"""Wrong group ids for which the nearest right one is looked up."""
_OF_MEMBER = ("nickname", "role", "supervisor")


class UnknownGroupError(StorageError):
    """No group has this id."""


class UnknownMemberError(StorageError):
    """No member of the group has this id."""


@dataclass(slots=True)
class Plan:
    """What is to be kept, how many of each, and the mistakes of the other lines."""

    groups: list[Stamped[Group]] = field(default_factory=list)
    members: list[Stamped[Member]] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    errors: list[LineError] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)


def bring_in(
    database: Database,
    at: datetime,
    actor: str,
    files: RosterFiles,
    since: datetime,
    *,
    dry_run: bool = False,
    skip_bad: bool = False,
) -> Plan:
    """Keep what files say from `since` on; nothing in a dry run, or if a line is wrong and not to be skipped."""
    if dry_run:
        with database.read() as connection:
            return plan(connection, files, since)
    with database.write() as connection:
        made = plan(connection, files, since)
        if skip_bad or not made.errors:
            _keep(connection, at, actor, made)
    return made


def plan(connection: Connection, files: RosterFiles, since: datetime) -> Plan:
    """Return what the good lines of files change from `since` on."""
    made = Plan(errors=list(files.errors))
    history = roster.group_history(connection)
    stated = roster.group_history(connection, stated=True)
    made.counts["groups"] = _plan_groups(made, files, history, stated, since)
    known = {*history, *(line.row.group_id for line in files.groups)}
    lines = [line for line in files.members if line.row.group_id in known]
    made.errors += _without_group(files.members, known)
    past = roster.member_history(connection, {line.row.group_id for line in lines})
    made.counts["members"] = _plan_members(made, lines, past, since)
    made.counts["people"] = _plan_people(connection, made, files)
    made.people += [person(line.row.member_id, line.row) for line in lines]
    return made


def put_group(
    connection: Connection, at: datetime, actor: str, group_id: str, said: GroupIn, since: datetime
) -> None:
    """Let a group be what is said from `since` on, a new one from ever."""
    history = roster.group_history(connection, [group_id]).get(group_id, [])
    stated = group_id in roster.group_history(connection, [group_id], stated=True)
    group = _group(group_id, said, None)
    made = Plan(groups=_group_versions(history if stated else [], group, since))
    _keep(connection, at, actor, made)


def put_member(
    connection: Connection,
    at: datetime,
    actor: str,
    ids: tuple[str, str],
    said: MemberIn,
    since: datetime,
) -> None:
    """Let a membership (group and member) be what is said from `since` on.

    Raises:
        UnknownGroupError: no such group.
    """
    group_id, member_id = ids
    if not roster.groups_at(connection, [group_id]):
        raise UnknownGroupError(f"no group {group_id!r}")
    history = roster.member_history(connection, [group_id]).get(ids, [])
    made = versions(history, _member(ids, said, None), said, since)
    _keep(connection, at, actor, Plan(members=made, people=[person(member_id, said)]))


def put_person(
    connection: Connection, at: datetime, actor: str, member_id: str, said: PersonIn
) -> Person:
    """Let HR's knowledge of a person be what is said, all of it; return him."""
    new = person(member_id, said)
    known = roster.people_by_id(connection, [member_id]).get(member_id)
    if known is None or replace(known, department_since=None) != new:
        roster.write_people(connection, at, actor, [new])
    return new


def leave(
    connection: Connection, at: datetime, actor: str, ids: tuple[str, str], since: datetime
) -> None:
    """Note that a member (group and member) has left at a time.

    Raises:
        UnknownMemberError: he was not in the group then.
    """
    group_id, member_id = ids
    history = roster.member_history(connection, [group_id]).get(ids, [])
    member = in_force(history, since)
    if member is None or not member.present:
        raise UnknownMemberError(f"no member {member_id!r} in group {group_id!r} at that time")
    made = versions(history, member, MemberIn(left=since), since)
    _keep(connection, at, actor, Plan(members=made))


def versions(
    history: Sequence[Stamped[Member]], member: Member, said: MemberIn, since: datetime
) -> list[Stamped[Member]]:
    """Return the versions that a row adds to a history. Pure; `member` is what he is now."""
    if said.left is not None:
        return _left(history, member, said, said.left)
    if not history:
        return _from(said.joined or EVER, member, since)
    first, known = history[0], in_force(history, since)
    made = []
    if said.joined is not None and said.joined < first[0]:
        made.append((said.joined, replace(first[1], present=True)))
    if known is None:
        made.append((max(said.joined or since, since), member))
    elif not known.present:
        gone_at = max(at for at, _ in history if at <= since)
        rejoined = said.joined is not None and said.joined > gone_at
        made.append((said.joined if said.joined and rejoined else since, member))
    elif known != member:
        made += _onward(history, known, member, since)
    return made


def _left(
    history: Sequence[Stamped[Member]], member: Member, said: MemberIn, left: datetime
) -> list[Stamped[Member]]:
    """Return the versions of one who has left: none if that is known, and none stays that says otherwise."""
    known = in_force(history, left)
    if known is None:
        return [(said.joined or EVER, member), (left, replace(member, present=False))]
    if not known.present:
        gone_at = max(at for at, _ in history if at <= left)
        if said.joined is None or said.joined <= gone_at:
            return []
        return [(said.joined, member), (left, replace(member, present=False))]
    made = [(left, replace(known, present=False))]
    for at, version in history:
        if at > left and not version.present:
            break
        if at > left:
            made.append((at, replace(version, present=False)))
    return made


def person(member_id: str, said: MemberIn | PersonIn) -> Person:
    """Return what a row says of a person wherever he is."""
    known = Person(member_id, said.name, said.department, said.wage)
    if isinstance(said, MemberIn):
        return known
    return replace(known, employed_from=said.employed_from, employed_until=said.employed_until)


def _keep(connection: Connection, at: datetime, actor: str, made: Plan) -> None:
    """Write what is planned, and what events make of it."""
    roster.write_groups(connection, at, actor, made.groups)
    roster.write_members(connection, at, actor, made.members)
    roster.put_people(connection, at, actor, made.people)
    groups = {group.group_id for _, group in made.groups}
    members = {(member.group_id, member.member_id) for _, member in made.members}
    events.refold(connection, groups, members)


def _plan_people(connection: Connection, made: Plan, files: RosterFiles) -> dict[str, int]:
    rows = [line.row for line in files.people]
    known = roster.people_by_id(connection, [row.member_id for row in rows])
    made.people = [person(row.member_id, row) for row in rows]
    changed = {one.member_id for one in roster.changed_people(known, made.people)}
    added = len(changed - known.keys())
    return {
        "added": added,
        "changed": len(changed) - added,
        "same": len(rows) - len(changed),
    }


def _plan_groups(
    made: Plan,
    files: RosterFiles,
    history: dict[str, list[Stamped[Group]]],
    stated: Collection[str],
    since: datetime,
) -> dict[str, int]:
    counts = Counter(added=0, changed=0, same=0)
    for line in files.groups:
        past = history.get(line.row.group_id, [])
        group = _group(line.row.group_id, line.row, in_force(past, since) or _first(past))
        new = _group_versions(past if line.row.group_id in stated else [], group, since)
        counts["same" if not new else "changed" if past else "added"] += 1
        made.groups += new
    return dict(counts)


def _plan_members(
    made: Plan,
    lines: Iterable[Line[MemberRow]],
    history: dict[tuple[str, str], list[Stamped[Member]]],
    since: datetime,
) -> dict[str, int]:
    """Plan members in the order in which they joined: one may have left and come back."""
    counts = Counter(added=0, changed=0, left=0, same=0)
    for line in sorted(lines, key=lambda one: (one.row.joined is None, one.row.joined or EVER)):
        ids = line.row.group_id, line.row.member_id
        past = history.get(ids, [])
        member = _member(ids, line.row, in_force(past, since) or _first(past))
        new = versions(past, member, line.row, since)
        counts[_outcome(past, new)] += 1
        made.members += new
        history[ids] = sorted((dict(past) | dict(new)).items())
    return dict(counts)


def _outcome(past: Sequence[Stamped[Member]], new: Sequence[Stamped[Member]]) -> str:
    if not new:
        return "same"
    if not new[-1][1].present:
        return "left"
    return "changed" if past else "added"


def _group_versions(
    history: Sequence[Stamped[Group]], group: Group, since: datetime
) -> list[Stamped[Group]]:
    """Return what is to be kept of a group; `history` is empty while only events have told of it."""
    if not history:
        return _from(EVER, group, since)
    known = in_force(history, since)
    return [] if known == group else _onward(history, known, group, since)


def _onward(
    history: Sequence[Stamped[Value]], known: Value | None, value: Value, since: datetime
) -> list[Stamped[Value]]:
    """Return what holds from `since` on, also where a later version only repeats what held till then."""
    made = [(since, value)]
    for at, version in history:
        if at > since and version != known:
            break
        if at > since:
            made.append((at, value))
    return made


def _from(begin: datetime, value: Value, since: datetime) -> list[Stamped[Value]]:
    """Return the versions of something new: from its beginning, and from when it was said.

    What is said holds from then on whatever an event that comes late says of the time between.
    """
    return [(begin, value)] + ([(since, value)] if begin < since else [])


def _group(group_id: str, said: GroupIn, known: Group | None) -> Group:
    """Return a group as it is said; what is left out is as it is known."""
    given = {name: value for name, value in _fields(said) if name in Group.__slots__}
    return replace(known or Group(group_id, said.name), **given)


def _member(ids: tuple[str, str], said: MemberIn, known: Member | None) -> Member:
    given = {name: value for name, value in _fields(said) if name in _OF_MEMBER}
    return replace(known or Member(*ids), **given, present=True)


def _fields(said: GroupIn | MemberIn) -> Iterable[tuple[str, Any]]:
    return ((name, value) for name, value in said if value is not None)


def _first(history: Sequence[Stamped[Any]]) -> Any:
    return history[0][1] if history else None


def _without_group(lines: Iterable[Line[MemberRow]], known: Collection[str]) -> list[LineError]:
    """Return a mistake for each line whose group does not exist, the nearest one looked for once."""
    nearest: dict[str, str] = {}
    found = []
    for line in lines:
        group_id = line.row.group_id
        if group_id in known:
            continue
        if group_id not in nearest:
            near = difflib.get_close_matches(group_id, known, n=1) if len(nearest) < TOLD else []
            nearest[group_id] = f"; did you mean {near[0]!r}?" if near else ""
        problem = f"no group {group_id!r}{nearest[group_id]}"
        found.append(LineError(line.file, line.line, "group_id", problem))
    return found
