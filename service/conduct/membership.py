"""Who is in a group against who should be, and who brought somebody in. Pure.

Employees of the group's departments should be in it; those who have left the firm, and where departments
are set staff of others and people unknown to HR, should not. Who runs the group, supervises a member or
was let in by those who run it belongs there all the same; customers are never in question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from moderation.policy import ConductRule
from moderation.types import GroupKind, SenderRole
from service.conduct.model import Duty, Event, Facts
from service.conduct.people import People
from service.conduct.states import State, changes, department, employed, has_left, known, owed
from service.storage.roster import Group, Place, in_force


def roster(facts: Facts, rule: ConductRule, until: datetime) -> list[Duty]:
    """Return a duty per head that is missing or does not belong in the group, by member.

    Nobody is missing from a group none of whose members is known.
    """
    found: list[Duty] = []
    supervisors = frozenset(
        member.supervisor for history in facts.members.values() for _, member in history
    )
    for member_id in sorted(_concerned(facts)):
        let_in = min((event.at for event in consents(facts, member_id)), default=None)
        one = _Membership(facts, member_id, member_id in supervisors, let_in)
        moments = changes(facts, member_id) | ({let_in} if let_in else set())
        for subject, wrong in (("missing", one.missing), ("extra", one.extra)):
            state = State(f"{subject}:{member_id}", moments, wrong, member_id)
            found += owed(facts, rule, state, until)
    return found


def outsider_invited(facts: Facts, rule: ConductRule, until: datetime) -> list[Duty]:
    """Return the duty not to have brought in each outsider, in the order in which they joined.

    It is breached at once, unless the rule gives time, and met when he has left or is let in after all.
    Without HR's roster nobody is known to be an outsider.
    """
    found: list[Duty] = []
    for event in facts.events if facts.people else ():
        if event.kind == "joined" and event.at <= until and _brings_in_outsider(facts, event):
            found += _invitation(facts, rule, event, until)
    return found


def consents(facts: Facts, member_id: str) -> Iterator[Event]:
    """Yield the events by which the owner or admin of the time let somebody in."""
    people = People(facts)
    for event in facts.events:
        if event.kind == "consent" and event.member_id == member_id:
            if event.by is not None and event.by in people.in_charge(event.at):
                yield event


def _concerned(facts: Facts) -> set[str]:
    departments = {name for _, group in facts.group for name in group.departments}
    belong = {one.member_id for one in facts.people.values() if one.department in departments}
    return set(facts.members) | belong if facts.members else set()


@dataclass(frozen=True, slots=True)
class _Membership:
    """One person, in the group or not; both methods say at a time in Chinese what is wrong, else None.

    `let_in` is when the owner or admin first consented to his being there.
    """

    facts: Facts
    member_id: str
    supervises: bool
    let_in: datetime | None

    def missing(self, at: datetime) -> str | None:
        group, person = self._group(at), self.facts.people.get(self.member_id)
        if group is None or person is None or department(person, at) not in group.departments:
            return None
        member = in_force(self.facts.members.get(self.member_id, ()), at)
        if (member is not None and member.present) or not employed(person, at):
            return None
        return f"{person.department}员工{self._name(at)}未在群内"

    def extra(self, at: datetime) -> str | None:
        group, person = self._group(at), self.facts.people.get(self.member_id)
        member = known(self.facts.members.get(self.member_id, ()), at)
        if group is None or member is None or not member.present or self._is_customer(at):
            return None
        if person is not None and has_left(person, at):
            return f"{self._name(at)}已离职，仍在群内"
        if not group.departments or not self.facts.people or self._belongs(group, at):
            return None
        if person is None:
            return f"{self._name(at)}不在人事花名册中，却在群内"
        own = department(person, at)
        if own is None or own in group.departments:
            return None
        return f"{self._name(at)}属于{own}，不属于本群的{'、'.join(group.departments)}"

    def _belongs(self, group: Group, at: datetime) -> bool:
        """Return whether somebody of another department has business in the group."""
        runs_it = self.member_id in (group.owner, group.admin)
        return runs_it or self.supervises or (self.let_in is not None and self.let_in <= at)

    def _group(self, at: datetime) -> Group | None:
        group = known(self.facts.group, at)
        return None if group is None or group.dissolved else group

    def _is_customer(self, at: datetime) -> bool:
        return _is_customer(self.facts, self.member_id, at)

    def _name(self, at: datetime) -> str:
        return People(self.facts).name(self.member_id, at)


def _brings_in_outsider(facts: Facts, event: Event) -> bool:
    """Return whether a member without the right to do so brought somebody in who is not of the firm."""
    guest, inviter, at = event.member_id, event.by, event.at
    people = People(facts)
    if guest is None or inviter is None or inviter == guest or inviter in people.in_charge(at):
        return False
    group, person = people.group(at), facts.people.get(guest)
    if person is not None and not has_left(person, at):
        return False
    if group is not None and group.kind is GroupKind.CUSTOMER and _is_customer(facts, guest, at):
        return False
    let_in = any(consent.at <= at for consent in consents(facts, guest))
    return not let_in and not _is_customer(facts, inviter, at)


def _invitation(facts: Facts, rule: ConductRule, event: Event, until: datetime) -> list[Duty]:
    people, at = People(facts), event.at
    guest, inviter = str(event.member_id), str(event.by)
    gone = (
        since
        for since, member in facts.members.get(guest, ())
        if at < since <= until and not member.present
    )
    let_in = (consent.at for consent in consents(facts, guest) if at < consent.at <= until)
    met_at = min((*gone, *let_in), default=None)
    place = Place(people.group(at), people.member(inviter, at))
    return [
        Duty(
            rule=rule.rule,
            article=rule.article,
            group_id=facts.group_id,
            party=party,
            person=place.liable(party, inviter),
            subject=event.event_id,
            since=at,
            due=facts.deadline(rule, at),
            about=f"{people.name(inviter, at)}未经群主或群负责人同意，将外部人员{people.name(guest, at)}拉入群",
            met_at=met_at,
        )
        for party in rule.parties
    ]


def _is_customer(facts: Facts, member_id: str, at: datetime) -> bool:
    member = in_force(facts.members.get(member_id, ()), at)
    return member is not None and member.role is SenderRole.CUSTOMER
