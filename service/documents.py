"""The notice (奖惩通知单) as a document: what stands in it here, how it is set in `docxfile` and `pdffile`.

notice with its facts ─ form (pure) ─ DOCX | PDF
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from service.notices import NoticeState
from service.noticeview import Liable, NoticeView, Signed, Someone
from service.wording import PARTIES, about_conduct, day, label, minute, penalty, printable

TITLE = "奖惩通知单"
QUOTED = 400
"""Longest quotation, in characters: a notice is one page."""
ERASED = "「内容已清除」"
UNKNOWN = "未登记"
APPEAL = (
    "当事人对本处理有异议的，可向行政部门或人力资源部门提出申诉，由复核人以外的人员重新审议；"
    "申诉成立的，撤回本通知并更正处理。"
)


class Format(StrEnum):
    """Kinds of document."""

    DOCX = "docx"
    PDF = "pdf"

    @property
    def media_type(self) -> str:
        """Return the media type of such a file."""
        if self is Format.PDF:
            return "application/pdf"
        return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the form with its name; `quote` is set apart from the paragraphs before it."""

    label: str
    paragraphs: tuple[str, ...]
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """A line to sign on, with name and day where they are known."""

    label: str
    name: str
    day: str


@dataclass(frozen=True, slots=True)
class Form:
    """Everything that stands in the document. `stamp` is laid over it, `marks` stand in red on top."""

    firm: str
    number: str
    day: str
    stamp: str
    marks: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    signatures: tuple[Signature, ...]


def document(notice: NoticeView, firm: str, zone: ZoneInfo, format: Format) -> bytes:
    """Return a notice as a file."""
    laid_out = form(notice, firm, zone)
    if format is Format.PDF:
        from service.pdffile import to_pdf

        return to_pdf(laid_out)
    from service.docxfile import to_docx

    return to_docx(laid_out)


def form(notice: NoticeView, firm: str, zone: ZoneInfo) -> Form:
    """Return what stands in the document; times are in the firm's zone."""
    published = notice.published.at
    return Form(
        firm=printable(firm),
        number=notice.number or "（发布时编号）",
        day=day(published, zone) if published else "（未发布）",
        stamp=_stamp(notice),
        marks=tuple(_marks(notice, zone)),
        fields=_fields(notice, zone),
        sections=(
            _facts(notice, zone),
            _grounds(notice),
            _decision(notice),
            Section("申诉途径", (APPEAL,)),
        ),
        signatures=(
            Signature("复核认定", printable(notice.decided_by), day(notice.drafted_at, zone)),
            _signature("批准", notice.approved, zone),
            Signature("当事人签收", "", ""),
        ),
    )


def filename(notice: NoticeView, format: Format) -> str:
    """Return a plain name for the file."""
    return f"notice-{notice.number or f'draft-{notice.id}'}.{format.value}"


def _stamp(notice: NoticeView) -> str:
    if notice.state is NoticeState.WITHDRAWN:
        return "已撤回"
    if notice.state is NoticeState.PUBLISHED:
        return "依据已变更" if notice.changed else ""
    return "草稿"


def _marks(notice: NoticeView, zone: ZoneInfo) -> Iterator[str]:
    if notice.state is NoticeState.WITHDRAWN and notice.withdrawn.at is not None:
        why = f"原因：{printable(notice.reason)}" if notice.reason else "原因：认定已变更"
        yield f"本通知已于{day(notice.withdrawn.at, zone)}撤回，不再有效。{why}"
    elif notice.state is NoticeState.PUBLISHED and notice.changed:
        yield "本通知所依据的认定在发布后已变更，处理以更正后的通知为准。"
    elif notice.state is not NoticeState.PUBLISHED:
        yield "本件尚未发布，不作为处理依据。"


def _fields(notice: NoticeView, zone: ZoneInfo) -> tuple[tuple[str, str], ...]:
    facts = notice.facts
    sender = facts.sender
    return (
        ("姓名", _known(sender.name)),
        ("工号", _known(sender.member_id)),
        ("部门", _known(sender.department)),
        ("群内昵称", _known(sender.nickname)),
        ("所在群", _known(facts.group_name or facts.group_id)),
        ("截至时间" if about_conduct(facts.labels) else "消息时间", minute(facts.sent_at, zone)),
    )


def _facts(notice: NoticeView, zone: ZoneInfo) -> Section:
    facts = notice.facts
    names = "、".join(label(name) for name in facts.labels)
    group = _known(facts.group_name or facts.group_id)
    recalled = "该消息已由发送人撤回。" if facts.recalled else ""
    if about_conduct(facts.labels):
        did, shown = (
            f"截至{minute(facts.sent_at, zone)}，{_call(facts.sender)}在群「{group}」未尽职责",
            "经过",
        )
    else:
        did, shown = (
            f"{minute(facts.sent_at, zone)}，{_call(facts.sender)}在群「{group}」发送消息",
            "消息原文",
        )
    said = f"{did}，经人工复核，认定属于：{names}。{recalled}{shown}（已隐去敏感信息）："
    return Section("违规事实", (said,), _quotation(facts.quotation))


def _quotation(text: str | None) -> str:
    if text is None:
        return ERASED
    shown = printable(text)
    return shown if len(shown) <= QUOTED else f"{shown[:QUOTED]}……（节选，全文{len(shown)}字）"


def _grounds(notice: NoticeView) -> Section:
    head = f"违反《{printable(notice.policy_title).strip('《》')}》："
    return Section("处理依据", (head, *map(_article, notice.articles)))


def _article(article: dict[str, str | None]) -> str:
    ban = f"（禁止性规定见第{article['ban']}条）" if article["ban"] else ""
    return printable(f"第{article['article']}条{ban}：{article['summary']}")


def _decision(notice: NoticeView) -> Section:
    ruling = notice.penalty
    count = f"依第{ruling['article']}条，第{ruling['occurrence']}次违规，"
    decided = f"{count}给予：{penalty(notice.kind, notice.amount)}。"
    each = "以下人员各自承担：" if notice.kind == "fine" else "责任人："
    people = "；".join(_answers(one) for one in notice.liable)
    return Section("处理决定", (decided, f"{each}{people}") if people else (decided,))


def _answers(one: Liable) -> str:
    return _call(one.person, PARTIES[one.party])


def _call(someone: Someone, party: str = "") -> str:
    number = f"工号{printable(someone.member_id)}" if someone.member_id else ""
    more = "，".join(part for part in (party, number) if part)
    name = _known(someone.name or someone.nickname)
    return f"{name}（{more}）" if more else name


def _signature(label: str, done: Signed, zone: ZoneInfo) -> Signature:
    return Signature(label, printable(done.by or ""), day(done.at, zone) if done.at else "")


def _known(text: str | None) -> str:
    return printable(text) if text else UNKNOWN
