"""`POST /v1/feedback`: what was judged wrongly. `GET /v1/recall-estimate`: how much passes unseen."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError

from moderation.errors import UnknownNameError
from service import problems
from service.api.accounts import SECURED
from service.auth import may
from service.cases import RuleError
from service.feedbackdesk import FeedbackDesk, OtherTextError, TextWantedError
from service.feedbackforms import (
    FeedbackAnswer,
    FeedbackItem,
    FeedbackOut,
    FeedbackRequest,
    RecallEstimateOut,
)
from service.rights import Principal, Right
from service.schemas import FieldProblem, Problem, Time, field_problems
from service.storage.database import Database, StorageError
from service.storage.samples import recall_estimate

router = APIRouter(prefix="/v1", tags=["feedback"], responses=SECURED)


@router.post("/feedback")
def give_feedback(
    body: FeedbackRequest, who: Annotated[Principal, may(Right.FEEDBACK)], request: Request
) -> FeedbackAnswer:
    """Say what was judged wrongly and which labels are right: 1 to 100 items, answered in order.

    A bot's word opens a case or marks one, for a reviewer to look at. A reviewer's word is a verdict.
    Saying the same again changes nothing.
    """
    desk: FeedbackDesk = request.app.state.feedback
    return FeedbackAnswer(
        results=[_taken(desk, who, item, number) for number, item in enumerate(body.items)]
    )


@router.get("/recall-estimate")
def show_recall_estimate(
    who: Annotated[Principal, may(Right.SEE_CASES)],
    request: Request,
    since: Annotated[Time | None, Query(description="Only messages from then on")] = None,
) -> RecallEstimateOut:
    """Say how many breaches pass unseen, by what reviewers find in the sample of passed messages."""
    database: Database = request.app.state.database
    with database.read() as connection:
        return RecallEstimateOut(**recall_estimate(connection, since).to_dict())


def _taken(desk: FeedbackDesk, who: Principal, given: Any, number: int) -> FeedbackOut:
    """Take one item; what stands against it is its answer."""
    here = f"/items/{number}"
    try:
        case_id, became = desk.take(FeedbackItem.model_validate(given), who)
    except ValidationError as error:
        problem = problems.invalid(field_problems(error, ("items", number)))
    except UnknownNameError as error:
        problem = _wrong(f"{here}/labels", error)
    except TextWantedError as error:
        problem = _wrong(f"{here}/text", error)
    except OtherTextError as error:
        problem = Problem(title="Conflict", status=409, detail=str(error))
    except (RuleError, StorageError) as error:
        problem = problems.of(error)
    else:
        return FeedbackOut(case_id=case_id, became=became)
    return FeedbackOut(error=problem)


def _wrong(pointer: str, error: Exception) -> Problem:
    return problems.invalid([FieldProblem(pointer=pointer, detail=str(error))])
