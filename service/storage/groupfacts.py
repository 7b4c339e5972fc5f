"""All that is known of a group, for the rules of conduct to look at.

roster, HR's people, events, turns since the last quiet moment ─ mentions resolved ─ facts
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from service.conduct.model import EVERYBODY, Event, Facts, Turn
from service.conduct.rules import listens
from service.conduct.worktime import WorkTimes
from service.storage import events, roster, turns
from service.storage.roster import Group, Member, Person, Stamped
from service.storage.rulings import Rulings

Names = dict[str, str]
KEPT = 500
"""Groups of which rosters and open turns are kept in memory: some kilobytes each."""


@dataclass(frozen=True, slots=True)
class _Roster:
    """What is known of a group besides what was said, and the ids by every name in it."""

    group: Sequence[Stamped[Group]]
    members: dict[str, list[Stamped[Member]]]
    people: dict[str, Person]
    events: Sequence[Event]
    names: Names


@dataclass(slots=True)
class _Heard:
    """The turns of a group that are not decided, up to the number of the last, under an edition."""

    edition: int
    last: int = 0
    said: list[Turn] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FactBook:
    """Reads facts; keeps rosters and open turns of groups until an edition of them is newer. For one thread.

    `company` is the firm's name in the names of groups, None where none is set.
    """

    rulings: Rulings
    worktimes: WorkTimes
    company: str | None = None
    _rosters: dict[str, tuple[int, _Roster]] = field(default_factory=dict, init=False, repr=False)
    _heard: dict[str, _Heard] = field(default_factory=dict, init=False, repr=False)

    def load(self, connection: Connection, check: Any, at: datetime) -> Facts | None:
        """Return the facts of the group that is to be looked at, None if the roster does not know it.

        `check` is its row in the table of checks; turns are those that are not decided.
        """
        group_id = check.group_id
        known = self._roster(connection, group_id, check.edition)
        if known is None:
            return None
        policy = self.rulings.policy_of(roster.in_force(known.group, at) or known.group[0][1])
        said = self._said(connection, check, known.names) if listens(policy) else []
        return Facts(
            group_id=group_id,
            policy=policy,
            company=self.company,
            worktime=self.worktimes.of(group_id),
            group=known.group,
            members=known.members,
            people=known.people,
            events=known.events,
            turns=said,
            senders=turns.senders(connection, group_id, _replied(said)),
        )

    def _said(self, connection: Connection, check: Any, names: Names) -> list[Turn]:
        """Return the turns that are not decided, by time then id: those kept, and what came in since."""
        group_id, quiet = check.group_id, check.quiet_since
        kept = self._heard.get(group_id)
        if kept is None or kept.edition != check.edition:
            kept = _Heard(check.edition)
        new, kept.last = turns.of_group(connection, group_id, quiet, kept.last)
        kept.said += _resolved(new, names)
        if quiet is not None:
            kept.said = [turn for turn in kept.said if turn.sent_at > quiet]
        kept.said.sort(key=lambda turn: (turn.sent_at, turn.message_id))
        if len(self._heard) >= KEPT:
            self._heard.clear()
        self._heard[group_id] = kept
        return list(kept.said)

    def _roster(self, connection: Connection, group_id: str, edition: int) -> _Roster | None:
        kept = self._rosters.get(group_id)
        if kept is not None and kept[0] == edition:
            return kept[1]
        history = roster.group_history(connection, [group_id]).get(group_id)
        if history is None:
            return None
        members = {
            member_id: versions
            for (_, member_id), versions in roster.member_history(connection, [group_id]).items()
        }
        people = _people(connection, members, history)
        happened = events.of_group(connection, group_id)
        found = _Roster(history, members, people, happened, _names(members, people))
        if len(self._rosters) >= KEPT:
            self._rosters.clear()
        self._rosters[group_id] = (edition, found)
        return found


def _replied(said: Sequence[Turn]) -> set[str]:
    """Return the messages to which turns reply that are no turns among them."""
    replied = {turn.reply_to for turn in said if turn.reply_to is not None}
    return replied - {turn.message_id for turn in said}


def _people(
    connection: Connection, members: Iterable[str], history: Sequence[Stamped[Group]]
) -> dict[str, Person]:
    """Return HR's people who are or were in the group, or whose department belongs in it."""
    departments = {name for _, group in history for name in group.departments}
    found = roster.people_by_id(connection, members) | roster.people_in(connection, departments)
    return {
        member_id: person
        for member_id, person in sorted(found.items())
        if person.department is not None or person.employed_from or person.employed_until
    }


def _resolved(said: Sequence[Turn], names: Names) -> list[Turn]:
    """Return turns whose mentions are member ids; what names nobody known is left out."""
    return [
        replace(turn, mentions=tuple(_ids(turn.mentions, names))) if turn.mentions else turn
        for turn in said
    ]


def _names(members: dict[str, list[Stamped[Member]]], known: dict[str, Person]) -> Names:
    """Return the member ids by every name they have or had, the longest names first."""
    found: Names = {}
    for member_id, versions in sorted(members.items()):
        person = known.get(member_id)
        for name in (
            member_id,
            person.name if person else None,
            *(m.nickname for _, m in versions),
        ):
            if name:
                found.setdefault(name, member_id)
    return dict(sorted(found.items(), key=lambda one: (-len(one[0]), one[0])))


def _ids(written: Iterable[str], names: Names) -> Iterable[str]:
    for one in written:
        if one == EVERYBODY:
            yield one
            continue
        found = next((who for name, who in names.items() if one.startswith(name)), None)
        if found is not None:
            yield found
