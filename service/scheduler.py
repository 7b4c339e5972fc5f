"""Looks at the duties of groups when their time has come: in every service, each group by one of them.

    groups due? ─ a few in one writing transaction ─ reminders and cases ─ the next few ─ rest

When a group is to be looked at next stands in the database, so a restart, a second replica or a clock put
forward or back changes nothing but who does it and when.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from moderation.policyfiles import PolicyBook
from service.settings import Settings
from service.storage import checks
from service.storage.casebook import Casebook
from service.storage.database import Database
from service.storage.dutybook import Checked, Dutybook
from service.storage.groupfacts import FactBook
from service.storage.rulings import Rulings

logger = logging.getLogger(__name__)

AT_ONCE = 5
"""Groups in one transaction: messages that come in meanwhile wait for it."""
PAUSE = 15.0
"""Seconds between two looks when nothing was due."""


@asynccontextmanager
async def running(database: Database, dutybook: Dutybook) -> AsyncIterator[None]:
    """Look in the background; at the end the transaction under way is still finished."""
    scheduler = Scheduler(database, dutybook)
    await asyncio.to_thread(scheduler.wake)
    task = asyncio.create_task(scheduler.run())
    try:
        yield
    finally:
        scheduler.stop()
        await task


def load_dutybook(settings: Settings, policies: PolicyBook, casebook: Casebook) -> Dutybook:
    """Return the book of duties as the settings want it.

    Raises:
        DataFileError: the calendar file is wrong.
    """
    rulings = Rulings(policies, settings.default_policy)
    facts = FactBook(rulings, settings.worktimes, settings.company)
    return Dutybook(facts, casebook, timedelta(minutes=settings.lateness))


class Scheduler:
    """Checks what is due."""

    def __init__(
        self,
        database: Database,
        dutybook: Dutybook,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: float = PAUSE,
    ) -> None:
        self.database = database
        self.dutybook = dutybook
        self.now = now
        self.pause = pause
        self._stop = asyncio.Event()

    def wake(self) -> None:
        """Let every group be looked at: policies and calendar may be others than before."""
        with self.database.write() as connection:
            checks.wake_every(connection, self.now())

    async def run(self) -> None:
        """Check what is due until `stop`."""
        while not self._stop.is_set():
            try:
                await asyncio.to_thread(self.tick)
            except Exception:  # a database out of order now must not end the checking for good
                logger.exception("conduct: nothing checked")
            try:
                await asyncio.wait_for(self._stop.wait(), self.pause)
            except TimeoutError:
                continue

    def stop(self) -> None:
        """Let `run` end."""
        self._stop.set()

    def tick(self) -> Checked:
        """Check every group whose time has come; return what that came to."""
        at, done = self.now(), Checked()
        while self._is_due(at) and not self._stop.is_set():
            try:
                with self.database.write() as connection:
                    self.dutybook.check_due(connection, at, AT_ONCE, done)
            except BaseException:
                self.dutybook.forget()
                raise
        return done

    def _is_due(self, at: datetime) -> bool:
        with self.database.read() as connection:
            return bool(checks.due(connection, at, 1))
