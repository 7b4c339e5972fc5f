"""What the rules of conduct look at, and what they find: duties.

A duty is what one person owes a group until some time: an answer, a receipt, a right nickname. It is
computed from the facts of a group alone, so the order in which they came in does not matter, and it has
an id made of its own contents, so the same duty found twice is one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from moderation.policy import ConductRule, Policy
from service.conduct.worktime import WorkTime
from service.storage.roster import Group, Member, Person, Stamped


class TurnKind(StrEnum):
    """What a message does in a conversation."""

    QUESTION = "question"
    REQUEST = "request"
    COMPLAINT = "complaint"
    INTERIM = "interim"
    """Somebody is on it: 正在查."""
    SHIRK = "shirk"
    """Somebody sends the asker away: 不归我管."""
    ACK = "ack"
    """收到."""
    THANKS = "thanks"
    STATEMENT = "statement"

    @property
    def asks(self) -> bool:
        """Return whether somebody waits for an answer."""
        return self in (TurnKind.QUESTION, TurnKind.REQUEST, TurnKind.COMPLAINT)


EVERYBODY = "@all"
"""In `Turn.mentions`: all members are addressed."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of a group; `mentions` are member ids or `EVERYBODY`, `text` is kept only where needed."""

    message_id: str
    sender_id: str
    sent_at: datetime
    kind: TurnKind
    reply_to: str | None = None
    mentions: tuple[str, ...] = ()
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a group besides a message; kinds as in `service.events.Kind`."""

    event_id: str
    kind: str
    group_id: str
    at: datetime
    member_id: str | None = None
    by: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """All that is known of one group; histories are oldest first, turns and events by time then id.

    `people` holds HR's roster by member id: whoever is not in it is no employee. `senders` are those of
    older messages to which turns reply.
    """

    group_id: str
    policy: Policy
    company: str | None
    worktime: WorkTime
    group: Sequence[Stamped[Group]]
    members: Mapping[str, Sequence[Stamped[Member]]]
    people: Mapping[str, Person]
    events: Sequence[Event] = ()
    turns: Sequence[Turn] = ()
    senders: Mapping[str, str] = field(default_factory=dict)

    def deadline(self, rule: ConductRule, since: datetime) -> datetime:
        """Return until when what has begun at a time must be put right."""
        if rule.within is None:
            return since
        return self.worktime.deadline(since, rule.within, rule.clock)


@dataclass(frozen=True, slots=True)
class Duty:
    """What `person` owes as `party` (see `moderation.policy.LIABLE`) under a conduct rule.

    Breached when `due` passes and it was not met by then; `met_at` may lie after `due`.
    `thread` are the messages that show it, `about` says in Chinese what is owed or wrong, for people;
    it may be empty where nothing is.
    """

    rule: str
    article: str
    group_id: str
    party: str
    person: str | None
    subject: str
    since: datetime
    due: datetime
    about: str
    met_at: datetime | None = None
    thread: tuple[Turn, ...] = ()

    @property
    def duty_id(self) -> str:
        """Return an id that is the same whenever this duty is found again."""
        parts = (self.rule, self.article, self.group_id, self.party, self.person, self.subject)
        text = "\x1f".join(part or "" for part in parts)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def met_in_time(self) -> bool:
        """Return whether it was put right before its time was over."""
        return self.met_at is not None and self.met_at <= self.due
