"""Drift from cases to the page, the command and the metric; the laws of its figures."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from service import drift
from service.asked import Asked
from service.cases import Verb
from service.cli import app as command_line
from service.rights import Role
from service.storage import analyses
from service.wordstats import ngrams, rising, words
from tests import accounts
from tests.office import LEXICONS, Office, found
from training.corpus import load_samples

NOW = datetime.now(UTC)
scores = st.lists(st.floats(0, 1), min_size=1, max_size=50).map(np.array)


@given(scores, scores)
def test_the_stability_index_is_a_distance_of_distributions(one, other):
    index = drift.stability_index(one, other)
    assert index >= 0
    assert index == pytest.approx(drift.stability_index(other, one))
    assert drift.stability_index(one, one) == 0


def test_the_stability_index_grows_with_the_shift():
    rng = np.random.default_rng(1)
    base = rng.beta(1, 6, 2000)
    shifts = [drift.stability_index(base, np.clip(base + step, 0, 1)) for step in (0.02, 0.1, 0.3)]
    assert shifts == sorted(shifts)
    assert shifts[0] < 0.1 < drift.SHIFTED < shifts[2]
    assert drift.stability_index(base, rng.beta(1, 6, 2000)) < 0.02


WORK = (
    "今天下午三点开周会",
    "三号线停机检修",
    "请财务开一张发票",
    "客户催货，先发这一批",
    "夜班交接记录已上传",
)
NEW = ("内部原始股认购，名额不多", "原始股今晚截止认购", "原始股认购找我", "想要原始股的抓紧认购")


def test_words_that_are_new_stand_out_and_common_ones_do_not():
    now, before = [*WORK, *NEW] * 3, list(WORK) * 6
    found = rising(words(now), words(before))
    assert {"认购", "原始股"} <= {one.text for one in found}
    assert not {one.text for one in found} & {"下午", "客户", "发票"}
    top = found[0]
    assert (top.count, top.before) == (12, 0)
    runs = [one.text for one in rising(ngrams(now), ngrams(before))]
    assert any("原始股" in run for run in runs)


def test_what_two_people_wrote_is_told_to_nobody():
    assert not rising(words(["原始股认购"] * 2 + list(WORK)), words(list(WORK) * 3))


def test_disguised_words_count_as_what_they_are_read_as():
    found = rising(
        ngrams(["加.微.信", "加薇信聊", "加微信"] * 2 + list(WORK)), ngrams(list(WORK) * 3)
    )
    assert ("加微信", 6) in [(one.text, one.count) for one in found]


def by_label(label, count, seed):
    texts = [sample.text for sample in load_samples() if label in sample.labels]
    return random.Random(seed).sample(texts, count)


@pytest.fixture
def office(tmp_path, monkeypatch, quiet_model, database_url, database):
    monkeypatch.setenv("MODERATION_DATABASE", database_url)
    monkeypatch.setenv("MODERATION_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MODERATION_MODEL", str(quiet_model))
    return Office(database)


def flagged(office, week, label, texts):
    """Let texts be flagged in one of the last eight weeks, the last being 7."""
    at = NOW - timedelta(weeks=8 - week) + timedelta(days=1)
    asked = [
        (Asked(text, f"{week}-{number}", "g-1", sent_at=at), found(label, text))
        for number, text in enumerate(texts)
    ]
    with office.database.write() as connection:
        return [one["case_id"] for one in office.intake.record(connection, asked, at, LEXICONS)]


def run(*words_):
    return CliRunner().invoke(command_line, words_)


def test_drift_is_found_shown_and_measured(office, tmp_path, quiet_model):
    old = by_label("illicit_ad", 210, 1)
    for week in range(7):
        flagged(office, week, "illicit_ad", old[week * 30 : week * 30 + 30])
    ids = flagged(office, 7, "insult", [*by_label("insult", 40, 2), *NEW])
    for case_id in ids[-4:]:
        office.step(case_id, Verb.CLAIM)
        office.step(case_id, Verb.RELABEL, labels=("gambling",))

    done = run("drift", "--json")
    assert done.exit_code == 1, done.output
    report = json.loads(done.stdout)
    assert report["alert"]
    assert report["auc"] > 0.65
    assert [week.get("alert") for week in report["weeks"]] == [None] * 4 + [False] * 3 + [True]
    assert report["weeks"][-1]["labels"] == {"insult": 44}
    assert {"原始股", "认购"} & {one["text"] for one in report["missed"]["words"]}

    app = accounts.service(tmp_path / "data", quiet_model, database=office.database.url)
    page = accounts.with_session(app, Role.ANALYST).get("/drift").text
    assert "明显不同" in page
    assert "原始股" in page
    metrics = accounts.with_key(app, Role.BOT).get("/metrics").text
    assert "moderation_drift_alert 1.0" in metrics
    assert f"moderation_drift_auc {report['auc']}" in metrics
    app.state.database.close()


def test_weeks_that_are_alike_are_not_marked(office):
    texts = by_label("illicit_ad", 240, 3)
    for week in range(8):
        flagged(office, week, "illicit_ad", texts[week * 30 : week * 30 + 30])
    done = run("drift", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert not report["alert"]
    assert not any(week.get("alert") for week in report["weeks"])
    assert "week from" in run("drift").output


def test_terms_that_hit_are_counted_per_week(office):
    for week, count in ((1, 2), (7, 5)):
        flagged(office, week, "illicit_ad", [f"代开发票{n}" for n in range(count)])
    report = json.loads(run("drift", "--json").stdout)
    (term,) = (one for one in report["terms"] if one["term"] == "代开发票")
    assert term["weeks"] == [0, 2, 0, 0, 0, 0, 0, 5]
    assert term["change"] > 1
    assert report["auc"] is None


def test_no_text_of_a_report_names_anybody(office):
    flagged(office, 7, "illicit_ad", [f"@赵小明 办证找 12800000{n:03}" for n in range(30)])
    assert "赵小明" not in run("drift", "--json").stdout


def test_before_the_first_report_the_page_says_how_to_make_one(tmp_path, quiet_model):
    app = accounts.service(tmp_path, quiet_model)
    response = accounts.with_session(app, Role.REVIEWER).get("/drift")
    assert response.status_code == 200
    assert "moderation drift" in response.text
    app.state.database.close()


def test_only_the_last_report_is_kept(database):
    for auc in (0.5, 0.6):
        with database.write() as connection:
            analyses.keep(connection, NOW, analyses.DRIFT, {"auc": auc, "alert": False})
    with database.read() as connection:
        assert analyses.last(connection, analyses.DRIFT).content["auc"] == 0.6
        assert analyses.last(connection, analyses.NOISE) is None
