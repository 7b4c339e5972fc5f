"""What is asked and answered about notices, payroll and instructions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.notices import ActionState, NoticeState
from service.schemas import Answer, ArticleOut, PenaltyOut


class Withdrawal(BaseModel):
    """Why a notice is withdrawn; it stands on the document."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]


class SomeoneOut(Answer):
    """A person as the roster and the group know him."""

    member_id: str | None
    name: str | None
    department: str | None
    nickname: str | None


class LiableOut(SomeoneOut):
    """Who answers for the breach, and as what."""

    party: str


class SignedOut(Answer):
    """Who did it, and when."""

    by: str
    at: datetime


class NoticeOut(Answer):
    """A notice (奖惩通知单). `text` is the message, masked, null once erased.

    `changed` says that the ledger has come to something else since it was approved or published.
    """

    id: int
    case_id: str
    number: str | None
    state: NoticeState
    changed: bool
    policy: str
    policy_title: str
    penalty: PenaltyOut
    amount: str | None
    articles: tuple[ArticleOut, ...]
    liable: tuple[LiableOut, ...]
    sender: SomeoneOut
    group_id: str | None
    group_name: str | None
    labels: tuple[str, ...]
    sent_at: datetime
    text: str | None
    recalled: bool
    drafted_at: datetime
    decided_by: str
    approved: SignedOut | None
    published: SignedOut | None
    withdrawn: SignedOut | None
    reason: str | None


class NoticePage(Answer):
    """Notices, newest first; `next` is the `before` of the page after this, null on the last."""

    notices: tuple[NoticeOut, ...]
    next: int | None


class ChargeOut(Answer):
    """One sum from one notice; a correction is negative."""

    number: str
    party: str
    amount: str
    at: datetime


class PayrollRowOut(Answer):
    """A person's deductions in the month; `mark` says what payroll has to look at."""

    member_id: str | None
    name: str | None
    department: str | None
    charged: str
    given_back: str
    total: str
    wage: str | None
    cap: str | None
    over_cap: bool
    mark: str
    charges: tuple[ChargeOut, ...]


class PayrollOut(Answer):
    """The deductions of a month, and what the law says of them."""

    month: str
    rows: tuple[PayrollRowOut, ...]
    total: str
    law: str


class ActionOut(Answer):
    """An instruction to the bot. The webhook gets the same without the last three fields.

    One of the kind `duty` reminds of something that is not yet a case.
    """

    model_config = ConfigDict(from_attributes=True, frozen=True)

    id: int
    kind: Literal["duty", "reminder", "warning", "serious_warning", "removal", "restore"]
    group_id: str | None
    member_id: str | None
    text: str
    case_id: str | None
    notice_id: int | None
    created_at: datetime
    state: ActionState
    attempts: int
    error: str | None

    @classmethod
    def of(cls, row: Any) -> ActionOut:
        """Return the public form of a stored instruction."""
        return cls.model_validate(row)


class ActionPage(Answer):
    """Instructions, oldest first; `next` is the `after` of the page after this, null on the last."""

    actions: tuple[ActionOut, ...]
    next: int | None
