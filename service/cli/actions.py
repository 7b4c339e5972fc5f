"""`moderation actions`: the instructions given to the bot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from service.cli import show, store
from service.notices import ActionState

app = typer.Typer(no_args_is_help=True, help="Look at the instructions given to the bot.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="list")
def list_actions(
    user: store.As,
    state: Annotated[ActionState, typer.Option(help="In this state.")] = ActionState.PENDING,
    after: Annotated[int, typer.Option(min=0, help="Only with a higher id.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="Instructions at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List instructions to the bot, oldest first; dead ones could not be sent.

    Example: moderation actions list --as zhao.min --state dead
    """
    from service.noticeforms import ActionOut
    from service.rights import Right
    from service.storage import actions as stored

    with store.opened() as (database, _), database.read() as connection:
        store.acting(connection, user, Right.SEE_ACTIONS)
        found = [ActionOut.of(row) for row in stored.listed(connection, state, limit, after)]
    if as_json:
        show.as_json([one.model_dump(mode="json") for one in found])
        return
    rows = [[str(a.id), a.kind, a.text, str(a.attempts), a.error or "-"] for a in found]
    show.table("actions", ["id", "kind", "text", "attempts", "error"], rows)


@app.command()
def revive(action_id: int, user: store.As, as_json: Json = False) -> None:
    """Send a dead instruction again from the start.

    Example: moderation actions revive 12 --as zhao.min
    """
    from service.noticeforms import ActionOut
    from service.rights import Right
    from service.storage import actions as stored

    with store.opened() as (database, _), database.write() as connection:
        store.acting(connection, user, Right.REVIVE)
        stored.revive(connection, datetime.now(UTC), action_id, user)
        body = ActionOut.of(stored.action_row(connection, action_id)).model_dump(mode="json")
    if as_json:
        show.as_json(body)
    else:
        typer.echo(f"action {action_id} is {body['state']}")
