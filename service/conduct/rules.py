"""The rules of conduct by their ids, and all that they find in the facts of a group. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from moderation.policy import ConductRule, Policy
from service.conduct import answering, grouplife, membership, naming, receipts
from service.conduct.model import Duty, Facts

Finder = Callable[[Facts, ConductRule, datetime], list[Duty]]

FINDERS: dict[str, Finder] = {
    answering.ANSWERED: answering.answered,
    answering.SHIRKED: answering.shirked,
    answering.INSTRUCTED: answering.instructed,
    receipts.ACKNOWLEDGED: receipts.acknowledged,
    "group_name": naming.group_name,
    "admin_nickname": naming.admin_nickname,
    "member_nickname": naming.member_nickname,
    "roster": membership.roster,
    "outsider_invited": membership.outsider_invited,
    "temporary_group": grouplife.temporary_group,
    "admin_handover": grouplife.admin_handover,
}
HEARD = (answering.ANSWERED, answering.SHIRKED, answering.INSTRUCTED, receipts.ACKNOWLEDGED)
"""Rules about what is said; the others are about who is in a group and under what name."""


def duties(
    facts: Facts, until: datetime, which: Callable[[ConductRule], bool] = lambda rule: True
) -> list[tuple[ConductRule, Duty]]:
    """Return every duty that has arisen in a group up to `until`, each with its rule, in the policy's order."""
    return [
        (rule, duty)
        for rule in facts.policy.conduct
        if which(rule)
        for duty in FINDERS[rule.rule](facts, rule, until)
    ]


def listens(policy: Policy) -> bool:
    """Return whether a policy asks anything of what is said in a group, besides each message's words."""
    return any(rule.rule in HEARD for rule in policy.conduct)


def watches(policy: Policy) -> bool:
    """Return whether a policy asks anything of who is in a group and how it is run."""
    return any(rule.rule not in HEARD for rule in policy.conduct)
