"""The board of duties: what the demonstration shows on it, filters, pages, and the case of a breach."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from service import demo, documents
from service.app import create_app
from service.rights import Role
from service.storage import dutyquery, noticequery
from service.storage.dutybook import DutyState
from service.storage.schema import duties
from service.storage.snapshots import Snapshots
from tests import accounts
from tests.databases import queries
from tests.firm import Firm

NOW = datetime(2026, 11, 25, 2, 20, tzinfo=UTC)
"""A Wednesday, 10:20 in the firm."""
QUERIES = 5
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Return the demonstration."""
    app = create_app(demo.settings(tmp_path_factory.mktemp("demo")))
    demo.fill(app.state, NOW)
    yield app
    app.state.recorder.close()
    app.state.database.close()


@pytest.fixture
def firm(quiet_model, tmp_path, database_url):
    firm = Firm(tmp_path, quiet_model, database_url)
    yield firm
    firm.close()


def owe(firm: Firm, number: int, **given: object) -> None:
    row = {
        "duty_id": f"{number:032x}",
        "rule": "question_answered",
        "article": "4.2",
        "policy_id": "bank-customer",
        "group_id": "g-1",
        "party": "responder",
        "person": "u-1",
        "subject": f"m-{number}",
        "since": NOW,
        "due": NOW + timedelta(minutes=number),
        "state": DutyState.OPEN.value,
        "detail": {"about": f"第{number}问没有答复"},
    }
    with firm.database.write() as connection:
        connection.execute(insert(duties), [row | given])


def rules(app, state: DutyState) -> dict[str, int]:
    found: Counter[str] = Counter()
    with app.state.database.read() as connection:
        for one in dutyquery.counts(connection, NOW):
            found[one.rule] += one.all if one.state is state else 0
    return dict(+found)


def a_case(app, rule: str) -> str:
    with app.state.database.read() as connection:
        wanted = dutyquery.Wanted(DutyState.BREACHED, rule)
        return dutyquery.listed(connection, wanted, 1)[0].case_id


def test_the_demonstration_shows_duties_of_many_kinds(shown):
    assert rules(shown, DutyState.OPEN) == {
        "instruction_handled": 1,
        "member_nickname": 1,
        "notice_acknowledged": 2,
        "question_answered": 1,
        "question_shirked": 1,
        "roster": 1,
    }
    assert rules(shown, DutyState.BREACHED) == {
        "group_name": 1,
        "member_nickname": 3,
        "outsider_invited": 1,
        "question_answered": 1,
        "question_shirked": 1,
        "roster": 1,
        "temporary_group": 1,
    }


@pytest.mark.parametrize("day", [22, 23, 26, 28])
def test_the_demonstration_shows_the_same_on_any_day_of_the_week(tmp_path, shown, day):
    app = create_app(demo.settings(tmp_path))
    demo.fill(app.state, datetime(2026, 11, day, 2, 20, tzinfo=UTC))
    assert rules(app, DutyState.OPEN) == rules(shown, DutyState.OPEN)
    assert rules(app, DutyState.BREACHED) == rules(shown, DutyState.BREACHED)
    app.state.recorder.close()
    app.state.database.close()


def test_the_board_of_the_demonstration_has_no_warning(shown):
    page = accounts.with_session(shown, Role.REVIEWER).get("/duties").text
    assert "没有设置公司名" not in page
    assert "远帆物流-唐会计" in page
    assert page.count("data-row") == 7


def test_nobody_owes_anything(firm):
    assert "现在没有未尽事项" in firm.li.get("/duties").text
    assert "没有逾期的事项" in firm.li.get("/duties?state=breached").text
    assert "没有设置公司名" in firm.li.get("/duties").text


def test_filters(firm):
    owe(firm, 1)
    owe(firm, 2, rule="roster", article="18", group_id="g-2")
    owe(firm, 3, state=DutyState.BREACHED.value)
    owe(firm, 4, state=DutyState.MET.value)
    found = {
        path: re.findall("第(\\d)问", firm.li.get(f"/duties{path}").text)
        for path in ("", "?rule=roster", "?group_id=g-1", "?state=breached", "?rule=group_name")
    }
    assert found == {
        "": ["1", "2"],
        "?rule=roster": ["2"],
        "?group_id=g-1": ["1"],
        "?state=breached": ["3"],
        "?rule=group_name": [],
    }
    assert firm.li.get("/duties?rule=nothing").status_code == 404
    assert firm.li.get("/duties?state=gone").status_code == 422
    assert firm.li.get("/duties?after=x").status_code == 400


def test_every_duty_is_on_one_page(firm):
    for number in range(120):
        owe(firm, number, due=NOW + timedelta(minutes=number // 7))
    seen, path = [], "/duties"
    while path:
        page = firm.li.get(path)
        assert page.status_code == 200, path
        seen += re.findall("第(\\d+)问", page.text)
        further = re.search(r'href="(/duties\?[^"]*after=[^"]+)"', page.text)
        path = further[1].replace("&amp;", "&") if further else None
    assert seen == [str(number) for number in range(120)]


def test_few_queries(firm):
    for number in range(30):
        owe(firm, number, person=f"u-{number}", group_id=f"g-{number % 4}")
    for path in ("/duties", "/duties?state=breached", "/duties?rule=roster&group_id=g-1"):
        with queries(firm.database) as sent:
            assert firm.li.get(path).status_code == 200
        assert len(sent) <= QUERIES, path


def test_what_is_told_cannot_become_markup(firm):
    body = {"name": HOSTILE, "kind": "work"}
    assert firm.admin.request("PUT", "/v1/groups/g-1", json=body).status_code == 200
    said = {"nickname": HOSTILE}
    assert firm.admin.request("PUT", "/v1/groups/g-1/members/u-1", json=said).status_code == 200
    owe(firm, 1, detail={"about": f"提问“{HOSTILE}”没有答复"})
    for path in ("/duties", "/groups/g-1", "/members/u-1"):
        page = firm.li.get(path).text
        assert HOSTILE not in page
        assert "&lt;script&gt;" in page


def test_a_breach_is_a_case_of_one_person(shown):
    page = accounts.with_session(shown, Role.REVIEWER).get(
        f"/cases/{a_case(shown, 'question_shirked')}"
    )
    assert "责任人" in page.text
    assert "答复责任人" in page.text
    assert "这个不归我们管" in page.text
    assert "relabel" not in page.text
    assert "发送人" not in page.text


def test_the_notice_of_a_breach_does_not_speak_of_a_message(shown):
    reviewer = accounts.signed_in(shown, accounts.open_session(shown.state.database, "zhu"))
    approver = accounts.signed_in(shown, accounts.open_session(shown.state.database, "shang"))
    case_id = a_case(shown, "roster")
    for step in ("claim", "confirm"):
        assert reviewer.post(f"/v1/cases/{case_id}/{step}", json={}).status_code == 200
    (notice,) = reviewer.get(f"/v1/cases/{case_id}").json()["notices"]
    page = approver.get(f"/notices/{notice['id']}").text
    assert "截至" in page
    assert "常维新已离职，仍在群内" in page
    with shown.state.database.read() as connection:
        known = Snapshots(shown.state.moderator.policies)
        view = noticequery.one(connection, known, notice["id"])
    form = documents.form(view, demo.FIRM, shown.state.settings.zone)
    told = "".join("".join(one.paragraphs) + (one.quote or "") for one in form.sections)
    assert "消息" not in told
    assert "消息时间" not in dict(form.fields)
    assert "未尽职责" in told
    assert "常维新已离职，仍在群内" in told


@pytest.mark.parametrize("state", list(DutyState))
def test_pages_follow_each_other_open_ones_from_the_soonest_others_from_the_latest(firm, state):
    for number in range(7):
        owe(firm, number, state=state.value, due=NOW + timedelta(hours=number // 2))
    wanted = dutyquery.Wanted(state)
    with firm.database.read() as connection:
        whole = dutyquery.listed(connection, wanted, 100)
        paged, after = [], None
        while rows := dutyquery.listed(connection, wanted, 2, after):
            paged += rows
            after = dutyquery.parse_cursor(dutyquery.cursor(rows[-1].due, rows[-1].duty_id))
    assert [row.duty_id for row in paged] == [row.duty_id for row in whole]
    dues = [row.due for row in whole]
    assert len(dues) == 7
    assert dues == sorted(dues, reverse=state is not DutyState.OPEN)
