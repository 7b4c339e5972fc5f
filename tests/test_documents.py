"""The notice as DOCX and PDF: both open again and say the same."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import docx
import pytest
from hypothesis import given, settings
from pypdf import PdfReader

from service.documents import ERASED, Format, document, filename
from service.notices import NoticeState
from service.noticeview import Facts, Liable, NoticeView, Signed, Someone
from service.pdffile import settable
from service.rights import Role
from service.storage import roster
from tests import accounts
from tests.office import ZONE, Office
from tests.support import Api, any_text

AT = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)
"""In the firm's zone it is December already."""
SENDER = Someone("u-1", "王小明", "一车间", "小王")
VIEW = NoticeView(
    id=7,
    case_id="c1",
    number="2026-0042",
    state=NoticeState.PUBLISHED,
    changed=False,
    policy="suzhou-2017@sha256:0",
    policy_title="公司微信群管理办法",
    penalty={"kind": "fine", "article": "19", "occurrence": 2},
    amount=Decimal("20.00"),
    articles=(
        {
            "article": "19",
            "ban": "12",
            "labels": ["illicit_ad"],
            "summary": "发布广告，每条罚款20元",
        },
    ),
    liable=(Liable("sender", SENDER), Liable("supervisor", Someone(None))),
    facts=Facts(AT, SENDER, "g-1", "一车间群", ("illicit_ad",), "代开发票，电话1•••••••••1", False),
    drafted_at=AT,
    decided_by="li.na",
    approved=Signed("zhao.min", AT),
    published=Signed("zhao.min", AT),
    withdrawn=Signed(None, None),
    reason=None,
)

both = pytest.mark.parametrize("format", list(Format))


def words(view: NoticeView, format: Format) -> str:
    """Return all text of the document, without the breaks of its lines."""
    body = document(view, "测试环境科技有限公司", ZONE, format)
    if format is Format.PDF:
        found = [page.extract_text() for page in PdfReader(io.BytesIO(body)).pages]
    else:
        opened = docx.Document(io.BytesIO(body))
        cells = [cell.text for table in opened.tables for row in table.rows for cell in row.cells]
        found = [paragraph.text for paragraph in opened.paragraphs] + cells
    return re.sub(r"\s", "", "".join(found))


@both
def test_a_notice_says_what_it_has_to(format):
    text = words(VIEW, format)
    for part in (
        "测试环境科技有限公司",
        "奖惩通知单",
        "编号：2026-0042",
        "日期：2026年12月1日",
        *("王小明", "u-1", "一车间", "小王", "一车间群"),
        "2026年12月1日00:30",
        "黑产广告",
        "代开发票，电话1",
        "违反《公司微信群管理办法》",
        "第19条（禁止性规定见第12条）：发布广告，每条罚款20元",
        "第2次违规",
        "罚款人民币贰拾元整（¥20.00）",
        "王小明（发送人，工号u-1）",
        "未登记（直接上级）",
        *("li.na", "zhao.min", "当事人签收"),
        "申诉",
    ):
        assert part in text, part
    for part in ("草稿", "撤回", "变更"):
        assert f"【{part}" not in text


@both
def test_erased_text(format):
    facts = replace(VIEW.facts, quotation=None, recalled=True)
    text = words(replace(VIEW, facts=facts), format)
    assert ERASED in text
    assert "该消息已由发送人撤回" in text
    assert "代开发票" not in text


@both
def test_marks(format):
    withdrawn = replace(
        VIEW,
        state=NoticeState.WITHDRAWN,
        withdrawn=Signed("zhao.min", AT),
        reason="申诉成立",
    )
    text = words(withdrawn, format)
    assert "本通知已于2026年12月1日撤回，不再有效。原因：申诉成立" in text
    assert "已撤回" in text
    assert "依据已变更" in words(replace(VIEW, changed=True), format)
    draft = replace(VIEW, state=NoticeState.DRAFT, number=None, published=Signed(None, None))
    text = words(draft, format)
    assert "草稿" in text
    assert "发布时编号" in text


@both
def test_other_penalties_name_no_money(format):
    warned = replace(VIEW, penalty=VIEW.penalty | {"kind": "warning"}, amount=Decimal("0.00"))
    text = words(warned, format)
    assert "给予：警告" in text
    assert "¥" not in text


@both
def test_a_long_message_keeps_to_one_page(format):
    facts = replace(VIEW.facts, quotation="哈" * 9000)
    body = document(replace(VIEW, facts=facts), "公司", ZONE, format)
    assert "全文9000字" in words(replace(VIEW, facts=facts), format)
    if format is Format.PDF:
        assert len(PdfReader(io.BytesIO(body)).pages) == 1


@settings(max_examples=25)
@given(any_text(), any_text(20))
@both
def test_any_text_makes_a_document(format, text, name):
    facts: Any = replace(
        VIEW.facts, quotation=f"<b>{text}&amp;", sender=replace(SENDER, name=name, nickname=text)
    )
    assert "2026-0042" in words(replace(VIEW, facts=facts, reason=text), format)


def test_what_the_font_lacks_is_marked():
    assert settable("加薇💰 𠮷 中文 ¥20") == "加薇〓 〓 中文 ¥20"


def test_the_file_is_named_after_the_number():
    assert filename(VIEW, Format.PDF) == "notice-2026-0042.pdf"
    assert filename(replace(VIEW, number=None), Format.DOCX) == "notice-draft-7.docx"


@both
def test_a_document_over_http(format, database_url, tmp_path, quiet_model):
    app = accounts.service(tmp_path, quiet_model, database=database_url, firm="测试公司")
    office, api = (
        Office(app.state.database),
        Api(app, accounts.add_key(app.state.database, Role.ADMIN)),
    )
    with office.database.write() as connection:
        roster.put_people(connection, AT, "test", [roster.Person("u-1", "王小明", "一车间")])
    notice_id = office.published()
    answer = api.get(f"/v1/notices/{notice_id}/document", params={"format": format.value})
    assert answer.headers["content-type"] == format.media_type
    assert f'filename="notice-2026-0001.{format.value}"' in answer.headers["content-disposition"]
    view = office.notice(notice_id)
    assert "王小明" in words(view, format)
    opened = PdfReader if format is Format.PDF else docx.Document
    opened(io.BytesIO(answer.content))
    assert api.get(f"/v1/notices/{notice_id}/document?format=odt").status_code == 422
    app.state.database.close()
