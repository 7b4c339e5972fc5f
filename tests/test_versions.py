"""Versions: listed, promoted by the gate's verdict, rolled back; over HTTP, by command, on the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from moderation.registry import CHALLENGER, CHAMPION, Registry
from moderation.taxonomy import taxonomy
from service import cli
from service.app import create_app
from service.rights import Role
from service.settings import Settings
from service.storage import audit
from tests.accounts import with_session
from tests.support import KEY, Api, quiet_weights, save

OLD, NEW, BAD = "2000.01.01-aaaaaa", "2000.02.01-bbbbbb", "2000.03.01-cccccc"
FALL = {"old": 0.8, "new": 0.7, "low": -0.13, "high": -0.07}
DENIED = {"old": 0.05, "new": 0.27, "low": 0.19, "high": 0.27}
REASON = {"board": "held_out", "rule": "label", "label": "insult", "tolerance": 0.03} | FALL


def comparison(champion: str, *reasons: dict[str, Any]) -> dict[str, Any]:
    rise = {"old": 0.7, "new": 0.71, "low": 0.001, "high": 0.02}
    board = {
        "board": "held_out",
        "messages": 12,
        "label_f1": rise,
        "category_f1": rise,
        "labels": {"insult": FALL, "porn": rise},
        "attacked_recall": None,
        "clean_flagged": {"old": 0.03, "new": 0.02, "low": -0.02, "high": -0.001},
        "flipped": {"fixed": 1, "broken": 1, "other": 0},
        "flips": [
            {"place": "a.jsonl:3", "truth": ["porn"], "old": [], "new": ["porn"], "kind": "fixed"},
            {"place": "c-17", "truth": [], "old": [], "new": ["insult"], "kind": "broken"},
        ],
    }
    verdict = {"passed": not reasons, "reasons": list(reasons)}
    feedback = {"messages": 9, "new": 4, "until": None}
    suspect = {"place": "c-31", "labels": [], "likely": ["insult"], "belief": 0.02}
    batch = {"verdicts": 200, "denied": DENIED, "made_up": None, "suspects": [suspect]}
    return {
        "champion": champion,
        "verdict": verdict,
        "boards": [board],
        "feedback": feedback,
        "batch": batch if reasons else None,
    }


def put(models: Path, name: str, compared: dict[str, Any] | None) -> None:
    save(models / name, quiet_weights())
    if compared is not None:
        (models / name / "compare.json").write_text(json.dumps(compared), "utf-8")


@pytest.fixture
def app(tmp_path, monkeypatch) -> FastAPI:
    models = tmp_path / "models"
    put(models, OLD, None)
    put(models, NEW, comparison(OLD))
    put(models, BAD, comparison(OLD, REASON))
    Registry(models).name(CHAMPION, OLD)
    monkeypatch.setenv("MODERATION_DATA_DIR", str(tmp_path))
    app = create_app(Settings(data_dir=tmp_path, api_key=KEY))
    yield app
    app.state.recorder.close()
    app.state.database.close()


@pytest.fixture
def analyst(app) -> Api:
    return with_session(app, Role.ANALYST)


def champion(app: FastAPI) -> str | None:
    return app.state.settings.registry.alias(CHAMPION)


def verbs(app: FastAPI) -> list[str]:
    with app.state.database.read() as connection:
        rows = audit.listed(connection)
    return [row.verb for row in rows if row.verb.startswith("model.")]


def run(*args: str) -> Any:
    return CliRunner().invoke(cli.app, list(args))


def test_versions_are_told_with_what_the_gate_said(app, analyst):
    listed = {one["version"]: one for one in analyst.get("/v1/models").json()["models"]}
    assert listed[OLD]["aliases"] == ["champion"]
    assert [listed[name]["passed"] for name in (OLD, NEW, BAD)] == [None, True, False]
    shown = analyst.get(f"/v1/models/{BAD}").json()
    assert shown["comparison"]["verdict"]["reasons"] == [REASON]
    assert analyst.get("/v1/models/champion").json()["version"] == OLD
    assert analyst.get("/v1/models/2001").status_code == 404


def test_what_passed_is_promoted_and_rolled_back(app, analyst):
    Registry(app.state.settings.data_dir / "models").name(CHALLENGER, NEW)
    answer = analyst.post(f"/v1/models/{NEW}/promote")
    assert answer.json()["aliases"] == ["champion"]
    assert champion(app) == NEW
    assert analyst.post("/v1/models/rollback").json()["version"] == OLD
    assert champion(app) == OLD
    assert verbs(app) == ["model.rollback", "model.promote"]


def test_what_the_gate_refuses_needs_a_reason_that_is_kept(app, analyst):
    refused = analyst.post(f"/v1/models/{BAD}/promote")
    assert refused.status_code == 409
    assert "insult on held_out from 0.800 to 0.700" in refused.json()["detail"]
    url = f"/v1/models/{BAD}/promote"
    assert analyst.post(url, json={"force": True}).status_code == 422
    assert analyst.post(url, json={"reason": "without force"}).status_code == 409
    assert champion(app) == OLD
    assert analyst.post(url, json={"force": True, "reason": "辱骂另有词库"}).status_code == 200
    with app.state.database.read() as connection:
        (entry,) = audit.listed(connection, verb="model.promote")
    assert entry.detail == {"before": OLD, "forced": True, "reason": "辱骂另有词库"}


def test_a_verdict_holds_for_the_champion_it_was_about(app, analyst):
    analyst.post(f"/v1/models/{BAD}/promote", json={"force": True, "reason": "x"})
    refused = analyst.post(f"/v1/models/{NEW}/promote")
    assert refused.status_code == 409
    assert f"compared with {OLD}" in refused.json()["detail"]
    assert analyst.post(f"/v1/models/{OLD}/promote").status_code == 409


def test_a_folder_that_cannot_be_loaded_is_listed_with_its_reason_and_refused(app, analyst):
    about = app.state.settings.data_dir / "models" / NEW / "model.json"
    about.write_text(about.read_text("utf-8").replace('"format": 1', '"format": 2'), "utf-8")
    assert "format 2" in analyst.get(f"/v1/models/{NEW}").json()["problem"]
    forced = analyst.post(f"/v1/models/{NEW}/promote", json={"force": True, "reason": "x"})
    assert forced.status_code == 409
    assert "format 2" in forced.json()["detail"]
    assert "不能用" in analyst.get("/models").text


def test_a_challenger_is_named_and_ended_over_http(app, analyst):
    answer = analyst.post(f"/v1/models/{NEW}/challenge")
    assert answer.status_code == 200
    assert answer.json()["aliases"] == ["challenger"]
    assert analyst.post("/v1/models/2001/challenge").status_code == 404
    assert analyst.request("DELETE", "/v1/models/challenger").status_code == 204
    assert analyst.get("/v1/models/challenger").status_code == 404
    assert verbs(app) == ["model.challenge", "model.challenge"]
    assert champion(app) == OLD


def test_a_challenger_that_cannot_be_loaded_is_refused(app, analyst):
    (app.state.settings.data_dir / "models" / NEW / "weights.npz").write_bytes(b"nothing")
    assert analyst.post(f"/v1/models/{NEW}/challenge").status_code == 409
    assert analyst.get("/v1/models/challenger").status_code == 404


def test_a_damaged_comparison_lets_nothing_through(app, analyst):
    path = app.state.settings.data_dir / "models" / BAD / "compare.json"
    body = comparison(OLD, REASON)
    body["verdict"]["passed"] = True
    path.write_text(json.dumps(body), "utf-8")
    assert analyst.post(f"/v1/models/{BAD}/promote").status_code == 409


def test_the_first_champion_has_nothing_before_it(app, analyst):
    (app.state.settings.data_dir / "models" / "champion.previous").unlink()
    assert analyst.post("/v1/models/rollback").status_code == 409


def test_verdicts_that_are_not_believed_refuse_and_are_listed(app, analyst):
    rule = {"board": "batch", "rule": "denied", "label": None, "tolerance": 0.1} | DENIED
    name = "2000.04.01-dddddd"
    put(app.state.settings.data_dir / "models", name, comparison(OLD, rule))
    refused = analyst.post(f"/v1/models/{name}/promote")
    assert "denied on batch from 0.050 to 0.270" in refused.json()["detail"]
    page = analyst.get(f"/models/{name}").text
    assert '<a href="/cases/c-31">c-31</a>' in page
    assert "27.0%" in page
    told = run("models", "show", name).output
    assert "27.0% of the new verdicts, usually 5.0%" in told
    assert "c-31" in told


def test_a_comparison_of_before_verdicts_were_asked_still_counts(app, analyst):
    path = app.state.settings.data_dir / "models" / NEW / "compare.json"
    body = comparison(OLD)
    del body["batch"]
    path.write_text(json.dumps(body), "utf-8")
    assert analyst.get(f"/models/{NEW}").status_code == 200
    assert "gate: passed" in run("models", "show", NEW).output
    assert analyst.post(f"/v1/models/{NEW}/promote").status_code == 200


def test_commands_list_show_promote_and_roll_back(app):
    listed = json.loads(run("models", "list", "--json").output)
    assert {one["version"] for one in listed} >= {OLD, NEW, BAD}
    assert "refused" in run("models", "list").output
    assert "insult on held_out" in run("models", "show", BAD).output
    assert json.loads(run("models", "promote", NEW, "--json").output)["version"] == NEW
    assert champion(app) == NEW
    assert f"{OLD} is champion" in run("models", "rollback").output
    assert run("models", "promote", BAD, "--force").exit_code == 2
    forced = run("models", "promote", BAD, "--force", "--reason", "on purpose")
    assert forced.exit_code == 0, forced.output
    assert verbs(app) == ["model.promote", "model.rollback", "model.promote"]


def test_two_versions_are_compared_on_a_file_of_ones_own(app, tmp_path):
    path = tmp_path / "own.jsonl"
    rows = [
        {"text": "收到，马上处理", "labels": []},
        {"text": "加微信代开发票", "labels": ["illicit_ad"]},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    done = run("models", "compare", OLD, NEW, "--input", str(path), "--json")
    assert done.exit_code == 0, done.output
    body = json.loads(done.output)
    assert body["boards"][0]["messages"] == 2
    assert body["verdict"]["passed"]
    assert body["boards"][0]["flips"] == []


def test_a_retraining_is_asked_for_once_and_followed(app, analyst):
    asked = analyst.post("/v1/retrain", json={"promote_if_passed": True})
    assert asked.status_code == 202
    job = asked.json()
    assert analyst.get(f"/v1/jobs/{job['id']}").json() == job
    assert analyst.post("/v1/retrain").status_code == 409
    assert analyst.get("/v1/jobs/999").status_code == 404
    assert 'hx-get="/models/job"' in analyst.get("/models").text


def test_the_page_shows_versions_intervals_and_flips(app, analyst):
    page = analyst.get("/models").text
    assert all(name in page for name in (OLD, NEW, BAD, "现用", "通过", "拒绝"))
    one = analyst.get(f"/models/{BAD}").text
    assert taxonomy()["insult"].name in one
    assert "/cases/c-17" in one
    assert "a.jsonl:3" in one
    assert one.count('class="interval"') == 5
    assert "仍要改用" in one
    assert analyst.get("/models/2001").status_code == 404


def test_the_page_promotes_and_rolls_back(app, analyst):
    assert analyst.post(f"/models/{BAD}/promote").status_code == 409
    assert analyst.post(f"/models/{NEW}/promote").status_code == 303
    assert champion(app) == NEW
    assert f"改回 {OLD}" in analyst.get("/models").text
    assert analyst.post("/models/rollback").status_code == 303
    assert champion(app) == OLD
    assert analyst.post("/models/retrain").status_code == 303
    assert analyst.post("/models/retrain").status_code == 409


def test_a_reviewer_has_no_business_there(app):
    reviewer = with_session(app, Role.REVIEWER)
    assert reviewer.get("/models").status_code == 403
    assert reviewer.get("/v1/models").status_code == 403
    assert reviewer.post(f"/v1/models/{NEW}/challenge").status_code == 403
    assert 'href="/models"' not in reviewer.get("/cases").text
    admin = with_session(app, Role.ADMIN)
    assert admin.get("/models").status_code == 200
    assert admin.post("/v1/retrain").status_code == 403
