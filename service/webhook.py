"""Sends instructions to the firm's webhook: at least once, signed, until one is taken or has died.

    due? ─ taken with a lease ─ posted ─ taken by the webhook: acknowledged
                                   └──── else: due again after twice the time, in the end dead

Any number of replicas may run it: the lease keeps an instruction from being sent by two at once, and
one whose sender was killed is sent again when its lease ends. Nothing is kept in memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from service.noticeforms import ActionOut
from service.storage import actions
from service.storage.database import Database

logger = logging.getLogger(__name__)

SIGNATURE = "X-Signature"
TIMESTAMP = "X-Timestamp"
PATIENCE = 10.0
"""Seconds in which the webhook must have answered."""
AT_ONCE = 10
"""Instructions sent side by side; the lease covers the time of all of them."""
LEASE = timedelta(seconds=3 * PATIENCE)
PAUSE = 1.0
"""Seconds between two looks when there was nothing to send."""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return what the webhook compares: without the secret nobody can make it, nor for an old time."""
    mac = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


@asynccontextmanager
async def sending(database: Database, url: str, secret: str) -> AsyncIterator[None]:
    """Send in the background; at the end what is in hand is still sent."""
    courier = Courier(database, url, secret)
    task = asyncio.create_task(courier.run())
    try:
        yield
    finally:
        courier.stop()
        await task


class Courier:
    """Carries instructions to one address."""

    def __init__(
        self,
        database: Database,
        url: str,
        secret: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: float = PAUSE,
    ) -> None:
        self.database = database
        self.url = url
        self.secret = secret
        self.now = now
        self.pause = pause
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Send what is due until `stop`."""
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            while not self._stop.is_set():
                if not await self._tried(client):
                    await self._rest()

    def stop(self) -> None:
        """Let `run` end after the instructions in hand."""
        self._stop.set()

    async def round(self, client: httpx.AsyncClient) -> int:
        """Send once what is due, a few at most; return how many that were."""
        taken = await asyncio.to_thread(self._take)
        errors = await asyncio.gather(*(self._send(client, row) for row in taken))
        if taken:
            await asyncio.to_thread(self._note, taken, errors)
        return len(taken)

    async def _tried(self, client: httpx.AsyncClient) -> int:
        try:
            return await self.round(client)
        except Exception:  # a database out of order now must not end the sending for good
            logger.exception("webhook: nothing sent")
            return 0

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), self.pause)
        except TimeoutError:
            return

    def _take(self) -> Sequence[Any]:
        with self.database.read() as connection:
            if not actions.is_due(connection, self.now()):
                return []
        with self.database.write() as connection:
            return actions.take_due(connection, self.now(), LEASE, AT_ONCE)

    async def _send(self, client: httpx.AsyncClient, row: Any) -> str | None:
        """Post an instruction; return what went wrong."""
        body = ActionOut.of(row).model_dump_json(exclude={"state", "attempts", "error"}).encode()
        timestamp = str(int(self.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            TIMESTAMP: timestamp,
            SIGNATURE: signature(self.secret, timestamp, body),
        }
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await client.post(self.url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return f"{type(error).__name__}: {error}".rstrip(": ")
        return None if answer.is_success else f"HTTP {answer.status_code}"

    def _note(self, taken: Sequence[Any], errors: Sequence[str | None]) -> None:
        with self.database.write() as connection:
            for row, error in zip(taken, errors, strict=True):
                if error is None:
                    actions.delivered(connection, self.now(), row.id)
                else:
                    logger.warning("webhook: action %d not taken: %s", row.id, error)
                    actions.failed(connection, self.now(), row.id, error)
