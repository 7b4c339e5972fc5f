"""Who is who in a group at a time: staff, leads, real names. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from moderation.types import SenderRole
from service.conduct.model import Facts
from service.storage.roster import Group, Member, in_force


class People:
    """Looks a group's people up."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._senders: dict[str, str] | None = None

    def group(self, at: datetime) -> Group | None:
        """Return the group as it was at a time, before its first version as in that."""
        history = self._facts.group
        return in_force(history, at) or (history[0][1] if history else None)

    def member(self, member_id: str, at: datetime) -> Member | None:
        """Return a membership as it was at a time, before its first version as in that."""
        history = self._facts.members.get(member_id, ())
        return in_force(history, at) or (history[0][1] if history else None)

    def present(self, at: datetime) -> Iterator[Member]:
        """Yield who was in the group at a time, in the order of their ids."""
        for _, history in sorted(self._facts.members.items()):
            member = in_force(history, at)
            if member is not None and member.present:
                yield member

    def is_staff(self, member_id: str, at: datetime) -> bool:
        """Return whether somebody is bound by the policy: a member not noted as a customer, or known to HR."""
        member = self.member(member_id, at)
        if member is not None:
            return member.role is SenderRole.STAFF
        return member_id in self._facts.people

    def is_lead(self, member_id: str, at: datetime) -> bool:
        """Return whether somebody may give instructions: owner, admin, or supervisor of a member."""
        if member_id in self.in_charge(at):
            return True
        return any(member.supervisor == member_id for member in self.present(at))

    def in_charge(self, at: datetime) -> tuple[str, ...]:
        """Return the group's admin and owner, in this order, as far as they are known."""
        group = self.group(at)
        found = (group.admin, group.owner) if group else ()
        return tuple(dict.fromkeys(one for one in found if one is not None))

    def liable(self, party: str, concerned: str | None, at: datetime) -> str | None:
        """Return who a party that a rule names is, where the rule is about the person `concerned`."""
        group = self.group(at)
        if party == "group_admin":
            return group.admin if group else None
        if party == "group_owner":
            return group.owner if group else None
        if party == "supervisor":
            member = self.member(concerned, at) if concerned else None
            return member.supervisor if member else None
        return concerned

    def sender_of(self, message_id: str | None) -> str | None:
        """Return who sent a message, None where it is not known."""
        if message_id is None:
            return None
        if self._senders is None:
            own = {turn.message_id: turn.sender_id for turn in self._facts.turns}
            self._senders = {**self._facts.senders, **own}
        return self._senders.get(message_id)

    def name(self, member_id: str, at: datetime) -> str:
        """Return what people call somebody: real name, else nickname, else the id."""
        known = self._facts.people.get(member_id)
        member = self.member(member_id, at)
        return (known.name if known else None) or (member.nickname if member else None) or member_id
