"""Judges requests that arrive together in one batch: the cost of a batch is shared.

A batch stays open while each turn of the event loop brings more requests, and is judged at the end
of the first that brings none. There is no timer: a request that comes alone waits for nobody.
"""

from __future__ import annotations

import asyncio

from moderation import Decision, Message, Moderator

MAX_GATHERED = 64


class Batcher:
    """Gathers the messages that arrive together and judges them at once."""

    def __init__(self, moderator: Moderator) -> None:
        self.moderator = moderator
        self._waiting: list[tuple[Message, asyncio.Future[Decision]]] = []

    async def moderate(self, message: Message) -> Decision:
        """Return the decision for a message whose policy is known to exist."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Decision] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._turn, loop, 0)
        self._waiting.append((message, future))
        return await future

    def _turn(self, loop: asyncio.AbstractEventLoop, seen: int) -> None:
        """Wait another turn if this one brought more, else judge what is there."""
        if seen < len(self._waiting) < MAX_GATHERED:
            loop.call_soon(self._turn, loop, len(self._waiting))
        else:
            self._judge()

    def _judge(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            decisions = self.moderator.moderate([message for message, _ in waiting])
        except Exception as error:  # every waiting request must get an answer
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), decision in zip(waiting, decisions, strict=True):
            if not future.done():
                future.set_result(decision)
