"""Judges requests that arrive together in one batch: the cost of a batch is shared.

A request that comes alone waits for nobody. Only while requests overlap does a batch stay open for
`GATHER_SECONDS`, far less than the requests would otherwise wait for each other.
"""

from __future__ import annotations

import asyncio

from moderation import Decision, Message, Moderator

GATHER_SECONDS = 0.002
MAX_GATHERED = 64


class Batcher:
    """Gathers the messages that arrive together and judges them at once."""

    def __init__(self, moderator: Moderator) -> None:
        self.moderator = moderator
        self._waiting: list[tuple[Message, asyncio.Future[Decision]]] = []
        self._busy = False

    async def moderate(self, message: Message) -> Decision:
        """Return the decision for a message whose policy is known to exist."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Decision] = loop.create_future()
        if not self._waiting:
            if self._busy:
                loop.call_later(GATHER_SECONDS, self._judge)
            else:
                loop.call_soon(self._judge)
        self._waiting.append((message, future))
        if len(self._waiting) >= MAX_GATHERED:
            self._judge()
        return await future

    def _judge(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:  # a full batch was judged before its time came
            return
        self._busy = len(waiting) > 1
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
