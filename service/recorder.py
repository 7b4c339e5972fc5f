"""From requests to committed answers: what comes together is judged together and kept together.

    request ─ waiting ─ one thread: judged ─ one transaction ─ answer
                  ^── what comes meanwhile makes the next batch

A batch stays open while the turns of the event loop bring more and closes after some that bring
none: one that comes alone waits for nobody. A request is answered when its transaction is kept, and
with an error when it is not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from moderation import Decision, Moderator
from service.asked import Asked
from service.metrics import Metrics
from service.shadow import Shadow
from service.storage.database import Database
from service.storage.intake import Answer, Intake

MAX_BATCH = 256
"""Messages in one transaction."""
QUIET_TURNS = 2
"""Turns of the event loop that bring no request before a batch closes."""

Future = asyncio.Future[dict[str, Any]]
Kept = tuple[Sequence[tuple[Asked, Decision]], list[Answer]]


class Recorder:
    """Judges and records messages in the order in which they came."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        moderator: Moderator,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        metrics: Metrics | None = None,
        shadow: Shadow | None = None,
    ) -> None:
        self.database = database
        self.intake = intake
        self.moderator = moderator
        self.now = now
        self.metrics = metrics or Metrics()
        self.shadow = shadow
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._waiting: list[tuple[Asked, Future]] = []
        self._busy = False

    async def answer(self, asked: Asked) -> dict[str, Any]:
        """Judge a message and return the answer once it is kept.

        Raises:
            ConflictError: its id was used for another text.
            StorageError: the database did not keep it.
        """
        loop = asyncio.get_running_loop()
        future: Future = loop.create_future()
        self._waiting.append((asked, future))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._turn, loop, 0, QUIET_TURNS)
        return await future

    async def preview(self, asked: Asked) -> dict[str, Any]:
        """Return the answer to a message that leaves no trace; raises `StorageError`."""
        return await asyncio.to_thread(self._preview, asked)

    def close(self) -> None:
        """Wait for the transaction under way, and for the challenger."""
        self._thread.shutdown(wait=True)
        if self.shadow is not None:
            self.shadow.close()

    def _turn(self, loop: asyncio.AbstractEventLoop, seen: int, quiet: int) -> None:
        """Wait another turn if this one or one just before brought more, else take what is there."""
        count = len(self._waiting)
        quiet = QUIET_TURNS if count > seen else quiet - 1
        if quiet and count < MAX_BATCH:
            loop.call_soon(self._turn, loop, count, quiet)
            return
        part, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        done = loop.run_in_executor(self._thread, self._record, [asked for asked, _ in part])
        futures = [future for _, future in part]
        done.add_done_callback(lambda kept: self._hand_out(loop, futures, kept))

    def _record(self, asked: Sequence[Asked]) -> Kept:
        """Judge a batch and record it in one transaction."""
        decisions = self.moderator.moderate([one.message() for one in asked])
        items = list(zip(asked, decisions, strict=True))
        started = time.perf_counter()
        try:
            with self.database.write() as connection:
                watch = self.moderator.lexicon
                answers = self.intake.record(connection, items, self.now(), watch)
        except BaseException:
            self.intake.forget()
            raise
        self.metrics.kept(answers, time.perf_counter() - started)
        return items, answers

    def _hand_out(
        self, loop: asyncio.AbstractEventLoop, futures: list[Future], kept: asyncio.Future[Kept]
    ) -> None:
        error = kept.exception()
        answers = [error] * len(futures) if error is not None else kept.result()[1]
        for future, answer in zip(futures, answers, strict=True):
            if future.done():  # a caller may have gone; what it sent is kept all the same
                continue
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        self._busy = bool(self._waiting)
        if self._busy:  # after the answers: whoever gets one may have the next request at hand
            loop.call_soon(self._turn, loop, 0, QUIET_TURNS)
        if self.shadow is not None and error is None:
            self.shadow.offer(*kept.result())

    def _preview(self, asked: Asked) -> dict[str, Any]:
        decision = self.moderator.moderate([asked.message()])[0]
        with self.database.read() as connection:
            return self.intake.rulings.preview(connection, asked, decision, self.now())
