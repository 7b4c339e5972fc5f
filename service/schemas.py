"""What comes in and goes out, for the command line and HTTP alike: one place that checks requests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from moderation.errors import MessageError
from moderation.types import MAX_TEXT, Action, GroupKind, Message, SenderRole, check_text
from service.asked import Asked

MAX_BATCH = 1000


def judgeable(text: str) -> str:
    """Return a text that can be judged; raises `ValueError` for another."""
    try:
        return check_text(text)
    except MessageError as error:
        raise ValueError(error.problem) from error


def _likely(at: datetime) -> datetime:
    if not EARLIEST <= at <= LATEST:
        raise ValueError(f"must be between {EARLIEST:%Y} and {LATEST:%Y}")
    return at


EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
WITHOUT_NUL = r"^[^\x00]*$"
"""What a database can keep as text."""
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=WITHOUT_NUL)]
Time = Annotated[AwareDatetime, AfterValidator(_likely)]
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
        str, Field(max_length=MAX_TEXT, description=TEXT_ABOUT), AfterValidator(judgeable)
    ]
    message_id: Name | None = None
    group_id: Name | None = None
    group_kind: GroupKind | None = None
    sender_id: Name | None = None
    sender_role: SenderRole | None = None
    sent_at: Time | None = None
    reply_to: Name | None = None
    policy: Name | None = None
    occurrence: Annotated[
        int | None,
        Field(
            ge=1,
            le=1_000_000,
            description="Which offence of the sender this would be; the ledger's count if absent",
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

    def to_asked(self) -> Asked:
        """Return what the intake records."""
        given = {key: value for key, value in vars(self).items() if key != "dry_run"}
        return Asked(**given)


class BatchRequest(BaseModel):
    """Up to a thousand messages; each is checked on its own."""

    model_config = ConfigDict(extra="forbid")

    messages: Annotated[list[Any], Field(min_length=1, max_length=MAX_BATCH)]


class Answer(BaseModel):
    """An answer of the service, also as a client holds it: unchangeable."""

    model_config = ConfigDict(frozen=True)


class EvidenceOut(Answer):
    """A piece `[start, end)` of the original text, in code points."""

    start: int
    end: int
    text: str
    read_as: str
    reason: str


class FindingOut(Answer):
    """A label found by one detector."""

    label: str
    category: str
    score: float
    source: str
    evidence: tuple[EvidenceOut, ...]


class ArticleOut(Answer):
    """An article that the message breaks."""

    article: str
    ban: str | None
    labels: tuple[str, ...]
    summary: str


class AmountOut(Answer):
    """A sum of money; `max` null means "or more"."""

    min: str
    max: str | None
    currency: str


class PenaltyOut(Answer):
    """A penalty proposed; nobody pays before a person has confirmed it."""

    kind: str
    amount: AmountOut | None
    liable: tuple[str, ...]
    occurrence: int
    article: str
    status: str
    duty: tuple[str, ...] | None = None


class RulingOut(Answer):
    """What a policy says about labels."""

    policy: str
    articles: tuple[ArticleOut, ...]
    penalty: PenaltyOut | None
    uncovered: tuple[str, ...]


class DecisionOut(RulingOut):
    """The answer to one message."""

    request_id: str
    message_id: str | None
    action: Action
    model: str
    findings: tuple[FindingOut, ...]
    degraded: tuple[str, ...]
    case_id: str | None


class FieldProblem(Answer):
    """What is wrong with one field; `pointer` is a JSON Pointer (RFC 6901) into the request."""

    pointer: str
    detail: str


class Problem(Answer):
    """Problem details (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


class BatchItemOut(Answer):
    """The answer to one message of a batch: a decision, or what is wrong with it."""

    decision: DecisionOut | None = None
    error: Problem | None = None


class BatchOut(Answer):
    """Answers in the order of the messages."""

    results: tuple[BatchItemOut, ...]


class Health(Answer):
    """What is loaded; `problem` says why the service is not at its best."""

    status: Literal["ready", "degraded"]
    model: str
    policies: int
    terms: int
    problem: str | None


def field_problems(
    error: ValidationError, prefix: tuple[str | int, ...] = ()
) -> list[FieldProblem]:
    """Return pydantic's findings as pointers and plain words."""
    return [_field_problem(found, prefix) for found in error.errors(include_url=False)]


def _field_problem(found: ErrorDetails, prefix: tuple[str | int, ...]) -> FieldProblem:
    where = (*prefix, *found["loc"])
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in where)
    return FieldProblem(pointer=pointer, detail=found["msg"].removeprefix("Value error, "))
