"""`moderation policy`: list, show, check and explain policies."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from moderation.types import GroupKind, SenderRole
from service.cli import show

app = typer.Typer(no_args_is_help=True, help="Look at policies and check a firm's own policy file.")

Folders = Annotated[
    list[Path] | None, typer.Option("--policies", help="Folder of own policy files.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="list")
def list_policies(policies: Folders = None, as_json: Json = False) -> None:
    """List the policies at hand.

    Example: moderation policy list --json
    """
    from moderation.policyfiles import PolicyBook
    from service.policyview import policy_head

    heads = [policy_head(policy) for policy in PolicyBook.load(*policies or ())]
    if as_json:
        show.as_json(heads)
        return
    rows = [[h["id"], h["title"], ", ".join(h["groups"]), ", ".join(h["uncovered"])] for h in heads]
    show.table("policies", ["id", "title", "groups", "uncovered labels"], rows)


@app.command(name="show")
def show_policy(policy_id: str, policies: Folders = None, as_json: Json = False) -> None:
    """Show every article of a policy.

    Example: moderation policy show suzhou-2017
    """
    from moderation.policyfiles import PolicyBook
    from service.policyview import policy_to_dict

    body = policy_to_dict(PolicyBook.load(*policies or ())[policy_id])
    if as_json:
        show.as_json(body)
        return
    rows = [
        [a["article"], ", ".join(a["labels"]), a["summary"], " → ".join(map(_step, a["ladder"]))]
        for a in body["articles"]
    ]
    rows += [
        [c["article"], c["rule"], c["summary"], " + ".join(map(_step, c["penalties"]))]
        for c in body["conduct"]
    ]
    show.table(
        f"{body['title']} ({body['version']})", ["article", "labels", "summary", "penalty"], rows
    )


@app.command()
def check(file: Path, as_json: Json = False) -> None:
    """Check a policy file; exit code 1 and the line of the mistake if it is wrong.

    Example: moderation policy check our-policy.toml
    """
    from moderation.errors import DataFileError
    from moderation.policyfiles import load_policy
    from service.policyview import policy_head

    try:
        head = policy_head(load_policy(file))
    except DataFileError as error:
        if as_json:
            show.as_json(
                {"ok": False, "file": error.path, "line": error.line, "problem": error.problem}
            )
        else:
            typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    if as_json:
        show.as_json({"ok": True} | head)
    else:
        typer.echo(
            f"{file}: ok, {head['version']}; uncovered: {', '.join(head['uncovered']) or '-'}"
        )


@app.command()
def explain(
    policy_id: str,
    labels: Annotated[list[str], typer.Argument(metavar="LABEL…")],
    occurrence: Annotated[int, typer.Option(min=1, help="Which offence it would be.")] = 1,
    group_kind: Annotated[GroupKind, typer.Option(help="Kind of group.")] = GroupKind.WORK,
    sender_role: Annotated[SenderRole, typer.Option(help="Who sent it.")] = SenderRole.STAFF,
    policies: Folders = None,
    as_json: Json = False,
) -> None:
    """Say which articles labels break and which penalty would be proposed.

    Example: moderation policy explain shenzhen commercial_ad --occurrence 2 --json
    """
    from moderation.policy import Circumstances, decide
    from moderation.policyfiles import PolicyBook
    from moderation.taxonomy import taxonomy

    policy = PolicyBook.load(*policies or ())[policy_id]
    names = [taxonomy()[label].id for label in labels]
    circumstances = Circumstances(group_kind, sender_role, confirmed_otherwise=occurrence - 1)
    ruling = decide(names, policy, circumstances)
    if as_json:
        show.as_json(ruling.to_dict())
        return
    for article in ruling.articles:
        typer.echo(f"第{article.article}条（{', '.join(article.labels)}）：{article.summary}")
    typer.echo(f"拟处理：{show.penalty(ruling.penalty)}" if ruling.penalty else "无拟处理")
    if ruling.uncovered:
        typer.echo(f"制度未涉及：{', '.join(ruling.uncovered)}")


@app.command(name="try")
def try_policy(
    file: Path,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this day on.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Price the confirmed cases of a policy under a draft of it, and change nothing.

    The draft has the id of the policy whose cases are tried.

    Example: moderation policy try our-firm-draft.toml --since 2026-01-01
    """
    from moderation.policyfiles import PolicyBook, load_policy
    from service import policytrial
    from service.cli.store import opened
    from service.storage import history
    from service.storage.snapshots import Snapshots

    draft = load_policy(file)
    with opened() as (database, settings), database.read() as connection:
        snapshots = Snapshots(PolicyBook.load(settings.policies))
        past = history.confirmed(connection, snapshots, draft.id)
        start = since or datetime.min.replace(year=1970)
        trial = policytrial.try_policy(draft, past, start.replace(tzinfo=settings.zone))
    if as_json:
        show.as_json(trial.to_dict())
        return
    typer.echo(
        f"{trial.cases} confirmed cases of {draft.id}, {len(trial.differences)} priced otherwise"
    )
    rows = [
        [name, str(one.cases), f"{one.least:.2f}", str(other.cases), f"{other.least:.2f}"]
        for name, (one, other) in [*trial.articles.items(), ("all", (trial.before, trial.after))]
    ]
    show.table("articles", ["article", "cases", "fines from", "draft: cases", "fines from"], rows)
    changed = [
        [
            one.case_id,
            one.at.astimezone(settings.zone).strftime("%Y-%m-%d"),
            show.penalty(one.before) if one.before else "无",
            show.penalty(one.after) if one.after else "无",
        ]
        for one in trial.differences
    ]
    show.table("priced otherwise", ["case", "sent", "now", "draft"], changed)


def _step(step: dict[str, Any]) -> str:
    amount = step["amount"]
    money = "" if amount is None else f" {amount['min']}–{amount['max'] or '…'}"
    who = f" ({', '.join(step['liable'])})" if "liable" in step else ""
    return f"{step['kind']}{money}{who}"
