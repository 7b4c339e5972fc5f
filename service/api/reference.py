"""What the service knows: `GET /v1/labels`, `GET /v1/policies`, and what a policy says of labels."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from moderation.errors import UnknownNameError
from moderation.policy import Circumstances, Policy, decide
from moderation.policyfiles import PolicyBook
from moderation.taxonomy import taxonomy
from moderation.types import GroupKind, SenderRole
from service.api.classify import ERRORS
from service.auth import may
from service.policyview import policy_head, policy_to_dict
from service.problems import ProblemError, unknown_policy
from service.rights import Right
from service.schemas import Problem, RulingOut

router = APIRouter(
    prefix="/v1",
    tags=["reference"],
    dependencies=[may(Right.LOOK_UP)],
    responses={401: ERRORS[401], 403: ERRORS[403]},
)
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such policy"}
}


@router.get("/labels")
async def labels() -> list[dict[str, str]]:
    """List the nineteen labels with their categories and Chinese names."""
    return [
        {
            "id": label.id,
            "name": label.name,
            "about": label.about,
            "category": label.category,
            "category_name": label.category_name,
        }
        for label in taxonomy()
    ]


@router.get("/policies")
async def policies(request: Request) -> list[dict[str, Any]]:
    """List the policies at hand."""
    return [policy_head(policy) for policy in request.app.state.moderator.policies]


@router.get("/policies/{policy_id}", responses=NOT_FOUND)
async def policy(policy_id: str, request: Request) -> dict[str, Any]:
    """Show a policy: every article with labels, ladder and liable parties."""
    return policy_to_dict(_policy(request, policy_id))


@router.get(
    "/policies/{policy_id}/explain",
    response_model=RulingOut,
    response_model_exclude_unset=True,
    responses=NOT_FOUND | {422: ERRORS[422]},
)
async def explain(
    policy_id: str,
    request: Request,
    label: Annotated[list[str], Query(min_length=1)],
    occurrence: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    group_kind: GroupKind = GroupKind.WORK,
    sender_role: SenderRole = SenderRole.STAFF,
) -> dict[str, Any]:
    """Say what a policy makes of labels, exactly as a decision would carry it."""
    try:
        names = [taxonomy()[name].id for name in label]
    except UnknownNameError as error:
        problem = unknown_policy(error, "/label")
        raise ProblemError(422, problem.title, problem.detail, problem.errors) from error
    circumstances = Circumstances(group_kind, sender_role, confirmed_otherwise=occurrence - 1)
    return decide(names, _policy(request, policy_id), circumstances).to_dict()


def _policy(request: Request, policy_id: str) -> Policy:
    try:
        policies: PolicyBook = request.app.state.moderator.policies
        return policies[policy_id]
    except UnknownNameError as error:
        raise ProblemError(404, "Not Found", str(error)) from error
