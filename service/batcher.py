"""Judges requests that arrive together in one batch: the cost of a batch is shared, a lone one waits for nobody."""

from __future__ import annotations

import asyncio

from moderation import Decision, Message, Moderator


class Batcher:
    """Gathers the messages of one turn of the event loop and judges them at its end."""

    def __init__(self, moderator: Moderator) -> None:
        self.moderator = moderator
        self._waiting: list[tuple[Message, asyncio.Future[Decision]]] = []

    async def moderate(self, message: Message) -> Decision:
        """Return the decision for a message whose policy is known to exist."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Decision] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._judge)
        self._waiting.append((message, future))
        return await future

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
