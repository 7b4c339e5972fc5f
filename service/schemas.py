"""What comes in and goes out, for the command line and HTTP alike: one place that checks requests."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from moderation.errors import MessageError
from moderation.types import MAX_TEXT, Action, GroupKind, Message, SenderRole, check_text

MAX_BATCH = 1000


def _judgeable(text: str) -> str:
    try:
        return check_text(text)
    except MessageError as error:
        raise ValueError(error.problem) from error


Name = Annotated[str, Field(min_length=1, max_length=200)]
TEXT_ABOUT = f"The message, 1 to {MAX_TEXT} characters"


class ClassifyRequest(BaseModel):
    """A message to be judged."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "text": "加薇看片 日结佣金",
                    "message_id": "m-1",
                    "group_id": "g-7",
                    "sender_id": "u-42",
                    "policy": "suzhou-2017",
                }
            ]
        },
    )

    text: Annotated[
        str, Field(max_length=MAX_TEXT, description=TEXT_ABOUT), AfterValidator(_judgeable)
    ]
    message_id: Name | None = None
    group_id: Name | None = None
    group_kind: GroupKind | None = None
    sender_id: Name | None = None
    sender_role: SenderRole | None = None
    sent_at: datetime | None = None
    reply_to: Name | None = None
    policy: Name | None = None
    occurrence: Annotated[
        int | None,
        Field(
            ge=1, le=1_000_000, description="Which offence of the sender this would be; 1 if absent"
        ),
    ] = None
    dry_run: bool = False

    def to_message(self, **defaults: Any) -> Message:
        """Return the library's message; `defaults` stand in for fields that are absent."""
        given = {
            key: value
            for key, value in vars(self).items()
            if value is not None and key != "dry_run"
        }
        return Message(**(defaults | given))


class BatchRequest(BaseModel):
    """Up to a thousand messages; each is checked on its own."""

    model_config = ConfigDict(extra="forbid")

    messages: Annotated[list[Any], Field(min_length=1, max_length=MAX_BATCH)]


class EvidenceOut(BaseModel):
    """A piece `[start, end)` of the original text, in code points."""

    start: int
    end: int
    text: str
    read_as: str
    reason: str


class FindingOut(BaseModel):
    """A label found by one detector."""

    label: str
    category: str
    score: float
    source: str
    evidence: list[EvidenceOut]


class ArticleOut(BaseModel):
    """An article that the message breaks."""

    article: str
    ban: str | None
    labels: list[str]
    summary: str


class AmountOut(BaseModel):
    """A sum of money; `max` null means "or more"."""

    min: str
    max: str | None
    currency: str


class PenaltyOut(BaseModel):
    """A penalty proposed; nobody pays before a person has confirmed it."""

    kind: str
    amount: AmountOut | None
    liable: list[str]
    occurrence: int
    article: str
    status: str
    duty: list[str] | None = None


class RulingOut(BaseModel):
    """What a policy says about labels."""

    policy: str
    articles: list[ArticleOut]
    penalty: PenaltyOut | None
    uncovered: list[str]


class DecisionOut(RulingOut):
    """The answer to one message."""

    request_id: str
    message_id: str | None
    action: Action
    model: str
    findings: list[FindingOut]
    degraded: list[str]
    case_id: str | None


class FieldProblem(BaseModel):
    """What is wrong with one field; `pointer` is a JSON Pointer (RFC 6901) into the request."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


class BatchItemOut(BaseModel):
    """The answer to one message of a batch: a decision, or what is wrong with it."""

    decision: DecisionOut | None = None
    error: Problem | None = None


class BatchOut(BaseModel):
    """Answers in the order of the messages."""

    results: list[BatchItemOut]


def field_problems(
    error: ValidationError, prefix: tuple[str | int, ...] = ()
) -> list[FieldProblem]:
    """Return pydantic's findings as pointers and plain words."""
    return [_field_problem(found, prefix) for found in error.errors(include_url=False)]


def _field_problem(found: ErrorDetails, prefix: tuple[str | int, ...]) -> FieldProblem:
    where = (*prefix, *found["loc"])
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in where)
    return FieldProblem(pointer=pointer, detail=found["msg"].removeprefix("Value error, "))
