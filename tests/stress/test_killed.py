"""kill -9 at random moments under load: what was acknowledged is there, and the log is whole."""

from __future__ import annotations

import asyncio
import random

from service.client import AsyncClient, Retries
from tests.processes import Firm, Service, free_port
from tests.stress.aftermath import assert_kept, assert_nothing_unasked
from tests.stress.bots import Bot, Told
from tests.stress.size import KILLS, report
from tests.support import KEY

BOTS = 10
PATIENT = Retries(attempts=100, first_wait=0.05, longest_wait=0.5)


async def _storm(firm: Firm, told: Told) -> None:
    """Let bots send while the service is killed and started again; they try until they are answered."""
    port = free_port()
    service = await asyncio.to_thread(firm.start, port)
    chance = random.Random(KILLS)
    async with AsyncClient(service.url, KEY, retries=PATIENT) as client:
        bots = [Bot(f"g-{number}", [client, client], told, number) for number in range(BOTS)]
        async with asyncio.TaskGroup() as group:
            for bot in bots:
                group.create_task(bot.run())
            for _ in range(KILLS):
                service = await _kill(firm, service, port, told, chance.uniform(0.0, 1.0))
            told.enough = True


async def _kill(firm: Firm, service: Service, port: int, told: Told, after: float) -> Service:
    """Kill the service some time after everybody has been answered; look; start it again."""
    enough = told.done.total() + 2 * BOTS
    while told.done.total() < enough:
        await asyncio.sleep(0.01)
    await asyncio.sleep(after)
    service.kill()
    assert_kept(firm.database, told.flagged)
    return await asyncio.to_thread(firm.start, port)


def test_an_acknowledged_flag_survives_kill_9(database_url, tmp_path):
    told = Told()
    with Firm(tmp_path, database_url) as firm:
        asyncio.run(_storm(firm, told))
        assert_kept(firm.database, told.flagged)
        assert_nothing_unasked(firm.database, told.flagged)
    assert not told.wrong
    report(f"{KILLS} kills, {told.done.total()} calls, {len(told.flagged)} flags acknowledged")
