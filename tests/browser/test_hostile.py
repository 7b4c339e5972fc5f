"""What others wrote is shown as it stands and is never markup, whoever wrote it and wherever it is shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.cases import Verb
from service.storage import noticebook, noticequery
from service.storage.noticequery import Wanted
from service.storage.snapshots import Snapshots
from tests.browser.firm import AD, enrol, post
from tests.browser.site import NARROW, Site, Tab, tab

SCRIPT = "<script>window.hacked=1</script>"
TEXTS = (
    SCRIPT,
    "\"'><img src=x onerror=window.hacked=1>",
    "</title></textarea></script><svg onload=window.hacked=1>",
    "[点我](javascript:window.hacked=1) javascript:window.hacked=1",
    "{{ 7*7 }}{% raise %}${7*7}<%= 7*7 %>",
    "\u202e反\u200f字\u2066里",
    "长" * 300 + "a" * 1500,
    "' onmouseover='window.hacked=1' x='",
)
NAME = "</title>\"'><img src=x onerror=window.hacked=1>{{ 7*7 }}" + "w" * 100


@pytest.fixture
def stained(fresh: Site) -> Site:
    """Return a service where everything that others can write is hostile."""
    said = {"nickname": NAME, "name": NAME, "department": NAME}
    enrol(fresh, "g<1>", "suzhou-2017", "u\"'<1>", group_name=NAME, **said)
    cases = [post(fresh, f"{text} {AD}", "g<1>", "u\"'<1>") for text in TEXTS]
    desk, database = fresh.state.desk, fresh.state.database
    for case_id in cases[:-1]:
        desk.act(case_id, "zhu", Verb.CLAIM, Verb.CONFIRM, text=NAME)
        desk.act(case_id, "zhu", Verb.COMMENT, text=NAME)
    desk.act(cases[0], "bot", Verb.APPEAL, text=NAME)
    now = datetime.now(UTC)
    with database.write() as connection:
        noticebook.approve(connection, now, 1, "shang")
        noticebook.publish(connection, now, 1, "shang", fresh.state.settings.zone)
        noticebook.withdraw(connection, now, 2, "shang", NAME)
    return fresh


def harmless(one: Tab, about: str) -> None:
    """Nothing of it has become markup, and the page is no wider than its window."""
    page = one.page
    one.settle()
    assert page.evaluate("window.hacked") is None, about
    assert not page.query_selector_all("img, [onload], [onerror], [onmouseover]"), about
    assert not page.query_selector_all("a[href^='javascript:' i]"), about
    assert page.locator("script").count() == 2, about
    assert "49" not in page.inner_text("h1"), about
    over = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert over <= 0, f"{about}: {over} pixels too wide"
    assert not one.problems, f"{about}: {one.problems}"


@pytest.mark.parametrize("window", [None, NARROW], ids=["desk", "phone"])
def test_pages_about_what_others_wrote(browser, stained, window):
    options = {"viewport": window} if window else {}
    known = Snapshots(stained.state.moderator.policies)
    with stained.state.database.read() as connection:
        notices = [one.id for one in noticequery.listed(connection, known, Wanted(), 100)]
    with tab(browser, stained, "zhu", **options) as zhu:
        zhu.go("/cases?order=newest")
        harmless(zhu, "queue")
        assert all(text[:20] in zhu.text() for text in TEXTS[:2])
        links = [a.get_attribute("href") for a in zhu.page.query_selector_all("[data-row] a")]
        assert len(links) == len(TEXTS)
        for link in links:
            zhu.go(link)
            harmless(zhu, link)
            assert "{{ 7*7 }}" in zhu.text()
        zhu.page.click("a[href^='/members/']")
        zhu.page.wait_for_selector("text=已确认的记录")
        harmless(zhu, "member")
        zhu.page.click("main a[href^='/groups/']")
        zhu.page.wait_for_selector("h2:has-text('成员')")
        harmless(zhu, "group")
        assert NAME in zhu.text()
        zhu.go("/groups")
        harmless(zhu, "groups")
    with tab(browser, stained, "shang", **options) as shang:
        for path in ("/notices", "/payroll", "/overview", *(f"/notices/{n}" for n in notices)):
            shang.go(path)
            harmless(shang, path)
        assert "{{ 7*7 }}" in shang.text()
    with tab(browser, stained, "admin", **options) as admin:
        admin.go("/admin/audit")
        harmless(admin, "audit")


@pytest.mark.parametrize("text", TEXTS[:6])
def test_pages_that_show_again_what_one_sent(browser, fresh, text):
    with tab(browser, fresh, "admin") as admin:
        page = admin.page
        admin.go("/")
        page.fill("[name=text]", text)
        page.click("text=判一判")
        page.wait_for_selector("#decision .message")
        harmless(admin, "try it")
        page.fill("[name=text]", text)
        page.evaluate("document.querySelector('form.stack').submit()")  # as without htmx
        page.wait_for_selector("#decision .message")
        harmless(admin, "try it without a script")
        assert page.input_value("[name=text]") == text
        for path, field in (("/terms", "text"), ("/terms", "q"), ("/admin/audit", "subject")):
            admin.go(path)
            page.fill(f"main [name={field}]", text)
            page.keyboard.press("Enter")
            page.wait_for_url(f"**{path}?*")
            harmless(admin, f"{path} {field}")
            assert page.input_value(f"main [name={field}]") == text
        admin.go("/admin/keys")
        page.fill("[name=name]", text)
        page.click("text=新建 >> nth=-1")
        page.wait_for_load_state()
        harmless(admin, "keys")
        admin.go("/terms")
        page.fill("form.stack [name=term]", text)
        page.fill("form.stack [name=gloss]", text)
        page.click("form.stack button")
        page.wait_for_load_state()
        harmless(admin, "a term")
        admin.go("/groups")
        rows = f'群ID,群名,"{text.replace(chr(34), chr(34) * 2)}"\n,{text}\n'
        page.set_input_files(
            "[name=file]",
            {"name": "名册<b>.csv", "mimeType": "text/csv", "buffer": rows.encode()},
        )
        page.click("text=先检查")
        page.wait_for_selector("main [role=status]")
        harmless(admin, "a roster")
        admin.go("/policies")
        draft = {"name": "<b>.toml", "mimeType": "text/plain", "buffer": f'id = "{text}"'.encode()}
        page.set_input_files("[name=file]", draft)
        page.click("main form button")
        page.wait_for_selector("main [role=alert]")
        harmless(admin, "a draft")


@pytest.mark.parametrize("text", TEXTS[:2])
def test_pages_for_visitors(browser, fresh, text):
    with tab(browser, fresh) as guest:
        guest.go("/signin?next=" + SCRIPT)
        harmless(guest, "the way back")
        guest.page.fill("[name=name]", text)
        guest.page.fill("[name=password]", text)
        guest.page.click("main button")
        guest.page.wait_for_selector("[role=alert]")
        harmless(guest, "a wrong name")
        assert guest.page.input_value("[name=name]") == text
        guest.go(f"/{SCRIPT}", 404)
        harmless(guest, "a wrong address")
