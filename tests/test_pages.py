"""Pages as HTTP: who sees which, headers, forms, the first user, errors told to people, few queries."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from service import demo
from service.app import create_app
from service.cases import State
from service.caseschemas import CaseListRequest
from service.notices import NoticeState
from service.pages.shell import SECURITY
from service.pages.signin import setup_token
from service.rights import Role
from service.storage import accounts as storage
from service.storage import actions, audit, noticequery
from tests import accounts
from tests.databases import queries
from tests.firm import Firm
from tests.support import Api

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
OPEN = ("/", "/signin")
OF_ROLE = {
    "/cases": {Role.REVIEWER, Role.APPROVER, Role.ANALYST, Role.ADMIN},
    "/overview": {Role.REVIEWER, Role.APPROVER, Role.ANALYST, Role.ADMIN},
    "/drift": {Role.REVIEWER, Role.APPROVER, Role.ANALYST, Role.ADMIN},
    "/next": {Role.REVIEWER, Role.APPROVER, Role.ANALYST, Role.ADMIN},
    "/notices": {Role.REVIEWER, Role.APPROVER, Role.ADMIN},
    "/payroll": {Role.APPROVER, Role.ADMIN},
    "/groups": {Role.REVIEWER, Role.APPROVER, Role.ADMIN},
    "/duties": {Role.REVIEWER, Role.APPROVER, Role.ADMIN},
    "/policies": set(Role),
    "/terms": set(Role),
    "/me": set(Role),
    "/admin": {Role.ADMIN},
    "/admin/keys": {Role.ADMIN},
    "/admin/audit": {Role.ADMIN},
    "/admin/settings": {Role.ADMIN},
}
QUERIES = 5


class Forms(HTMLParser):
    """Notes the method of every form and the names of its fields."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, set[str]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.found.append((given.get("method", "get"), set()))
        elif self.found and given.get("name"):
            self.found[-1][1].add(given["name"])


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Return the demonstration."""
    app = create_app(demo.settings(tmp_path_factory.mktemp("demo")))
    demo.fill(app.state, datetime.now(UTC))
    yield app
    app.state.recorder.close()
    app.state.database.close()


@pytest.fixture
def firm(quiet_model, tmp_path, database_url):
    firm = Firm(tmp_path, quiet_model, database_url)
    yield firm
    firm.close()


def as_user(app, name: str) -> Api:
    return accounts.signed_in(app, accounts.open_session(app.state.database, name))


def without_token(api: Api) -> Api:
    api.headers = {"Cookie": api.headers["Cookie"]}
    return api


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_its_own_pages(shown, role):
    api = accounts.with_session(shown, role)
    home = api.get("/").text
    for path, roles in OF_ROLE.items():
        response = api.get(path)
        assert response.status_code == (200 if role in roles else 403), path
        if path in ("/cases", "/duties", "/notices", "/groups", "/overview", "/admin"):
            assert (f'<a href="{path}"' in home) == (role in roles), path


@pytest.mark.parametrize("path", [*OF_ROLE, "/cases/nothing", "/members/u-23", "/notices/1"])
def test_visitors_are_led_to_the_door_and_back(shown, path):
    response = Api(shown, None).get(f"{path}?x=1")
    assert response.status_code == 303
    assert response.headers["location"] == f"/signin?next={path}%3Fx%3D1"


@pytest.mark.parametrize("path", [*OPEN, *OF_ROLE, "/cases/nothing", "/nothing"])
def test_security_headers(shown, path):
    headers = as_user(shown, "admin").get(path, headers=BROWSER).headers
    assert SECURITY.items() <= {k.title(): v for k, v in headers.items()}.items() | SECURITY.items()
    for name, value in SECURITY.items():
        assert headers[name] == value
    assert "unsafe" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", [*OPEN, *OF_ROLE])
def test_nothing_on_a_page_needs_what_its_policy_forbids(shown, path):
    text = as_user(shown, "admin").get(path).text
    assert not re.search(r"<script(?! src=)|\sstyle=|\son\w+=", text)


@pytest.mark.parametrize("path", OF_ROLE)
def test_every_form_that_changes_something_carries_the_token(shown, path):
    for name in ("zhu", "shang", "shen", "admin"):
        for method, fields in Forms(as_user(shown, name).get(path).text).found:
            assert method == "get" or "csrf" in fields, (name, path)


@pytest.mark.parametrize(
    ("name", "path", "form"),
    [
        ("zhu", "/cases", {"verb": "confirm", "case_id": "c-1"}),
        ("zhu", "/cases/c-1/claim", {}),
        ("shang", "/notices/1/approve", {}),
        ("shen", "/terms", {"term": "内部词", "label": "chatter"}),
        ("admin", "/admin/users", {"name": "x", "password": "long-enough", "role": "admin"}),
        ("admin", "/members/u-01/erase", {}),
        ("admin", "/signout", {}),
    ],
)
def test_forms_of_other_sites_are_refused(shown, name, path, form):
    api = without_token(as_user(shown, name))
    for token in ({}, {"csrf": ""}, {"csrf": "wrong"}):
        response = api.post(path, data=form | token)
        assert response.status_code == 403
        assert "页面已过期" in response.text
    assert api.get("/me").status_code == 200


@pytest.mark.parametrize(
    "there",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "evil",
        "",
    ],
)
def test_signing_in_leads_nowhere_else(shown, there):
    form = {"name": "zhu", "password": demo.PASSWORD, "next": there}
    response = Api(shown, None).post("/signin", data=form)
    assert response.status_code == 303
    assert response.headers["location"] == "/"


def test_signing_in_leads_back(shown):
    form = {"name": "zhu", "password": demo.PASSWORD, "next": "/cases?label=chatter"}
    response = Api(shown, None).post("/signin", data=form)
    assert response.headers["location"] == "/cases?label=chatter"
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_the_first_user_comes_by_the_link_that_was_printed(quiet_model, tmp_path):
    app = accounts.service(tmp_path, quiet_model)
    guest = Api(app, None)
    token = setup_token(app.state.recorder.intake.key)
    assert guest.get("/setup?token=wrong").status_code == 403
    assert guest.get("/setup").status_code == 403
    assert "设立第一位管理员" in guest.get(f"/setup?token={token}").text
    form = {"token": token, "name": "root", "password": "long-enough-1"}
    for wrong in ({"password": "short"}, {"name": "  "}):
        assert guest.post("/setup", data=form | wrong).status_code == 400
    assert guest.post("/setup", data=form | {"token": "wrong"}).status_code == 403
    done = guest.post("/setup", data=form)
    assert done.headers["location"] == "/admin"
    root = Api(app, None)
    root.headers = {"Cookie": done.headers["set-cookie"].partition(";")[0]}
    assert "root" in root.get("/admin").text
    assert guest.get(f"/setup?token={token}").status_code == 403
    assert guest.post("/setup", data=form | {"name": "second"}).status_code == 403
    with app.state.database.read() as connection:
        assert [user.name for user in storage.all_users(connection)] == ["root"]
        assert audit.verify(connection).problem is None
    app.state.database.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nothing", 404), ("/notices/abc", 422), ("/overview?days=x", 422), ("/cases/x", 404)],
)
def test_errors_are_pages_for_people_and_problems_for_programs(shown, path, status):
    api = as_user(shown, "shang")
    page = api.get(path, headers=BROWSER)
    assert page.status_code == status
    assert '<a href="/notices"' in page.text  # whoever is signed in stays so
    program = api.get("/v1/nothing", headers=BROWSER)
    assert program.headers["content-type"] == "application/problem+json"


def test_queue_and_case_need_few_queries(firm):
    for number in range(60):
        firm.flag(message_id=f"q-{number}", sender_id=f"u-{number % 3}")
    firm.confirmed()
    case_id = firm.flag(sender_id="u-1")
    found = firm.li.get("/cases?state=open")
    cursor = re.search(r'href="(/cases\?[^"]*cursor=[^"]+)"', found.text)
    assert cursor
    pages = ["/cases", "/cases?label=illicit_ad", cursor[1].replace("&amp;", "&")]
    for path in (*pages, f"/cases/{case_id}", f"/cases/{firm.confirmed()}"):
        with queries(firm.database) as sent:
            assert firm.li.get(path).status_code == 200
        assert len(sent) <= QUERIES, path


def test_the_names_on_a_page_of_notices_are_looked_up_together(firm):
    numbers = []
    for count in (1, 4):
        for _ in range(count):
            firm.confirmed()
        with queries(firm.database) as sent:
            assert firm.zhao.get("/notices").status_code == 200
        numbers.append(len(sent))
    assert numbers[0] == numbers[1]


def test_many_at_once_and_what_could_not_be_done(firm):
    mine, taken = firm.flag(), firm.flag()
    firm.do(firm.wang, taken, "claim")
    form = {"verb": "confirm", "case_id": [mine, taken], "back": "?state=open"}
    response = firm.li.post("/cases", data=form)
    assert response.status_code == 409
    assert "1 条已完成，1 条没有" in response.text
    assert firm.case(mine)["state"] == "confirmed"
    assert firm.case(taken)["state"] == "claimed"
    elsewhere = firm.li.post(
        "/cases", data=form | {"case_id": [firm.flag()], "back": "//x.example"}
    )
    assert elsewhere.headers["location"] == "/cases"


def test_what_is_hidden_is_shown_to_who_may_see_it_and_noted(firm):
    case_id = firm.flag("数据库密码是 Tiger-2024x")
    assert "Tiger-2024x" not in firm.li.get(f"/cases/{case_id}").text
    assert "Tiger-2024x" not in firm.li.get("/cases").text
    assert "Tiger-2024x" in firm.li.post(f"/cases/{case_id}/reveal").text
    with firm.database.read() as connection:
        (row,) = audit.listed(connection, verb="case.reveal")
    assert (row.actor, row.subject) == ("li", case_id)
    assert firm.admin.post(f"/cases/{case_id}/reveal").status_code == 403


def test_an_erased_case_is_still_a_page(firm):
    case_id = firm.confirmed()
    assert firm.admin.post("/members/u-1/erase").status_code == 303
    page = firm.li.get(f"/cases/{case_id}")
    assert page.status_code == 200
    assert "内容已清除" in page.text
    assert "内容已清除" in firm.li.get("/cases?order=newest").text


def test_the_demonstration_has_every_state_of_everything(shown):
    desk, database = shown.state.desk, shown.state.database
    found = desk.listed(CaseListRequest(limit=200))
    assert all(found.counts.by_state[state] for state in State)
    assert found.counts.appeal_open
    assert found.counts.opinion_wanted
    cases = found.cases
    assert {"upheld", "overturned"} <= {case.appeal for case in cases}
    assert any(case.recalled_at for case in cases)
    assert any("•" in (case.text or "") for case in cases)
    assert any(
        finding.source == "conversation"
        for case in cases
        for finding in desk.look(case.case_id).decision.findings
    )
    assert desk.agreement()["opinions"]
    with database.read() as connection:
        counts = noticequery.counts(connection)
        assert all(counts[state.value] for state in NoticeState)
        assert counts["changed"]
        assert actions.listed(connection, actions.DONE, limit=10)
        assert audit.verify(connection).problem is None
    month = f"{datetime.now(shown.state.settings.zone):%Y-%m}"
    assert "超过扣款上限" in as_user(shown, "shang").get(f"/payroll?month={month}").text
    assert "移出群" in as_user(shown, "zhu").get("/notices").text


def test_the_command_shows_the_demonstration_and_leaves_the_firms_own_data_alone(tmp_path):
    own = tmp_path / "own.db"
    environment = os.environ | {
        "MODERATION_DATA_DIR": str(tmp_path / "var"),
        "MODERATION_DATABASE": f"sqlite:///{own}",
    }
    command = [Path(sys.executable).with_name("moderation"), "demo", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        told = []
        for line in process.stdout:
            told.append(line)
            if "admin" in line:
                break
        process.terminate()
    text = "".join(told)
    assert "http://127.0.0.1:" in text
    assert demo.PASSWORD in text
    assert all(user.name in text for user in demo.users())
    assert not own.exists()
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["demo"]


def test_two_demonstrations_are_twice_as_many_cases(tmp_path):
    app = create_app(demo.settings(tmp_path))
    demo.fill(app.state, datetime(2026, 11, 20, 7, 0, tzinfo=UTC), times=2)
    found = app.state.desk.listed(CaseListRequest(limit=200))
    senders = {case.sender_id for case in found.cases}
    firsts = {sender for sender in senders if sender.count("-") == 1}
    assert senders == firsts | {f"{sender}-1" for sender in firsts}
    assert all(number % 2 == 0 for number in found.counts.by_state.values())
    app.state.database.close()
