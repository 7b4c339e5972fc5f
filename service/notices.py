"""The way of a notice (奖惩通知单) from draft to publication. Pure.

    draft ─ approve (a second person) ─ approved ─ publish (numbered) ─ published
      └───────────────── withdraw ───────┴──────────────────────────────┘ ─ withdrawn

What a notice says follows the ledger while it is a draft. An approved one falls back to draft when the
ledger changes; a published one is marked, for a person to withdraw.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from moderation.errors import ModerationError
from moderation.types import Penalty


class NoticeState(StrEnum):
    """Where a notice stands."""

    DRAFT = "draft"
    APPROVED = "approved"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class ActionState(StrEnum):
    """Where an instruction to the bot stands; a dead one could not be sent."""

    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    CANCELLED = "cancelled"
    DEAD = "dead"


WITHOUT_NOTICE = ("reminder",)
"""Kinds of penalty that are given at once and by word of mouth: no notice is written for them."""


class NoticeError(ModerationError):
    """A step that a notice does not allow now."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice on one case. `amount` is None while an open fine waits for its sum.

    `decided_by` confirmed the case. `changed` says that the ledger has since come to something else
    than what was approved or published.
    """

    decided_by: str
    penalty: Penalty
    amount: Decimal | None
    state: NoticeState = NoticeState.DRAFT
    approved_by: str | None = None
    changed: bool = False


def draft(decided_by: str, penalty: Penalty, amount: Decimal | None) -> Notice:
    """Return the notice that a confirmed case begins with."""
    return Notice(decided_by, penalty, amount)


def needs_notice(penalty: Penalty | None) -> bool:
    """Return whether a penalty is given by notice."""
    return penalty is not None and penalty.kind not in WITHOUT_NOTICE


def approve(notice: Notice, by: str, concerned: Collection[str] = ()) -> Notice:
    """Return the notice approved; `concerned` are the users whom it is on.

    Raises:
        NoticeError: it is no draft, lacks its amount, or `by` decided the case himself or is concerned.
    """
    _must_be(notice, NoticeState.DRAFT, "approve")
    if by in concerned:
        raise NoticeError("nobody approves a notice on himself")
    if by == notice.decided_by:
        raise NoticeError("a notice is approved by another person than the one who confirmed")
    if notice.amount is None:
        raise NoticeError("the policy leaves the amount open: set it first")
    return replace(notice, state=NoticeState.APPROVED, approved_by=by, changed=False)


def publish(notice: Notice) -> Notice:
    """Return the notice published; raises `NoticeError` if it is not approved."""
    _must_be(notice, NoticeState.APPROVED, "publish")
    return replace(notice, state=NoticeState.PUBLISHED)


def withdraw(notice: Notice) -> Notice:
    """Return the notice withdrawn; raises `NoticeError` if it is already."""
    if notice.state is NoticeState.WITHDRAWN:
        raise NoticeError("the notice is withdrawn already")
    return replace(notice, state=NoticeState.WITHDRAWN)


def follow(
    notice: Notice, decided_by: str | None, penalty: Penalty | None, amount: Decimal | None
) -> Notice:
    """Return the notice after the ledger has come to `penalty` (None: no breach, or none stated)."""
    if notice.state is NoticeState.WITHDRAWN:
        return notice
    same = (notice.penalty, notice.amount) == (penalty, amount)
    if notice.state is NoticeState.PUBLISHED:
        return replace(notice, changed=not same)
    if penalty is None or not needs_notice(penalty):
        return replace(notice, state=NoticeState.WITHDRAWN, changed=True)
    if same and notice.decided_by == decided_by:
        return notice
    return Notice(
        decided_by or notice.decided_by,
        penalty,
        amount,
        changed=notice.changed or notice.state is NoticeState.APPROVED or notice.penalty != penalty,
    )


def holds(notice: Notice, penalty: Penalty | None, amount: Decimal | None) -> bool:
    """Return whether the ledger still asks for what the notice imposes, be it for other words."""
    return penalty is not None and (penalty.kind, amount) == (notice.penalty.kind, notice.amount)


def _must_be(notice: Notice, state: NoticeState, verb: str) -> None:
    if notice.state is not state:
        raise NoticeError(f"cannot {verb}: the notice is {notice.state.value}, not {state.value}")
