"""A challenger beside the champion: what differs is told, and what was answered stays as it was."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from moderation.pipeline import Moderator
from moderation.registry import CHALLENGER
from moderation.taxonomy import taxonomy
from service import cli
from service.rights import Role
from tests.accounts import service, with_session
from tests.support import CLEAN, KEY, Api, quiet_weights, save

AD = "诚信代开发票，加微信详谈"
LOUD = "gambling"
BATCH = "/v1/classify/batch"


def loud(folder: Path, label: str = LOUD) -> Path:
    """Return the folder of a model that finds one label in every message."""
    weights = quiet_weights()
    bias = np.array(weights.bias)
    bias[taxonomy().ids.index(label)] = 8.0
    weights.bias[:] = bias
    return save(folder, weights)


@pytest.fixture
def app(database_url, quiet_model, tmp_path) -> Iterator[FastAPI]:
    app = service(tmp_path / "data", quiet_model, database=database_url, sample_rate=0.0)
    yield app
    app.state.recorder.close()
    app.state.database.close()


@pytest.fixture
def challenger(app) -> str:
    """Return the version of a challenger that finds gambling everywhere."""
    registry = app.state.settings.registry
    version = loud(registry.folders[0] / "v2").name
    registry.name(CHALLENGER, version)
    return version


def message(text: str, number: int) -> dict[str, Any]:
    return {
        "text": text,
        "message_id": f"m-{number}",
        "group_id": "g-1",
        "sender_id": f"u-{number}",
    }


def send(app: FastAPI, *texts: str) -> list[dict[str, Any]]:
    messages = [message(text, number) for number, text in enumerate(texts)]
    answer = Api(app).post(BATCH, json={"messages": messages})
    assert answer.status_code == 200, answer.text
    return [one["decision"] for one in answer.json()["results"]]


def seen(app: FastAPI, **query: Any) -> dict[str, Any]:
    """Let the challenger finish and return what is answered about it."""
    app.state.shadow.close()
    answer = with_session(app, Role.ANALYST).get("/v1/shadow", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def as_they_are(decisions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return decisions without what is new in every request."""
    return [one | {"request_id": None, "case_id": bool(one["case_id"])} for one in decisions]


def test_without_a_challenger_nothing_is_compared(app):
    send(app, AD)
    assert seen(app) == {"challenger": None, "problem": None, "comparisons": []}


def test_a_challenger_that_differs_shows_up(app, challenger):
    decisions = send(app, *CLEAN, AD)
    (found,) = seen(app)["comparisons"]
    assert (found["challenger"], found["messages"], found["agreed"]) == (challenger, 6, 0)
    assert found["champion"] == decisions[0]["model"]
    assert {"champion": "pass", "challenger": "block", "messages": 5} in found["actions"]
    own = {finding["label"] for finding in decisions[-1]["findings"]}
    by_label = {one.pop("label"): one for one in found["labels"]}
    assert by_label[LOUD] == {"both": 0, "newly_flagged": 6, "no_longer_flagged": 0}
    assert all(by_label[label]["both"] == 1 for label in own)
    (case,) = found["cases"]
    assert case["case_id"] == decisions[-1]["case_id"]
    assert set(case["challenger"]) - set(case["champion"]) == {LOUD}
    assert case["state"] == "open"


def test_answers_are_those_without_a_challenger(app, quiet_model, tmp_path):
    texts = (*CLEAN, AD, "信用卡套现，日结佣金")
    alone = service(tmp_path / "other", quiet_model)
    expected = as_they_are(send(alone, *texts))
    loud(app.state.settings.registry.folders[0] / "v2")
    app.state.settings.registry.name(CHALLENGER, "v2")
    assert as_they_are(send(app, *texts)) == expected
    assert seen(app)["comparisons"][0]["messages"] == len(texts)
    alone.state.recorder.close()
    alone.state.database.close()


def test_the_same_model_agrees_also_on_floods(app, quiet_model):
    registry = app.state.settings.registry
    save(registry.folders[0] / "v2", quiet_weights())
    registry.name(CHALLENGER, "v2")
    bot = Api(app)
    for number in range(5):
        given = message("今晚八点直播间抽奖，大家都来看一看", number) | {"sender_id": "u-1"}
        answer = bot.post("/v1/classify", json=given).json()
    assert [finding["source"] for finding in answer["findings"]] == ["conversation"]
    (found,) = seen(app)["comparisons"]
    assert found["messages"] == found["agreed"] == 5
    assert found["agreement"] == 1
    assert found["cases"] == []


def test_no_text_of_a_clean_message_is_kept(app, challenger, tmp_path):
    send(app, *CLEAN)
    (found,) = seen(app)["comparisons"]
    assert found["cases"] == []
    assert not [text for text in CLEAN if text in json.dumps(found, ensure_ascii=False)]


def test_a_sampled_message_that_the_challenger_flags_is_a_case_behind_it(
    database_url, quiet_model, tmp_path
):
    app = service(tmp_path / "data", quiet_model, database=database_url, sample_rate=1.0)
    loud(app.state.settings.registry.folders[0] / "v2")
    app.state.settings.registry.name(CHALLENGER, "v2")
    (answer,) = send(app, CLEAN[0])
    assert answer["case_id"] is None
    (found,) = seen(app)["comparisons"]
    (case,) = found["cases"]
    assert (case["text"], case["champion"], case["challenger"]) == (CLEAN[0], [], [LOUD])
    app.state.recorder.close()
    app.state.database.close()


def test_a_repeated_message_counts_once(app, challenger):
    first = send(app, AD)
    assert send(app, AD)[0]["case_id"] == first[0]["case_id"]
    (found,) = seen(app)["comparisons"]
    assert found["messages"] == len(found["cases"]) == 1


def test_a_slow_challenger_holds_nothing_up_and_what_it_misses_is_counted(app, monkeypatch):
    """The challenger is stopped until everything is answered: the queue fills, the answers go on."""
    registry = app.state.settings.registry
    loud(registry.folders[0] / "v2")
    registry.name(CHALLENGER, "v2")
    go_on = threading.Event()
    judge = Moderator.moderate

    def slow(self: Moderator, *given: Any, **how: Any) -> Any:
        if threading.current_thread().name == "shadow":
            assert go_on.wait(60)
        return judge(self, *given, **how)

    monkeypatch.setattr(Moderator, "moderate", slow)
    count = 60

    async def one_by_one() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://service.example", headers={"X-API-Key": KEY}
        ) as client:
            for number in range(count):
                answer = await client.post("/v1/classify", json=message(CLEAN[1], number))
                assert answer.json()["action"] == "pass"

    asyncio.run(one_by_one())
    go_on.set()
    (found,) = seen(app)["comparisons"]
    assert found["missed"] > 0
    assert found["messages"] + found["missed"] == count


def test_a_challenger_that_cannot_be_loaded_is_told(app, challenger):
    (app.state.settings.registry.folders[0] / "v2" / "weights.npz").write_bytes(b"nothing")
    assert send(app, AD)[0]["action"] != "pass"
    found = seen(app)
    assert found["comparisons"] == []
    assert "challenger not loaded" in found["problem"]
    page = with_session(app, Role.ANALYST).get("/shadow")
    assert "候选模型没有在评测" in page.text


def test_the_page_shows_what_would_change(app, challenger):
    analyst = with_session(app, Role.ANALYST)
    assert "还没有评测结果" in analyst.get("/shadow").text
    (answer,) = send(app, AD)
    app.state.shadow.close()
    page = analyst.get("/shadow")
    assert page.status_code == 200
    for told in (challenger, "0.00 %", taxonomy()[LOUD].name, f"/cases/{answer['case_id']}"):
        assert told in page.text
    assert analyst.get("/shadow?n=7").status_code == 200
    assert with_session(app, Role.REVIEWER).get("/shadow").status_code == 403


def test_the_page_names_a_challenger_and_none(app):
    registry = app.state.settings.registry
    loud(registry.folders[0] / "v2")
    analyst = with_session(app, Role.ANALYST)
    assert analyst.post("/shadow", data={"version": "v2"}).status_code == 303
    assert registry.alias(CHALLENGER) == "v2"
    assert '<option value="v2" selected>' in analyst.get("/shadow").text
    assert analyst.post("/shadow", data={"version": ""}).status_code == 303
    assert registry.alias(CHALLENGER) is None
    assert analyst.post("/shadow", data={"version": "v9"}).status_code == 404
    (registry.folders[0] / "v2" / "weights.npz").write_bytes(b"nothing")
    assert analyst.post("/shadow", data={"version": "v2"}).status_code == 409


def test_the_command_names_a_challenger_and_none(app, monkeypatch):
    settings = app.state.settings
    loud(settings.registry.folders[0] / "v2")
    monkeypatch.setenv("MODERATION_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MODERATION_DATABASE", settings.database_url)
    run = CliRunner().invoke(cli.app, ["models", "challenge", "v2", "--json"])
    assert json.loads(run.output) == {"challenger": "v2"}
    assert settings.registry.alias(CHALLENGER) == "v2"
    send(app, AD)
    run = CliRunner().invoke(cli.app, ["models", "challenge", "none"])
    assert run.output.strip() == "no challenger"
    found = seen(app)
    assert found["challenger"] is None
    assert len(found["comparisons"]) == 1
    log = with_session(app, Role.ADMIN).get("/v1/audit", params={"verb": "model.challenge"}).json()
    assert [entry["subject"] for entry in log["entries"]] == ["none", "v2"]
