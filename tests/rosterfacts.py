"""Who was in a group, under what name, from when on: facts written down shortly, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from moderation.policy import ConductRule, Policy
from moderation.types import GroupKind, SenderRole
from service.conduct import rules
from service.conduct.model import Duty, Event, Facts
from service.rosterrows import EARLIEST
from service.storage.roster import Group, Member, Person
from tests.conductfacts import BOOK, WORKTIME, at

START = "11-02 09:00"
"""A Monday."""
EVER = "ever"
END = at("12-31 00:00")
PEOPLE = {"qin": "秦岭", "luo": "罗澜", "li": "李想", "zhao": "赵敏"}
"""The group's admin and owner, and two of its members."""
NICKNAMES = {"qin": "秦岭(群负责人)", "luo": "群主", "li": "李想", "zhao": "赵敏"}

Versions = Sequence[tuple[str, dict[str, Any]]]


def found(
    policy: str | Policy,
    rule: str,
    *,
    group: Versions = (),
    members: Mapping[str, Versions] | None = None,
    people: Mapping[str, dict[str, Any]] | None = None,
    events: Sequence[Event] = (),
    company: str | None = None,
    until: datetime = END,
) -> list[Duty]:
    """Return the duties that a rule finds; each version says what is new from a time on."""
    policy = BOOK[policy] if isinstance(policy, str) else policy
    facts = roster_facts(policy, group, members or {}, people or {}, events, company)
    finder = rules.FINDERS[rule]
    return [duty for row in rows(policy, rule) for duty in finder(facts, row, until)]


def rows(policy: Policy, rule: str) -> list[ConductRule]:
    return [row for row in policy.conduct if row.rule == rule]


def told(duties: Sequence[Duty]) -> list[tuple[str, str | None]]:
    """Return who owes as what."""
    return [(duty.party, duty.person) for duty in duties]


def roster_facts(
    policy: Policy,
    group: Versions,
    members: Mapping[str, Versions],
    people: Mapping[str, dict[str, Any]],
    events: Sequence[Event] = (),
    company: str | None = None,
) -> Facts:
    """Return a well-kept group of four of the department 生产部, with what is said on top."""
    first = {"name": "生产一群", "kind": GroupKind.WORK, "owner": "luo", "admin": "qin"}
    own = {who: [(START, {"nickname": name})] for who, name in NICKNAMES.items()}
    versions = {who: [*own.get(who, []), *members.get(who, [])] for who in {**own, **members}}
    known = {who: {"name": name, "department": "生产部"} for who, name in PEOPLE.items()}
    return Facts(
        group_id="g",
        policy=policy,
        company=company,
        worktime=WORKTIME,
        group=[
            (since, Group("g", **values)) for since, values in _summed([(START, first), *group])
        ],
        members={
            who: [(since, Member("g", who, **values)) for since, values in _summed(changes)]
            for who, changes in versions.items()
        },
        people={
            who: Person(who, **{**known.get(who, {}), **people.get(who, {})})
            for who in {**known, **people}
        },
        events=sorted(events, key=lambda one: (one.at, one.event_id)),
    )


def event(kind: str, when: str, member_id: str | None = None, by: str | None = None) -> Event:
    """Return an event of the group."""
    return Event(f"{kind}-{when}-{member_id}", kind, "g", at(when), member_id, by)


def _summed(changes: Versions) -> list[tuple[datetime, dict[str, Any]]]:
    """Return whole versions out of what each changes."""
    whole: dict[str, Any] = {}
    made = []
    for when, new in changes:
        whole = whole | new
        made.append((EARLIEST if when == EVER else at(when), whole))
    return made


CUSTOMER = {"role": SenderRole.CUSTOMER}
LEFT = {"present": False}
