"""What is wrong with a group for a while, and whose duty it is to put it right. Pure.

    moments at which anything changed ─ what is wrong from each to the next, who answers for it ─ duties

A duty lasts as long as the same thing is wrong and the same person answers for it: whoever takes an
office over has the whole time from then on, and whoever gives it up is rid of the duty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from moderation.policy import ConductRule
from service.conduct.model import Duty, Facts
from service.conduct.people import People
from service.rosterrows import EARLIEST
from service.storage.roster import Person, Place, Stamped, Value, in_force

LONGEST = 160
"""Characters of an id that a subject holds as it is; the time behind it needs the rest of its column."""


@dataclass(frozen=True, slots=True)
class State:
    """Something that may be wrong: `wrong` says at a time in Chinese what, None where all is well.

    It can change at the `moments` alone. `member_id` is the member concerned, None for the group.
    """

    subject: str
    moments: Iterable[datetime]
    wrong: Callable[[datetime], str | None]
    member_id: str | None = None


def owed(
    facts: Facts,
    rule: ConductRule,
    state: State,
    until: datetime,
    parties: tuple[str, ...] | None = None,
) -> list[Duty]:
    """Return the duties to put a state right that have arisen up to `until`, by party, then time.

    `parties` are all of the rule by default.
    """
    told = [(at, state.wrong(at)) for at in sorted({at for at in state.moments if at <= until})]
    return [
        Duty(
            rule=rule.rule,
            article=rule.article,
            group_id=facts.group_id,
            party=party,
            person=one.person,
            subject=f"{short(state.subject)}@{one.since.isoformat()}",
            since=one.since,
            due=facts.deadline(rule, one.since),
            about=one.about,
            met_at=until_then,
        )
        for party in (rule.parties if parties is None else parties)
        for one, until_then in _stretches(told, partial(_answerable, facts, state, party))
    ]


def short(subject: str) -> str:
    """Return a subject, one that is very long as a hash of it."""
    if len(subject) <= LONGEST:
        return subject
    return hashlib.blake2b(subject.encode(), digest_size=16).hexdigest()


def changes(facts: Facts, *member_ids: str) -> set[datetime]:
    """Return when the group, or what is known of these people, became other than it was."""
    moments = {since for since, _ in facts.group}
    for member_id in member_ids:
        moments |= {since for since, _ in facts.members.get(member_id, ())}
        person = facts.people.get(member_id)
        if person is not None:
            terms = person.employed_from, person.employed_until, person.department_since
            moments |= {at for at in terms if at is not None}
    return moments


def known(history: Sequence[Stamped[Value]], at: datetime) -> Value | None:
    """Return the version of a group or membership at a time; what is so from ever, from when it was told.

    A roster tells of somebody new without saying since when: nobody could have put it right before.
    """
    undated = len(history) > 1 and history[0][0] <= EARLIEST
    return in_force(history[1:] if undated else history, at)


def employed(person: Person, at: datetime) -> bool:
    """Return whether the firm employed somebody at a time; where no term is known, it did."""
    begun = person.employed_from is None or person.employed_from <= at
    return begun and not has_left(person, at)


def department(person: Person, at: datetime) -> str | None:
    """Return somebody's department at a time, None where it is not known."""
    told = person.department_since is None or person.department_since <= at
    return person.department if told else None


def has_left(person: Person, at: datetime) -> bool:
    """Return whether somebody's employment was over at a time."""
    return person.employed_until is not None and person.employed_until <= at


@dataclass(frozen=True, slots=True)
class _Wrong:
    """What began to be wrong, and who answers for it."""

    person: str | None
    since: datetime
    about: str


def _stretches(
    told: list[tuple[datetime, str | None]], answerable: Callable[[datetime], str | None]
) -> Iterator[tuple[_Wrong, datetime | None]]:
    """Yield what was wrong under one person for a while, and until when if that is over."""
    held: _Wrong | None = None
    for at, about in told:
        person = None if about is None else answerable(at)
        if held is not None and (about is None or person != held.person):
            yield held, at
            held = None
        if held is None and about is not None:
            held = _Wrong(person, at, about)
    if held is not None:
        yield held, None


def _answerable(facts: Facts, state: State, party: str, at: datetime) -> str | None:
    """Return who is some party at a time, None if that is not known."""
    people = People(facts)
    member = people.member(state.member_id, at) if state.member_id else None
    return Place(people.group(at), member).liable(party, state.member_id)
