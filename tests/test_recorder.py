"""What comes together is judged and kept together, and the event loop does other things meanwhile."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import func, select

from moderation import segment
from moderation.policyfiles import PolicyBook
from service import recorder as recording
from service.app import create_app
from service.asked import Asked
from service.metrics import Metrics
from service.recorder import Recorder
from service.settings import Settings
from service.storage.database import StorageError
from service.storage.intake import ConflictError, Intake
from service.storage.schema import cases, seen
from tests.support import CLEAN, KEY

AD = "诚信代开发票，加微信详谈"


@pytest.fixture
def recorder(database, quiet):
    recorder = Recorder(database, Intake(PolicyBook.load(), "suzhou-2017", b"k" * 32), quiet)
    yield recorder
    recorder.close()


def answers(recorder: Recorder, *asked: Asked) -> list:
    """Ask everything at once; return answers and errors in order."""

    async def ask() -> list:
        return await asyncio.gather(*map(recorder.answer, asked), return_exceptions=True)

    return asyncio.run(ask())


def counted(database, table) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def sizes(metrics: Metrics) -> tuple[float, float]:
    """Return how many transactions there were and how many messages in them."""
    name = "moderation_transaction_messages"
    found = [metrics.registry.get_sample_value(f"{name}_{what}") for what in ("count", "sum")]
    return found[0] or 0, found[1] or 0


def test_what_comes_at_once_is_one_transaction_and_each_gets_its_own_answer(recorder, database):
    asked = [Asked(AD if n % 3 else CLEAN[0], f"m-{n}") for n in range(40)]
    found = answers(recorder, *asked)
    assert [one["message_id"] for one in found] == [one.message_id for one in asked]
    assert [one["action"] == "pass" for one in found] == [n % 3 == 0 for n in range(40)]
    assert sizes(recorder.metrics) == (1, 40)
    assert (counted(database, seen), counted(database, cases)) == (40, 26)


def test_more_than_a_transaction_holds_waits_for_the_next(recorder, monkeypatch):
    monkeypatch.setattr(recording, "MAX_BATCH", 4)
    found = answers(recorder, *(Asked(AD, f"m-{n}") for n in range(10)))
    assert sizes(recorder.metrics) == (3, 10)
    ids = [one["case_id"] for one in found]
    assert ids == sorted(ids)


def test_a_conflict_is_the_answer_of_that_message_alone(recorder):
    first, other, third = answers(recorder, *(Asked(t, "m") for t in (AD, CLEAN[0], AD)))
    assert isinstance(other, ConflictError)
    assert first == third


def test_what_the_database_refuses_is_an_error_to_each_and_the_next_is_kept(
    recorder, database, monkeypatch
):
    @contextmanager
    def refusing():
        raise StorageError("disk full")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", refusing)
        found = answers(recorder, Asked(AD), Asked(CLEAN[0]))
        assert [type(one) for one in found] == [StorageError, StorageError]
    assert [one["action"] for one in answers(recorder, Asked(AD))] == ["review"]
    assert counted(database, seen) == 1


def test_a_message_is_kept_though_its_caller_has_gone(recorder, database, monkeypatch):
    judging, goon = threading.Event(), threading.Event()
    moderate = recorder.moderator.moderate

    def slowly(messages):
        judging.set()
        goon.wait(20)  # should the loop itself be what waits
        return moderate(messages)

    monkeypatch.setattr(recorder.moderator, "moderate", slowly)

    async def ask() -> dict:
        gone = asyncio.create_task(recorder.answer(Asked(AD, "m-1")))
        stays = asyncio.create_task(recorder.answer(Asked(CLEAN[0], "m-2")))
        await asyncio.to_thread(judging.wait)
        gone.cancel()
        goon.set()
        return await stays

    assert asyncio.run(ask())["message_id"] == "m-2"
    assert counted(database, cases) == 1


def test_health_is_told_while_the_first_flagged_message_loads_the_dictionary(
    quiet_model, tmp_path, monkeypatch
):
    loading, goon = threading.Event(), threading.Event()
    dictionary = segment._dictionary

    def slowly():
        loading.set()
        goon.wait(20)  # should the loop itself be what waits
        return dictionary()

    monkeypatch.setattr(segment, "_dictionary", slowly)
    app = create_app(Settings(data_dir=tmp_path, api_key=KEY, model=str(quiet_model)))

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://service.example",
            headers={"X-API-Key": KEY},
        ) as client:
            flagged = asyncio.create_task(client.post("/v1/classify", json={"text": AD}))
            await asyncio.to_thread(loading.wait)
            health = await client.get("/healthz")
            assert not flagged.done()
            goon.set()
            return [health, await flagged]

    health, flagged = asyncio.run(ask())
    app.state.recorder.close()
    assert health.json() == {"status": "ok"}
    assert flagged.json()["action"] == "review"
