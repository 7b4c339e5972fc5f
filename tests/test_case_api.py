"""Cases over HTTP: the queue and its pages, one case, private parts, verdicts on many, refusals."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, select

from service.cases import State
from service.rights import Role
from service.storage import casequery
from service.storage.casequery import Filter
from service.storage.database import Database
from service.storage.schema import audit, case_labels, cases
from tests.accounts import with_key
from tests.firm import AD, START, Firm, get
from tests.support import CLEAN

INSULT = "弄死你，要你狗命"
SECRET = "数据库密码是 Tiger-2024x 别外传"


@pytest.fixture
def firm(tmp_path, quiet_model, database_url) -> Iterator[Firm]:
    firm = Firm(tmp_path, quiet_model, database_url)
    yield firm
    firm.close()


def stored(number: int, **given: Any) -> dict[str, Any]:
    """Return a row of a case as the intake writes it."""
    at = START + timedelta(minutes=number)
    return {
        **{"case_id": f"c{number:020}", "opened_at": at, "sent_at": at, "group_id": "g-1"},
        **{"message_id": f"m-{number}", "sender_id": "u-1", "text": AD, "action": "review"},
        **{"decision": {"findings": []}, "found": ["illicit_ad"], "group_kind": "work"},
        **{"sender_role": "staff", "policy_id": "shenzhen", "policy_version": "shenzhen@x"},
        **{"lexicon_version": "l", "normalizer_version": "n", "counted": {}, "rank": -3},
        **{"certainty": 0.9, "state": "open", "labels": [], "opinion_wanted": False, "steps": 0},
        **{"recalled_at": None, "appeal": None, "opinion_by": None},
    } | given


def store(database, *rows: dict[str, Any]) -> list[str]:
    ids = [row["case_id"] for row in rows]
    labels = [{"case_id": row["case_id"], "label": one} for row in rows for one in row["found"]]
    with database.write() as connection:
        connection.execute(insert(cases), list(rows))
        connection.execute(insert(case_labels), labels)
    return ids


def pages(firm: Firm, **query: Any) -> list[str]:
    """Return the ids of all pages of a list, one behind the other."""
    found: list[str] = []
    while True:
        page = get(firm.li, "/v1/cases", **query)
        found += [case["case_id"] for case in page["cases"]]
        if page["next"] is None:
            return found
        query["cursor"] = page["next"]


def test_the_gravest_come_first_then_the_least_certain_then_the_oldest(firm):
    light, sure, newer, older, grave = store(
        firm.database,
        stored(1, rank=-1),
        stored(2, certainty=0.99),
        stored(4, certainty=0.6),
        stored(3, certainty=0.6),
        stored(5, rank=-14),
    )
    queue = [grave, older, newer, sure, light]
    assert firm.cases() == queue
    assert firm.cases(order="newest") == [grave, newer, older, sure, light]
    for order in ("queue", "newest"):
        for limit in (1, 2, 3, 5):
            assert pages(firm, limit=limit, order=order) == firm.cases(order=order)


def test_a_page_goes_on_behind_a_case_that_was_decided_meanwhile(firm):
    ids = store(firm.database, *(stored(n, certainty=0.5 + n / 100) for n in range(6)))
    first = get(firm.li, "/v1/cases", state="open", limit=3)
    for case_id in ids[:3]:
        firm.do(firm.li, case_id, "claim")
    rest = get(firm.li, "/v1/cases", state="open", limit=3, cursor=first["next"])
    assert [case["case_id"] for case in rest["cases"]] == ids[3:]


def test_every_filter(firm):
    marks = {
        "state": ({"state": "rejected"}, {"state": "rejected"}),
        "label": ({"found": ["insult"]}, {"label": "insult"}),
        "group": ({"group_id": "g-2"}, {"group_id": "g-2"}),
        "policy": ({"policy_id": "factory"}, {"policy": "factory"}),
        "action": ({"action": "block"}, {"action": "block"}),
        "sender": ({"sender_id": "u-2"}, {"sender_id": "u-2"}),
        "recalled": ({"recalled_at": START}, {"recalled": True}),
        "appeal": ({"state": "confirmed", "appeal": "open"}, {"appeal_open": True}),
        "opinion": ({"state": "relabelled", "opinion_wanted": True}, {"opinion_wanted": True}),
    }
    rows = [stored(n, **given) for n, (given, _) in enumerate(marks.values())]
    plain = stored(50)
    given = {"state": "confirmed", "opinion_wanted": True, "opinion_by": "wang"}
    ids = store(firm.database, *rows, plain, stored(51, **given))
    for case_id, (_, query) in zip(ids, marks.values(), strict=False):
        assert firm.cases(**query) == [case_id], query
    assert set(firm.cases(recalled=False)) == set(ids) - {ids[6]}
    assert set(firm.cases(state=["confirmed", "rejected"])) == {ids[0], ids[7], ids[-1]}
    edge = (START + timedelta(minutes=50)).isoformat()
    assert set(firm.cases(since=edge)) == set(ids[-2:])
    assert firm.cases(since=edge, until=(START + timedelta(minutes=51)).isoformat()) == [ids[-2]]
    assert firm.cases(label="insult", group_id="g-2") == []


def test_counts_are_of_the_filter_whatever_state_is_asked_for(firm):
    store(
        firm.database,
        stored(1),
        stored(2),
        stored(3, state="confirmed", appeal="open"),
        stored(4, state="confirmed", opinion_wanted=True),
        stored(5, group_id="g-2"),
    )
    counts = get(firm.li, "/v1/cases", state="open", group_id="g-1")["counts"]
    assert counts["by_state"] == {
        "open": 2,
        "claimed": 0,
        "confirmed": 2,
        "relabelled": 0,
        "rejected": 0,
    }
    assert (counts["appeal_open"], counts["opinion_wanted"]) == (1, 1)


@pytest.mark.parametrize(
    "query",
    [
        {"state": "lost"},
        {"limit": 0},
        {"limit": 201},
        {"order": "random"},
        {"action": "pass"},
        {"since": "yesterday"},
        {"since": "2026-11-03T00:00:00"},
        {"until": "0001-01-01T00:00:00Z"},
        {"label": "\0"},
        {"cursor": "c-made-up"},
        {"unheard": "of"},
    ],
)
def test_a_wrong_filter_is_named(firm, query):
    response = firm.li.get("/v1/cases", params=query)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["pointer"].startswith(f"/{next(iter(query))}")


def test_ten_thousand_open_cases_take_few_queries(firm):
    rows = [stored(n, rank=-(n % 15), case_id=f"c{secrets.token_hex(10)}") for n in range(10_000)]
    store(firm.database, *rows)
    asked: list[str] = []
    engine = firm.database.engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    page = get(firm.li, "/v1/cases", state="open", limit=200)
    for _ in range(3):
        page = get(firm.li, "/v1/cases", state="open", limit=200, cursor=page["next"])
    assert len(page["cases"]) == 200
    assert page["counts"]["by_state"]["open"] == 10_000
    on_cases = [statement for statement in asked if "cases" in statement]
    assert len(on_cases) <= 4 * 5


def test_the_queue_is_read_in_the_order_of_its_index(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'plan.db'}")
    database.upgrade()
    statements: list[tuple[str, Any]] = []
    event.listen(
        database.engine, "before_cursor_execute", lambda *given: statements.append(given[2:4])
    )
    with database.read() as connection:
        casequery.listed(connection, Filter(states=(State.OPEN,)))
        text, values = statements[-1]
        inner = text[text.index("(SELECT") + 1 : text.rindex(")")]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {inner}", values).fetchall()
    database.close()
    told = " ".join(str(step[-1]) for step in plan)
    assert "ix_cases_queue" in told
    assert "TEMP B-TREE" not in told


def test_one_case_with_all_around_it(firm):
    first = firm.confirmed()
    case_id = firm.flag(INSULT, reply_to="m-0")
    elsewhere = firm.flag(group_id="g-2", sender_id="u-2")
    firm.do(firm.li, case_id, "claim")
    firm.do(firm.wang, case_id, "comment", text="请看上下文")
    case = firm.case(case_id)
    assert (case["state"], case["reviewer"], case["text"]) == ("claimed", "li", INSULT)
    assert case["decision"]["case_id"] == case_id
    assert case["reply_to"] == "m-0"
    assert [step["verb"] for step in case["history"]] == ["claim", "comment"]
    assert case["history"][1]["detail"] == {"text": "请看上下文"}
    assert [one["case_id"] for one in case["record"]] == [first]
    assert [one["case_id"] for one in case["around"]] == [first]
    assert case["entry"] is None
    assert elsewhere not in str(case)


def test_cases_around_are_near_in_time(firm):
    here, near, far = store(firm.database, stored(60), stored(80), stored(60 + 31))
    with firm.database.read() as connection:
        row, others = casequery.around(connection, here)
    assert row.case_id == here
    assert [one.case_id for one in others] == [near]
    assert far


def test_private_parts_are_dotted_until_revealed_and_the_reader_is_noted(firm):
    case_id = firm.flag(SECRET)
    for seen in (firm.case(case_id), firm.case(case_id, firm.zhao), get(firm.li, "/v1/cases")):
        assert "Tiger-2024x" not in str(seen)
        assert "•" in str(seen)
    assert get(firm.li, f"/v1/cases/{case_id}/text") == {"case_id": case_id, "text": SECRET}
    with firm.database.read() as connection:
        told = connection.execute(
            select(audit.c.actor, audit.c.subject).where(audit.c.verb == "case.reveal")
        ).all()
    assert told == [("li", case_id)]


def test_analyst_and_admin_see_no_private_parts(firm):
    case_id = firm.flag(SECRET)
    analyst = firm.user("fang", Role.ANALYST)
    for who in (analyst, firm.admin, firm.bot):
        assert who.get(f"/v1/cases/{case_id}/text").status_code == 403
    assert "Tiger" not in str(firm.case(case_id, analyst))


def test_an_erased_text_is_gone(firm):
    case_id = firm.flag()
    with firm.database.write() as connection:
        connection.execute(cases.update().values(text=None, erased_at=START))
    assert firm.case(case_id)["text"] is None
    assert firm.li.get(f"/v1/cases/{case_id}/text").status_code == 404


@pytest.mark.parametrize("case_id", ["c0", "c" + "0" * 20])
def test_an_unknown_case_is_404_everywhere(firm, case_id):
    said = {"text": "说明", "labels": ["insult"], "amount": "5.00", "outcome": "upheld"}
    needs = {
        **{"claim": (), "release": (), "confirm": (), "reject": (), "undo": ()},
        **{"relabel": ("labels",), "opinion": ("labels",), "comment": ("text",)},
        **{"amount": ("amount",), "appeal": ("text",)},
    }
    for verb, fields in needs.items():
        firm.do(firm.li, case_id, verb, 404, **{name: said[name] for name in fields})
    firm.do(firm.zhao, case_id, "reopen", 404, text="说明")
    firm.do(firm.zhao, case_id, "appeal/decision", 404, outcome="upheld")
    for rest in ("", "/text", "/preview"):
        assert firm.li.get(f"/v1/cases/{case_id}{rest}").status_code == 404


@pytest.mark.parametrize(
    ("verb", "body", "pointer"),
    [
        ("confirm", {"amount": "-1"}, "/amount"),
        ("confirm", {"amount": "1e30"}, "/amount"),
        ("confirm", {"amount": "NaN"}, "/amount"),
        ("confirm", {"amount": "1.005"}, "/amount"),
        ("relabel", {"labels": []}, "/labels"),
        ("relabel", {"labels": ["insul"]}, "/labels"),
        ("relabel", {}, "/labels"),
        ("comment", {"text": "  "}, "/text"),
        ("comment", {"text": "a\0"}, "/text"),
        ("comment", {"text": "长" * 2001}, "/text"),
        ("opinion", {"labels": None}, "/labels"),
        ("amount", {}, "/amount"),
        ("reject", {"why": "x"}, "/why"),
    ],
)
def test_a_wrong_field_is_named(firm, verb, body, pointer):
    case_id = firm.flag()
    firm.do(firm.li, case_id, "claim")
    response = firm.li.post(f"/v1/cases/{case_id}/{verb}", json=body)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"].startswith(pointer)
    assert firm.case(case_id)["state"] == "claimed"


def test_what_the_rules_forbid_is_a_conflict_and_changes_nothing(firm):
    case_id = firm.flag()
    firm.do(firm.li, case_id, "claim")
    problem = firm.do(firm.wang, case_id, "claim", 409)
    assert problem["detail"] == "cannot claim: li is on it"
    firm.do(firm.wang, case_id, "confirm", 409)
    assert len(firm.case(case_id)["history"]) == 1
    firm.do(firm.li, case_id, "release")
    firm.do(firm.wang, case_id, "claim")


def test_nobody_judges_a_message_of_his_own(firm):
    chen = firm.user("chen", Role.REVIEWER, Role.APPROVER, member_id="u-1")
    case_id = firm.flag()
    assert "of his own" in firm.do(chen, case_id, "claim", 409)["detail"]
    firm.confirm(case_id)
    firm.do(chen, case_id, "appeal", text="不是广告")
    firm.do(chen, case_id, "appeal/decision", 409, outcome="overturned")
    firm.do(chen, case_id, "reopen", 409, text="不是广告")


def test_many_at_once_are_answered_one_by_one(firm):
    ids = [firm.flag() for _ in range(3)]
    firm.do(firm.wang, ids[1], "claim")
    body = {"verb": "confirm", "case_ids": [*ids, "c-unknown", ids[0]], "text": "同一批广告"}
    response = firm.li.post("/v1/cases/bulk", json=body)
    assert response.status_code == 200, response.text
    results = response.json()["results"]
    assert [one["case_id"] for one in results] == body["case_ids"]
    assert [one["error"]["status"] if "error" in one else 200 for one in results] == [
        200,
        409,
        200,
        404,
        409,
    ]
    assert [results[n]["case"]["entry"]["penalty"]["kind"] for n in (0, 2)] == [
        "warning",
        "removal",
    ]
    assert firm.case(ids[1])["reviewer"] == "wang"
    assert [step["verb"] for step in firm.case(ids[0])["history"]] == ["claim", "confirm"]


def test_many_are_rejected_at_once(firm):
    ids = [firm.flag() for _ in range(2)]
    firm.li.post("/v1/cases/bulk", json={"verb": "reject", "case_ids": ids})
    assert set(firm.cases(state="rejected")) == set(ids)


@pytest.mark.parametrize(
    "body",
    [
        {"verb": "undo", "case_ids": ["c1"]},
        {"verb": "confirm", "case_ids": []},
        {"verb": "confirm", "case_ids": ["c1"] * 201},
        {"verb": "confirm", "case_ids": ["c/1"]},
    ],
)
def test_a_wrong_bulk_is_refused(firm, body):
    assert firm.li.post("/v1/cases/bulk", json=body).status_code == 422


def test_the_record_of_a_person(firm):
    one = firm.confirmed(policy="shenzhen")
    two = firm.confirmed(policy="factory")
    firm.confirmed(sender_id="u-2")
    record = get(firm.li, "/v1/members/u-1/record")
    assert [entry["case_id"] for entry in record["entries"]] == [one, two]
    assert [entry["penalty"]["kind"] for entry in record["entries"]] == ["warning", "reminder"]
    assert get(firm.li, "/v1/members/u-1/record", limit=1)["entries"][0]["case_id"] == two
    assert get(firm.li, "/v1/members/nobody/record")["entries"] == []


def test_a_recalled_message_is_marked(firm):
    case_id = firm.flag(message_id="m/7=")
    firm.classify(CLEAN[0], message_id="m-8")
    for message_id, expected in (("m%2F7%3D", case_id), ("m-8", None)):
        response = firm.bot.post(f"/v1/messages/{message_id}/recall", json={"group_id": "g-1"})
        assert response.status_code == 200, response.text
        assert response.json()["case_id"] == expected
    assert firm.cases(recalled=True) == [case_id]
    assert firm.case(case_id)["state"] == "open"
    for body in ({"group_id": "g-2"}, {}, None):
        missing = firm.bot.post("/v1/messages/m-8/recall", json=body)
        assert missing.status_code == 404
    assert firm.li.post("/v1/messages/m-8/recall").status_code == 403


def test_the_bot_brings_messages_and_appeals_and_sees_no_case(firm):
    case_id = firm.confirmed()
    for url in ("/v1/cases", f"/v1/cases/{case_id}", "/v1/agreement", "/v1/members/u-1/record"):
        assert firm.bot.get(url).status_code == 403
    firm.do(firm.bot, case_id, "undo", 403)
    assert firm.do(firm.bot, case_id, "appeal", text="转发而已")["appeal"] == "open"
    assert firm.cases(appeal_open=True) == [case_id]


def test_a_key_of_a_reviewer_reviews(firm):
    key = with_key(firm.app, Role.REVIEWER)
    case_id = firm.flag()
    firm.do(key, case_id, "claim")
    assert firm.do(key, case_id, "reject", text="正常业务")["state"] == "rejected"
