"""What is asked about cases and what is answered: requests with their limits, answers with their fields."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from moderation.types import Action
from service.cases import Appeal, Order, State, Verb
from service.schemas import (
    WITHOUT_NUL,
    Answer,
    ArticleOut,
    DecisionOut,
    Name,
    PenaltyOut,
    Problem,
    Time,
)

MAX_LISTED = 200
MAX_BULK = 200
MAX_LABELS = 19
CASE_ID = r"^[0-9A-Za-z_-]{1,40}$"


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Text = Annotated[str, Field(max_length=2000, pattern=WITHOUT_NUL)]
Said = Annotated[Text, AfterValidator(_said)]
Labels = Annotated[list[Name], Field(max_length=MAX_LABELS)]
Yuan = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)]
CaseId = Annotated[str, Field(pattern=CASE_ID)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CaseListRequest(_Request):
    """Which cases to list, in which order, and from where on."""

    state: Annotated[list[State], Field(description="Any of these; all states if absent")] = []
    label: Annotated[Name | None, Field(description="A label that was found")] = None
    group_id: Name | None = None
    policy: Annotated[Name | None, Field(description="Id of a policy, without its version")] = None
    action: Literal[Action.REVIEW, Action.BLOCK] | None = None
    sender_id: Name | None = None
    since: Annotated[Time | None, Field(description="Opened at this time or later")] = None
    until: Annotated[Time | None, Field(description="Opened before this time")] = None
    recalled: bool | None = None
    appeal_open: bool = False
    opinion_wanted: bool = False
    sampled: Annotated[
        bool,
        Field(
            description="Passed messages drawn at random: no other list holds one that was no breach"
        ),
    ] = False
    order: Order = Order.QUEUE
    limit: Annotated[int, Field(ge=1, le=MAX_LISTED)] = 50
    cursor: Annotated[Text | None, Field(description="`next` of the page before")] = None


class NoteRequest(_Request):
    """A step to which a word may be added."""

    text: Text = ""


class ConfirmRequest(NoteRequest):
    """A verdict on what was found; `amount` where the policy leaves the sum open or gives a range."""

    amount: Yuan | None = None


class RelabelRequest(ConfirmRequest):
    """A verdict on other labels than those found."""

    labels: Annotated[Labels, Field(min_length=1)]


class OpinionRequest(NoteRequest):
    """A second opinion: the labels that one would have given, none for no breach."""

    labels: Labels


class SaidRequest(_Request):
    """A step that needs a word: a comment, an appeal, the reason for reopening."""

    text: Said


class AppealDecisionRequest(NoteRequest):
    """The outcome of an appeal."""

    outcome: Literal[Appeal.UPHELD, Appeal.OVERTURNED]


class AmountRequest(NoteRequest):
    """The sum of a fine."""

    amount: Yuan


class BulkRequest(NoteRequest):
    """One verdict on many cases; each is claimed and decided on its own."""

    verb: Literal[Verb.CONFIRM, Verb.REJECT]
    case_ids: Annotated[list[CaseId], Field(min_length=1, max_length=MAX_BULK)]


class RecallRequest(_Request):
    """The group of a message that its sender has recalled."""

    group_id: Name | None = None


class PartyOut(Answer):
    """A party that the policy names and who that was; null where the roster does not say."""

    party: str
    member_id: str | None


class RulingOnCase(Answer):
    """What the policy asks for a breach, and which occurrence it is under each article."""

    articles: list[ArticleOut]
    penalty: PenaltyOut | None
    uncovered: list[str]
    occurrences: dict[str, int]
    amount: Annotated[str | None, Field(description="What is due; null until somebody types it")]


class RecordEntryOut(RulingOnCase):
    """A confirmed breach in a person's record; `at` is when the message was sent."""

    case_id: str
    policy: str
    at: datetime


class EntryOut(RulingOnCase):
    """A breach in the ledger with those liable for it and those who have the duty to act."""

    liable: list[PartyOut]
    duty: list[PartyOut]


class CaseHead(Answer):
    """A case as it stands in a list. `text` has its private parts dotted; null once it is erased."""

    case_id: str
    state: State
    action: Action
    opened_at: datetime
    sent_at: datetime
    group_id: str | None
    message_id: str | None
    sender_id: str | None
    reply_to: str | None
    text: str | None
    recalled_at: datetime | None
    erased_at: datetime | None
    found: list[str]
    certainty: float
    policy: str
    reviewer: str | None
    claimed_at: datetime | None
    labels: list[str]
    amount: str | None
    decided_by: str | None
    decided_at: datetime | None
    appeal: Appeal | None
    opinion_wanted: bool
    opinion_by: str | None


class CaseState(CaseHead):
    """A case after a step, with its entry in the ledger: null while no breach is confirmed."""

    entry: EntryOut | None


class StepOut(Answer):
    """Something that was done to a case; `detail` holds labels, amount, text or outcome."""

    number: int
    at: datetime
    by: str
    verb: Verb
    detail: dict[str, Any]


class NoticeOnCase(Answer):
    """A notice on a case; `changed` says that the ledger has since come to something else."""

    id: int
    number: str | None
    state: str
    kind: str
    amount: str | None
    changed: bool


class CaseOut(CaseState):
    """All that is known of a case. `counted` is the record that the first decision was made by."""

    decision: DecisionOut
    group_kind: str
    sender_role: str
    lexicon: str
    normalizer: str
    counted: dict[str, int]
    history: list[StepOut]
    notices: list[NoticeOnCase]
    record: list[RecordEntryOut]
    around: list[CaseHead]


class CaseText(Answer):
    """The text of a case with nothing hidden."""

    case_id: str
    text: str


class CountsOut(Answer):
    """How many cases the filters find in each state, and how many wait for something else."""

    by_state: dict[State, int]
    appeal_open: int
    opinion_wanted: int
    sampled: Annotated[int, Field(description="Passed messages drawn at random, not judged yet")]


class CaseListOut(Answer):
    """A page of cases; `next` is the cursor of the page after it, null on the last one."""

    cases: list[CaseHead]
    next: str | None
    counts: CountsOut


class RecordOut(Answer):
    """The last confirmed breaches of a person under all policies, in order of their messages."""

    member_id: str
    entries: list[RecordEntryOut]


class BulkItemOut(Answer):
    """What became of one case: its new state, or what stood against it."""

    case_id: str
    case: CaseState | None = None
    error: Problem | None = None


class BulkOut(Answer):
    """Answers in the order of the cases."""

    results: list[BulkItemOut]


class AgreementOut(Answer):
    """How often second opinions gave the verdict's labels (`share`), and how many are awaited."""

    opinions: int
    same_labels: int
    same_verdict: int
    share: float | None
    awaited: int


class RecallOut(Answer):
    """A recalled message and its case, null where it had passed."""

    message_id: str
    case_id: str | None
