"""Under what a message is ruled: what the caller says, else the roster, else the defaults. Records nothing.

asked, decision ─ group and policy ─ role ─ sender's record ─ decision
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from moderation.errors import UnknownNameError
from moderation.pipeline import settle
from moderation.policy import Circumstances, Policy
from moderation.policyfiles import PolicyBook
from moderation.types import Decision, Finding, GroupKind, SenderRole
from service.asked import Asked
from service.masking import mask_decision
from service.storage import roster
from service.storage.casebook import confirmed_counts

Groups = dict[str, roster.Group]


@dataclass(frozen=True, slots=True)
class Setting:
    """Policy, kind of group and role of the sender that hold for a message.

    `sender_role` is looked up in the roster only for a message in which something was found.
    """

    policy: Policy
    group_kind: GroupKind
    sender_role: SenderRole = SenderRole.STAFF
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruled:
    """A decision, masked, the setting with the sender's role, and what his record counts by article."""

    decision: Decision
    setting: Setting
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Rulings:
    """Rules on messages under the policies that there are."""

    policies: PolicyBook
    default_policy: str

    def preview(
        self, connection: Connection, asked: Asked, decision: Decision, now: datetime
    ) -> dict[str, Any]:
        """Return the answer to a message that leaves no trace (`dry_run`)."""
        return self.rule(connection, [(asked, decision, ())], now)[0].to_dict()

    def rule(
        self,
        connection: Connection,
        items: Sequence[tuple[Asked, Decision, tuple[Finding, ...]]],
        now: datetime,
    ) -> list[Decision]:
        """Return decisions, with findings of the conversation, under policy and record."""
        groups = groups_of(connection, [asked for asked, *_ in items])
        return [
            self.ruled(connection, asked, decision, self.setting(asked, groups), now, more).decision
            for asked, decision, more in items
        ]

    def setting(self, asked: Asked, groups: Groups) -> Setting:
        """Return under what a message is ruled; a policy that only the roster names may be missing.

        Raises:
            UnknownNameError: the caller names a policy that does not exist.
        """
        group = groups.get(asked.group_id or "")
        kind = asked.group_kind or (group.kind if group else GroupKind.WORK)
        wanted = asked.policy or (group.policy if group else None) or self.default_policy
        try:
            return Setting(self.policies[wanted], kind)
        except UnknownNameError:
            if asked.policy is not None:
                raise
            default = self.policies[self.default_policy]
            return Setting(default, kind, degraded=("policy",))

    def policy_of(self, group: roster.Group) -> Policy:
        """Return the policy that a group is under; one that is missing gives way to the default."""
        try:
            return self.policies[group.policy or self.default_policy]
        except UnknownNameError:
            return self.policies[self.default_policy]

    def ruled(
        self,
        connection: Connection,
        asked: Asked,
        decision: Decision,
        setting: Setting,
        now: datetime,
        more: tuple[Finding, ...] = (),
    ) -> Ruled:
        """Rule on a message; `more` are findings of the conversation."""
        if setting.degraded:
            decision = replace(decision, degraded=(*decision.degraded, *setting.degraded))
        silent = setting.policy.silent
        if not (decision.findings or more or decision.degraded):
            same = decision.ruling is silent
            return Ruled(decision if same else replace(decision, ruling=silent), setting, {})
        setting = replace(setting, sender_role=role(connection, asked, now))
        counts: dict[str, int] = {}
        if asked.occurrence is not None:
            counts = {rule.article: asked.occurrence - 1 for rule in setting.policy.rules}
        elif asked.sender_id is not None:
            counts = confirmed_counts(
                connection, asked.sender_id, setting.policy, asked.sent_at or now
            )
        circumstances = Circumstances(setting.group_kind, setting.sender_role, counts)
        settled = settle(decision, setting.policy, circumstances, more)
        return Ruled(mask_decision(asked.text, settled), setting, counts)


def role(connection: Connection, asked: Asked, now: datetime) -> SenderRole:
    """Return the sender's role: as the caller says, else as in the group at the time of the message."""
    if asked.sender_role is not None:
        return asked.sender_role
    if asked.group_id is None or asked.sender_id is None:
        return SenderRole.STAFF
    at = asked.sent_at or now
    member = roster.member_at(connection, asked.group_id, asked.sender_id, at)
    return member.role if member else SenderRole.STAFF


def groups_of(connection: Connection, asked: Iterable[Asked]) -> Groups:
    """Return the groups of messages that are in the roster."""
    ids = sorted({one.group_id for one in asked if one.group_id is not None})
    return {group.group_id: group for group in roster.groups_at(connection, ids)} if ids else {}
