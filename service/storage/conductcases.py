"""The case of a breached duty: like any other, but about how a group is run, and about one person.

duty ─ the words for it, the thread as evidence ─ article and penalty for that party ─ case
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from moderation.conductrules import conduct_rules
from moderation.policy import decide_conduct
from moderation.types import Action, Decision, Evidence, Finding, GroupKind
from service.asked import Asked
from service.cases import Origin
from service.conduct.model import Duty, Facts, Turn
from service.conduct.people import People
from service.masking import mask_numbers
from service.storage.opening import Opening
from service.storage.rulings import Ruled, Setting
from service.storage.snapshots import Snapshots

CATEGORY = "conduct"
UNDONE = "到期未办："
THREAD, ROSTER = "conversation", "roster"
"""Where a finding comes from: what was said, or who is in the group."""


def open_case(
    connection: Connection, at: datetime, snapshots: Snapshots, facts: Facts, duty: Duty
) -> str:
    """Open the case of a duty that was not met in time; return it."""
    text, evidence = _told(facts, duty)
    finding = Finding(
        label=duty.rule,
        category=CATEGORY,
        score=1.0,
        source=THREAD if duty.thread else ROSTER,
        strength=Action.REVIEW,
        evidence=evidence,
    )
    decision = Decision(
        request_id=f"duty-{duty.duty_id}",
        message_id=None,
        action=Action.REVIEW,
        model="",
        findings=(finding,),
        ruling=decide_conduct(duty.rule, duty.party, facts.policy, duty.article),
    )
    group = People(facts).group(duty.due)
    asked = Asked(
        text=text,
        group_id=duty.group_id,
        sender_id=duty.person,
        sent_at=duty.due,
        reply_to=duty.thread[0].message_id if duty.thread else None,
    )
    ruled = Ruled(decision, Setting(facts.policy, group.kind if group else GroupKind.WORK), {})
    opening = Opening(connection, at, snapshots)
    case_id, _ = opening.add(asked, ruled, Origin.CONDUCT, None, party=duty.party)
    opening.write()
    return case_id


def _told(facts: Facts, duty: Duty) -> tuple[str, tuple[Evidence, ...]]:
    """Return what is shown: what is owed or wrong, then who said what and when; each message is evidence."""
    people = People(facts)
    lines = [f"{UNDONE if duty.thread else ''}{duty.about}。"]
    evidence = []
    for turn in duty.thread:
        start = sum(len(line) + 1 for line in lines)
        line = _line(people, facts, turn)
        lines.append(line)
        reason = f"{conduct_rules()[duty.rule].name}：{turn.message_id}"
        evidence.append(Evidence(start, start + len(line), line, line, reason))
    return "\n".join(lines), tuple(evidence)


def _line(people: People, facts: Facts, turn: Turn) -> str:
    when = f"{turn.sent_at.astimezone(facts.worktime.zone):%m-%d %H:%M:%S}"
    said = "（未保存原文）" if turn.text is None else mask_numbers(" ".join(turn.text.split()))
    return f"{when} {people.name(turn.sender_id, turn.sent_at)}：{said}"
