"""What a breached duty does further, like any case: verdict, ledger, notice, payroll; and what it does not.

Scenes are played on the database of a firm, whose people then work on the cases. On both databases.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from moderation import Moderator
from moderation.registry import Registry
from moderation.turns import TurnModel
from service import cli
from service.replay import Outcome, replay
from service.rights import Role
from service.storage import dutytexts, erasure, feedback, history, retention, texts
from service.storage.schema import cases, duties, entries, turns
from service.storage.snapshots import Snapshots
from tests.accounts import with_session
from tests.conductscene import HOURS, KEY, SHIPPED, ZONE, Scene, Stage, moment
from tests.firm import Firm, get
from tests.support import Api

QUESTION = "请问我的卡被吞了怎么办？"
ASKED = {"at": "11-23 10:00", "id": "m-1", "by": "c-wang-1", "text": QUESTION}
ANSWERED = {
    "at": "11-23 10:29",
    "by": "u-li-1",
    "text": "带身份证到柜台办理就可以取回，营业到五点。",
}
BANK: dict[str, Any] = {
    "begins": "11-23 08:00",
    "group": {
        "policy": "bank-customer",
        "kind": "customer",
        "admin": "u-qin-1",
        "owner": "u-fang-1",
    },
    "people": {
        "u-qin-1": {"name": "秦岭", "department": "客户部"},
        "u-li-1": {"name": "李想", "department": "客户部"},
    },
    "members": {
        "u-qin-1": {"nickname": "秦岭"},
        "u-li-1": {"nickname": "李想"},
        "c-wang-1": {"nickname": "王女士", "role": "customer"},
    },
}
SUZHOU: dict[str, Any] = {
    "begins": "11-23 08:00",
    "group": {
        "policy": "suzhou-2017",
        "name": "远山环保生产部",
        "admin": "u-qin-1",
        "owner": "u-fang-1",
    },
    "people": {
        "u-qin-1": {"name": "秦岭", "department": "生产部"},
        "u-li-1": {"name": "李想", "department": "生产部"},
    },
    "members": {"u-qin-1": {"nickname": "秦岭(群负责人)"}, "u-li-1": {"nickname": "小李"}},
}
BREACHED = {"message": [ASKED], "check": [{"at": "11-23 10:25"}, {"at": "11-23 10:36"}]}
IRREGULAR = {"check": [{"at": "11-23 09:00"}, {"at": "11-24 18:06"}]}


@pytest.fixture(scope="module")
def model() -> TurnModel:
    return TurnModel.load()


@pytest.fixture
def firm(tmp_path, quiet_model, database_url) -> Iterator[Firm]:
    firm = Firm(tmp_path, quiet_model, database_url)
    firm.clock = moment("11-25 09:00")
    yield firm
    firm.close()


@pytest.fixture
def stage(firm: Firm, model: TurnModel, quiet: Moderator) -> Stage:
    return Stage(firm.database, model, quiet)


def played(stage: Stage, *parts: dict[str, Any]) -> dict[str, str]:
    """Let a scene happen; return the cases there are, by the party liable."""
    body: dict[str, Any] = {}
    for part in parts:
        body |= part
    stage.play(Scene("a scene", body))
    return {row.party: row.case_id for row in rows(stage, cases) if row.origin == "conduct"}


def rows(stage: Stage, table: Any) -> list[Any]:
    with stage.database.read() as connection:
        return list(connection.execute(select(table)))


def notice_of(firm: Firm, case_id: str) -> dict[str, Any]:
    (on_case,) = firm.case(case_id)["notices"]
    return get(firm.zhao, f"/v1/notices/{on_case['id']}")


def test_a_confirmed_breach_is_in_ledger_notice_and_payroll(firm, stage):
    found = played(stage, SUZHOU, IRREGULAR)
    assert set(found) == {"group_admin", "member"}
    owed = {"group_admin": ("u-qin-1", "10.00"), "member": ("u-li-1", "20.00")}
    for party, (person, amount) in owed.items():
        firm.confirm(found[party])
        firm.publish(found[party])
        notice = notice_of(firm, found[party])
        assert notice["amount"] == amount
        liable = [(one["party"], one["member_id"]) for one in notice["liable"]]
        assert liable == [(party, person)]
    kept = {row.person: (row.kind, row.amount) for row in rows(stage, entries)}
    assert kept == {who: ("fine", Decimal(amount)) for who, amount in owed.values()}
    at = datetime.fromisoformat(notice["published"]["at"]).astimezone(ZONE)
    payroll = get(firm.zhao, f"/v1/payroll/{at:%Y-%m}")
    assert {row["member_id"]: row["total"] for row in payroll["rows"]} == dict(owed.values())


def test_an_open_amount_is_typed_before_the_notice_is_approved(firm, stage):
    case_id = played(stage, BANK, BREACHED)["responder"]
    firm.confirm(case_id)
    notice = notice_of(firm, case_id)
    assert notice["amount"] is None
    assert firm.zhao.post(f"/v1/notices/{notice['id']}/approve").status_code == 409
    firm.do(firm.li, case_id, "amount", amount="15.00")
    firm.publish(case_id)
    assert notice_of(firm, case_id)["amount"] == "15.00"


def test_fifty_or_more_is_at_least_fifty(firm, stage):
    group = SUZHOU["group"] | {"name": "生产部大家庭"}
    members = SUZHOU["members"] | {"u-li-1": {"nickname": "李想"}}
    case_id = played(stage, SUZHOU, IRREGULAR, {"group": group, "members": members})["group_owner"]
    firm.do(firm.li, case_id, "claim")
    firm.do(firm.li, case_id, "confirm", 422, amount="49.99")
    firm.do(firm.li, case_id, "confirm", amount="80.00")
    notice = notice_of(firm, case_id)
    assert notice["amount"] == "80.00"
    assert [one["member_id"] for one in notice["liable"]] == ["u-fang-1"]


def test_it_is_confirmed_or_rejected_never_relabelled(firm, stage):
    case_id = played(stage, BANK, BREACHED)["responder"]
    firm.do(firm.li, case_id, "claim")
    told = firm.do(firm.li, case_id, "relabel", 409, labels=["insult"])
    assert "confirmed or rejected" in told["detail"]


def test_the_person_appeals_and_is_freed(firm, stage):
    case_id = played(stage, SUZHOU, IRREGULAR)["member"]
    firm.confirm(case_id)
    firm.publish(case_id)
    firm.overturn(case_id)
    assert firm.case(case_id)["appeal"] == "overturned"
    assert rows(stage, entries) == []


def test_the_bot_reminds_once_before_the_end_of_what_is_no_case_yet(firm, stage):
    looks = [{"at": f"11-23 10:{minute}"} for minute in (19, 20, 21, 29)]
    assert played(stage, BANK, {"message": [ASKED], "check": looks}) == {}
    (action,) = get(firm.bot, "/v1/actions")["actions"]
    assert (action["kind"], action["case_id"], action["notice_id"]) == ("duty", None, None)
    assert (action["group_id"], action["member_id"]) == ("g", "u-qin-1")
    assert "11月23日10:30" in action["text"]


def test_nobody_is_reminded_of_what_is_done_or_long_over(firm, stage):
    late = {"message": [ASKED], "check": [{"at": "11-23 12:00"}]}
    played(stage, BANK, late)
    assert get(firm.bot, "/v1/actions")["actions"] == []


def test_a_case_closed_by_itself_says_why(firm, stage):
    late = {
        "message": [ASKED, ANSWERED | {"arrives": "11-23 10:40"}],
        "check": [{"at": "11-23 10:36"}, {"at": "11-23 10:41"}],
    }
    case = firm.case(played(stage, BANK, late)["responder"])
    assert case["state"] == "rejected"
    said = [(one["by"], one["detail"]) for one in case["history"] if one["verb"] == "comment"]
    assert said == [("conduct", {"text": "迟到的消息表明已按时完成"})]
    (duty,) = get(firm.li, "/v1/duties")["duties"]
    assert (duty["state"], duty["case_id"]) == ("met", case["case_id"])


def test_a_case_that_a_reviewer_has_in_hand_is_his(firm, stage):
    case_id = played(stage, BANK, BREACHED)["responder"]
    firm.do(firm.li, case_id, "claim")
    late = ANSWERED | {"arrives": "11-23 10:40"}
    stage.go_on(Scene("it goes on", {"message": [late], "check": [{"at": "11-23 10:41"}]}))
    assert firm.case(case_id)["state"] == "claimed"


def test_duties_are_listed_by_state_page_and_person(firm, stage):
    found = played(stage, SUZHOU, IRREGULAR)
    listed = get(firm.li, "/v1/duties", state="breached")["duties"]
    assert {one["party"]: one["case_id"] for one in listed} == found
    assert {one["name"] for one in listed} == {"成员昵称不合格"}
    assert get(firm.li, "/v1/duties", state="open")["duties"] == []
    assert len(get(firm.li, "/v1/duties", person="u-li-1")["duties"]) == 1
    first = get(firm.li, "/v1/duties", state="breached", limit=1)
    second = get(firm.li, "/v1/duties", state="breached", limit=1, after=first["next"])
    assert second["next"] is None
    assert [*first["duties"], *second["duties"]] == listed


def test_duties_are_not_for_everybody(firm):
    for role in (Role.BOT, Role.ANALYST):
        assert with_session(firm.app, role).get("/v1/duties").status_code == 403
    assert Api(firm.app, None).get("/v1/duties").status_code == 401


def test_nothing_is_learnt_from_it(firm, stage):
    case_id = played(stage, SUZHOU, IRREGULAR)["member"]
    with stage.database.read() as connection:
        assert texts.waiting(connection) == []
    firm.confirm(case_id)
    with stage.database.read() as connection:
        assert feedback.gold(connection) == []
        assert feedback.verdict_counts(connection)[0] == 0
        assert texts.of(connection, [case_id]) == {}
        assert history.confirmed(connection, Snapshots(SHIPPED), "suzhou-2017") == []


def test_it_cannot_be_replayed_and_the_reason_is_named(firm, stage):
    case_id = played(stage, BANK, BREACHED)["responder"]
    found = replay(stage.database, case_id, Registry(), firm.app.state.settings.model)
    assert found.outcome is Outcome.IMPOSSIBLE
    assert found.reason is not None
    assert "duty" in found.reason


def test_who_is_erased_is_named_nowhere_and_owes_nothing_twice(firm, stage):
    case_id = played(stage, BANK, BREACHED)["responder"]
    for member_id in ("u-qin-1", "c-wang-1"):
        erasure.erase(stage.database, firm.now(), "test", member_id, KEY)
    stored = "\n".join(str(tuple(row)) for table in (turns, duties) for row in rows(stage, table))
    for word in ("u-qin-1", "秦岭", "c-wang-1", QUESTION):
        assert word not in stored
    stage.go_on(Scene("it goes on", {"check": [{"at": "11-23 10:45"}]}))
    assert [row.case_id for row in rows(stage, cases)] == [case_id]


def test_old_turns_and_the_words_of_old_duties_are_purged(firm, stage):
    played(stage, BANK, BREACHED)
    later = moment("2027-11-24 10:00")
    with stage.database.read() as connection:
        assert dutytexts.count_old(connection, moment("11-23 09:00")) == 0
    assert retention.purge(stage.database, later, "test", 365, dry_run=True).duties == 2
    assert retention.purge(stage.database, later, "test", 365).duties == 2
    assert retention.purge(stage.database, later, "test", 365).duties == 0
    assert rows(stage, turns) == []
    (duty,) = get(firm.li, "/v1/duties")["duties"]
    assert (duty["state"], duty["about"]) == ("breached", "（已删除）")


def test_page_and_queue_name_the_rule(firm, stage):
    case_id = played(stage, BANK, BREACHED)["responder"]
    for url in ("/cases", f"/cases/{case_id}"):
        shown = firm.li.get(url, headers={"Accept": "text/html"})
        assert shown.status_code == 200
        assert "提问未及时答复" in shown.text
    assert QUESTION in shown.text
    firm.do(firm.li, case_id, "claim")
    assert "提问未及时答复" in firm.li.get(f"/cases/{case_id}").text


@pytest.fixture
def run(firm, monkeypatch, database_url, tmp_path):
    monkeypatch.setenv("MODERATION_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MODERATION_DATABASE", database_url)
    monkeypatch.setenv("MODERATION_WORK_HOURS", HOURS)

    def _run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(cli.app, ["conduct", *arguments])
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return _run


def test_the_command_checks_as_of_a_time_and_twice_is_once(stage, run):
    played(stage, BANK, {"message": [ASKED]})
    before = json.loads(run("check", "--at", "2026-11-23T10:25:00+08:00", "--all", "--json"))
    assert (before["opened"], before["reminded"], before["case_ids"]) == (1, 1, [])
    assert "秦岭" not in run("list", "--state", "breached")
    assert "提问未及时答复" in run("list", "--group", "g")
    after = json.loads(run("check", "--at", "2026-11-23T10:36:00+08:00", "--json"))
    assert after["breached"] == len(after["case_ids"]) == 1
    again = json.loads(run("check", "--at", "2026-11-23T10:36:00+08:00", "--all", "--json"))
    assert (again["groups"], again["breached"]) == (1, 0)
    (duty,) = json.loads(run("list", "--state", "breached", "--json"))["duties"]
    assert duty["case_id"] == after["case_ids"][0]
    assert run("list").strip() == "no duties"


def test_the_command_refuses_what_is_no_time_and_no_state(run):
    for wrong in (("check", "--at", "gestern"), ("check", "--at", "2026-11-23T10:00:00")):
        run(*wrong, code=2)
    run("list", "--state", "late", code=2)
    assert run("check").startswith("0 groups")
