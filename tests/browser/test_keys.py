"""Everything works without a mouse."""

from __future__ import annotations

import pytest

from service.cases import Verb
from tests.browser.firm import AD, enrol, post
from tests.browser.site import Site, Tab, tab

CHOSEN = "[data-row][aria-selected=true]"
MINE = "#case [data-key=y]"


@pytest.fixture
def busy(fresh: Site) -> Site:
    """Return a service where three cases wait, the first one sent first."""
    enrol(fresh)
    for text in (f"{AD}一", f"{AD}二", f"{AD}三"):
        post(fresh, text)
    return fresh


def chosen(one: Tab) -> str:
    return one.page.inner_text(f"{CHOSEN} .excerpt")


def test_up_and_down_the_queue(browser, busy):
    with tab(browser, busy, "zhu") as zhu:
        zhu.go("/cases")
        rows = [row.inner_text() for row in zhu.page.query_selector_all("[data-row] .excerpt")]
        seen = [chosen(zhu)]
        for key in "jjjk":
            zhu.page.keyboard.press(key)
            seen.append(chosen(zhu))
        assert seen == [rows[0], rows[1], rows[2], rows[2], rows[1]]
        zhu.press("Enter", MINE)
        assert rows[1] in zhu.page.inner_text("#case .message").replace("\n", "")
        zhu.press("b", CHOSEN)


def test_help_is_opened_and_closed(browser, busy):
    with tab(browser, busy, "zhu") as zhu:
        zhu.go("/cases")
        zhu.press("?", "dialog[open]")
        zhu.page.keyboard.press("j")  # keys do nothing behind the sheet
        zhu.page.keyboard.press("Escape")
        zhu.page.wait_for_selector("dialog", state="hidden")
        zhu.press("Enter", MINE)
        zhu.press("?", "dialog[open]")
        zhu.page.keyboard.press("Enter")
        zhu.page.wait_for_selector("dialog", state="hidden")


def test_a_verdict_is_given_and_taken_back(browser, busy):
    with tab(browser, busy, "zhu") as zhu:
        zhu.go("/cases")
        zhu.press("Enter", MINE)
        zhu.press("n", "#case .badge:has-text('已驳回')")
        zhu.press("u", MINE)
        zhu.press("y", "#case .badge:has-text('已确认')")
        zhu.press("u", MINE)


def test_labels_are_changed_and_what_follows_is_seen_first(browser, busy):
    with tab(browser, busy, "zhu") as zhu:
        zhu.go("/cases")
        zhu.press("Enter", MINE)
        zhu.press("r", "#relabel[open]")
        page = zhu.page
        for label in ("illicit_ad", "incitement"):
            page.focus(f"#relabel [value={label}]")
            with page.expect_response(lambda answer: "/preview" in answer.url) as preview:
                page.keyboard.press("Space")
            assert "csrf" not in preview.value.url
        page.wait_for_selector("#preview >> text=第 2.5.2 条")
        page.focus("text=按这些标签确认")
        zhu.press("Enter", "#case .badge:has-text('已改标')")
        assert "煽动过激" in page.inner_text("#case h1")


def test_many_are_decided_at_once(browser, busy):
    with tab(browser, busy, "zhu") as zhu:
        zhu.go("/cases")
        zhu.page.keyboard.press("x")
        zhu.page.keyboard.press("j")
        zhu.page.keyboard.press("x")
        assert zhu.page.locator("[name=case_id]:checked").count() == 2
        with zhu.page.expect_navigation():
            zhu.page.keyboard.press("y")
        assert zhu.page.locator("[data-row]").count() == 1
        with zhu.page.expect_navigation():
            zhu.page.keyboard.press("n")  # nothing is ticked: the one that is chosen
        assert "这里没有案件" in zhu.text()
        zhu.go("/cases?state=rejected")
        assert zhu.page.locator("[data-row]").count() == 1


def test_keys_are_letters_where_one_writes(browser, busy):
    with tab(browser, busy, "zhu") as zhu:
        zhu.go("/cases")
        zhu.press("Enter", MINE)
        zhu.page.focus("form[action$='/comment'] [name=text]")
        zhu.page.keyboard.type("ynru?")
        assert zhu.page.input_value("form[action$='/comment'] [name=text]") == "ynru?"
        zhu.press("Enter", ".timeline >> text=ynru?")
        assert zhu.page.is_visible(MINE)


def test_the_page_says_what_became_of_a_case_meanwhile(browser, busy):
    with tab(browser, busy, "zhu") as zhu:
        zhu.go("/cases")
        zhu.press("Enter", MINE)
        case_id = zhu.page.url.rpartition("/")[2]
        busy.state.desk.act(case_id, "zhu", Verb.RELEASE)
        busy.state.desk.act(case_id, "lu", Verb.CLAIM)
        zhu.press("y", "#case [role=alert]")
        assert "另一位复核员" in zhu.text() or "请先领取" in zhu.text()


def test_a_filter_is_kept_and_the_number_of_waiting_cases_is_shown(browser, busy):
    with tab(browser, busy, "zhu") as zhu:
        zhu.go("/cases")
        zhu.page.wait_for_selector("nav .count:has-text('3')")
        assert zhu.page.title().startswith("(3) ")
        zhu.go("/cases?label=illicit_ad&state=open")
        zhu.page.click("#saved summary")
        zhu.page.fill("#saved details [name=name]", "黑产")
        zhu.press("Enter", "#saved a:has-text('黑产')")
    with tab(browser, busy, "zhu") as zhu:  # in another browser
        zhu.go("/cases?label=chatter")
        assert "这里没有案件" in zhu.text()
        zhu.page.click("#saved a:has-text('黑产')")
        zhu.page.wait_for_selector(CHOSEN)
        assert "label=illicit_ad" in zhu.page.url
        zhu.page.click("[aria-label='删除筛选 黑产']")
        zhu.page.wait_for_selector("#saved a", state="detached")
        zhu.page.reload()
        assert not zhu.page.query_selector("#saved a")
        assert not zhu.problems


def test_filters_are_kept_without_a_script(browser, busy):
    with tab(browser, busy, "zhu", java_script_enabled=False) as zhu:
        zhu.go("/cases?label=illicit_ad&state=open")
        zhu.page.click("#saved summary")
        zhu.page.fill("#saved details [name=name]", "黑产")
        zhu.page.click("#saved details button")
        zhu.page.wait_for_selector("#saved [aria-current]:has-text('黑产')")
        zhu.page.click("[aria-label='删除筛选 黑产']")
        zhu.page.wait_for_selector("#saved a", state="detached")
        assert "label=illicit_ad" in zhu.page.url
