"""Refuses a request body over the limit before it is read into memory."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import answer
from service.schemas import Problem


class BodyLimit:
    """ASGI middleware: answers 413 by the declared length, or as soon as more bytes than allowed came."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body counted."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if not declared.isdigit():
            await self._counted(scope, receive, send)
        elif int(declared) > self.limit:
            await self._refuse(scope, receive, send)
        else:  # the server itself reads no more than was declared
            await self.app(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen, answered = 0, False

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit:
                raise _TooLargeError
            return message

        async def watching(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self.app(scope, counting, watching)
        except _TooLargeError:
            if answered:
                raise
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = Problem(
            title="Content Too Large", status=413, detail=f"the body may have {self.limit} bytes"
        )
        await answer(problem)(scope, receive, send)


class _TooLargeError(BaseException):
    """Not an `Exception`: the framework must not answer it as an unreadable body."""
