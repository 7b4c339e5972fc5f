"""`moderation serve`: the HTTP service on one machine."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer


def serve(
    host: Annotated[str | None, typer.Option(help="Address; default MODERATION_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; default MODERATION_PORT.")] = None,
) -> None:
    """Start the service and print its address, its key and a line to try it with.

    Example: moderation serve --port 8000
    """
    import gc

    import uvicorn

    from service.app import create_app
    from service.settings import Settings

    given: dict[str, Any] = {
        key: value for key, value in (("host", host), ("port", port)) if value is not None
    }
    settings = Settings(**given)
    app = create_app(settings)
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_level="warning", access_log=False
    )
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    address = f"http://{settings.host}:{socket.getsockname()[1]}"
    gc.collect()
    gc.freeze()  # what is loaded now stays: the collector need not look through it again and again
    typer.echo(_welcome(address, app.state.api_key.decode()))
    server.run(sockets=[socket])


def _welcome(address: str, key: str) -> str:
    body = json.dumps(
        {"text": "诚信代开发嘌，加薇详谈", "policy": "suzhou-2017"}, ensure_ascii=False
    )
    return (
        f"listening on  {address}   (docs: {address}/docs)\n"
        f"API key       {key}\n\n"
        f"curl -s {address}/v1/classify -H 'X-API-Key: {key}' "
        f"-H 'Content-Type: application/json' -d '{body}'\n"
    )
