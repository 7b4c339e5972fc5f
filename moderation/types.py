"""Frozen value objects that pass between the rooms of the library.

The dictionaries made here are the public contract of a decision, the same on the command line, over
HTTP and in files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from moderation.errors import MessageError

MAX_TEXT = 10_000
"""Longest text judged, in code points."""


class Action(StrEnum):
    """What the bot does with a message."""

    PASS = "pass"  # noqa: S105 - not a password
    REVIEW = "review"
    BLOCK = "block"


class GroupKind(StrEnum):
    """What a group is for."""

    WORK = "work"
    CUSTOMER = "customer"
    INTEREST = "interest"


class SenderRole(StrEnum):
    """Who sent a message: staff are bound by the policy's penalties, customers are not."""

    STAFF = "staff"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to be judged; `occurrence` is 1 for a sender with no confirmed breach."""

    text: str
    message_id: str | None = None
    group_id: str | None = None
    group_kind: GroupKind = GroupKind.WORK
    sender_id: str | None = None
    sender_role: SenderRole = SenderRole.STAFF
    sent_at: datetime | None = None
    reply_to: str | None = None
    policy: str | None = None
    occurrence: int = 1

    def __post_init__(self) -> None:
        """Refuse text that cannot be judged.

        Raises:
            MessageError: text is empty, too long, or holds a NUL or a lone surrogate.
        """
        check_text(self.text)
        object.__setattr__(self, "group_kind", GroupKind(self.group_kind))
        object.__setattr__(self, "sender_role", SenderRole(self.sender_role))
        if self.occurrence < 1:
            raise MessageError("occurrence", f"must be 1 or more, not {self.occurrence}")


def check_text(text: str) -> str:
    """Return `text` if it can be judged, else raise `MessageError` naming the field `text`."""
    if not text:
        raise MessageError("text", "must not be empty")
    if len(text) > MAX_TEXT:
        raise MessageError("text", f"has {len(text)} characters, at most {MAX_TEXT} are judged")
    if "\0" in text:
        raise MessageError("text", f"holds a NUL character at position {text.index(chr(0))}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        problem = f"holds a lone surrogate at position {error.start}"
        raise MessageError("text", problem) from error
    return text


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece `[start, end)` of the original text, in code points, and why it counts."""

    start: int
    end: int
    text: str
    read_as: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's evidence object."""
        return {
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "read_as": self.read_as,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """One label found by one detector; `score` is a probability 0..1, `strength` what it asks for."""

    label: str
    category: str
    score: float
    source: str
    strength: Action
    evidence: tuple[Evidence, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's finding object (`strength` shows in the decision's action)."""
        return {
            "label": self.label,
            "category": self.category,
            "score": round(self.score, 6),
            "source": self.source,
            "evidence": [piece.to_dict() for piece in self.evidence],
        }


@dataclass(frozen=True, slots=True)
class Article:
    """An article that a message breaks, with the labels that break it."""

    article: str
    ban: str | None
    labels: tuple[str, ...]
    summary: str

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's article object."""
        return {
            "article": self.article,
            "ban": self.ban,
            "labels": list(self.labels),
            "summary": self.summary,
        }


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum in CNY, whole fen; `maximum` is None where the policy says "or more"."""

    minimum: Decimal
    maximum: Decimal | None

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's amount object: decimal strings."""
        return {
            "min": f"{self.minimum:.2f}",
            "max": None if self.maximum is None else f"{self.maximum:.2f}",
            "currency": "CNY",
        }


@dataclass(frozen=True, slots=True)
class Penalty:
    """A proposed penalty. `amount` is None for an open fine and for kinds without money.

    `duty` names who has to act on it first and second, where the policy says so.
    """

    kind: str
    amount: Amount | None
    liable: tuple[str, ...]
    occurrence: int
    article: str
    duty: tuple[str, ...] = ()
    status: str = "proposed"

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's penalty object; `duty` is left out where nobody has one."""
        body: dict[str, Any] = {
            "kind": self.kind,
            "amount": None if self.amount is None else self.amount.to_dict(),
            "liable": list(self.liable),
            "occurrence": self.occurrence,
            "article": self.article,
            "status": self.status,
        }
        return body | {"duty": list(self.duty)} if self.duty else body


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a policy says about a set of findings."""

    policy: str
    articles: tuple[Article, ...] = ()
    penalty: Penalty | None = None
    uncovered: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the decision's part that the policy is answerable for."""
        return {
            "policy": self.policy,
            "articles": [article.to_dict() for article in self.articles],
            "penalty": None if self.penalty is None else self.penalty.to_dict(),
            "uncovered": list(self.uncovered),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one message; `to_dict` is the public contract.

    `lexicon` is the version of the terms in force, for replay; empty where they were out of order.
    """

    request_id: str
    message_id: str | None
    action: Action
    model: str
    findings: tuple[Finding, ...]
    ruling: Ruling
    degraded: tuple[str, ...] = ()
    case_id: str | None = None
    scores: dict[str, float] | None = field(default=None, repr=False)
    lexicon: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's decision object."""
        ruling = self.ruling.to_dict()
        return {
            "request_id": self.request_id,
            "message_id": self.message_id,
            "action": self.action.value,
            "model": self.model,
            "policy": ruling["policy"],
            "findings": [finding.to_dict() for finding in self.findings],
            "articles": ruling["articles"],
            "penalty": ruling["penalty"],
            "uncovered": ruling["uncovered"],
            "degraded": list(self.degraded),
            "case_id": self.case_id,
        }
