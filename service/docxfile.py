"""Sets a notice as DOCX: a form under a red head, which the firm may go on editing."""

from __future__ import annotations

import io
from typing import Any

from docx import Document
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.table import _Cell
from docx.text.paragraph import Paragraph

from service.documents import TITLE, Form, Section

RED = RGBColor(0xC0, 0x1C, 0x1C)
GREY = "F2F2F2"
BODY, HEAD = "宋体", "黑体"
WIDTHS = (Cm(2.6), Cm(5.6), Cm(2.6), Cm(5.6))


def to_docx(form: Form) -> bytes:
    """Return the form as a DOCX file."""
    document = Document()
    _page(document, form)
    _head(document, form)
    table = document.add_table(rows=0, cols=4)
    table.style = "Table Grid"
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for column, width in zip(table.columns, WIDTHS, strict=True):
        column.width = width
    _fields(table, form)
    for section in form.sections:
        _section(table, section)
    _signatures(table, form)
    sink = io.BytesIO()
    document.save(sink)
    return sink.getvalue()


def _page(document: Any, form: Form) -> None:
    page = document.sections[0]
    page.page_width, page.page_height = Cm(21), Cm(29.7)
    page.left_margin = page.right_margin = Cm(2.3)
    page.top_margin = page.bottom_margin = Cm(2)
    style = document.styles["Normal"]
    style.font.name = "Times New Roman"
    style.font.size = Pt(10.5)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), BODY)
    style.paragraph_format.space_after = Pt(0)
    document.core_properties.title = f"{TITLE} {form.number}"
    document.core_properties.author = form.firm
    document.core_properties.language = "zh-CN"


def _head(document: Any, form: Form) -> None:
    firm = _line(document.add_paragraph(), form.firm, size=22, head=True, colour=RED)
    firm.alignment = WD_ALIGN_PARAGRAPH.CENTER
    title = _line(document.add_paragraph(), "　".join(TITLE), size=18, head=True)
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    title.paragraph_format.space_before = Pt(6)
    below = document.add_paragraph()
    below.paragraph_format.tab_stops.add_tab_stop(Cm(16.4), WD_TAB_ALIGNMENT.RIGHT)
    below.paragraph_format.space_before = Pt(8)
    below.paragraph_format.space_after = Pt(6)
    _line(below, f"编号：{form.number}\t日期：{form.day}")
    _rule(below)
    for mark in form.marks:
        text = f"【{form.stamp}】{mark}" if form.stamp else mark
        _line(document.add_paragraph(), text, head=True, colour=RED)


def _fields(table: Any, form: Form) -> None:
    for left, right in zip(form.fields[::2], form.fields[1::2], strict=True):
        cells = _row(table)
        for cell, text in zip(cells, (*left, *right), strict=True):
            _line(cell.paragraphs[0], text, head=cell in (cells[0], cells[2]))
        _shade(cells[0])
        _shade(cells[2])


def _section(table: Any, section: Section) -> None:
    cells = _row(table)
    _line(cells[0].paragraphs[0], section.label, head=True)
    _shade(cells[0])
    body = cells[1].merge(cells[3])
    for number, text in enumerate(section.paragraphs):
        paragraph = body.paragraphs[0] if number == 0 else body.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(3)
        _line(paragraph, text).paragraph_format.line_spacing = 1.25
    if section.quote is not None:
        quote = _line(body.add_paragraph(), section.quote)
        quote.paragraph_format.left_indent = Cm(0.6)
        quote.paragraph_format.space_before = quote.paragraph_format.space_after = Pt(4)


def _signatures(table: Any, form: Form) -> None:
    for signature in form.signatures:
        cells = _row(table)
        table.rows[-1].height = Cm(1.1)
        _line(cells[0].paragraphs[0], signature.label, head=True)
        _shade(cells[0])
        _line(cells[1].paragraphs[0], signature.name)
        _line(cells[2].paragraphs[0], "日期", head=True)
        _shade(cells[2])
        _line(cells[3].paragraphs[0], signature.day)


def _row(table: Any) -> tuple[_Cell, ...]:
    cells: tuple[_Cell, ...] = table.add_row().cells
    for cell, width in zip(cells, WIDTHS, strict=True):
        cell.width = width
        cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
        spacing = cell.paragraphs[0].paragraph_format
        spacing.space_before = spacing.space_after = Pt(3)
    return cells


def _line(
    paragraph: Paragraph,
    text: str,
    *,
    size: float | None = None,
    head: bool = False,
    colour: RGBColor | None = None,
) -> Paragraph:
    """Add a run; a Chinese font is named apart, or Word takes whatever it finds."""
    run = paragraph.add_run(text)
    run.bold = head
    if size is not None:
        run.font.size = Pt(size)
    if colour is not None:
        run.font.color.rgb = colour
    if head:
        run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), HEAD)
    return paragraph


def _shade(cell: _Cell) -> None:
    shade = OxmlElement("w:shd")
    shade.set(qn("w:val"), "clear")
    shade.set(qn("w:fill"), GREY)
    cell._element.get_or_add_tcPr().append(shade)


def _rule(paragraph: Paragraph) -> None:
    """Draw the red line below the head."""
    borders, line = OxmlElement("w:pBdr"), OxmlElement("w:bottom")
    for name, value in (("val", "thickThinSmallGap"), ("sz", "18"), ("space", "4")):
        line.set(qn(f"w:{name}"), value)
    line.set(qn("w:color"), str(RED))
    borders.append(line)
    paragraph._element.get_or_add_pPr().append(borders)
