"""Cases over HTTP: the queue, one case, every step of review, the record of a person, recalled messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request

from moderation.errors import ModerationError, UnknownNameError
from service import problems
from service.api.classify import ERRORS
from service.auth import may
from service.cases import RuleError, Verb
from service.caseschemas import (
    CASE_ID,
    AgreementOut,
    AmountRequest,
    AppealDecisionRequest,
    BulkItemOut,
    BulkOut,
    BulkRequest,
    CaseListOut,
    CaseListRequest,
    CaseOut,
    CaseState,
    CaseText,
    ConfirmRequest,
    EntryOut,
    NoteRequest,
    OpinionRequest,
    RecallOut,
    RecallRequest,
    RecordOut,
    RelabelRequest,
    SaidRequest,
)
from service.desk import RIGHTS, CursorError, Desk
from service.ledger import AmountError
from service.problems import ProblemError
from service.rights import Principal, Right
from service.schemas import FieldProblem, Name, Problem
from service.storage.casequery import RECORD
from service.storage.database import StorageError

router = APIRouter(
    prefix="/v1",
    tags=["cases"],
    responses={code: ERRORS[code] for code in (401, 403, 413, 422, 429, 503)},
)
Documented = dict[int | str, dict[str, Any]]
NOT_FOUND: Documented = {404: {"model": Problem, "description": "No such case"}}
STEP: Documented = NOT_FOUND | {
    409: {"model": Problem, "description": "The rules do not allow this step now"}
}

CaseId = Annotated[str, Path(pattern=CASE_ID)]
Reader = Annotated[Principal, may(Right.SEE_CASES)]
Reviewer = Annotated[Principal, may(Right.REVIEW)]
POINTERS: dict[type[ModerationError], str] = {
    AmountError: "/amount",
    UnknownNameError: "/labels",
    CursorError: "/cursor",
}
"""Mistakes of the caller that come to light below the schema, and the field that each is about."""


def desk(request: Request) -> Desk:
    """Return the reviewers' desk of the application."""
    found: Desk = request.app.state.desk
    return found


At = Annotated[Desk, Depends(desk)]


@router.get("/cases")
def list_cases(who: Reader, desk: At, asked: Annotated[CaseListRequest, Query()]) -> CaseListOut:
    """List cases: by default the gravest first, then the least certain, then the oldest."""
    with _pointing():
        return desk.listed(asked)


@router.get("/cases/{case_id}", responses=NOT_FOUND, response_model_exclude_unset=True)
def show_case(case_id: CaseId, who: Reader, desk: At) -> CaseOut:
    """Show a case: decision, masked text, history, notices, the sender's record, cases around it."""
    return desk.look(case_id)


@router.get("/cases/{case_id}/text", responses=NOT_FOUND)
def reveal_text(
    case_id: CaseId, who: Annotated[Principal, may(Right.REVEAL)], desk: At
) -> CaseText:
    """Show the text with nothing hidden. Who reads it stands in the audit log."""
    return desk.reveal(case_id, who.name)


@router.get("/cases/{case_id}/preview", responses=NOT_FOUND, response_model_exclude_unset=True)
def preview(
    case_id: CaseId,
    who: Reader,
    desk: At,
    label: Annotated[list[Name], Query(description="The labels found if absent")] = [],  # noqa: B006
) -> EntryOut:
    """Say what would follow were the case confirmed now: articles, penalty, occurrence, who is liable."""
    with _pointing(names="/label"):
        return desk.preview(case_id, label)


@router.post("/cases/bulk", response_model_exclude_unset=True)
def decide_many(body: BulkRequest, who: Reviewer, desk: At) -> BulkOut:
    """Confirm or reject up to 200 cases. Each is claimed and decided, and answered, on its own."""
    return BulkOut(results=[_decided(desk, who, body, case_id) for case_id in body.case_ids])


@router.post("/cases/{case_id}/claim", responses=STEP, response_model_exclude_unset=True)
def claim(case_id: CaseId, who: Reviewer, desk: At) -> CaseState:
    """Take a case, so that nobody else decides it. Half an hour later another may take it over."""
    return _act(desk, case_id, who, Verb.CLAIM)


@router.post("/cases/{case_id}/release", responses=STEP, response_model_exclude_unset=True)
def release(case_id: CaseId, who: Reviewer, desk: At) -> CaseState:
    """Put a case back."""
    return _act(desk, case_id, who, Verb.RELEASE)


@router.post("/cases/{case_id}/confirm", responses=STEP, response_model_exclude_unset=True)
def confirm(
    case_id: CaseId, who: Reviewer, desk: At, body: ConfirmRequest | None = None
) -> CaseState:
    """Confirm what was found. From now on it counts in the sender's record."""
    return _act(desk, case_id, who, Verb.CONFIRM, body)


@router.post("/cases/{case_id}/relabel", responses=STEP, response_model_exclude_unset=True)
def relabel(case_id: CaseId, who: Reviewer, desk: At, body: RelabelRequest) -> CaseState:
    """Confirm a breach under other labels than those found."""
    return _act(desk, case_id, who, Verb.RELABEL, body)


@router.post("/cases/{case_id}/reject", responses=STEP, response_model_exclude_unset=True)
def reject(case_id: CaseId, who: Reviewer, desk: At, body: NoteRequest | None = None) -> CaseState:
    """Decide that there is no breach."""
    return _act(desk, case_id, who, Verb.REJECT, body)


@router.post("/cases/{case_id}/amount", responses=STEP, response_model_exclude_unset=True)
def set_amount(case_id: CaseId, who: Reviewer, desk: At, body: AmountRequest) -> CaseState:
    """Set the sum of a fine that the policy leaves open or gives a range for."""
    return _act(desk, case_id, who, Verb.AMOUNT, body)


@router.post("/cases/{case_id}/undo", responses=STEP, response_model_exclude_unset=True)
def undo(case_id: CaseId, who: Reviewer, desk: At, body: NoteRequest | None = None) -> CaseState:
    """Take back a verdict of one's own, as long as no notice on it is approved."""
    return _act(desk, case_id, who, Verb.UNDO, body)


@router.post("/cases/{case_id}/comment", responses=STEP, response_model_exclude_unset=True)
def comment(case_id: CaseId, who: Reader, desk: At, body: SaidRequest) -> CaseState:
    """Add a comment to the history."""
    return _act(desk, case_id, who, Verb.COMMENT, body)


@router.post("/cases/{case_id}/opinion", responses=STEP, response_model_exclude_unset=True)
def opinion(case_id: CaseId, who: Reviewer, desk: At, body: OpinionRequest) -> CaseState:
    """Give a second opinion on somebody else's verdict; it changes nothing but the agreement."""
    return _act(desk, case_id, who, Verb.OPINION, body)


@router.post("/cases/{case_id}/appeal", responses=STEP, response_model_exclude_unset=True)
def appeal(
    case_id: CaseId,
    who: Annotated[Principal, may(RIGHTS[Verb.APPEAL])],
    desk: At,
    body: SaidRequest,
) -> CaseState:
    """Note that the sender appeals, and why."""
    return _act(desk, case_id, who, Verb.APPEAL, body)


@router.post("/cases/{case_id}/appeal/decision", responses=STEP, response_model_exclude_unset=True)
def decide_appeal(
    case_id: CaseId,
    who: Annotated[Principal, may(RIGHTS[Verb.DECIDE_APPEAL])],
    desk: At,
    body: AppealDecisionRequest,
) -> CaseState:
    """Decide an appeal: an overturned verdict counts no more, and later penalties are computed anew."""
    return _act(desk, case_id, who, Verb.DECIDE_APPEAL, body)


@router.post("/cases/{case_id}/reopen", responses=STEP, response_model_exclude_unset=True)
def reopen(
    case_id: CaseId,
    who: Annotated[Principal, may(RIGHTS[Verb.REOPEN])],
    desk: At,
    body: SaidRequest,
) -> CaseState:
    """Open a closed case again, and say why."""
    return _act(desk, case_id, who, Verb.REOPEN, body)


@router.get("/agreement")
def agreement(who: Reader, desk: At) -> AgreementOut:
    """Say how far second opinions agree with the verdicts."""
    return AgreementOut.model_validate(desk.agreement())


@router.get("/members/{member_id}/record", response_model_exclude_unset=True)
def record(
    member_id: Annotated[Name, Path()],
    who: Reader,
    desk: At,
    limit: Annotated[int, Query(ge=1, le=1000)] = RECORD,
) -> RecordOut:
    """Show the last confirmed breaches of a person under all policies."""
    return desk.record(member_id, limit)


@router.post(
    "/messages/{message_id:path}/recall",
    responses={404: {"model": Problem, "description": "No such message"}},
)
def recall(
    message_id: Annotated[Name, Path()],
    who: Annotated[Principal, may(Right.RECALL)],
    desk: At,
    request: Request,
    body: RecallRequest | None = None,
) -> RecallOut:
    """Note that its sender has recalled a message: its case stays and is marked."""
    group_id = body.group_id if body else None
    case_id = desk.recall(request.app.state.recorder.intake.key, group_id, message_id)
    return RecallOut(message_id=message_id, case_id=case_id)


Body = NoteRequest | SaidRequest


def _act(
    desk: Desk, case_id: str, who: Principal, verb: Verb, body: Body | None = None
) -> CaseState:
    given = {} if body is None else {name: getattr(body, name) for name in type(body).model_fields}
    with _pointing():
        return desk.act(case_id, who.name, verb, **given)


def _decided(desk: Desk, who: Principal, body: BulkRequest, case_id: str) -> BulkItemOut:
    """Decide one case of many."""
    try:
        case = desk.act(case_id, who.name, Verb.CLAIM, body.verb, text=body.text)
    except (RuleError, StorageError) as error:
        return BulkItemOut(case_id=case_id, error=problems.of(error))
    return BulkItemOut(case_id=case_id, case=case)


@contextmanager
def _pointing(names: str = POINTERS[UnknownNameError]) -> Iterator[None]:
    """Answer a mistake of the caller with the field that it is about."""
    try:
        yield
    except tuple(POINTERS) as error:
        pointer = names if isinstance(error, UnknownNameError) else POINTERS[type(error)]
        problem = problems.invalid([FieldProblem(pointer=pointer, detail=str(error))])
        raise ProblemError(problem.status, problem.title, problem.detail, problem.errors) from error
