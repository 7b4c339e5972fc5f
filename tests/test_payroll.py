"""Payroll: sums against a plain computation, corrections, the cap, files that open again."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.payroll import Fine, Payroll, Staff, charges, payroll, span
from service.payrollfiles import BOM, HEADER, harmless, to_csv, to_xlsx
from service.rights import Role
from service.storage import noticequery, roster
from tests import accounts
from tests.office import START, ZONE, Office
from tests.support import Api, any_text

SHARE = Decimal("0.2")
NOVEMBER = span("2026-11", ZONE)
MID = datetime(2026, 11, 15, 12, tzinfo=ZONE)
MONTHS = [f"2026-{number:02d}" for number in range(9, 13)]


def month(fines: list[Fine], month: str = "2026-11", **staff: Staff) -> Payroll:
    return payroll(month, charges(fines, *span(month, ZONE)), staff, SHARE)


def fine(amount: str = "20.00", *who: str | None, at: datetime = MID, **given) -> Fine:
    liable = tuple(("sender", one) for one in who or ("u1",))
    return Fine(given.pop("number", "2026-0001"), Decimal(amount), liable, at, **given)


days = st.datetimes(datetime(2026, 9, 1), datetime(2026, 12, 31)).map(
    lambda at: at.replace(tzinfo=ZONE)
)
people = st.sampled_from(["u1", "u2", "u3", None])
fines = st.builds(
    lambda number, fen, who, at, after: Fine(
        f"2026-{number:04d}",
        Decimal(fen) / 100,
        tuple(("sender", one) for one in who),
        at,
        None if after is None else at + timedelta(days=after),
    ),
    st.integers(1, 9999),
    st.integers(1, 100_000),
    st.lists(people, min_size=1, max_size=3),
    days,
    st.none() | st.integers(0, 60),
)


@given(st.lists(fines, max_size=12))
def test_sums_are_those_of_a_plain_computation(found):
    """What a person pays over all months is what stands at the end of each, added up by hand."""
    for name in MONTHS:
        since, until = span(name, ZONE)
        expected: Counter[str | None] = Counter()
        for one in found:
            holds_before = one.published_at < since and not (one.void_at and one.void_at < since)
            holds_after = one.published_at < until and not (one.void_at and one.void_at < until)
            known = {who for _, who in one.liable if who}
            unknown = [who for _, who in one.liable if who is None]
            for who in (*known, *unknown):
                expected[who] += one.amount * (holds_after - holds_before)
        report = month(found, name)
        totals = {row.member_id: row.total for row in report.rows}
        assert totals == {who: total for who, total in expected.items() if who in totals}
        assert not [who for who, total in expected.items() if total and who not in totals]
        assert report.total == sum(expected.values())


def test_each_person_liable_pays_the_whole_sum_once():
    shared = Fine(
        "2026-0001",
        Decimal("30.00"),
        (("sender", "u1"), ("group_admin", "u2"), ("supervisor", "u1"), ("group_owner", None)),
        MID,
    )
    report = month([shared])
    assert {row.member_id: str(row.total) for row in report.rows} == {
        "u1": "30.00",
        "u2": "30.00",
        None: "30.00",
    }
    assert report.rows[-1].mark == "名册未登记责任人，不能扣款"


def test_withdrawn_in_the_same_month_does_not_appear():
    assert month([fine(void_at=MID + timedelta(days=3))]).rows == ()


def test_withdrawn_later_is_given_back_in_that_month():
    late = fine(void_at=MID + timedelta(days=30))
    (paid,), (back,) = month([late]).rows, month([late], "2026-12").rows
    assert (str(paid.total), str(back.total), str(back.given_back)) == ("20.00", "-20.00", "-20.00")
    assert month([late], "2027-01").rows == ()


@pytest.mark.parametrize(
    ("at", "name"),
    [
        (datetime(2026, 11, 30, 15, 59, 59, tzinfo=UTC), "2026-11"),
        (datetime(2026, 11, 30, 16, 0, tzinfo=UTC), "2026-12"),
    ],
)
def test_a_month_is_that_of_the_firms_zone(at, name):
    assert [m for m in MONTHS if month([fine(at=at)], m).rows] == [name]


def test_above_the_cap_is_marked():
    staff = Staff("王", "一车间", Decimal("4500.00"))
    within = month([fine("900.00")], u1=staff).rows[0]
    assert (within.over_cap, within.mark, str(within.cap)) == (False, "", "900.00")
    above = month([fine("900.00"), fine("0.01")], u1=staff).rows[0]
    assert above.over_cap
    assert above.mark == "超过扣款上限 0.01 元"


def test_without_a_wage_the_cap_is_not_checked_and_that_is_said():
    (row,) = month([fine("99999")]).rows
    assert (row.cap, row.over_cap) == (None, False)
    assert "未登记月工资" in row.mark


def test_the_law_is_named():
    law = payroll("2026-11", [], {}, Decimal("0.155")).law
    assert "第十六条" in law
    assert "20%" in law
    assert "按当月工资的15.5%核对" in law


def sample(name: str = "王小明") -> Payroll:
    staff = {
        "u1": Staff(name, "一车间", Decimal("100.00")),
        "u2": Staff("李四", "二车间", Decimal("6000.00")),
    }
    found = [
        fine("50.00", "u1", number="2026-0001"),
        fine("20.00", "u2", "u3", number="2026-0002"),
        fine("30.00", "u2", number="2026-0003", at=MID - timedelta(days=40), void_at=MID),
    ]
    return payroll("2026-11", charges(found, *NOVEMBER), staff, SHARE)


def rows_of(body: bytes) -> list[list[str]]:
    text = body.decode("utf-8")
    assert text.startswith(BOM)
    return list(csv.reader(io.StringIO(text.removeprefix(BOM))))


def test_csv():
    header, *lines = rows_of(to_csv(sample()))
    assert header == list(HEADER)
    assert lines[0][:8] == ["u1", "王小明", "一车间", "50.00", "0.00", "50.00", "100.00", "20.00"]
    assert lines[0][8:] == ["超过扣款上限 30.00 元", "2026-0001"]
    assert lines[1][3:6] == ["20.00", "-30.00", "-10.00"]
    assert lines[3][:6] == ["合计", "", "", "90.00", "-30.00", "60.00"]
    assert "工资支付暂行规定" in lines[4][0]


DANGEROUS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "＝1+1",
    "\t=1",
    " =1",
    "\r\n=cmd|' /C calc'!A0",
    "\u200b=1",
]


@pytest.mark.parametrize("name", DANGEROUS)
def test_a_name_does_not_become_a_formula(name):
    for line in rows_of(to_csv(sample(name)))[1:3]:
        for cell in line[:3]:
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx(sample(name), ZONE)))
    for sheet in book:
        assert not [cell for row in sheet for cell in row if cell.data_type == "f"]


@given(any_text())
def test_any_name_goes_into_both_files(name):
    assert not harmless(name).lstrip().startswith(("=", "+", "-", "@"))
    assert len(rows_of(to_csv(sample(name)))) == 6
    openpyxl.load_workbook(io.BytesIO(to_xlsx(sample(name), ZONE)))


def test_xlsx():
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx(sample(), ZONE)))
    summary, detail = book["汇总"], book["明细"]
    assert [cell.value for cell in summary[2]] == list(HEADER)
    assert summary.freeze_panes == detail.freeze_panes == "C3"
    assert [cell.value for cell in summary[3]][:6] == ["u1", "王小明", "一车间", 50, 0, 50]
    assert [cell.value for cell in summary[6]][3:6] == [90, -30, 60]
    assert summary["D3"].number_format == summary["F6"].number_format == "#,##0.00;[Red]-#,##0.00"
    colours = [summary.cell(row, 9).fill.fgColor.rgb[-6:] for row in (3, 4, 5)]
    assert colours == ["FFD9D9", "000000", "FFF2CC"]
    assert "工资支付暂行规定" in summary["A8"].value
    assert [cell.value for cell in detail[3]][:5] == ["2026-0001", "u1", "王小明", "发送人", 50]
    assert detail.max_row == 6
    assert sum(detail.cell(row, 5).value for row in range(3, 7)) == 60


def test_files_without_rows():
    empty = month([])
    assert len(rows_of(to_csv(empty))) == 3
    assert openpyxl.load_workbook(io.BytesIO(to_xlsx(empty, ZONE)))["汇总"]["F3"].value == 0


@pytest.fixture
def office(database) -> Office:
    office = Office(database)
    with database.write() as connection:
        person = roster.Person("u-1", "王小明", "一车间", Decimal("150.00"))
        roster.put_people(connection, START, "test", [person])
    return office


def totals(office: Office, name: str = "2026-11") -> dict[str | None, str]:
    with office.database.read() as connection:
        report = noticequery.month_payroll(connection, name, ZONE, SHARE)
    return {row.member_id: str(row.total) for row in report.rows}


def test_only_published_fines_count(office):
    office.published()
    office.approve(office.confirmed())
    office.confirmed()
    office.published("commercial_ad", policy="shenzhen", sender_id="u-2")
    assert totals(office) == {"u-1": "20.00"}
    assert totals(office, "2026-10") == totals(office, "2026-12") == {}


def test_overturned_is_given_back_when_that_happens_and_not_again_when_withdrawn(office):
    case_id = office.flag()
    office.confirm(case_id)
    notice_id = office.notices(case_id)[0].id
    office.approve(notice_id)
    office.publish(notice_id)
    office.clock = datetime(2026, 12, 5, tzinfo=ZONE)
    office.overturn(case_id)
    assert totals(office) == {"u-1": "20.00"}
    assert totals(office, "2026-12") == {"u-1": "-20.00"}
    office.clock = datetime(2027, 1, 5, tzinfo=ZONE)
    office.withdraw(notice_id)
    assert totals(office, "2026-12") == {"u-1": "-20.00"}
    assert totals(office, "2027-01") == {}


def test_a_notice_changed_in_its_count_alone_is_still_owed(office):
    """The first of two falls: the second is the first offence now, and its fine is the same."""
    first, second = office.flag(), office.flag()
    for case_id in (first, second):
        office.confirm(case_id)
        notice_id = office.notices(case_id)[0].id
        office.approve(notice_id)
        office.publish(notice_id)
    assert totals(office) == {"u-1": "40.00"}
    office.overturn(first)
    assert office.notices(second)[0].changed
    assert totals(office) == {"u-1": "20.00"}


def test_withdrawn_and_drafted_anew_counts_once(office):
    first, second = office.flag(), office.flag()
    for case_id in (first, second):
        office.confirm(case_id)
    notice_id = office.notices(second)[0].id
    office.approve(notice_id)
    office.publish(notice_id)
    office.overturn(first)
    office.withdraw(notice_id)
    new = office.notices(second)[0].id
    assert new != notice_id
    assert totals(office) == {}
    office.approve(new)
    office.publish(new)
    assert totals(office) == {"u-1": "20.00"}


def test_payroll_over_http(database_url, tmp_path, quiet_model):
    app = accounts.service(tmp_path, quiet_model, database=database_url, wage_cap=0.1)
    office = Office(app.state.database)
    api = Api(app, accounts.add_key(app.state.database, Role.ADMIN))
    with office.database.write() as connection:
        person = roster.Person("u-1", "王小明", "一车间", Decimal("150.00"))
        roster.put_people(connection, START, "test", [person])
    office.published()
    body = api.get("/v1/payroll/2026-11").json()
    (row,) = body["rows"]
    assert (row["total"], row["cap"], row["over_cap"]) == ("20.00", "15.00", True)
    assert row["charges"][0]["number"] == "2026-0001"
    assert "10%" in body["law"]
    table = api.get("/v1/payroll/2026-11?format=csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert rows_of(table.content)[1][1] == "王小明"
    book = api.get("/v1/payroll/2026-11?format=xlsx")
    assert 'filename="payroll-2026-11.xlsx"' in book.headers["content-disposition"]
    assert openpyxl.load_workbook(io.BytesIO(book.content))["汇总"]["B3"].value == "王小明"
    for wrong in ("2026-00", "2026-13", "26-11", "2026-11-01", "abc"):
        assert api.get(f"/v1/payroll/{wrong}").status_code == 422
    app.state.database.close()
