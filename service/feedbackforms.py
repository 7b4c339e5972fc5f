"""What is asked and answered about feedback and the estimate of recall."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from moderation.types import MAX_TEXT
from service.caseschemas import CASE_ID, Labels, Text
from service.schemas import TEXT_ABOUT, Answer, Name, Problem, judgeable

MAX_ITEMS = 100
Interval = Annotated[
    tuple[float, ...], Field(min_length=2, max_length=2, description="Lowest and highest")
]


class FeedbackItem(BaseModel):
    """What was judged wrongly, and the right labels: none for a clean message.

    It is named by its case, by its message, or it is a text alone. A message that passed is known by
    its fingerprint only: its text is sent along.
    """

    model_config = ConfigDict(extra="forbid")

    case_id: Annotated[str | None, Field(pattern=CASE_ID)] = None
    group_id: Name | None = None
    message_id: Name | None = None
    sender_id: Annotated[
        Name | None, Field(description="Who sent a message that passed; must be who sent it")
    ] = None
    text: Annotated[
        Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(judgeable)] | None,
        Field(description=TEXT_ABOUT),
    ] = None
    labels: Labels
    comment: Text = ""

    @model_validator(mode="after")
    def _names_one(self) -> FeedbackItem:
        if self.case_id is not None:
            if self.message_id or self.group_id or self.text or self.sender_id:
                raise ValueError("case_id stands alone: without message, sender and text")
        elif self.message_id is None:
            if self.text is None:
                raise ValueError("needs case_id, message_id or text")
            if self.group_id or self.sender_id:
                raise ValueError("group_id and sender_id go with a message_id")
        return self


class FeedbackRequest(BaseModel):
    """Up to a hundred items; each is checked and answered on its own."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"items": [{"case_id": "c1", "labels": [], "comment": "正常报价"}]}]
        },
    )

    items: Annotated[list[Any], Field(min_length=1, max_length=MAX_ITEMS)]


class Became(StrEnum):
    """What became of an item."""

    REPORTED = "reported"
    """It waits for a reviewer, or stands beside his verdict."""
    CONFIRMED = "confirmed"
    RELABELLED = "relabelled"
    REJECTED = "rejected"
    OPINION = "opinion"
    """A second opinion on another's verdict."""
    UNCHANGED = "unchanged"
    """The verdict says so already."""


class FeedbackOut(Answer):
    """What became of one item: its case and how, or what stood against it."""

    case_id: str | None = None
    became: Became | None = None
    error: Problem | None = None


class FeedbackAnswer(Answer):
    """Answers in the order of the items."""

    results: list[FeedbackOut]


class RecallEstimateOut(Answer):
    """How many breaches pass unseen, from the reviewed part of the sample; null while nothing is known.

    `passed` is how many messages passed, estimated; `found` how many breaches were flagged, of cases
    not judged yet the share that is to be expected. The intervals hold at 95 %.
    """

    sampled: int
    reviewed: int
    missed: int
    miss_rate: float | None
    miss_interval: Interval | None
    passed: float
    found: float
    recall: float | None
    recall_interval: Interval | None
