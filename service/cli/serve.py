"""`moderation serve`: the HTTP service on one machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fastapi import FastAPI


def serve(
    host: Annotated[str | None, typer.Option(help="Address; default MODERATION_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; default MODERATION_PORT.")] = None,
) -> None:
    """Start the service and print its address, its key and a line to try it with.

    Example: moderation serve --port 8000
    """
    from service.app import create_app
    from service.settings import Settings

    given: dict[str, Any] = {
        key: value for key, value in (("host", host), ("port", port)) if value is not None
    }
    run(create_app(Settings(**given)), _welcome)


def run(app: FastAPI, welcome: Callable[[str, FastAPI], str]) -> None:
    """Serve an application at the address of its settings, which `welcome` tells the user."""
    import gc

    import uvicorn

    settings = app.state.settings
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_level="warning", access_log=False
    )
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    address = f"http://{settings.host}:{socket.getsockname()[1]}"
    gc.collect()
    gc.freeze()  # what is loaded now stays: the collector need not look through it again and again
    typer.echo(welcome(address, app))
    server.run(sockets=[socket])


def _welcome(address: str, app: FastAPI) -> str:
    key = app.state.gate.bot_key
    body = json.dumps(
        {"text": "诚信代开发嘌，加薇详谈", "policy": "suzhou-2017"}, ensure_ascii=False
    )
    return (
        f"listening on  {address}   (API: {address}/docs)\n"
        f"API key       {key}\n"
        f"{_setup(address, app)}\n"
        f"curl -s {address}/v1/classify -H 'X-API-Key: {key}' "
        f"-H 'Content-Type: application/json' -d '{body}'\n"
    )


def _setup(address: str, app: FastAPI) -> str:
    """Return the line that leads to the first administrator's page, nothing once there is a user."""
    from service.pages.signin import setup_token
    from service.storage.accounts import all_users

    with app.state.database.read() as connection:
        if all_users(connection):
            return ""
    token = setup_token(app.state.recorder.intake.key)
    return f"first user    {address}/setup?token={token}\n"
