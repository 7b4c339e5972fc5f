"""`moderation cases` and `moderation replay`: the queue and its verdicts without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service import wording
from service.cases import State, Verb
from service.cli import show, store
from service.cli.store import As

if TYPE_CHECKING:
    from service.caseschemas import CaseHead, CaseOut, EntryOut, NoteRequest, SaidRequest
    from service.desk import Desk
    from service.replay import Replayed
    from service.rights import Right

app = typer.Typer(no_args_is_help=True, help="List cases, look at one, decide it.")

CaseId = Annotated[str, typer.Argument(metavar="CASE")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Text = Annotated[str, typer.Option(help="A word for the history.")]
Said = Annotated[str, typer.Option("--text", help="Why.")]
Amount = Annotated[str | None, typer.Option(help="The fine, where the policy leaves it open.")]
SHOWN = 30
"""Characters of a text in the list."""


@app.command(name="list")
def list_cases(
    user: As,
    state: Annotated[list[State] | None, typer.Option(help="May be repeated.")] = None,
    label: Annotated[str | None, typer.Option(help="A label that was found.")] = None,
    group: Annotated[str | None, typer.Option(help="Group id.")] = None,
    policy: Annotated[str | None, typer.Option(help="Policy id.")] = None,
    action: Annotated[str | None, typer.Option(help="`review` or `block`.")] = None,
    sender: Annotated[str | None, typer.Option(help="Member id.")] = None,
    since: Annotated[str | None, typer.Option(help="Opened at this time or later.")] = None,
    until: Annotated[str | None, typer.Option(help="Opened before this time.")] = None,
    recalled: Annotated[bool | None, typer.Option(help="Recalled by the sender, or not.")] = None,
    appeal_open: Annotated[bool, typer.Option("--appeal-open", help="Appealed.")] = False,
    opinion_wanted: Annotated[
        bool, typer.Option("--opinion-wanted", help="Waiting for a second opinion.")
    ] = False,
    sampled: Annotated[
        bool, typer.Option("--sampled", help="Passed messages drawn at random.")
    ] = False,
    order: Annotated[str, typer.Option(help="`queue` or `newest`.")] = "queue",
    limit: Annotated[int, typer.Option(help="Cases at most.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Behind this case, as `next` said.")] = None,
    as_json: Json = False,
) -> None:
    """List cases: the gravest first, then the least certain, then the oldest.

    Example: moderation cases list --as li.na --state open --label illicit_ad
    """
    from service.caseschemas import CaseListRequest
    from service.rights import Right

    asked = store.checked(
        CaseListRequest,
        **{"state": state or [], "label": label, "group_id": group, "policy": policy},
        **{"action": action, "sender_id": sender, "since": since, "until": until},
        **{"recalled": recalled, "appeal_open": appeal_open, "opinion_wanted": opinion_wanted},
        **{"sampled": sampled, "order": order, "limit": limit, "cursor": cursor},
    )
    with _desk(user, Right.SEE_CASES) as desk:
        found = desk.listed(asked)
    if as_json:
        show.as_json(found.model_dump(mode="json"))
        return
    for case in found.cases:
        typer.echo(_line(case))
    if found.next:
        typer.echo(f"more: --cursor {found.next}")


@app.command(name="show")
def show_case(case_id: CaseId, user: As, as_json: Json = False) -> None:
    """Show a case with everything done to it; private parts of the text are dotted.

    Example: moderation cases show c0199f3a1c2b0001a2b3c4d --as li.na
    """
    from service.rights import Right

    with _desk(user, Right.SEE_CASES) as desk:
        case = desk.look(case_id)
    if as_json:
        show.as_json(case.model_dump(mode="json", exclude_unset=True))
    else:
        _print(case)


@app.command()
def claim(case_id: CaseId, user: As, as_json: Json = False) -> None:
    """Take a case, so that nobody else decides it.

    Example: moderation cases claim CASE --as li.na
    """
    _act(case_id, user, Verb.CLAIM, None, as_json)


@app.command()
def confirm(
    case_id: CaseId, user: As, amount: Amount = None, text: Text = "", as_json: Json = False
) -> None:
    """Confirm what was found; the case must be claimed.

    Example: moderation cases confirm CASE --as li.na --amount 50.00
    """
    from service.caseschemas import ConfirmRequest

    body = store.checked(ConfirmRequest, amount=amount, text=text)
    _act(case_id, user, Verb.CONFIRM, body, as_json)


@app.command()
def relabel(
    case_id: CaseId,
    labels: Annotated[list[str], typer.Argument(metavar="LABEL…")],
    user: As,
    amount: Amount = None,
    text: Text = "",
    as_json: Json = False,
) -> None:
    """Confirm a breach under other labels than those found.

    Example: moderation cases relabel CASE commercial_ad --as li.na
    """
    from service.caseschemas import RelabelRequest

    body = store.checked(RelabelRequest, labels=labels, amount=amount, text=text)
    _act(case_id, user, Verb.RELABEL, body, as_json)


@app.command()
def reject(case_id: CaseId, user: As, text: Text = "", as_json: Json = False) -> None:
    """Decide that there is no breach.

    Example: moderation cases reject CASE --as li.na
    """
    from service.caseschemas import NoteRequest

    _act(case_id, user, Verb.REJECT, store.checked(NoteRequest, text=text), as_json)


@app.command()
def undo(case_id: CaseId, user: As, text: Text = "", as_json: Json = False) -> None:
    """Take back a verdict of one's own.

    Example: moderation cases undo CASE --as li.na
    """
    from service.caseschemas import NoteRequest

    _act(case_id, user, Verb.UNDO, store.checked(NoteRequest, text=text), as_json)


@app.command()
def reopen(case_id: CaseId, user: As, text: Said, as_json: Json = False) -> None:
    """Open a closed case again, and say why.

    Example: moderation cases reopen CASE --as wang.min --text 有新的证据
    """
    from service.caseschemas import SaidRequest

    _act(case_id, user, Verb.REOPEN, store.checked(SaidRequest, text=text), as_json)


@app.command()
def comment(case_id: CaseId, text: str, user: As, as_json: Json = False) -> None:
    """Add a comment to the history.

    Example: moderation cases comment CASE 已电话核实 --as li.na
    """
    from service.caseschemas import SaidRequest

    _act(case_id, user, Verb.COMMENT, store.checked(SaidRequest, text=text), as_json)


def replay(case_id: CaseId, as_json: Json = False) -> None:
    """Decide a case again from what was recorded: model, policy, lexicon and record of that time.

    Exit code 1 if it comes out differently, 2 if it cannot be replayed.

    Example: moderation replay c0199f3a1c2b0001a2b3c4d
    """
    from service.replay import Outcome
    from service.replay import replay as decide_again

    with store.opened() as (database, settings):
        found = decide_again(database, case_id, settings.registry, settings.model)
    if as_json:
        show.as_json(found.to_dict())
    else:
        _tell(found)
    code = {Outcome.SAME: 0, Outcome.DIFFERENT: 1, Outcome.IMPOSSIBLE: 2}[found.outcome]
    raise typer.Exit(code)


@contextmanager
def _desk(user: str, right: Right) -> Iterator[Desk]:
    """Open the desk for a user who has the right."""
    from service.desk import Desk
    from service.storage.casebook import Casebook
    from service.storage.snapshots import Snapshots

    with store.opened() as (database, settings):
        with database.read() as connection:
            store.acting(connection, user, right)
        yield Desk(database, Casebook(Snapshots(()), settings.opinion_rate))


def _act(
    case_id: str, user: str, verb: Verb, body: NoteRequest | SaidRequest | None, as_json: bool
) -> None:
    from service.desk import RIGHTS

    with _desk(user, RIGHTS[verb]) as desk:
        case = desk.act(case_id, user, verb, **(dict(body) if body else {}))
    if as_json:
        show.as_json(case.model_dump(mode="json", exclude_unset=True))
        return
    typer.echo(f"{case.case_id}: {case.state.value}")
    _print_entry(case.entry)


def _line(case: CaseHead) -> str:
    """Return a case as a line, not a cell of a table: its id must stay whole to be copied."""
    text = "" if case.text is None else case.text.replace("\n", " ")[:SHOWN]
    labels = ",".join(case.labels or case.found) or "-"
    sent = f"{case.sent_at:%Y-%m-%d %H:%MZ}"
    place = f"{case.group_id or '-'}  {case.sender_id or '-'}"
    return f"{case.case_id}  {case.state.value}  {case.action.value}  {labels}  {place}  {sent}  {text}"


def _print(case: CaseOut) -> None:
    typer.echo(f"{case.case_id}  {case.state.value}  {case.action.value}  {case.policy}")
    typer.echo(f"  {case.text if case.text is not None else '(erased)'}")
    for finding in case.decision.findings:
        read = "、".join(dict.fromkeys(piece.read_as for piece in finding.evidence))
        typer.echo(f"  {finding.label} {finding.score:.2f} ({finding.source}): {read}")
    _print_entry(case.entry)
    for step in case.history:
        told = "  ".join(f"{name}={value}" for name, value in step.detail.items())
        typer.echo(f"  {step.number}. {step.at:%Y-%m-%d %H:%MZ} {step.by} {step.verb.value} {told}")
    for notice in case.notices:
        typer.echo(f"  notice {notice.id} {notice.number or ''} {notice.kind} {notice.state}")
    typer.echo(f"  confirmed breaches of the sender: {len(case.record)}")


def _print_entry(entry: EntryOut | None) -> None:
    if entry is None:
        return
    for article in entry.articles:
        typer.echo(f"  第{article.article}条：{article.summary}")
    if entry.penalty is not None:
        liable = ", ".join(f"{one.party} {one.member_id or '?'}" for one in entry.liable)
        money = f" {entry.amount or '?'}元" if entry.penalty.kind == "fine" else ""
        kind = wording.KINDS[entry.penalty.kind]
        typer.echo(f"  {kind}{money}，第{entry.penalty.occurrence}次：{liable}")


def _tell(found: Replayed) -> None:
    typer.echo(f"{found.case_id}: {found.outcome.value}")
    if found.reason:
        typer.echo(f"  {found.reason}")
    for one in found.differences:
        typer.echo(f"  {one.field}")
        typer.echo(f"    recorded: {_brief(one.recorded)}")
        typer.echo(f"    replayed: {_brief(one.replayed)}")


def _brief(value: Any) -> str:
    return str(value)[:500]
