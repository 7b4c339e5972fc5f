"""Every page, empty, full and with an error, on a desk and on a phone: nothing is wrong with what is shown."""

from __future__ import annotations

import re

import pytest

from service.cases import Order, State
from service.caseschemas import CaseListRequest
from service.storage import dutyquery, noticequery
from service.storage.dutybook import DutyState
from service.storage.noticequery import Wanted
from service.storage.snapshots import Snapshots
from tests.browser.site import NARROW, WIDE, Site, Tab, tab

SCREENS = {
    "desk": {"viewport": WIDE, "color_scheme": "light"},
    "phone": {"viewport": NARROW, "color_scheme": "dark"},
}
screen = pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
PAGES = {
    None: ["/", "/signin", "/signin?next=/cases"],
    "zhu": [
        "/cases",
        "/cases?order=newest",
        "/duties",
        "/duties?state=breached",
        "/groups",
        "/policies",
        "/policies/factory",
        "/me",
    ],
    "shang": ["/notices", "/notices?state=published&changed=true", "/payroll", "/cases"],
    "shen": [
        "/overview",
        "/overview?days=7",
        *("/next", "/feedback", "/drift", "/models", "/shadow"),
        "/terms",
        "/terms?text=诚信代开发票&q=发票",
    ],
    "admin": ["/admin", "/admin/keys", "/admin/audit", "/admin/settings", "/groups"],
}
OF_THE_FIRM = {
    "zhu": [
        "/groups/g-line3",
        "/groups/g-fair",
        "/members/u-23",
        "/members/u-43",
        "/cases?label=chatter&state=open&state=claimed",
    ],
    "shang": ["/payroll?month=2020-01"],
}
ERRORS = {
    None: {"/nothing": 404, "/setup?token=wrong": 403},
    "zhu": {
        "/cases/nothing": 404,
        "/cases?state=nothing": 400,
        "/notices/999999": 404,
        "/notices/abc": 422,
        "/groups/nothing": 404,
        "/policies/nothing": 404,
        "/admin": 403,
        "/payroll": 403,
    },
}


def walk(browser, site: Site, pages, screen) -> None:
    for name, paths in pages.items():
        with tab(browser, site, name, **screen) as one:
            for path in paths:
                one.go(path)
                one.check(f"{name} {path}")


@screen
def test_empty(browser, fresh, screen):
    walk(browser, fresh, PAGES, screen)


@screen
def test_full(browser, full, screen):
    walk(browser, full, PAGES, screen)
    walk(browser, full, OF_THE_FIRM, screen)


@screen
def test_cases_and_notices(browser, full, screen):
    desk = full.state.desk
    found = {
        state: desk.listed(CaseListRequest(state=[state], order=Order.NEWEST)).cases[0].case_id
        for state in State
    }
    appealed = desk.listed(CaseListRequest(appeal_open=True)).cases[0].case_id
    with full.state.database.read() as connection:
        breached = dutyquery.listed(connection, dutyquery.Wanted(DutyState.BREACHED), 50)
        known = Snapshots(full.state.moderator.policies)
        notices = {
            one.state: one.id for one in noticequery.listed(connection, known, Wanted(), 1000)
        }
    assert len(notices) == 4
    cases = [
        f"/cases/{case_id}" for case_id in (*found.values(), appealed, *_of_each_kind(breached))
    ]
    papers = [f"/notices/{number}" for number in notices.values()]
    walk(browser, full, {"zhu": cases, "shang": [*papers, cases[-1]]}, screen)


def _of_each_kind(breached):
    """Return the case of a duty about what was said, and of one about who is in a group."""
    return [
        next(one.case_id for one in breached if one.rule == rule)
        for rule in ("question_shirked", "roster")
    ]


@screen
def test_errors(browser, full, screen):
    for name, pages in ERRORS.items():
        with tab(browser, full, name, **screen) as one:
            for path, status in pages.items():
                one.go(path, status)
                one.check(path)
                assert one.page.is_visible("main h1")


@screen
def test_a_decision_that_is_tried(browser, full, screen):
    with tab(browser, full, **screen) as one:
        one.go("/")
        one.page.fill("[name=text]", "诚信代开发嘌，加薇详谈")
        one.page.click("text=判一判")
        one.page.wait_for_selector("#decision mark")
        one.check("a decision")
        assert "读作" in one.text()
        assert re.search("第 19 条", one.text())


@screen
def test_forms_that_are_refused(browser, fresh, screen):
    with tab(browser, fresh, **screen) as one:
        one.go("/signin")
        one.page.fill("[name=name]", "nobody")
        one.page.fill("[name=password]", "not the password")
        one.page.click("main button")
        _alerted(one, "用户名或密码不对")
    with tab(browser, fresh, "admin", **screen) as one:
        one.go("/admin")
        form = "form[action='/admin/users']"
        one.page.fill(f"{form} [name=name]", "zhu")
        one.page.fill(f"{form} [name=password]", "long-enough-1")
        one.page.check(f"{form} [value=reviewer]")
        one.page.click(f"{form} button")
        _alerted(one, "已经有人用了")
        one.go("/terms")
        one.page.fill("form.stack [name=term]", "内部")
        one.page.fill("form.stack [name=score]", "很高")
        one.page.click("form.stack button")
        _alerted(one, "没有保存")
        one.go("/groups")
        wrong = {"name": "名册.csv", "mimeType": "text/csv", "buffer": "群ID,群名\n,\n".encode()}
        one.page.set_input_files("[name=file]", wrong)
        one.page.click("text=先检查")
        one.page.wait_for_selector("main [role=status]")
        one.check("a roster with mistakes")
        draft = {"name": "x.toml", "mimeType": "text/plain", "buffer": b"id = 'x'\n[[article]]\n"}
        one.go("/policies")
        one.page.set_input_files("[name=file]", draft)
        one.page.click("main form button")
        _alerted(one, "x.toml")


def _alerted(one: Tab, words: str) -> None:
    one.page.wait_for_selector("main [role=alert]")
    assert words in one.text()
    one.check(words)
