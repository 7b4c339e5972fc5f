"""Who may do what: rights, and the roles that have them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a user or a key is for; one may have several."""

    BOT = "bot"
    REVIEWER = "reviewer"
    APPROVER = "approver"
    ANALYST = "analyst"
    ADMIN = "admin"


class Right(StrEnum):
    """What can be done."""

    LOOK_UP = "look_up"
    TRY = "try"
    CLASSIFY = "classify"
    RECALL = "recall"
    FEEDBACK = "feedback"
    TAKE_OUT = "take_out"
    SEE_ACTIONS = "see_actions"
    CARRY_OUT = "carry_out"
    REVIVE = "revive"
    SEE_CASES = "see_cases"
    REVIEW = "review"
    REVEAL = "reveal"
    APPEAL = "appeal"
    DECIDE_APPEAL = "decide_appeal"
    REOPEN = "reopen"
    SEE_NOTICES = "see_notices"
    APPROVE = "approve"
    PAYROLL = "payroll"
    SEE_ROSTER = "see_roster"
    EDIT_ROSTER = "edit_roster"
    REPORT_EVENTS = "report_events"
    EDIT_TERMS = "edit_terms"
    SEE_MODELS = "see_models"
    RETRAIN = "retrain"
    PROMOTE = "promote"
    SEE_AUDIT = "see_audit"
    ACCOUNTS = "accounts"
    ERASE = "erase"


_BOT, _REVIEWER, _APPROVER, _ANALYST, _ADMIN = Role
_PEOPLE = frozenset({_REVIEWER, _APPROVER, _ANALYST, _ADMIN})

ROLES: dict[Right, frozenset[Role]] = {
    Right.LOOK_UP: frozenset(Role),
    Right.TRY: frozenset(Role),
    Right.CLASSIFY: frozenset({_BOT}),
    Right.RECALL: frozenset({_BOT}),
    Right.FEEDBACK: frozenset({_BOT, _REVIEWER}),
    Right.TAKE_OUT: frozenset({_ANALYST, _ADMIN}),
    Right.SEE_ACTIONS: frozenset({_BOT, _APPROVER, _ADMIN}),
    Right.CARRY_OUT: frozenset({_BOT}),
    Right.REVIVE: frozenset({_APPROVER, _ADMIN}),
    Right.SEE_CASES: _PEOPLE,
    Right.REVIEW: frozenset({_REVIEWER}),
    Right.REVEAL: frozenset({_REVIEWER, _APPROVER}),
    Right.APPEAL: frozenset({_BOT, _REVIEWER, _APPROVER, _ADMIN}),
    Right.DECIDE_APPEAL: frozenset({_APPROVER}),
    Right.REOPEN: frozenset({_APPROVER}),
    Right.SEE_NOTICES: frozenset({_REVIEWER, _APPROVER, _ADMIN}),
    Right.APPROVE: frozenset({_APPROVER}),
    Right.PAYROLL: frozenset({_APPROVER, _ADMIN}),
    Right.SEE_ROSTER: frozenset({_REVIEWER, _APPROVER, _ADMIN}),
    Right.EDIT_ROSTER: frozenset({_ADMIN}),
    Right.REPORT_EVENTS: frozenset({_BOT, _ADMIN}),
    Right.EDIT_TERMS: frozenset({_ANALYST, _ADMIN}),
    Right.SEE_MODELS: frozenset({_ANALYST, _ADMIN}),
    Right.RETRAIN: frozenset({_ANALYST}),
    Right.PROMOTE: frozenset({_ANALYST, _ADMIN}),
    Right.SEE_AUDIT: frozenset({_ADMIN}),
    Right.ACCOUNTS: frozenset({_ADMIN}),
    Right.ERASE: frozenset({_ADMIN}),
}
"""Every right with the roles that have it; a test goes through all the others."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a user by his session, or a key. `name` stands in history and audit log."""

    name: str
    roles: frozenset[Role]

    def may(self, right: Right) -> bool:
        """Return whether one of the roles has this right."""
        return not self.roles.isdisjoint(ROLES[right])
