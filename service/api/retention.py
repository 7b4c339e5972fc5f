"""`POST /v1/members/{member_id}/erase`: forget a person."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request

from service.api.classify import ERRORS
from service.auth import may, secret
from service.rights import Principal, Right
from service.rosterrows import Word
from service.schemas import Answer, Problem
from service.storage.erasure import erase

router = APIRouter(
    prefix="/v1",
    tags=["retention"],
    responses={code: ERRORS[code] for code in (401, 403, 413, 422, 429, 503)},
)


class ErasedOut(Answer):
    """How many of a person's cases were emptied, and in how many other rows his name was masked."""

    cases: int
    mentions: int


@router.post(
    "/members/{member_id}/erase",
    responses={404: {"model": Problem, "description": "Nothing is kept of this member"}},
)
def erase_member(
    who: Annotated[Principal, may(Right.ERASE)],
    request: Request,
    member_id: Annotated[Word, Path(description="As the bot names the sender")],
) -> ErasedOut:
    """Forget a person for good: texts and names go, the id gives way to a pseudonym.

    Counts, ledger, notices and audit log stay valid, and a later message of the id begins afresh.
    """
    state = request.app.state
    key = secret(state.settings)
    return ErasedOut(**asdict(erase(state.database, datetime.now(UTC), who.name, member_id, key)))
