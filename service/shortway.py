"""The short way of `POST /v1/classify`: what has nothing wrong with it is answered ahead of the framework.

    request ─ JSON, known key, one body ─ fields ─ recorder ─ answer
                    └──────────┴───────────┴── anything unusual: the general way, from the start

The framework's way costs more than judging a message. Whatever is unusual is left to it, so that
every refusal is made there and only there.
"""

from __future__ import annotations

import time

import orjson
from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from moderation.errors import UnknownNameError
from service import problems
from service.auth import Gate
from service.metrics import CLASSIFY, Metrics
from service.recorder import Recorder
from service.rights import Right
from service.schemas import ClassifyRequest
from service.storage.database import StorageError
from service.storage.intake import ConflictError


class ShortWay:
    """ASGI middleware around everything else."""

    def __init__(
        self, app: ASGIApp, *, gate: Gate, recorder: Recorder, metrics: Metrics, limit: int
    ) -> None:
        self.app = app
        self.gate = gate
        self.recorder = recorder
        self.metrics = metrics
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to classify, or pass it on."""
        started = time.perf_counter()
        if scope["type"] != "http" or scope["path"] != CLASSIFY or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        key = self._key(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        message = await receive()
        body = self._faultless(message)
        if body is None or self.gate.limit.wait(key):
            await self.app(scope, _again(message, receive), send)
            return
        try:
            answer = await self.recorder.answer(body.to_asked())
        except (ConflictError, StorageError) as error:
            response = problems.refusal(error)
            await response(scope, receive, send)
            status = response.status_code
        else:
            await _send(orjson.dumps(answer), send)
            status = 200
        self.metrics.classified(status, time.perf_counter() - started)

    def _key(self, scope: Scope) -> str | None:
        """Return the key of a request of JSON, small enough, by somebody who may classify."""
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        if (
            headers.get(b"content-type") != b"application/json"
            or not length.isdigit()
            or int(length) > self.limit
        ):
            return None
        key = headers.get(b"x-api-key", b"").decode("latin-1")
        who = self.gate.remembered(key)
        return key if who is not None and who.may(Right.CLASSIFY) else None

    def _faultless(self, message: Message) -> ClassifyRequest | None:
        """Return what a request asks for if all of it is here and nothing is wrong with it."""
        if message.get("more_body", False):
            return None
        try:
            body = ClassifyRequest.model_validate_json(message.get("body", b""))
            if body.policy is not None:
                self.recorder.moderator.policies[body.policy]
        except (ValidationError, UnknownNameError):
            return None
        return None if body.dry_run else body


def _again(message: Message, receive: Receive) -> Receive:
    """Return a `receive` that begins with a message that was taken."""
    taken = [message]

    async def both() -> Message:
        return taken.pop() if taken else await receive()

    return both


async def _send(body: bytes, send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
