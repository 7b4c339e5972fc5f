"""Fifty bots and five reviewers at once, over two processes on one database."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from service.client import AsyncClient, Retries
from service.rights import Role
from tests.processes import Firm, Service
from tests.stress import aftermath
from tests.stress.bots import Bot, Told
from tests.stress.people import Approver, Messenger, Person, Reviewer
from tests.stress.size import CROWD_SECONDS, report
from tests.support import KEY

BOTS, REVIEWERS, APPROVERS = 50, 5, 2
LEAST_NOTICES = 5
ONCE = Retries(attempts=1)
"""Every answer is looked at: a 503 must not be hidden by another try."""


async def _crowd(firm: Firm, services: list[Service], told: Told) -> None:
    keys = {
        "reviewer": firm.keys("reviewer", REVIEWERS, Role.REVIEWER),
        "approver": firm.keys("approver", APPROVERS, Role.APPROVER),
    }
    async with AsyncExitStack() as stack:

        async def client(number: int, key: str) -> AsyncClient:
            url = services[number % len(services)].url
            opened = AsyncClient(url, key, timeout=60.0, retries=ONCE)
            return await stack.enter_async_context(opened)

        shared = [await client(number, KEY) for number in range(len(services))]
        people: list[Person] = [Messenger("messenger", shared[0], told)]
        for kind, name in ((Reviewer, "reviewer"), (Approver, "approver")):
            for number, key in enumerate(keys[name]):
                people.append(kind(f"{name}-{number}", await client(number, key), told))
        bots = [Bot(f"g-{number}", shared, told, number) for number in range(BOTS)]
        async with asyncio.TaskGroup() as group:
            for one in (*bots, *people):
                group.create_task(one.run())
            await asyncio.sleep(CROWD_SECONDS)
            while len(told.numbers) < LEAST_NOTICES:  # a busy machine needs longer
                await asyncio.sleep(0.1)
            told.enough = True


def test_a_crowd_loses_and_doubles_nothing(database_url, tmp_path):
    told = Told()
    with Firm(tmp_path, database_url, default_policy="shenzhen") as firm:
        asyncio.run(_crowd(firm, [firm.start(), firm.start()], told))
        assert not told.wrong
        aftermath.assert_kept(firm.database, told.flagged)
        aftermath.assert_nothing_unasked(firm.database, told.flagged)
        aftermath.assert_recalled(firm.database, told.recalled)
        aftermath.assert_numbered(firm.database, told.numbers)
        aftermath.assert_ledger_true(firm.database)
        assert firm.log() == ""
    report(f"{dict(told.done)}, {len(told.flagged)} cases, {len(told.numbers)} notices")
