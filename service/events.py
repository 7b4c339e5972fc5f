"""What events make of the roster's history. Pure.

    events of a group ─ by time, then id ─┐
    versions that rosters state ──────────┴─ fold ─ the versions between them

What is folded depends on the events and the stated versions alone, not on the order in which they came
in. A stated version is whole: it overrides what events before it had made, those later go on from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

from moderation.types import GroupKind, SenderRole
from service.conduct.model import Event
from service.eventforms import Kind as Kind
from service.storage.roster import Group, Member, Stamped, Value

OF_GROUP = frozenset(
    {
        *(Kind.GROUP_CREATED, Kind.GROUP_RENAMED, Kind.DISSOLVED, Kind.TASK_ENDED),
        *(Kind.ADMIN_CHANGED, Kind.OWNER_CHANGED),
    }
)
"""Kinds that change what a group is."""
OF_MEMBER = frozenset({Kind.JOINED, Kind.LEFT, Kind.RENAMED_MEMBER})
"""Kinds that change a membership."""


def fold_group(stated: Sequence[Stamped[Group]], events: Iterable[Event]) -> list[Stamped[Group]]:
    """Return the versions of a group that events add to the stated ones, oldest first."""
    return _fold(stated, events, _group_after)


def fold_member(
    stated: Sequence[Stamped[Member]], events: Iterable[Event]
) -> list[Stamped[Member]]:
    """Return the versions of a membership that events add to the stated ones, oldest first."""
    return _fold(stated, events, _member_after)


def in_order(events: Iterable[Event]) -> list[Event]:
    """Return events by time then id, each once."""
    return sorted(
        {event.event_id: event for event in events}.values(),
        key=lambda event: (event.at, event.event_id),
    )


def _fold(
    stated: Sequence[Stamped[Value]],
    events: Iterable[Event],
    after: Callable[[Value | None, Event], Value | None],
) -> list[Stamped[Value]]:
    fixed: dict[datetime, Value] = dict(stated)
    happened: dict[datetime, list[Event]] = {
        at: list(of) for at, of in groupby(in_order(events), key=lambda event: event.at)
    }
    made: list[Stamped[Value]] = []
    state: Value | None = None
    for at in sorted({*fixed, *happened}):
        before = state
        for event in happened.get(at, ()):
            state = after(state, event)
        if at in fixed:
            state = fixed[at]
        elif state is not None and state != before:
            made.append((at, state))
    return made


def _group_after(group: Group | None, event: Event) -> Group | None:
    """Return a group after an event; one of which nothing is known yet begins with its creation or a name."""
    said = event.detail
    if event.kind == Kind.GROUP_CREATED:
        return _created(group or Group(event.group_id, event.group_id), said)
    if event.kind == Kind.GROUP_RENAMED:
        name = str(said["name"])
        return replace(group, name=name) if group else Group(event.group_id, name)
    if group is None:
        return None
    changes: dict[str, dict[str, Any]] = {
        Kind.DISSOLVED: {"dissolved": True},
        Kind.TASK_ENDED: {"ended_at": event.at},
        Kind.ADMIN_CHANGED: {"admin": event.member_id},
        Kind.OWNER_CHANGED: {"owner": event.member_id},
    }
    return replace(group, **changes.get(event.kind, {}))


def _created(group: Group, said: Mapping[str, Any]) -> Group:
    given = {name: said[name] for name in ("name", "owner", "admin", "policy") if name in said}
    if "group_kind" in said:
        given["kind"] = GroupKind(said["group_kind"])
    if "temporary" in said:
        given["temporary"] = said["temporary"]
    return replace(group, **given, dissolved=False, ended_at=None)


def _member_after(member: Member | None, event: Event) -> Member | None:
    """Return a membership after an event; who does something in a group is in it."""
    if event.kind not in OF_MEMBER or event.member_id is None:
        return member
    known = member or Member(event.group_id, event.member_id)
    if event.kind == Kind.LEFT:
        return replace(known, present=False)
    if event.kind == Kind.RENAMED_MEMBER:
        nickname = event.detail.get("nickname")
        present = known.present if member else True
        return replace(known, nickname=None if nickname is None else str(nickname), present=present)
    role = SenderRole(str(event.detail["role"])) if "role" in event.detail else known.role
    nickname = str(event.detail["nickname"]) if "nickname" in event.detail else known.nickname
    return replace(known, present=True, role=role, nickname=nickname)
