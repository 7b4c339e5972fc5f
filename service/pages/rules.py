"""`/policies` and `/terms`: the policies with their articles, a draft checked; the firm's own terms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response

from moderation.errors import DataFileError, UnknownNameError
from moderation.lexicon import ALLOWED, Hit, Lexicon
from moderation.normalize import normalize
from moderation.policy import Policy
from moderation.policyfiles import parse_policy
from moderation.taxonomy import taxonomy
from service import policytrial
from service.ownterms import PUT, REMOVE, OwnTerm, own_terms, put, remove
from service.pages.shell import PageError, Visit, in_thread, page, redirect
from service.policyview import policy_head, policy_to_dict
from service.rights import Right
from service.storage import audit, history
from service.storage.snapshots import Snapshots

router = APIRouter(include_in_schema=False)
Looking = Annotated[Visit, page(Right.LOOK_UP)]
Editing = Annotated[Visit, page(Right.EDIT_TERMS)]
Word = Annotated[str, Form(max_length=100)]
HISTORY = 30
MAX_POLICY = 200_000


@router.get("/policies")
async def policies(visit: Looking) -> Response:
    """List the policies, with the form to check a draft."""
    return _policies(visit)


@router.post("/policies")
async def check(visit: Looking, file: Annotated[UploadFile, File()]) -> Response:
    """Check a draft: show it as it would be read and what it would have changed, or its first mistake.

    Nothing is kept.
    """
    content = await file.read(MAX_POLICY)
    name = Path(file.filename or "draft.toml").name
    try:
        policy = parse_policy(content.decode("utf-8-sig"), Path(name))
    except UnicodeDecodeError:
        return _policies(visit, problem=f"{name} 不是 UTF-8 编码的文本。")
    except DataFileError as error:
        return _policies(visit, problem=str(error))
    trial = await _trial(visit, policy) if visit.may(Right.SEE_CASES) else None
    return visit.show("policy.html", policy=policy_to_dict(policy), draft=name, trial=trial)


async def _trial(visit: Visit, draft: Policy) -> policytrial.Trial | None:
    """Return what the draft would have changed, None where no case of this policy is confirmed."""

    def look() -> list[policytrial.Past]:
        with visit.state.database.read() as connection:
            snapshots = Snapshots(visit.state.moderator.policies)
            return history.confirmed(connection, snapshots, draft.id)

    past = await in_thread(look)
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return policytrial.try_policy(draft, past, start) if past else None


@router.get("/policies/{policy_id}")
async def policy(visit: Looking, policy_id: str) -> Response:
    """Show a policy: articles, labels, ladders, what it leaves uncovered."""
    try:
        found = visit.state.moderator.policies[policy_id]
    except UnknownNameError as error:
        raise PageError(404, "没有这个制度。") from error
    return visit.show("policy.html", policy=policy_to_dict(found), draft=None, trial=None)


@router.get("/terms")
async def terms(visit: Looking, text: str = "", q: str = "") -> Response:
    """Show the firm's terms, search the shipped ones, and try which terms a sentence fires."""
    return await _terms(visit, text=text[:2000], q=q[:100])


@router.post("/terms")
async def put_term(
    visit: Editing, term: Word, label: Word, score: Word = "0.9", gloss: Word = ""
) -> Response:
    """Add or change a term; it is in force within a second."""
    wanted = OwnTerm(term.strip(), label, score.strip(), gloss.strip())
    return await _change(visit, PUT, term.strip(), partial(put, _folder(visit), wanted), wanted)


@router.post("/terms/remove")
async def remove_term(visit: Editing, term: Word) -> Response:
    """Remove a term."""
    return await _change(visit, REMOVE, term, partial(remove, _folder(visit), term), None)


async def _change(
    visit: Visit,
    verb: str,
    term: str,
    work: Callable[[], OwnTerm | None],
    after: OwnTerm | None,
) -> Response:
    """Change the file and note what was before, so that it can be undone."""

    def write() -> None:
        with visit.state.database.write() as connection:
            before = work()
            detail = {
                "before": before and before.row(),
                "after": after and after.row(),
            }
            change = audit.Change(visit.who.name, verb, term, detail)
            audit.append(connection, datetime.now(UTC), [change])

    try:
        await in_thread(write)
    except DataFileError as error:
        return await _terms(visit, problem=f"没有保存：{error.problem}")
    return redirect("/terms")


def _policies(visit: Visit, problem: str | None = None) -> Response:
    heads = [policy_head(policy) for policy in visit.state.moderator.policies]
    return visit.show("policies.html", 422 if problem else 200, policies=heads, problem=problem)


async def _terms(visit: Visit, text: str = "", q: str = "", problem: str | None = None) -> Response:
    def look() -> dict[str, Any]:
        lexicon: Lexicon = visit.state.moderator.lexicon.current()
        with visit.state.database.read() as connection:
            rows = [
                *audit.listed(connection, verb=PUT, limit=HISTORY),
                *audit.listed(connection, verb=REMOVE, limit=HISTORY),
            ]
        return {
            "own": own_terms(_folder(visit)),
            "hits": _hits(lexicon, text) if text else [],
            "found": [one for one in lexicon.terms if q in one.text][:50] if q else [],
            "count": len(lexicon.terms),
            "history": sorted(rows, key=lambda row: -row.number)[:HISTORY],
        }

    found = await in_thread(look)
    labels = [(label.id, label.name) for label in taxonomy()] + [(ALLOWED, "放行")]
    return visit.show(
        "terms.html",
        422 if problem else 200,
        text=text,
        q=q,
        problem=problem,
        labels=labels,
        names=dict(labels),
        **found,
    )


def _hits(lexicon: Lexicon, text: str) -> list[Hit]:
    return lexicon.find(normalize([text.replace("\0", "")]))


def _folder(visit: Visit) -> Path:
    folder: Path = visit.state.settings.lexicons
    return folder
