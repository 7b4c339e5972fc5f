"""Sets a notice as PDF: the same form as the DOCX, as it is handed out and filed."""

from __future__ import annotations

import io
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import cm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import HRFlowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from service.documents import TITLE, Form, Section
from service.masking import DOT

FONT = "STSong-Light"
"""A font that every reader of PDF brings for Chinese: none needs to be shipped or installed."""
MISSING = "〓"
"""The printer's mark for a character that the font lacks."""
RED = colors.HexColor("#C01C1C")
GREY = colors.HexColor("#F2F2F2")
WIDTHS = (2.6 * cm, 5.6 * cm, 2.6 * cm, 5.6 * cm)

pdfmetrics.registerFont(UnicodeCIDFont(FONT))
_BODY = ParagraphStyle("body", fontName=FONT, fontSize=10.5, leading=16, wordWrap="CJK")
_QUOTE = ParagraphStyle("quote", _BODY, leftIndent=0.6 * cm, spaceBefore=4, spaceAfter=4)
_FIRM = ParagraphStyle("firm", _BODY, fontSize=22, leading=30, alignment=TA_CENTER, textColor=RED)
_TITLE = ParagraphStyle("title", _BODY, fontSize=18, leading=28, alignment=TA_CENTER)
_RIGHT = ParagraphStyle("right", _BODY, alignment=2)
_MARK = ParagraphStyle("mark", _BODY, textColor=RED, spaceBefore=4)


def to_pdf(form: Form) -> bytes:
    """Return the form as a PDF file."""
    sink = io.BytesIO()
    document = SimpleDocTemplate(
        sink,
        pagesize=A4,
        leftMargin=2.3 * cm,
        rightMargin=2.3 * cm,
        topMargin=2 * cm,
        bottomMargin=2 * cm,
        title=f"{TITLE} {form.number}",
        author=form.firm,
        lang="zh-CN",
    )

    def stamp(canvas: Any, _: Any) -> None:
        if form.stamp:
            _stamp(canvas, form.stamp)

    document.build([*_head(form), _table(form)], onFirstPage=stamp, onLaterPages=stamp)
    return sink.getvalue()


def settable(text: str) -> str:
    """Return the text with a mark in place of each character that the font lacks (emoji above all)."""
    return "".join(char if _has(char) else MISSING for char in text.replace(DOT, "*"))


def _has(char: str) -> bool:
    return char.isascii() or char == "¥" or "\u3400" <= char <= "\u4dbf" or _in_gbk(char)


def _in_gbk(char: str) -> bool:
    try:
        char.encode("gbk")
    except UnicodeEncodeError:
        return False
    return True


def _head(form: Form) -> list[Any]:
    numbers = Table(
        [[_text(f"编号：{form.number}"), _text(f"日期：{form.day}", _RIGHT)]],
        colWidths=(8.2 * cm, 8.2 * cm),
    )
    return [
        _text(form.firm, _FIRM),
        _text("　".join(TITLE), _TITLE),
        numbers,
        HRFlowable(width="100%", thickness=2, color=RED, spaceBefore=0, spaceAfter=1.5),
        HRFlowable(width="100%", thickness=0.6, color=RED, spaceBefore=0, spaceAfter=4),
        *(_text(mark, _MARK) for mark in form.marks),
        Spacer(0, 8),
    ]


def _table(form: Form) -> Table:
    pairs = zip(form.fields[::2], form.fields[1::2], strict=True)
    rows: list[list[Any]] = [[_text(one) for one in (*left, *right)] for left, right in pairs]
    style: list[tuple[Any, ...]] = [
        ("GRID", (0, 0), (-1, -1), 0.6, colors.HexColor("#555555")),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
        ("BACKGROUND", (0, 0), (0, -1), GREY),
    ]
    for section in form.sections:
        style.append(("SPAN", (1, len(rows)), (3, len(rows))))
        rows.append([_text(section.label), _section(section), "", ""])
    signed = len(rows)
    rows += [[_text(s.label), _text(s.name), _text("日期"), _text(s.day)] for s in form.signatures]
    style.append(("BACKGROUND", (2, 0), (2, len(form.fields) // 2 - 1), GREY))
    style.append(("BACKGROUND", (2, signed), (2, -1), GREY))
    heights = [None] * signed + [1.1 * cm] * len(form.signatures)
    return Table(rows, colWidths=WIDTHS, rowHeights=heights, style=TableStyle(style))


def _section(section: Section) -> list[Paragraph]:
    quote = [] if section.quote is None else [_text(section.quote, _QUOTE)]
    return [*(_text(one) for one in section.paragraphs), *quote]


def _text(text: str, style: ParagraphStyle = _BODY) -> Paragraph:
    return Paragraph(escape(settable(text)), style)


def _stamp(canvas: Any, text: str) -> None:
    """Lay a word over the page, pale enough to read through."""
    canvas.saveState()
    canvas.setFont(FONT, 92)
    canvas.setFillColor(RED, alpha=0.13)
    canvas.translate(A4[0] / 2, A4[1] / 2)
    canvas.rotate(40)
    canvas.drawCentredString(0, 0, text)
    canvas.restoreState()
