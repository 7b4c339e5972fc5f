"""From a bot's message to a notice on paper and a line of the payroll, in a real browser."""

from __future__ import annotations

import io
from datetime import datetime

import pypdf

from tests.browser.firm import enrol, post
from tests.browser.site import Site, Tab, tab

MINE = "[data-key=y]"
CONFIRMED = "#case .badge:has-text('已确认')"


def confirm(one: Tab, penalty: str) -> None:
    """Open the first case of the queue, see what would follow, and confirm it: by keys alone."""
    one.go("/cases")
    one.press("Enter", f"#case {MINE}")
    assert penalty in one.page.inner_text("#preview")
    one.press("y", CONFIRMED)


def publish(one: Tab, case_id: str) -> str:
    """Approve and publish the notice of a case by keys; return its number."""
    one.go(f"/cases/{case_id}")
    one.page.click("a[href^='/notices/']:not(nav a)")
    one.page.wait_for_selector("text=批准 y")
    one.press("y", "text=发布并编号")
    one.press("y", ".paper >> text=编号：20")
    return one.page.inner_text(".paper").split("编号：")[1][:9]


def test_the_whole_way(browser, fresh: Site):
    enrol(fresh)
    enrol(fresh, "g-quality", "suzhou-2017", "u-2", group_name="质量群", name="王小明")
    first = post(fresh)
    with tab(browser, fresh) as zhu, tab(browser, fresh) as shang:
        zhu.sign_in("zhu")
        shang.sign_in("shang")
        confirm(zhu, "警告")
        second = post(fresh, "专业代办各类证件，学历证、资格证，官网可查，长期有效")
        confirm(zhu, "移出群")
        assert "第 2 次" in zhu.page.inner_text("#preview")

        zhu.go(f"/cases/{first}")
        zhu.page.click("summary:has-text('登记发送人的申诉')")
        zhu.page.fill("form[action$='/appeal'] textarea", "是财务通知的转发，不是广告")
        zhu.page.click("form[action$='/appeal'] button")
        zhu.page.wait_for_selector("#case >> text=是财务通知的转发")

        shang.go("/cases?appeal_open=true")
        shang.press("Enter", "text=裁定申诉")
        shang.page.click("text=申诉成立，撤销处罚")
        shang.page.wait_for_selector("#case .badge:has-text('已驳回')")

        shang.go(f"/cases/{second}")
        ruled = shang.page.inner_text("#preview")
        assert "警告" in ruled
        assert "第 1 次" in ruled
        assert "移出群" not in ruled.partition("处理")[2]
        number = publish(shang, second)
        assert number == f"{datetime.now(fresh.state.settings.zone).year}-0001"
        printed(shang.page, number)

        third = post(fresh, group_id="g-quality", sender_id="u-2")
        confirm(zhu, "罚款 20.00 元")
        fine = publish(shang, third)
        in_the_payroll(shang, fine)
        assert not (zhu.problems + shang.problems)


def printed(page, number: str) -> None:
    """The notice goes on paper without what is there to be clicked."""
    page.emulate_media(media="print")
    assert not page.is_visible("nav")
    assert not page.is_visible("text=撤回")
    assert page.is_visible(".paper h1")
    page.emulate_media(media="screen")
    paper = pypdf.PdfReader(io.BytesIO(page.pdf()))
    assert len(paper.pages) == 1
    assert number in paper.pages[0].extract_text()


def in_the_payroll(one: Tab, number: str) -> None:
    """The fine stands on the page of the month and in the file for payroll."""
    one.go("/payroll")
    assert "王小明" in one.text()
    assert number in one.text()
    with one.page.expect_download() as download:
        one.page.click("text=下载 CSV")
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    (line,) = [line for line in lines if "王小明" in line]
    assert "20.00" in line
    assert number in line
