"""`GET /metrics`: what was done is counted, what stands is told, to whom the settings allow it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from moderation.registry import CHAMPION, Registry
from service.app import create_app
from service.metrics import Metrics
from service.rights import Role
from service.settings import Settings
from service.storage import analyses
from tests import accounts
from tests.firm import AD, START, Firm
from tests.support import CLEAN, KEY, Api, quiet_weights, save

DASHBOARD = Path(__file__).parent.parent / "service/data/grafana.json"


@pytest.fixture
def firm(tmp_path, quiet_model, database_url):
    firm = Firm(tmp_path / "data", quiet_model, database_url)
    yield firm
    firm.close()


def scraped(api: Api) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the value of every sample by name and labels."""
    response = api.get("/metrics")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"moderation_{name}", frozenset(labels.items())


def test_messages_findings_and_transactions_are_counted(firm):
    for text in (AD, AD, CLEAN[0]):
        firm.classify(text)
    found = scraped(firm.bot)
    assert found[key("messages_total", action="review")] == 2
    assert found[key("messages_total", action="pass")] == 1
    assert found[key("messages_total", action="block")] == 0
    assert found[key("findings_total", label="illicit_ad", source="lexicon")] == 2
    assert found[key("transaction_messages_sum")] == 3
    assert found[key("transaction_seconds_count")] == found[key("transaction_messages_count")]
    assert found[key("classify_seconds_count")] == 3


def test_a_trial_is_no_message(firm):
    firm.classify(AD, dry_run=True)
    assert scraped(firm.bot)[key("messages_total", action="review")] == 0


def test_requests_are_counted_by_endpoint_not_by_path(firm):
    for case_id in ("c-1", "c-2"):
        assert firm.li.get(f"/v1/cases/{case_id}").status_code == 404
    firm.bot.get("/nobody/knows/this")
    firm.bot.post("/v1/classify", json={"text": ""})
    found = scraped(firm.bot)
    requests = {
        labels: value for (name, labels), value in found.items() if "requests_total" in name
    }
    assert requests == {
        frozenset({("method", method), ("endpoint", endpoint), ("status", "4xx")}): count
        for method, endpoint, count in (
            ("GET", "/v1/cases/{case_id}", 2),
            ("other", "other", 1),
            ("POST", "/v1/classify", 1),
        )
    }


def test_what_stands_is_told(firm):
    firm.confirm(firm.flag())
    firm.flag()
    found = scraped(firm.bot)
    assert found[key("open_cases")] == 1
    assert found[key("dead_letters")] == 0
    assert found[key("database_up")] == 1
    version = firm.app.state.moderator.model.version
    assert found[key("model_info", version=version)] == 1


def test_the_last_drift_report_is_told(firm):
    assert key("drift_auc") not in scraped(firm.bot)
    with firm.database.write() as connection:
        analyses.keep(connection, START, analyses.DRIFT, {"auc": 0.81, "alert": True})
    found = scraped(firm.bot)
    assert found[key("drift_auc")] == 0.81
    assert found[key("drift_alert")] == 1


def test_a_detector_out_of_order_is_counted(firm):
    (firm.app.state.settings.lexicons / "own.tsv").write_text(
        "代开\tno_such_label\t0.9\t\n", "utf-8"
    )
    firm.app.state.moderator.lexicon._checked = 0.0
    firm.classify(CLEAN[0])
    assert scraped(firm.bot)[key("degraded_total", detector="lexicon")] == 1


def test_a_champion_taken_over_is_counted(tmp_path):
    own = Registry(tmp_path / "data" / "models")
    for name, more in (("2001.01.01-aaaaaa", 0), ("2002.01.01-bbbbbb", 1)):
        weights = quiet_weights()
        weights.bias[:] -= more
        save(own.folders[0] / name, weights)
    own.name(CHAMPION, "2001.01.01-aaaaaa")
    api = Api(create_app(Settings(data_dir=tmp_path / "data", api_key=KEY)))
    assert scraped(api)[key("champion_changes_total")] == 0
    models = api.app.state.moderator.models
    own.name(CHAMPION, "2002.01.01-bbbbbb")
    models._checked = 0.0
    models.current()
    models._loading.join()
    assert scraped(api)[key("champion_changes_total")] == 1


def test_while_the_database_is_out_of_reach_the_counters_answer(firm):
    firm.classify(AD)
    firm.database.engine.dispose()
    found_before = firm.app.state.metrics.text().decode()
    assert "moderation_open_cases 1.0" in found_before
    with firm.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE actions RENAME TO gone")
    told = firm.app.state.metrics.text().decode()
    with firm.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO actions")
    assert "moderation_database_up 0.0" in told
    assert 'moderation_messages_total{action="review"} 1.0' in told


@pytest.mark.parametrize(
    ("access", "stranger", "known"), [("off", 404, 404), ("open", 200, 200), ("key", 401, 200)]
)
def test_who_may_read(tmp_path, quiet_model, access, stranger, known):
    app = accounts.service(tmp_path, quiet_model, metrics=access)
    assert Api(app, None).get("/metrics").status_code == stranger
    for role in Role:
        assert accounts.with_key(app, role).get("/metrics").status_code == known, role


def test_the_dashboard_asks_for_what_there_is_and_for_all_of_it():
    board = json.loads(DASHBOARD.read_text("utf-8"))
    asked = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    named = set(re.findall(r"moderation_[a-z_]+?(?=_bucket|_sum|_count|[^a-z_]|$)", asked))
    metrics = Metrics()
    metrics.watch(lambda: analyses.Standing(0, 0, analyses.DriftMark(0.5, False)))
    there = set()
    for family in metrics.registry.collect():
        end = {"counter": "_total", "info": "_info"}.get(family.type, "")
        there.add(family.name + end)
    assert named == there
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places)
