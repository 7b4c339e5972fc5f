"""Payroll as files: CSV for other programs, XLSX for people. Neither lets a name become a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from service.payroll import Payroll, Row
from service.wording import PARTIES, printable

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BOM = "\ufeff"
"""Without it Excel takes a CSV file for one in the machine's old code page."""
HEADER = (
    "工号",
    "姓名",
    "部门",
    "罚款",
    "冲正",
    "应扣合计",
    "月工资",
    "扣款上限",
    "标记",
    "通知单编号",
)
WIDTHS = (14, 14, 16, 12, 12, 12, 12, 12, 32, 26)
DETAIL = ("通知单编号", "工号", "姓名", "责任身份", "金额", "日期", "说明")
DETAIL_WIDTHS = (14, 14, 14, 14, 12, 14, 34)
HEIGHT = 20
"""Of a row, in points: Chinese needs more than the default."""
FIRST = 3
"""Row of the first person, below title and header."""
DAY = "yyyy-mm-dd"
MONEY = "#,##0.00;[Red]-#,##0.00"
_STARTS_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")

Cell = str | Decimal | datetime | None


def to_csv(payroll: Payroll) -> bytes:
    """Return a row per person, a total and the word on the law; UTF-8 with a byte order mark."""
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(HEADER)
    lines: list[list[Cell]] = [_cells(row) for row in payroll.rows]
    lines += [_totals(payroll), [payroll.law]]
    for cells in lines:
        writer.writerow([_plain(cell) for cell in cells])
    return (BOM + sink.getvalue()).encode()


def to_xlsx(payroll: Payroll, zone: ZoneInfo) -> bytes:
    """Return a workbook: a sheet with a row per person, and one with every single sum."""
    from openpyxl import Workbook

    book = Workbook()
    summary, detail = book.active, book.create_sheet("明细")
    assert summary is not None
    summary.title = "汇总"
    _fill_summary(summary, payroll)
    _fill_detail(detail, payroll, zone)
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    clean = printable(text)
    return f"'{clean}" if clean.lstrip().startswith(_STARTS_FORMULA) else clean


def _cells(row: Row) -> list[Cell]:
    staff = row.staff
    numbers = "、".join(charge.number for charge in row.charges)
    sums = (row.charged, row.given_back, row.total, staff.wage, row.cap)
    return [row.member_id, staff.name, staff.department, *sums, row.mark, numbers]


def _totals(payroll: Payroll) -> list[Cell]:
    charged = sum((row.charged for row in payroll.rows), Decimal(0))
    given_back = sum((row.given_back for row in payroll.rows), Decimal(0))
    return ["合计", None, None, charged, given_back, payroll.total, None, None, None, None]


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.2f}" if isinstance(cell, Decimal) else harmless(str(cell))


def _fill_summary(sheet: Worksheet, payroll: Payroll) -> None:
    from openpyxl.styles import Alignment, Font

    _title(sheet, f"{payroll.month} 违规罚款扣款表", HEADER, WIDTHS)
    for number, row in enumerate(payroll.rows, start=FIRST):
        _put(sheet, number, _cells(row))
        _colour(sheet, number, row)
    last = FIRST + len(payroll.rows)
    _put(sheet, last, _totals(payroll))
    for cell in sheet[last]:
        cell.font = Font(bold=True)
    note = last + 2
    _put(sheet, note, [payroll.law])
    sheet.merge_cells(start_row=note, end_row=note, start_column=1, end_column=len(HEADER))
    sheet.cell(note, 1).alignment = Alignment(wrap_text=True, vertical="top")
    sheet.row_dimensions[note].height = 48


def _colour(sheet: Worksheet, number: int, row: Row) -> None:
    """Show red what must not be deducted as it stands, yellow what could not be checked."""
    from openpyxl.styles import PatternFill

    if row.mark:
        colour = "FFD9D9" if row.over_cap or row.member_id is None else "FFF2CC"
        for cell in sheet[number]:
            cell.fill = PatternFill("solid", fgColor=colour)


def _fill_detail(sheet: Worksheet, payroll: Payroll, zone: ZoneInfo) -> None:
    _title(sheet, f"{payroll.month} 明细", DETAIL, DETAIL_WIDTHS)
    for number, cells in enumerate(_details(payroll, zone), start=FIRST):
        _put(sheet, number, cells)
    sheet.auto_filter.ref = f"A{FIRST - 1}:G{sheet.max_row}"


def _details(payroll: Payroll, zone: ZoneInfo) -> Iterator[list[Cell]]:
    for row in payroll.rows:
        for charge in row.charges:
            back = charge.amount < 0
            yield [
                charge.number,
                row.member_id,
                row.staff.name,
                PARTIES[charge.party],
                charge.amount,
                charge.at.astimezone(zone).replace(tzinfo=None),
                "冲正：通知单已撤回或依据已撤销" if back else "",
            ]


def _title(sheet: Worksheet, title: str, header: tuple[str, ...], widths: tuple[int, ...]) -> None:
    """Write title and header, both frozen, and prepare the page for printing."""
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    _put(sheet, 1, [title])
    sheet["A1"].font = Font(bold=True, size=14)
    _put(sheet, 2, header)
    for number, (cell, width) in enumerate(zip(sheet[2], widths, strict=True), start=1):
        cell.font = Font(bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", fgColor="4A5A6A")
        cell.alignment = Alignment(horizontal="center", vertical="center")
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.freeze_panes = f"C{FIRST}"
    sheet.print_title_rows = "1:2"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9  # A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def _put(sheet: Worksheet, row: int, cells: Iterable[Cell]) -> None:
    """Write a row; a text stays a text whatever it begins with."""
    from openpyxl.styles import Alignment

    sheet.row_dimensions[row].height = HEIGHT
    for column, value in enumerate(cells, start=1):
        cell = sheet.cell(row, column)
        cell.alignment = Alignment(vertical="center")
        if isinstance(value, str):
            cell.value = printable(value)
            cell.data_type = "s"
        elif value is not None:
            cell.value = value
            cell.number_format = MONEY if isinstance(value, Decimal) else DAY
