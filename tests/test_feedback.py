"""What was judged wrongly: reports, verdicts, gold, the data file made of it. On both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from typer.testing import CliRunner

from service import cli
from service.masking import Names, anonymous
from service.rights import Role
from service.storage.erasure import erase
from service.storage.feedback import Gold, gold
from service.storage.schema import cases, entries, feedback, notices
from tests.accounts import service, with_key, with_session
from tests.support import CLEAN, FOUL, Api
from training.corpus import load_added, load_samples

AD = "诚信代开发票，加微信详谈"
MISSED = "晚上老地方摇两把骰子，输赢都算我的，来的报名"


@pytest.fixture
def app(database_url, quiet_model, tmp_path) -> Iterator[FastAPI]:
    app = service(tmp_path / "data", quiet_model, database=database_url)
    yield app
    app.state.recorder.close()
    app.state.database.close()


@pytest.fixture
def bot(app) -> Api:
    return with_key(app, Role.BOT)


@pytest.fixture
def reviewer(app) -> Api:
    return with_session(app, Role.REVIEWER)


def classified(bot: Api, text: str = AD, number: int = 1, **given: Any) -> dict[str, Any]:
    ids = {"group_id": "g-1", "message_id": f"m-{number}", "sender_id": "u-1"}
    answer = bot.post("/v1/classify", json=ids | {"text": text} | given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def say(api: Api, *items: Any) -> list[dict[str, Any]]:
    answer = api.post("/v1/feedback", json={"items": list(items)})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert len(results) == len(items)
    return results


def became(api: Api, *items: Any) -> list[str]:
    results = say(api, *items)
    assert not [one["error"] for one in results if one["error"]]
    return [one["became"] for one in results]


def errors(api: Api, *items: Any) -> list[tuple[int, str]]:
    """Return the status of each error and what it points to."""
    found = [one["error"] for one in say(api, *items)]
    return [(one["status"], *(e["pointer"] for e in one["errors"])) for one in found]


def all_gold(app: FastAPI, since: datetime | None = None) -> list[Gold]:
    with app.state.database.read() as connection:
        return gold(connection, since)


def rows(app: FastAPI, table: Any) -> list[Any]:
    with app.state.database.read() as connection:
        return list(connection.execute(select(table)))


def act(api: Api, case: str, verb: str, **given: Any) -> None:
    answer = api.post(f"/v1/cases/{case}/{verb}", json=given)
    assert answer.status_code == 200, answer.text


def test_a_bots_word_is_never_gold(app, bot, reviewer):
    case = classified(bot)["case_id"]
    passed = {"group_id": "g-1", "message_id": "m-2", "text": MISSED}
    assert classified(bot, MISSED, 2)["case_id"] is None
    assert (
        became(
            bot,
            {"case_id": case, "labels": []},
            passed | {"labels": ["gambling"]},
            {"text": "兼职日结，一单一结", "labels": ["commercial_ad"]},
        )
        == ["reported"] * 3
    )
    assert all_gold(app) == []
    waiting = reviewer.get("/v1/cases", params={"state": "open"}).json()["cases"]
    assert {one["text"] for one in waiting} == {AD, MISSED, "兼职日结，一单一结"}
    assert not rows(app, entries)


def test_a_model_s_own_labels_are_never_gold(app, bot):
    for number, text in enumerate(FOUL):
        classified(bot, text, number)
    assert rows(app, cases)
    assert all_gold(app) == []


def test_a_reviewers_word_is_a_verdict(app, bot, reviewer):
    ids = [classified(bot, AD + "！" * number, number)["case_id"] for number in range(3)]
    found = rows(app, cases)[0].found
    assert became(
        reviewer,
        {"case_id": ids[0], "labels": found, "comment": "是广告"},
        {"case_id": ids[1], "labels": ["gambling"]},
        {"case_id": ids[2], "labels": []},
    ) == ["confirmed", "relabelled", "rejected"]
    assert {one.case_id: (one.labels, one.note) for one in all_gold(app)} == {
        ids[0]: (tuple(found), "confirmed,flag"),
        ids[1]: (("gambling",), "relabelled,flag"),
        ids[2]: ((), "hard,rejected,flag"),
    }
    history = reviewer.get(f"/v1/cases/{ids[0]}").json()["history"]
    assert [step["verb"] for step in history] == ["claim", "confirm"]
    assert history[1]["detail"]["text"] == "是广告"
    assert len(rows(app, entries)) == 2


def test_saying_it_again_changes_nothing(app, bot, reviewer):
    case = classified(bot)["case_id"]
    by_case = {"case_id": case, "labels": []}
    by_text = {"text": MISSED, "labels": ["gambling"]}
    first = say(bot, by_case, by_text)
    assert say(bot, by_case, by_text) == first
    assert len(rows(app, cases)) == len(rows(app, feedback)) == 2
    assert became(reviewer, by_case, by_text) == ["rejected", "relabelled"]
    assert became(reviewer, by_case, by_text) == ["unchanged", "unchanged"]
    assert len(all_gold(app)) == 2


def test_one_s_own_verdict_can_be_corrected_and_another_s_gets_an_opinion(app, bot, reviewer):
    case = classified(bot)["case_id"]
    found = rows(app, cases)[0].found
    assert became(reviewer, {"case_id": case, "labels": []}) == ["rejected"]
    assert became(reviewer, {"case_id": case, "labels": found}) == ["confirmed"]
    other = with_session(app, Role.REVIEWER)
    assert became(other, {"case_id": case, "labels": ["gambling"]}) == ["opinion"]
    (line,) = all_gold(app)
    assert (line.labels, line.note) == (tuple(found), "confirmed,flag,disputed")
    assert line.weight < 1


def test_an_agreeing_opinion_is_noted(app, bot, reviewer):
    case = classified(bot)["case_id"]
    found = rows(app, cases)[0].found
    became(reviewer, {"case_id": case, "labels": found})
    became(with_session(app, Role.REVIEWER), {"case_id": case, "labels": found})
    (line,) = all_gold(app)
    assert (line.note, line.weight) == ("confirmed,flag,agreed", 1)


def test_an_overturned_appeal_counts_as_clean(app, bot, reviewer):
    case = classified(bot)["case_id"]
    became(reviewer, {"case_id": case, "labels": rows(app, cases)[0].found})
    act(reviewer, case, "appeal", text="是部门通知")
    (before,) = all_gold(app)
    approver = with_session(app, Role.APPROVER)
    act(approver, case, "appeal/decision", outcome="overturned")
    (line,) = all_gold(app)
    assert (line.labels, line.note) == ((), "hard,overturned,flag")
    assert before.labels
    assert line.reviewed_by == approver.get("/v1/session").json()["name"] != before.reviewed_by
    assert all_gold(app, since=line.at) == [line]


def test_a_reopened_case_is_gold_no_more(app, bot, reviewer):
    case = classified(bot)["case_id"]
    became(reviewer, {"case_id": case, "labels": []})
    act(with_session(app, Role.APPROVER), case, "reopen", text="新证据")
    assert all_gold(app) == []


def test_gold_says_where_it_comes_from(app, bot, reviewer):
    case = classified(bot, group_kind="customer", policy="shenzhen")["case_id"]
    before = datetime.now(UTC)
    became(reviewer, {"case_id": case, "labels": ["commercial_ad"]})
    (line,) = all_gold(app)
    assert (line.group, line.source) == ("customer", "feedback/customer/shenzhen")
    assert line.at >= before - timedelta(milliseconds=1)
    assert all_gold(app, since=line.at) == [line]
    assert all_gold(app, since=line.at + timedelta(milliseconds=1)) == []


def test_a_report_on_a_breach_asks_for_a_second_opinion(app, bot, reviewer):
    case = classified(bot)["case_id"]
    became(reviewer, {"case_id": case, "labels": ["gambling"]})
    assert became(bot, {"case_id": case, "labels": []}) == ["reported"]
    asked = reviewer.get("/v1/cases", params={"opinion_wanted": True}).json()["cases"]
    assert [one["case_id"] for one in asked] == [case]
    assert all_gold(app)[0].labels == ("gambling",)


def test_the_bots_answer_stays_when_a_passed_message_is_reported(app, bot, reviewer):
    first = classified(bot, MISSED)
    item = {"group_id": "g-1", "message_id": "m-1", "text": MISSED, "labels": ["gambling"]}
    (result,) = say(bot, item)
    again = classified(bot, MISSED)
    assert (again["action"], again["case_id"]) == (first["action"], None)
    assert became(reviewer, {"case_id": result["case_id"], "labels": ["gambling"]}) == [
        "relabelled"
    ]


def test_a_reported_breach_counts_for_its_sender_where_he_is_named(app, bot, reviewer):
    classified(bot, MISSED)
    item = {
        **{"group_id": "g-1", "message_id": "m-1", "sender_id": "u-1", "text": MISSED},
        "labels": ["gambling"],
    }
    assert errors(bot, item | {"sender_id": "u-2"}) == [(409,)]
    assert became(bot, item) == ["reported"]
    assert became(reviewer, {"case_id": rows(app, cases)[0].case_id, "labels": ["gambling"]})
    assert [row.person for row in rows(app, entries)] == ["u-1"]


def test_nobody_pays_for_a_text_sent_in_alone(app, reviewer):
    assert became(reviewer, {"text": MISSED, "labels": ["gambling"]}) == ["relabelled"]
    assert not rows(app, entries)
    assert not rows(app, notices)
    (line,) = all_gold(app)
    assert (line.text, line.labels, line.note) == (MISSED, ("gambling",), "relabelled,text")


def test_every_item_is_answered_in_its_place(app, bot, reviewer):
    passed = classified(bot, CLEAN[0], 7)
    assert passed["case_id"] is None
    known = {"group_id": "g-1", "message_id": "m-7", "labels": []}
    assert errors(
        bot,
        {"case_id": "c-none", "labels": []},
        {"group_id": "g-1", "message_id": "m-none", "labels": []},
        known,
        known | {"text": CLEAN[1]},
        {"text": AD, "labels": ["no_such_label"]},
        {"labels": []},
        {"text": "", "labels": []},
        {"case_id": "c1", "text": AD, "labels": []},
        "nonsense",
        {"text": AD},
    ) == [
        (404,),
        (404,),
        (422, "/items/2/text"),
        (409,),
        (422, "/items/4/labels"),
        (422, "/items/5"),
        (422, "/items/6/text"),
        (422, "/items/7"),
        (422, "/items/8"),
        (422, "/items/9/labels"),
    ]
    assert not rows(app, cases)
    case = classified(bot)["case_id"]
    act(with_session(app, Role.REVIEWER), case, "claim")
    good = {"text": MISSED, "labels": []}
    first, second = say(reviewer, {"case_id": case, "labels": []}, good)
    assert first["error"]["status"] == 409
    assert second["became"] == "rejected"


@pytest.mark.parametrize("items", [[], [{"text": AD, "labels": []}] * 101, None])
def test_one_to_a_hundred_items(app, bot, items):
    answer = bot.post("/v1/feedback", json={"items": items})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/items"


PRIVATE = (
    ("我电话12812345678，找我", "我电话00000000000，找我"),
    ("号码是 128 1234 5678", "号码是 000 0000 0000"),
    ("①②⑧①②③④⑤⑥⑦⑧ 联系", "00000000000 联系"),
    ("幺二八幺二三四五六七八", "零" * 11),
    ("加我 wx_lili88 聊", "加我 wx_lili00 聊"),
    ("发到 li.na@firm.example 吧", "发到 x@firm.example 吧"),
    ("@王小明 明天来吗", "@某某 明天来吗"),
    ("问一下李想南就行", "问一下某某就行"),
    ("李想来了", "某某来了"),
    ("3号线，1000件，2026年", "3号线，1000件，2026年"),
)


@pytest.mark.parametrize(("text", "expected"), PRIVATE, ids=[text for text, _ in PRIVATE])
def test_what_could_be_somebodys_is_masked(text, expected):
    assert anonymous(text, (), Names(["李想南", "李想", "王"])) == expected


def test_gold_names_nobody(app, bot, reviewer):
    admin = with_key(app, Role.ADMIN)
    assert admin.request("PUT", "/v1/groups/g-1", json={"name": "一车间"}).status_code < 300
    member = {"name": "李想南", "nickname": "生产部-南哥"}
    admin.request("PUT", "/v1/groups/g-1/members/u-1", json=member)
    text = "代开发票找李想南（生产部-南哥）12812345678，密码是 Tiger-2024x"
    case = classified(bot, text)["case_id"]
    became(reviewer, {"case_id": case, "labels": ["illicit_ad"]})
    (line,) = all_gold(app)
    for private in ("李想南", "南哥", "12812345678", "Tiger-2024x"):
        assert private not in line.text
    assert line.text.startswith("代开发票找某某（某某）")


def test_an_erased_person_is_in_no_gold_and_no_comment(app, bot, reviewer):
    admin = with_key(app, Role.ADMIN)
    admin.request("PUT", "/v1/groups/g-1", json={"name": "一车间"})
    admin.request("PUT", "/v1/groups/g-1/members/u-1", json={"name": "李想南"})
    case = classified(bot)["case_id"]
    other = classified(bot, AD + "。", 2, sender_id="u-2")["case_id"]
    became(bot, {"case_id": other, "labels": [], "comment": "李想南说这是误判"})
    became(reviewer, {"case_id": case, "labels": []}, {"case_id": other, "labels": []})
    erase(app.state.database, datetime.now(UTC), "test", "u-1", app.state.recorder.intake.key)
    assert [one.case_id for one in all_gold(app)] == [other]
    assert not [row for row in rows(app, feedback) if "李想南" in (row.comment or "")]


@pytest.fixture
def run(app, tmp_path, monkeypatch):
    """Run a command on the database of the service."""

    def run(*arguments: str) -> Any:
        monkeypatch.setenv("MODERATION_DATABASE", app.state.settings.database_url)
        monkeypatch.setenv("MODERATION_DATA_DIR", str(tmp_path / "data"))
        return CliRunner().invoke(cli.app, ["feedback", *arguments])

    return run


def test_the_data_file_is_one_to_train_on(app, bot, reviewer, run, tmp_path):
    texts = {MISSED: ["gambling"], "这批样件十点前送到质检，报告别忘了签字盖章": []}
    became(reviewer, *({"text": text, "labels": labels} for text, labels in texts.items()))
    file = tmp_path / "feedback.jsonl"
    result = run("export", "--output", str(file), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert (told["lines"], told["contradictions"], told["repeated"]) == (2, [], [])
    samples = load_added(file, 3.0)
    assert {one.text: list(one.labels) for one in samples} == texts
    assert {one.source for one in samples} == {"feedback/work/suzhou-2017"}


def test_contradictions_are_listed_and_nothing_is_merged(app, reviewer, run, tmp_path):
    ours = next(one for one in load_samples() if one.is_clean and 12 < len(one.text) < 30)
    became(
        reviewer,
        {"text": ours.text, "labels": ["gambling"]},
        {"text": MISSED, "labels": ["gambling"]},
        {"text": MISSED + "！", "labels": []},
        {"text": MISSED + "。", "labels": ["gambling"]},
    )
    file = tmp_path / "feedback.jsonl"
    result = run("export", "--output", str(file), "--json")
    assert result.exit_code == 1, result.output
    told = json.loads(result.output)
    assert [one["place"] for one in told["contradictions"]] == [
        "feedback.jsonl:1",
        "feedback.jsonl:3",
    ]
    assert ours.place in told["contradictions"][0]["detail"]
    assert [one["place"] for one in told["repeated"]] == ["feedback.jsonl:4"]
    assert len(file.read_text("utf-8").splitlines()) == told["lines"] == 4


def test_only_what_is_new_is_written(app, reviewer, run, tmp_path):
    became(reviewer, {"text": MISSED, "labels": ["gambling"]})
    file = tmp_path / "feedback.jsonl"
    for since, lines in (("2020-01-01", 1), ("2999-01-01", 0)):
        result = run("export", "--output", str(file), "--since", since)
        assert result.exit_code == 0, result.output
        assert len(file.read_text("utf-8").splitlines()) == lines


def test_the_page_lists_reports_and_hands_out_the_lines(app, bot, reviewer):
    case = classified(bot)["case_id"]
    became(bot, {"case_id": case, "labels": [], "comment": "正常的开票提醒"})
    shown = reviewer.get("/feedback")
    assert shown.status_code == 200, shown.text
    assert "正常的开票提醒" in shown.text
    assert f"/cases/{case}" in shown.text
    assert "导出 JSONL" not in shown.text
    became(reviewer, {"case_id": case, "labels": []})
    assert reviewer.post("/feedback/export").status_code == 403
    analyst = with_session(app, Role.ANALYST)
    assert "导出 JSONL" in analyst.get("/feedback").text
    taken = analyst.post("/feedback/export")
    assert [json.loads(line) for line in taken.text.splitlines()] == [
        one.to_line() for one in all_gold(app)
    ]


def test_the_page_is_for_those_who_see_cases(app, bot):
    assert with_session(app, Role.BOT).get("/feedback").status_code == 403
    assert Api(app, None).get("/feedback").status_code == 303
