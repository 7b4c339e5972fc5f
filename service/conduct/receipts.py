"""Notices that ask to be acknowledged, and who has not. Pure.

A notice is an event `notice_posted`, or a message by which a lead of the group addresses everybody
(@所有人). Whoever was asked and in the group owes a receipt: any later message of his that is one
(收到), or that replies to the notice. Who leaves the group before the time is over owes it no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from moderation.policy import ConductRule
from service.conduct.model import EVERYBODY, Duty, Facts, Turn, TurnKind
from service.conduct.people import People
from service.conduct.words import excerpt, moment, span
from service.storage.roster import in_force

ACKNOWLEDGED = "notice_acknowledged"
RECEIPTS = (TurnKind.ACK, TurnKind.INTERIM)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice and whom it asks; nobody named means everybody."""

    subject: str
    at: datetime
    by: str | None
    text: str
    asked: frozenset[str] = frozenset()


def acknowledged(facts: Facts, rule: ConductRule, until: datetime) -> list[Duty]:
    """Return for each notice up to `until` the duty of each member asked to say that he has it."""
    people = People(facts)
    made: list[Duty] = []
    for notice in _notices(facts, people, until):
        if not _may_post(people, rule, notice):
            continue
        end = min(facts.deadline(rule, notice.at), until)
        for member in people.present(notice.at):
            who = member.member_id
            asked = who != notice.by and (not notice.asked or who in notice.asked)
            if asked and people.is_staff(who, notice.at) and _stays(facts, who, end):
                made += _duties(facts, rule, notice, who, people, until)
    return made


def is_notice(people: People, turn: Turn) -> bool:
    """Return whether a message is one by which a lead addresses everybody."""
    return EVERYBODY in turn.mentions and people.is_lead(turn.sender_id, turn.sent_at)


def _stays(facts: Facts, who: str, at: datetime) -> bool:
    member = in_force(facts.members[who], at)
    return member is not None and member.present


def _notices(facts: Facts, people: People, until: datetime) -> Iterator[Notice]:
    """Yield the notices up to `until` in the order of time; one told by event and message is one."""
    posted = [event for event in facts.events if event.kind == "notice_posted"]
    found = {}
    for turn in facts.turns:
        if is_notice(people, turn):
            text = turn.text or ""
            found[turn.message_id] = Notice(turn.message_id, turn.sent_at, turn.sender_id, text)
    for event in posted:
        subject = str(event.detail.get("message_id") or event.event_id)
        members = event.detail.get("members")
        asked = frozenset(map(str, members)) if isinstance(members, Sequence) else frozenset()
        text = str(event.detail.get("text") or "")
        found[subject] = Notice(subject, event.at, event.by or event.member_id, text, asked)
    for notice in sorted(found.values(), key=lambda one: (one.at, one.subject)):
        if notice.at <= until:
            yield notice


def _may_post(people: People, rule: ConductRule, notice: Notice) -> bool:
    if notice.by is None or "staff" in rule.asked_by:
        return True
    return people.is_lead(notice.by, notice.at)


def _duties(
    facts: Facts, rule: ConductRule, notice: Notice, who: str, people: People, until: datetime
) -> Iterator[Duty]:
    receipt = _receipt(facts.turns, notice, who, until)
    poster = people.name(notice.by, notice.at) if notice.by else "群管理人员"
    shown = next((turn for turn in facts.turns if turn.message_id == notice.subject), None)
    for party in rule.parties:
        yield Duty(
            rule=rule.rule,
            article=rule.article,
            group_id=facts.group_id,
            party=party,
            person=people.liable(party, who, notice.at),
            subject=f"{notice.subject}/{who}",
            since=notice.at,
            due=facts.deadline(rule, notice.at),
            about=f"{poster}{moment(notice.at, facts)}发布通知“{excerpt(notice.text)}”，"
            f"{people.name(who, notice.at)}应在{span(rule.within)}内确认收到",
            met_at=receipt.sent_at if receipt else None,
            thread=tuple(turn for turn in (shown, receipt) if turn is not None),
        )


def _receipt(turns: Sequence[Turn], notice: Notice, who: str, until: datetime) -> Turn | None:
    for turn in turns:
        if turn.sender_id != who or not notice.at <= turn.sent_at <= until:
            continue
        if turn.kind in RECEIPTS or turn.reply_to == notice.subject:
            return turn
    return None
