"""A notice with the facts around it, as a person reads it: for HTTP, the command line and documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from service.notices import NoticeState


@dataclass(frozen=True, slots=True)
class Someone:
    """A person as the roster and the group know him; nothing but the id may be known."""

    member_id: str | None
    name: str | None = None
    department: str | None = None
    nickname: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the public form."""
        return {
            "member_id": self.member_id,
            "name": self.name,
            "department": self.department,
            "nickname": self.nickname,
        }


@dataclass(frozen=True, slots=True)
class Liable:
    """Who answers for a breach, and as what; the roster may not say who that is."""

    party: str
    person: Someone


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened. `quotation` is masked, None once the text was erased."""

    sent_at: datetime
    sender: Someone
    group_id: str | None
    group_name: str | None
    labels: tuple[str, ...]
    quotation: str | None
    recalled: bool


@dataclass(frozen=True, slots=True)
class Signed:
    """What somebody did to a notice, and when; `by` is a user's name."""

    by: str | None
    at: datetime | None

    def to_dict(self) -> dict[str, Any] | None:
        """Return the public form, None where nobody has done it."""
        return None if self.at is None else {"by": self.by, "at": self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class NoticeView:
    """A notice (奖惩通知单). `changed` says that the ledger has since come to something else."""

    id: int
    case_id: str
    number: str | None
    state: NoticeState
    changed: bool
    policy: str
    policy_title: str
    penalty: dict[str, Any]
    amount: Decimal | None
    articles: tuple[dict[str, Any], ...]
    liable: tuple[Liable, ...]
    facts: Facts
    drafted_at: datetime
    decided_by: str
    approved: Signed
    published: Signed
    withdrawn: Signed
    reason: str | None

    @property
    def kind(self) -> str:
        """Return the kind of penalty."""
        return str(self.penalty["kind"])

    def to_dict(self) -> dict[str, Any]:
        """Return the public form; times are RFC 3339, sums decimal strings of yuan."""
        facts = self.facts
        return {
            "id": self.id,
            "case_id": self.case_id,
            "number": self.number,
            "state": self.state.value,
            "changed": self.changed,
            "policy": self.policy,
            "policy_title": self.policy_title,
            "penalty": self.penalty,
            "amount": None if self.amount is None else f"{self.amount:.2f}",
            "articles": list(self.articles),
            "liable": [{"party": one.party} | one.person.to_dict() for one in self.liable],
            "sender": facts.sender.to_dict(),
            "group_id": facts.group_id,
            "group_name": facts.group_name,
            "labels": list(facts.labels),
            "sent_at": facts.sent_at.isoformat(),
            "text": facts.quotation,
            "recalled": facts.recalled,
            "drafted_at": self.drafted_at.isoformat(),
            "decided_by": self.decided_by,
            "approved": self.approved.to_dict(),
            "published": self.published.to_dict(),
            "withdrawn": self.withdrawn.to_dict(),
            "reason": self.reason,
        }
