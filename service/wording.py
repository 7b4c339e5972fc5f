"""Chinese words of notices and exports: penalties, parties, sums of money, text fit to be printed. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from moderation.conductrules import conduct_rules
from moderation.taxonomy import taxonomy

KINDS = {
    "removal": "移出群",
    "serious_warning": "严重警告",
    "fine": "罚款",
    "warning": "警告",
    "reminder": "提醒",
    "discretionary": "按公司制度处理",
}
PARTIES = {
    "sender": "发送人",
    "member": "群成员",
    "group_admin": "群负责人",
    "group_owner": "群主",
    "supervisor": "直接上级",
    "responder": "答复责任人",
    "inviter": "邀请人",
}
STATES = {"draft": "草稿", "approved": "已批准", "published": "已发布", "withdrawn": "已撤回"}
_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn")
_GROUPS = ("", "万", "亿")


def label(name: str) -> str:
    """Return the Chinese name of a label, or of a rule of conduct."""
    if name in conduct_rules():
        return conduct_rules()[name].name
    return taxonomy()[name].name


def about_conduct(labels: Iterable[str]) -> bool:
    """Return whether what was found is about how a group is run, and not about a message that somebody wrote."""
    return any(name in conduct_rules() for name in labels)


def in_words(amount: Decimal) -> str:
    """Return a sum as cheques and vouchers write it: 1005.20 -> 壹仟零伍元贰角.

    Raises:
        ValueError: not in whole fen, or 10^12 yuan or more.
    """
    if not amount.is_finite() or amount != amount.quantize(Decimal("0.01")):
        raise ValueError(f"{amount} is no sum in whole fen")
    yuan, fen = divmod(int(abs(amount) * 100), 100)
    sign = "负" if amount < 0 else ""
    if not fen:
        return f"{sign}{_whole(yuan) or _DIGITS[0]}元整"
    jiao, fen = divmod(fen, 10)
    words = f"{_whole(yuan)}元" if yuan else ""
    if jiao:
        words += f"{_DIGITS[jiao]}角"
    elif yuan:
        words += _DIGITS[0]
    return sign + words + (f"{_DIGITS[fen]}分" if fen else "")


def yuan(amount: Decimal) -> str:
    """Return a sum in figures: ¥1,005.20."""
    return f"{'-' if amount < 0 else ''}¥{abs(amount):,.2f}"


def penalty(kind: str, amount: Decimal | None) -> str:
    """Return what a notice imposes: 罚款人民币贰拾元整（¥20.00）."""
    if kind != "fine":
        return KINDS[kind]
    if amount is None:
        return "罚款（金额待定）"
    return f"罚款人民币{in_words(amount)}（{yuan(amount)}）"


def day(at: datetime, zone: ZoneInfo) -> str:
    """Return the day of a time in the firm's zone: 2026年11月3日."""
    local = at.astimezone(zone)
    return f"{local.year}年{local.month}月{local.day}日"


def minute(at: datetime, zone: ZoneInfo) -> str:
    """Return a time in the firm's zone to the minute: 2026年11月3日 09:05."""
    return f"{day(at, zone)} {at.astimezone(zone):%H:%M}"


def printable(text: str) -> str:
    """Return a text without characters that a document cannot hold or that turn its lines around."""
    kept = (" " if char in "\r\n\t\u2028\u2029" else char for char in text)
    return "".join(char for char in kept if unicodedata.category(char) not in _UNPRINTABLE)


def _whole(number: int) -> str:
    """Return a whole number in capital numerals, nothing for 0."""
    if number >= 10_000 ** len(_GROUPS):
        raise ValueError(f"{number} yuan are too many to be written in words")
    words, gap = "", False
    for power in reversed(range(len(_GROUPS))):
        part = number // 10_000**power % 10_000
        if part:
            gap = bool(words) and (gap or part < 1000)
            words += (_DIGITS[0] if gap else "") + _below_ten_thousand(part) + _GROUPS[power]
        gap = not part
    return words


def _below_ten_thousand(number: int) -> str:
    words, gap = "", False
    for power in reversed(range(len(_PLACES))):
        digit = number // 10**power % 10
        if digit:
            words += (_DIGITS[0] if words and gap else "") + _DIGITS[digit] + _PLACES[power]
        gap = not digit
    return words
