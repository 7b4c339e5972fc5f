"""Drift and wrong labels as jobs: asked for on their pages or over HTTP, done by a worker, shown there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from service.asked import Asked
from service.cases import Verb
from service.cli import app as command_line
from service.rights import Role
from service.storage import jobs
from tests import accounts
from tests.office import LEXICONS, Office, found
from training import corpus


@pytest.fixture
def app(tmp_path, monkeypatch, quiet_model, database_url, database):
    part = tmp_path / "part"
    part.mkdir()
    lines = (corpus.DATASETS / "basics.jsonl").read_text("utf-8").splitlines()[:60]
    (part / "own.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    settings = {"database": database_url, "model": str(quiet_model), "datasets_dir": str(part)}
    for name, value in (settings | {"data_dir": str(tmp_path / "data")}).items():
        monkeypatch.setenv(f"MODERATION_{name.upper()}", value)
    app = accounts.service(tmp_path / "data", quiet_model, database=database_url)
    yield app
    app.state.recorder.close()
    app.state.database.close()


@pytest.fixture
def analyst(app):
    return accounts.with_session(app, Role.ANALYST)


def work() -> list[dict]:
    done = CliRunner().invoke(command_line, ["worker", "--once", "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_drift_is_asked_for_on_its_page_followed_and_shown(app, analyst):
    page = analyst.get("/drift").text
    assert "还没有计算过" in page
    assert 'hx-get="/drift/job"' not in page
    assert analyst.post("/drift", data={"weeks": "6"}).status_code == 303
    waiting = analyst.get("/drift").text
    assert 'hx-get="/drift/job"' in waiting
    assert "排队" in waiting
    assert "hx-refresh" not in analyst.get("/drift/job").headers
    assert analyst.post("/drift", data={"weeks": "6"}).status_code == 409

    (job,) = work()
    assert (job["kind"], job["state"]) == ("drift", "done")
    assert job["result"] == {"auc": None, "alert": False, "threshold": 0.65}
    assert analyst.get("/drift/job").headers["hx-refresh"] == "true"
    shown = analyst.get("/drift").text
    assert "前 3 周为参照" in shown
    assert 'hx-get="/drift/job"' not in shown


def test_wrong_labels_are_looked_for_in_the_firms_data_and_shown(app, analyst):
    office = Office(app.state.database)
    case_id = office.flag(text="代开发票，点数优惠，要的私聊")
    office.step(case_id, Verb.CLAIM)
    office.step(case_id, Verb.REJECT)
    assert analyst.post("/next/noise").status_code == 303
    assert 'hx-get="/next/noise/job"' in analyst.get("/next").text
    (job,) = work()
    assert (job["kind"], job["state"]) == ("noise", "done")
    assert {name: one["messages"] for name, one in job["result"].items()} == {
        "verdicts": 1,
        "project": 60,
    }
    page = analyst.get("/next").text
    assert f'<a href="/cases/{case_id}" data-key="A">重看' in page
    assert "own.jsonl:" in page


def test_both_are_asked_for_over_http_and_wait_for_one_worker(app, analyst):
    drift = analyst.post("/v1/drift", json={"weeks": 4})
    noise = analyst.post("/v1/noise")
    assert (drift.status_code, noise.status_code) == (202, 202)
    assert analyst.post("/v1/noise").status_code == 409
    assert analyst.post("/v1/drift", json={"weeks": 1}).status_code == 422
    assert [job["kind"] for job in work()] == ["drift", "noise"]
    done = analyst.get(f"/v1/jobs/{drift.json()['id']}").json()
    assert (done["state"], done["step"]) == ("done", None)


def test_who_may_not_retrain_sees_no_button_and_is_refused(app):
    reviewer = accounts.with_session(app, Role.REVIEWER)
    assert 'action="/drift"' not in reviewer.get("/drift").text
    assert 'action="/next/noise"' not in reviewer.get("/next").text
    for path in ("/drift", "/next/noise", "/v1/drift", "/v1/noise"):
        assert reviewer.post(path).status_code == 403


def test_a_search_that_cannot_be_done_says_why(app, analyst, tmp_path):
    (tmp_path / "part" / "own.jsonl").write_text("", "utf-8")
    analyst.post("/v1/noise")
    (job,) = work()
    assert (job["state"], job["error"]) == ("failed", "0 messages are too few for 4 folds")
    assert "失败" in analyst.get("/next").text


def test_the_steps_of_the_work_stand_in_the_job(app, analyst, monkeypatch):
    """Each step names itself before it begins; the page shows it in Chinese."""
    now = datetime.now(UTC)
    analyst.post("/v1/drift")
    with app.state.database.write() as connection:
        job = jobs.claim(connection, now, "somebody")
        jobs.beat(connection, now + timedelta(seconds=1), job.id, "somebody", "comparing weeks")
    assert "逐周比较" in analyst.get("/drift/job").text


def test_texts_of_the_weeks_asked_for_are_looked_at(app, analyst):
    at = datetime.now(UTC) - timedelta(days=8)
    asked = [(Asked("代开发票", "m-1", "g-1", sent_at=at), found("illicit_ad", "代开发票"))]
    with app.state.database.write() as connection:
        Office(app.state.database).intake.record(connection, asked, at, LEXICONS)
    analyst.post("/v1/drift", json={"weeks": 2})
    work()
    assert '<td class="number">1</td>' in analyst.get("/drift").text
