"""Questions and what became of them: answered, put off, shirked, left alone. Pure.

    turns in order of time ─ threads, one per open question ─ each later turn closes, delays or shirks some

A question is a turn that asks (question, request, complaint) and is no answer itself. What the same
person asks further before anybody has reacted belongs to it. Who replies to it, mentions the asker, or
speaks next without addressing somebody else, speaks to it; the asker's own thanks close it. A question
to which nobody said anything for as long as the policy waits in all is over: later turns are not about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from moderation.policy import ConductRule
from service.conduct.model import EVERYBODY, Duty, Facts, Turn, TurnKind
from service.conduct.people import People
from service.conduct.receipts import ACKNOWLEDGED, is_notice
from service.conduct.words import excerpt, moment, span

ANSWERED, SHIRKED, INSTRUCTED = "question_answered", "question_shirked", "instruction_handled"
BUSY = (TurnKind.INTERIM, TurnKind.ACK, TurnKind.QUESTION, TurnKind.REQUEST)
"""Turns by which a colleague shows that he is on it: he asks back, for instance."""


@dataclass(slots=True)
class Thread:
    """A question and what happened to it; it runs until `due` and is over at `expiry`."""

    asked: Turn
    due: datetime
    expiry: datetime
    more: list[Turn] = field(default_factory=list)
    answered: Turn | None = None
    busy: Turn | None = None
    shirked: Turn | None = None

    @property
    def asker(self) -> str:
        """Return who asked."""
        return self.asked.sender_id

    @property
    def ids(self) -> frozenset[str]:
        """Return the messages that a reply to this thread may name."""
        own = (self.asked, *self.more, self.busy, self.shirked)
        return frozenset(turn.message_id for turn in own if turn is not None)

    @property
    def first_sign(self) -> Turn | None:
        """Return the first turn by which somebody answered or said that he is on it."""
        signs = [turn for turn in (self.busy, self.answered) if turn is not None]
        return min(signs, key=_order, default=None)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The questions of a group in order of time, and the times of the turns after which none was open."""

    threads: tuple[Thread, ...]
    calm: tuple[datetime, ...]


def answered(facts: Facts, rule: ConductRule, until: datetime) -> list[Duty]:
    """Return for each question up to `until` the duty to answer it, or to say that one is on it, in time."""
    made: list[Duty] = []
    about = "{asker}{when}提问“{text}”，应在{within}内答复或先行回应"
    for thread in conversation(facts, until).threads:
        made += _duties(facts, rule, thread, thread.asked, None, thread.first_sign, about)
    return made


def shirked(facts: Facts, rule: ConductRule, until: datetime) -> list[Duty]:
    """Return for each question that was put off or sent away the duty to see it answered after all."""
    made: list[Duty] = []
    for thread in conversation(facts, until).threads:
        turn = thread.shirked or thread.busy
        if turn is not None:
            said = "被推给别人" if thread.shirked else "先行回应"
            about = "{asker}{when}提问“{text}”，" + said + "后应在{within}内办结"
            met = thread.answered
            made += _duties(facts, rule, thread, turn, turn.sender_id, met, about)
    return made


def instructed(facts: Facts, rule: ConductRule, until: datetime) -> list[Duty]:
    """Return for each request to members named in it the duty of each of them to react to it."""
    people = People(facts)
    about = "{asker}{when}交办“{text}”，应在{within}内回应"
    made: list[Duty] = []
    for number, turn in enumerate(facts.turns):
        if turn.sent_at > until:
            break
        for member_id in _instructed(people, rule, turn):
            met = _reaction(facts.turns[number + 1 :], member_id, until)
            thread = Thread(turn, turn.sent_at, turn.sent_at)
            made += _duties(facts, rule, thread, turn, member_id, met, about)
    return made


def quiet_since(facts: Facts, at: datetime, lateness: timedelta) -> datetime | None:
    """Return the time of the last turn before which all is decided for good at `at`, None if there is none.

    At it no question was open, so whoever reads the turns after it alone finds the same.
    """
    calm = (moment for moment in conversation(facts, at).calm if moment + lateness < at)
    return max(calm, default=None)


@lru_cache(maxsize=2)  # several rules ask the same of the same facts
def conversation(facts: Facts, until: datetime) -> Conversation:
    """Return what became of every question up to `until`."""
    people, waits = People(facts), _Waits(facts)
    found: list[Thread] = []
    waiting: list[Thread] = []
    calm: list[datetime] = []
    for turn in facts.turns:
        if turn.sent_at > until:
            break
        waiting = [one for one in waiting if one.answered is None and turn.sent_at <= one.expiry]
        if not _by_asker(turn, waiting):
            about = _addressed(turn, waiting, people)
            for thread in about:
                _note(thread, turn)
            if turn.kind.asks and not about and waits.counts(people, turn):
                thread = Thread(turn, *waits.ends(turn.sent_at))
                found.append(thread)
                waiting.append(thread)
        if all(one.answered is not None for one in waiting):
            calm.append(turn.sent_at)
    return Conversation(tuple(found), tuple(calm))


class _Waits:
    """Whose questions the policy's rules on answering are about, and how long they wait in all."""

    def __init__(self, facts: Facts) -> None:
        rules = {rule.rule: rule for rule in facts.policy.conduct}
        self._notices = ACKNOWLEDGED in rules
        self._facts = facts
        self._rules = [rules[name] for name in (ANSWERED, SHIRKED) if name in rules]
        self._instructions = rules.get(INSTRUCTED)

    def counts(self, people: People, turn: Turn) -> bool:
        """Return whether a turn that asks is a question to be answered, no instruction and no notice."""
        rule = self._instructions
        if not self._rules or (rule is not None and _instructed(people, rule, turn)):
            return False
        if self._notices and is_notice(people, turn):
            return False
        return _may_ask(people, self._rules[0], turn)

    def ends(self, asked_at: datetime) -> tuple[datetime, datetime]:
        """Return when the first answer is due, and when the last rule has stopped waiting, cures too."""
        ends, cured = [asked_at], [asked_at]
        for rule in self._rules:
            ends.append(self._facts.deadline(rule, ends[-1]))
            if rule.cure is not None:
                cured.append(self._facts.worktime.deadline(ends[-1], rule.cure, rule.clock))
        return ends[1], max(ends[-1], *cured)


def _by_asker(turn: Turn, waiting: list[Thread]) -> bool:
    """Take what an asker says of his own open question: that it is settled, or more of it."""
    own = [thread for thread in waiting if thread.asker == turn.sender_id]
    if own and turn.kind is TurnKind.THANKS:
        for thread in own:
            thread.answered = turn
        return True
    if own and turn.kind.asks and own[-1].busy is None and own[-1].shirked is None:
        own[-1].more.append(turn)
        return True
    return False


def _addressed(turn: Turn, waiting: Sequence[Thread], people: People) -> list[Thread]:
    """Return the open questions of others that a colleague's turn speaks to."""
    if not people.is_staff(turn.sender_id, turn.sent_at):
        return []
    others = [thread for thread in waiting if thread.asker != turn.sender_id]
    if turn.reply_to is not None:
        return [thread for thread in others if turn.reply_to in thread.ids]
    if turn.mentions:
        named = [thread for thread in others if thread.asker in turn.mentions]
        return others if EVERYBODY in turn.mentions and not turn.kind.asks else named
    if (
        turn.kind.asks
    ):  # asking back speaks to a customer's question; among colleagues it is a new one
        return [one for one in others if not people.is_staff(one.asker, turn.sent_at)][-1:]
    if len({thread.asker for thread in others}) <= 1:
        return others
    running = [thread for thread in others if turn.sent_at <= thread.due]
    return (running or others)[:1]


def _note(thread: Thread, turn: Turn) -> None:
    """Note in a thread what a colleague says to it."""
    if turn.kind is TurnKind.SHIRK:
        thread.shirked = thread.shirked or turn
    elif turn.kind in BUSY:
        thread.busy = thread.busy or turn
    elif turn.kind is not TurnKind.THANKS:
        thread.answered = turn


def _may_ask(people: People, rule: ConductRule, turn: Turn) -> bool:
    at, who = turn.sent_at, turn.sender_id
    role = "staff" if people.is_staff(who, at) else "customer"
    return role in rule.asked_by or ("lead" in rule.asked_by and people.is_lead(who, at))


def _instructed(people: People, rule: ConductRule, turn: Turn) -> list[str]:
    """Return the members whom a turn tells to do something."""
    if turn.kind is not TurnKind.REQUEST or not _may_ask(people, rule, turn):
        return []
    return [
        member_id
        for member_id in dict.fromkeys(turn.mentions)
        if member_id not in (turn.sender_id, EVERYBODY) and people.is_staff(member_id, turn.sent_at)
    ]


def _reaction(later: Sequence[Turn], member_id: str, until: datetime) -> Turn | None:
    """Return the first turn by which a member reacts at all, if not by shirking."""
    for turn in later:
        if turn.sent_at > until:
            return None
        if turn.sender_id == member_id and turn.kind is not TurnKind.SHIRK:
            return turn
    return None


def _responder(people: People, asked: Turn) -> str | None:
    """Return who had to answer: who was named, else whose message it replied to, else the group's admin."""
    candidates = [*asked.mentions, people.sender_of(asked.reply_to)]
    for member_id in candidates:
        known = member_id is not None and member_id not in (asked.sender_id, EVERYBODY)
        if known and member_id is not None and people.is_staff(member_id, asked.sent_at):
            return member_id
    return next((one for one in people.in_charge(asked.sent_at) if one != asked.sender_id), None)


def _duties(
    facts: Facts,
    rule: ConductRule,
    thread: Thread,
    since: Turn,
    person: str | None,
    met: Turn | None,
    about: str,
) -> list[Duty]:
    """Return the duty that begins with the turn `since`, one for each party the rule makes liable."""
    people, asked = People(facts), thread.asked
    due = facts.deadline(rule, since.sent_at)
    told = ""
    if met is None or met.sent_at > due:
        told = about.format(
            asker=people.name(asked.sender_id, asked.sent_at),
            when=moment(asked.sent_at, facts),
            text=excerpt(asked.text or ""),
            within=span(rule.within),
        )
    concerned = person or _responder(people, asked)
    shown = (asked, *thread.more, thread.busy, thread.shirked, met)
    seen = {turn.message_id: turn for turn in shown if turn is not None}
    return [
        Duty(
            rule=rule.rule,
            article=rule.article,
            group_id=facts.group_id,
            party=party,
            person=people.liable(party, concerned, asked.sent_at),
            subject=asked.message_id,
            since=since.sent_at,
            due=due,
            about=told,
            met_at=met.sent_at if met else None,
            thread=tuple(sorted(seen.values(), key=_order)),
        )
        for party in rule.parties
    ]


def _order(turn: Turn) -> tuple[datetime, str]:
    return turn.sent_at, turn.message_id
