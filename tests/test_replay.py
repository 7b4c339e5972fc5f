"""A decision made again from what was recorded, and the commands on cases, on both databases."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from typer.testing import CliRunner

from moderation import normalize
from moderation.registry import Registry
from service import cli
from service.replay import Outcome, Replayed, replay
from service.storage.schema import cases, snapshots
from tests.firm import AD, START, Firm
from tests.support import FOUL

LINE = "本周六商场大促，全场五折起，欢迎选购"


@pytest.fixture
def firm(tmp_path, quiet_model, database_url) -> Iterator[Firm]:
    model = tmp_path / "model"
    shutil.copytree(quiet_model, model)
    firm = Firm(tmp_path, model, database_url)
    yield firm
    firm.close()


def again(firm: Firm, case_id: str) -> Replayed:
    return replay(firm.database, case_id, Registry(), firm.app.state.settings.model)


def change(firm: Firm, case_id: str, **values: Any) -> None:
    with firm.database.write() as connection:
        connection.execute(update(cases).where(cases.c.case_id == case_id).values(**values))


@pytest.mark.parametrize("text", [text for text in FOUL if text != FOUL[-1]])
def test_a_decision_comes_out_the_same(firm, text):
    for policy in ("shenzhen", "bank-customer"):
        case_id = firm.flag(text, policy=policy)
        assert again(firm, case_id).to_dict() == {
            "case_id": case_id,
            "outcome": "same",
            "reason": None,
            "differences": [],
        }


def test_the_record_of_that_time_counts_not_todays(firm):
    before = firm.flag()
    first = firm.confirmed()
    second = firm.flag()
    assert firm.case(second)["decision"]["penalty"]["kind"] == "removal"
    firm.overturn(first)
    firm.confirm(before)
    for case_id in (before, first, second):
        assert again(firm, case_id).outcome is Outcome.SAME


def test_a_flood_is_replayed_from_its_finding(firm):
    answers = [firm.classify(LINE, sent_at=START.isoformat()) for _ in range(5)]
    case_id = answers[-1]["case_id"]
    assert answers[-1]["findings"][0]["source"] == "conversation"
    assert again(firm, case_id).outcome is Outcome.SAME


def test_a_customer_and_a_hobby_group_are_replayed_as_such(firm):
    for given in ({"sender_role": "customer"}, {"group_kind": "interest"}, {"occurrence": 7}):
        assert again(firm, firm.flag(policy="factory", **given)).outcome is Outcome.SAME


def test_a_lexicon_that_was_changed_since_is_taken_from_the_record(firm, tmp_path):
    own = tmp_path / "lexicons" / "own.tsv"
    own.write_text("蓝鲸计划\tillicit_ad\t0.9\t暗语\n", "utf-8")
    firm.app.state.moderator.lexicon._checked = 0.0
    case_id = firm.flag("蓝鲸计划今晚开始")
    own.unlink()
    firm.app.state.moderator.lexicon._checked = 0.0
    assert firm.classify("蓝鲸计划今晚开始")["action"] == "pass"
    assert again(firm, case_id).outcome is Outcome.SAME


def test_a_decision_that_was_tampered_with_comes_out_differently(firm):
    case_id = firm.flag()
    decision = firm.case(case_id)["decision"] | {"action": "block"}
    change(firm, case_id, decision=decision)
    found = again(firm, case_id)
    assert found.outcome is Outcome.DIFFERENT
    (one,) = found.differences
    assert (one.field, one.recorded, one.replayed) == ("action", "block", "review")


def test_another_text_comes_out_differently(firm):
    case_id = firm.flag()
    change(firm, case_id, text="今天下午三点开会")
    assert "findings" in [one.field for one in again(firm, case_id).differences]


def test_what_is_no_longer_there_cannot_be_replayed(firm):
    def reason(case_id: str) -> str:
        found = again(firm, case_id)
        assert found.outcome is Outcome.IMPOSSIBLE
        assert found.reason
        return found.reason

    case_id = firm.flag()
    change(firm, case_id, text=None, erased_at=START)
    assert "erased" in reason(case_id)

    case_id = firm.flag()
    change(firm, case_id, normalizer_version="0123456789ab")
    assert "0123456789ab" in reason(case_id)
    assert normalize.version() in reason(case_id)

    case_id = firm.flag()
    change(firm, case_id, lexicon_version="")
    assert "lexicon" in reason(case_id)

    case_id = firm.flag()
    change(firm, case_id, decision=firm.case(case_id)["decision"] | {"model": "1999.01.01-abc"})
    assert "1999.01.01-abc" in reason(case_id)

    case_id = firm.flag()
    with firm.database.write() as connection:
        connection.execute(delete(snapshots).where(snapshots.c.kind == "policy"))
    assert "policy" in reason(case_id)


def test_a_model_folder_that_is_gone(firm, tmp_path):
    case_id = firm.flag()
    shutil.rmtree(tmp_path / "model")
    found = again(firm, case_id)
    assert found.outcome is Outcome.IMPOSSIBLE
    assert "model" in str(found.reason)


def test_a_detector_that_failed_then_is_no_difference(firm, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr("moderation.patterns.find", lambda batch: 1 / 0)
        case_id = firm.flag("数据库密码是 Tiger-2024x")
    assert firm.case(case_id)["decision"]["degraded"] == ["patterns"]
    found = again(firm, case_id)
    assert found.outcome is Outcome.IMPOSSIBLE
    assert "patterns" in str(found.reason)


def test_private_parts_stay_hidden_in_a_difference(firm):
    case_id = firm.flag("数据库密码是 Tiger-2024x")
    change(firm, case_id, decision=firm.case(case_id)["decision"] | {"findings": []})
    found = again(firm, case_id)
    assert found.outcome is Outcome.DIFFERENT
    assert "Tiger-2024x" not in str(found.to_dict())


@pytest.fixture
def run(firm, monkeypatch, database_url, tmp_path):
    monkeypatch.setenv("MODERATION_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MODERATION_DATABASE", database_url)
    monkeypatch.setenv("MODERATION_MODEL", str(tmp_path / "model"))

    def _run(*arguments: str, code: int = 0) -> Any:
        result = CliRunner().invoke(cli.app, list(arguments))
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return _run


def cases_json(run, *arguments: str) -> Any:
    return json.loads(run("cases", *arguments, "--json").stdout)


def test_replay_by_command(firm, run):
    same, different, impossible = firm.flag(), firm.flag(), firm.flag()
    change(firm, different, text="今天下午三点开会")
    change(firm, impossible, text=None, erased_at=START)
    assert "same" in run("replay", same).stdout
    assert "findings" in run("replay", different, code=1).stdout
    assert "erased" in run("replay", impossible, code=2).stdout
    body = json.loads(run("replay", different, "--json", code=1).stdout)
    assert body["outcome"] == "different"


def test_a_case_from_list_to_verdict_by_command(firm, run):
    case_id = firm.flag("哈" * 40, policy="suzhou-2017")
    firm.flag()
    listed = cases_json(run, "list", "--as", "li", "--label", "flooding", "--state", "open")
    assert [case["case_id"] for case in listed["cases"]] == [case_id]
    assert case_id in run("cases", "list", "--as", "li").stdout
    run("cases", "claim", case_id, "--as", "li")
    shown = run("cases", "confirm", case_id, "--as", "li", "--amount", "60").stdout
    assert "罚款 60.00元，第1次：sender u-1" in shown
    run("cases", "comment", case_id, "已电话核实", "--as", "wang")
    run("cases", "undo", case_id, "--as", "li")
    assert cases_json(run, "reject", case_id, "--as", "li")["state"] == "rejected"
    run("cases", "reopen", case_id, "--as", "zhao", "--text", "有新证据")
    run("cases", "claim", case_id, "--as", "wang")
    after = cases_json(run, "relabel", case_id, "insult", "--as", "wang")
    assert (after["state"], after["labels"]) == ("relabelled", ["insult"])
    history = [step["verb"] for step in cases_json(run, "show", case_id, "--as", "li")["history"]]
    assert history == [
        *("claim", "confirm", "comment", "undo", "reject", "reopen", "claim", "relabel"),
    ]
    assert "已电话核实" in run("cases", "show", case_id, "--as", "li").stdout


def test_pages_by_command(firm, run):
    ids = {firm.flag() for _ in range(3)}
    first = cases_json(run, "list", "--as", "li", "--limit", "2")
    rest = cases_json(run, "list", "--as", "li", "--cursor", first["next"])
    assert {case["case_id"] for case in first["cases"] + rest["cases"]} == ids
    assert "--cursor" in run("cases", "list", "--as", "li", "--limit", "2").stdout


@pytest.mark.parametrize("name", ["nobody", "zhao", "admin"])
def test_a_command_needs_a_user_with_the_right(firm, run, name):
    case_id = firm.flag()
    refused = run("cases", "claim", case_id, "--as", name, code=1)
    assert name in str(refused.exception)
    assert firm.case(case_id)["state"] == "open"


@pytest.mark.parametrize(
    "arguments",
    [
        ("confirm", "CASE", "--as", "li", "--amount", "viel"),
        ("relabel", "CASE", "--as", "li"),
        ("comment", "CASE", " ", "--as", "li"),
        ("list", "--as", "li", "--limit", "0"),
        ("list", "--as", "li", "--since", "yesterday"),
        ("list", "--as", "li", "--state", "lost"),
        ("claim", "CASE"),
    ],
)
def test_wrong_usage_by_command(firm, run, arguments):
    case_id = firm.flag(AD)
    run("cases", *(case_id if one == "CASE" else one for one in arguments), code=2)
    with firm.database.read() as connection:
        assert connection.execute(select(cases.c.state)).scalar() == "open"
