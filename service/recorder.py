"""From requests to committed answers: what comes together is judged together and kept together.

    request ─ gathered ─ judged on the loop ─ waiting ─ one transaction on one thread ─ answer
                                                ^── what comes meanwhile makes the next one

A batch of requests stays open while each turn of the event loop brings more and is judged at the end
of the first that brings none: one that comes alone waits for nobody. A request is answered when its
transaction is kept, and with an error when it is not.
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

MAX_GATHERED = 64
"""Requests judged at once: the event loop does nothing else meanwhile."""
MAX_KEPT = 512
"""Messages in one transaction."""

Future = asyncio.Future[dict[str, Any]]


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
        self._gathered: list[tuple[Asked, Future]] = []
        self._waiting: list[tuple[Asked, Decision, Future]] = []
        self._busy = False

    async def answer(self, asked: Asked) -> dict[str, Any]:
        """Judge a message and return the answer once it is kept.

        Raises:
            ConflictError: its id was used for another text.
            StorageError: the database did not keep it.
        """
        loop = asyncio.get_running_loop()
        future: Future = loop.create_future()
        self._gathered.append((asked, future))
        if len(self._gathered) == 1 and not self._busy:
            loop.call_soon(self._turn, loop, 0)
        return await future

    async def keep(self, asked: Asked, decision: Decision) -> dict[str, Any]:
        """Return the answer to a message judged elsewhere once it is kept; raises as `answer`."""
        loop = asyncio.get_running_loop()
        future: Future = loop.create_future()
        self._pass_on(loop, [(asked, decision, future)])
        return await future

    async def preview(self, asked: Asked) -> dict[str, Any]:
        """Return the answer to a message that leaves no trace; raises `StorageError`."""
        return await asyncio.to_thread(self._preview, asked)

    def close(self) -> None:
        """Wait for the transaction under way, and for the challenger."""
        self._thread.shutdown(wait=True)
        if self.shadow is not None:
            self.shadow.close()

    def _turn(self, loop: asyncio.AbstractEventLoop, seen: int) -> None:
        """Wait another turn if this one brought more, else judge what is there."""
        if seen < len(self._gathered) < MAX_GATHERED:
            loop.call_soon(self._turn, loop, len(self._gathered))
        else:
            self._judge(loop)

    def _judge(self, loop: asyncio.AbstractEventLoop) -> None:
        gathered, self._gathered = self._gathered, []
        try:
            decisions = self.moderator.moderate([asked.message() for asked, _ in gathered])
        except Exception as error:  # every waiting request must get an answer
            for _, future in gathered:
                _fail(future, error)
            return
        self._pass_on(
            loop,
            [(one, made, f) for (one, f), made in zip(gathered, decisions, strict=True)],
        )

    def _pass_on(
        self, loop: asyncio.AbstractEventLoop, judged: list[tuple[Asked, Decision, Future]]
    ) -> None:
        self._waiting += judged
        if not self._busy:
            self._busy = True
            loop.call_soon(self._start, loop)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        part, self._waiting = self._waiting[:MAX_KEPT], self._waiting[MAX_KEPT:]
        items = [(asked, decision) for asked, decision, _ in part]
        done = loop.run_in_executor(self._thread, self._record, items)
        futures = [future for *_, future in part]
        done.add_done_callback(lambda kept: self._hand_out(loop, items, futures, kept))

    def _record(self, items: Sequence[tuple[Asked, Decision]]) -> list[Answer]:
        """Record a batch in one transaction."""
        started = time.perf_counter()
        try:
            with self.database.write() as connection:
                watch = self.moderator.lexicon
                answers = self.intake.record(connection, items, self.now(), watch)
        except BaseException:
            self.intake.forget()
            raise
        self.metrics.kept(answers, time.perf_counter() - started)
        return answers

    def _hand_out(
        self,
        loop: asyncio.AbstractEventLoop,
        items: Sequence[tuple[Asked, Decision]],
        futures: list[Future],
        kept: asyncio.Future[list[Answer]],
    ) -> None:
        if self._waiting:
            self._start(loop)
        else:
            self._busy = False
            if self._gathered:
                loop.call_soon(self._turn, loop, 0)
        error = kept.exception()
        answers = [error] * len(futures) if error is not None else kept.result()
        for future, answer in zip(futures, answers, strict=True):
            if isinstance(answer, BaseException):
                _fail(future, answer)
            elif not future.done():  # a caller may have gone; what it sent is kept all the same
                future.set_result(answer)
        if self.shadow is not None and error is None:
            self.shadow.offer(items, kept.result())

    def _preview(self, asked: Asked) -> dict[str, Any]:
        decision = self.moderator.moderate([asked.message()])[0]
        with self.database.read() as connection:
            return self.intake.rulings.preview(connection, asked, decision, self.now())


def _fail(future: Future, error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
