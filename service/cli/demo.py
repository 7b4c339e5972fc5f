"""`moderation demo`: the service with an invented firm and a week of its messages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.serve import run

if TYPE_CHECKING:
    from fastapi import FastAPI


def demo(
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    days: Annotated[int, typer.Option(min=1, max=365, help="Days the week is spread over.")] = 7,
    times: Annotated[int, typer.Option(min=1, max=1000, help="How many such firms.")] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="Folder to fill once and to go on with the next time.")
    ] = None,
) -> None:
    """Start the service on this machine with an invented firm, every kind of case and notice in it.

    Without `--keep` it begins afresh each time, in the folder `demo` of the data folder. Your own data
    is not touched.

    Example: moderation demo --port 8001
    """
    import shutil
    from datetime import UTC, datetime

    from service import demo as firm
    from service.app import create_app
    from service.settings import Settings
    from service.storage.accounts import all_users

    folder = keep or Settings().data_dir / "demo"
    if keep is None and folder.exists():
        shutil.rmtree(folder)
    app = create_app(firm.settings(folder, port))
    with app.state.database.read() as connection:
        empty = not all_users(connection)
    if empty:
        typer.echo("filling the demonstration …")
        firm.fill(app.state, datetime.now(UTC), days, times)
    run(app, _welcome)


def _welcome(address: str, app: FastAPI) -> str:
    from service.demo import PASSWORD, users

    names = "\n".join(f"  {user.name:<8}{user.about}" for user in users())
    return (
        f"listening on  {address}   (API: {address}/docs)\n"
        f"API key       {app.state.gate.bot_key}\n"
        f"password      {PASSWORD}   of every one of these:\n{names}\n"
    )
