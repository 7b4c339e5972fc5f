"""`/cases/{case_id}`: one case with all that a verdict needs, and the verdict by one key."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response

from moderation.errors import ModerationError, UnknownNameError
from service.cases import Appeal, RuleError, Verb
from service.caseschemas import EntryOut
from service.desk import RIGHTS, Desk
from service.ledger import AmountError
from service.pages.marking import pieces
from service.pages.shell import PageError, Visit, in_thread, page, redirect
from service.pages.words import refusal
from service.rights import Right
from service.storage.casebook import ErasedError, UnknownCaseError

router = APIRouter(prefix="/cases/{case_id}", include_in_schema=False)
Seeing = Annotated[Visit, page(Right.SEE_CASES)]
Revealing = Annotated[Visit, page(Right.REVEAL)]
FORMS = {
    "claim": Verb.CLAIM,
    "release": Verb.RELEASE,
    "confirm": Verb.CONFIRM,
    "relabel": Verb.RELABEL,
    "reject": Verb.REJECT,
    "amount": Verb.AMOUNT,
    "undo": Verb.UNDO,
    "comment": Verb.COMMENT,
    "opinion": Verb.OPINION,
    "appeal": Verb.APPEAL,
    "decide": Verb.DECIDE_APPEAL,
    "reopen": Verb.REOPEN,
}


@router.get("")
async def case(visit: Seeing, case_id: str) -> Response:
    """Show a case."""
    return await _show(visit, case_id)


@router.get("/preview")
async def preview(
    visit: Seeing,
    case_id: str,
    label: Annotated[list[str], Query(max_length=19)] = [],  # noqa: B006
) -> Response:
    """Show what would follow from these labels: changes while a reviewer ticks them."""
    desk: Desk = visit.state.desk
    try:
        entry: EntryOut = await in_thread(lambda: desk.preview(case_id, label))
    except (UnknownCaseError, UnknownNameError) as error:
        raise PageError(404, "没有这个案件或标签。") from error
    return visit.show("part_preview.html", entry=entry, case_id=case_id)


@router.post("/reveal")
async def reveal(visit: Revealing, case_id: str) -> Response:
    """Show the text with nothing hidden; that is noted in the audit log."""
    desk: Desk = visit.state.desk
    try:
        shown = await in_thread(lambda: desk.reveal(case_id, visit.who.name))
    except (UnknownCaseError, ErasedError) as error:
        raise PageError(404, "没有这个案件，或内容已清除。") from error
    return await _show(visit, case_id, text=shown.text)


@router.post("/{form}")
async def act(
    visit: Seeing,
    case_id: str,
    form: str,
    label: Annotated[list[str], Form()] = [],  # noqa: B006
    amount: Annotated[str, Form(max_length=20)] = "",
    text: Annotated[str, Form(max_length=2000)] = "",
    outcome: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Do something to the case and show it again; what the rules refuse is said in words."""
    if form not in FORMS:
        raise PageError(404, "没有这个操作。")
    verb = FORMS[form]
    if not visit.may(RIGHTS[verb]):
        raise PageError(403, "你的角色没有这个权限。")
    desk: Desk = visit.state.desk
    try:
        given: dict[str, Any] = {
            "labels": tuple(label),
            "amount": _sum(amount),
            "text": text.strip(),
            "outcome": Appeal(outcome) if outcome else None,
        }
        await in_thread(lambda: desk.act(case_id, visit.who.name, verb, **given))
    except UnknownCaseError as error:
        raise PageError(404, "没有这个案件。") from error
    except (RuleError, AmountError, UnknownNameError, ValueError) as error:
        return await _show(visit, case_id, problem=refusal(error), status=409)
    if visit.is_part:
        return await _show(visit, case_id)
    return redirect(f"/cases/{case_id}")


async def _show(
    visit: Visit,
    case_id: str,
    text: str | None = None,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    desk: Desk = visit.state.desk
    try:
        found, entry, place = await in_thread(lambda: desk.examine(case_id))
    except ModerationError as error:
        raise PageError(404, "没有这个案件。") from error
    shown = text if text is not None else found.text
    findings = [one.model_dump() for one in found.decision.findings]
    part = visit.request.headers.get("hx-target") == "case"
    return visit.show(
        "part_case.html" if part else "case.html",
        200 if part and problem else status,
        c=found,
        entry=entry,
        place=place,
        pieces=None if shown is None else pieces(shown, findings),
        revealed=text is not None,
        dotted=found.text is not None and "•" in found.text,
        problem=problem,
        me=visit.who.name,
    )


def _sum(text: str) -> Decimal | None:
    if not text.strip():
        return None
    try:
        return Decimal(text.strip())
    except InvalidOperation as error:
        raise ValueError("amount") from error
