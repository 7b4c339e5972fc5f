"""The end of temporary groups, and admins who leave theirs behind. Pure.

Both are read off the roster's history, into which events (task ended, dissolved, admin changed) are folded.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from moderation.policy import ConductRule
from service.conduct.model import Duty, Facts
from service.conduct.people import People
from service.conduct.states import State, changes, has_left, known, owed
from service.storage.roster import in_force


def temporary_group(facts: Facts, rule: ConductRule, until: datetime) -> list[Duty]:
    """Return the duty to dissolve a temporary group after its task has ended.

    When that was is taken from what is known last: it may be told later than it happened.
    """
    group = in_force(facts.group, until)
    if group is None or not group.temporary or group.ended_at is None:
        return []
    ended_at = group.ended_at
    day = ended_at.astimezone(facts.worktime.zone)

    def wrong(at: datetime) -> str | None:
        then = People(facts).group(at)
        if at < ended_at or then is None or then.dissolved:
            return None
        return f"临时群“{then.name}”的工作已于{day.month}月{day.day}日结束，群未解散"

    subject = f"ended:{ended_at.isoformat()}"
    return owed(facts, rule, State(subject, changes(facts) | {ended_at}, wrong), until)


def admin_handover(facts: Facts, rule: ConductRule, until: datetime) -> list[Duty]:
    """Return the duties of admins who have left the group or the firm to hand their office over.

    Who was replaced before he left has none; the nickname is the rule `member_nickname`'s affair.
    """
    found: list[Duty] = []
    for admin in sorted({group.admin for _, group in facts.group if group.admin is not None}):
        wrong = partial(_left_behind, facts, admin)
        state = State(admin, changes(facts, admin), wrong, admin)
        found += owed(facts, rule, state, until)
    return found


def _left_behind(facts: Facts, admin: str, at: datetime) -> str | None:
    """Return in Chinese how an admin is gone who still holds the office, None if he is not or does not."""
    group = known(facts.group, at)
    if group is None or group.dissolved or group.admin != admin:
        return None
    member, person = known(facts.members.get(admin, ()), at), facts.people.get(admin)
    name = People(facts).name(admin, at)
    if person is not None and has_left(person, at):
        return f"群负责人{name}已离职，未移交群管理"
    if member is not None and not member.present:
        return f"群负责人{name}已离开本群，未移交群管理"
    return None
