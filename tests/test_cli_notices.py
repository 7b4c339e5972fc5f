"""Notices, payroll and instructions on the command line: as a user who has the right."""

from __future__ import annotations

import io
import json
from datetime import datetime
from typing import Any

import docx
import openpyxl
import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from moderation.errors import ModerationError
from service.cli import app
from service.rights import Role
from service.storage import actions
from service.storage.accounts import AccountError
from service.storage.database import Database
from tests import accounts
from tests.office import ZONE, Office


@pytest.fixture
def office(database_url, tmp_path, monkeypatch) -> Any:
    monkeypatch.setenv("MODERATION_DATABASE", database_url)
    monkeypatch.setenv("MODERATION_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("MODERATION_FIRM", "测试公司")
    monkeypatch.setenv("COLUMNS", "160")
    database = Database(database_url)
    database.upgrade()
    accounts.add_user(database, "li.na", Role.REVIEWER)
    accounts.add_user(database, "zhao.min", Role.APPROVER)
    yield Office(database)
    database.close()


def run(*words: str, code: int = 0, by: str = "zhao.min") -> str:
    done = CliRunner().invoke(app, [*words, "--as", by])
    if isinstance(done.exception, ModerationError):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


def as_json(*words: str, **given: Any) -> Any:
    return json.loads(run(*words, "--json", **given))


def test_the_way_of_a_notice(office):
    number = str(office.confirmed())
    assert "draft" in run("notices", "list", by="li.na")
    assert "罚款人民币贰拾元整" in run("notices", "show", number, by="li.na")
    assert "approved" in run("notices", "approve", number)
    published = as_json("notices", "publish", number)
    assert (published["state"], published["published"]["by"]) == ("published", "zhao.min")
    assert published["number"] in run("notices", "show", number)
    month = f"{datetime.fromisoformat(published['published']['at']).astimezone(ZONE):%Y-%m}"
    assert as_json("notices", "list", "--month", month)[0]["number"] == published["number"]
    assert not as_json("notices", "list", "--state", "draft")
    gone = as_json("notices", "withdraw", number, "--reason", "申诉成立")
    assert (gone["state"], gone["reason"]) == ("withdrawn", "申诉成立")
    assert "原因：申诉成立" in run("notices", "show", number)


def test_documents(office, tmp_path):
    number = str(office.published())
    pdf, word = tmp_path / "n.pdf", tmp_path / "n.docx"
    run("notices", "document", number, "--output", str(pdf), by="li.na")
    assert "测试公司" in PdfReader(io.BytesIO(pdf.read_bytes())).pages[0].extract_text()
    written = as_json("notices", "document", number, "--output", str(word))
    assert written == {"file": str(word), "bytes": word.stat().st_size}
    assert docx.Document(str(word)).paragraphs[0].text == "测试公司"
    run("notices", "document", number, "--output", str(tmp_path / "n.odt"), code=2)


def test_payroll(office, tmp_path):
    office.published()
    body = as_json("payroll", "2026-11")
    assert (body["total"], body["rows"][0]["member_id"]) == ("20.00", "u-1")
    assert "未登记月工资" in run("payroll", "2026-11")
    assert "工资支付暂行规定" in run("payroll", "2026-10")
    book, table = tmp_path / "p.xlsx", tmp_path / "p.csv"
    run("payroll", "2026-11", "--output", str(book))
    assert openpyxl.load_workbook(book)["汇总"]["F3"].value == 20
    run("payroll", "2026-11", "--output", str(table))
    assert "u-1" in table.read_text("utf-8-sig")
    for wrong in (["2026-13"], ["2026-11", "--output", "p.pdf"]):
        run("payroll", *wrong, code=2)


def test_a_dead_instruction_is_revived(office):
    office.published("commercial_ad", policy="shenzhen")
    with office.database.write() as connection:
        for _ in range(actions.MAX_ATTEMPTS):
            (row,) = actions.take_due(connection, office.clock, actions.FIRST_WAIT, 1)
            office.clock += 1000 * actions.FIRST_WAIT
            actions.failed(connection, office.clock, row.id, "HTTP 500")
            office.clock += 1000 * actions.FIRST_WAIT
    assert not as_json("actions", "list")
    assert "HTTP 500" in run("actions", "list", "--state", "dead")
    number = str(as_json("actions", "list", "--state", "dead")[0]["id"])
    assert as_json("actions", "revive", number)["state"] == "pending"
    with pytest.raises(actions.LivingActionError):
        run("actions", "revive", number)


@pytest.mark.parametrize(
    "words",
    [
        ["notices", "approve", "1"],
        ["notices", "publish", "1"],
        ["notices", "withdraw", "1", "--reason", "无"],
        ["payroll", "2026-11"],
        ["actions", "list"],
        ["actions", "revive", "1"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_without_the_right_nothing_happens(office, words):
    office.published("commercial_ad", policy="shenzhen", sender_id="u-5")
    before = [view.to_dict() for view in office.notices()]
    for name, problem in (("li.na", "lacks the right"), ("nobody", "no user")):
        with pytest.raises(AccountError, match=problem):
            run(*words, by=name)
    assert [view.to_dict() for view in office.notices()] == before


def test_a_disabled_user_may_nothing(office):
    accounts.add_user(office.database, "gone", Role.APPROVER, disabled=True)
    for words in (["notices", "list"], ["notices", "show", "1"]):
        with pytest.raises(AccountError, match="no user"):
            run(*words, by="gone")


def test_a_reason_is_words(office):
    number = str(office.published())
    run("notices", "withdraw", number, "--reason", "  ", code=2)
