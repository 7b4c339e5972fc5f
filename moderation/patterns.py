r"""Recognisers of things with a form: leaks, links and repetition. One function per kind.

    text as read ─ regular expression ─ checksum or context ─ hit with its range

Spans are found without word edges: `\\b` never matches inside a Chinese sentence. Each recogniser
runs once over the whole batch, messages kept apart by NUL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np

from moderation import links
from moderation.datafiles import DATA, read_text
from moderation.normalize import NormalizedBatch


@dataclass(frozen=True, slots=True)
class PatternHit:
    """Something with a form at `[start, end)` of the batch's text as read, and what it is."""

    label: str
    score: float
    start: int
    end: int
    reason: str


Recogniser = Callable[[NormalizedBatch], Iterator[PatternHit]]


def find(batch: NormalizedBatch) -> Iterator[PatternHit]:
    """Yield the hits of every recogniser."""
    for recogniser in RECOGNISERS.values():
        yield from recogniser(batch)


def _messages_with(clue: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Yield the range of each message that holds a clue: a search that is slow need look nowhere else."""
    at = 0
    while match := clue.search(text, at):
        low = text.rfind("\0", 0, match.start()) + 1
        high = text.find("\0", match.end())
        at = high if high >= 0 else len(text)
        yield low, at


_MIN_DIGITS = 11


def _messages_with_digits(batch: NormalizedBatch) -> Iterator[tuple[int, int]]:
    """Yield the range of each message with enough digits for a phone number, wherever they stand."""
    if not len(batch):
        return
    digit = (batch.codes >= ord("0")) & (batch.codes <= ord("9"))
    count = np.add.reduceat(digit, batch.offsets[:-1], dtype=np.int64)
    for number in np.flatnonzero(count >= _MIN_DIGITS).tolist():
        yield int(batch.offsets[number]), int(batch.offsets[number + 1]) - 1


def _in_digits(pattern: re.Pattern[str], batch: NormalizedBatch) -> Iterator[re.Match[str]]:
    for low, high in _messages_with_digits(batch):
        yield from pattern.finditer(batch.text, low, high)


_ID_CARD = re.compile(r"(?<![0-9a-z])[1-9]\d{16}[0-9x](?![0-9a-z])")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def id_cards(batch: NormalizedBatch) -> Iterator[PatternHit]:
    """Find resident identity numbers (GB 11643-1999: birth date and ISO 7064 MOD 11-2 check digit)."""
    for match in _in_digits(_ID_CARD, batch):
        if is_id_card(match[0]):
            yield PatternHit("personal_data", 0.99, *match.span(), "身份证号，校验位正确")


def is_id_card(number: str) -> bool:
    """Return whether 18 characters are an identity number with a real date and a right check digit."""
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, _ID_WEIGHTS, strict=False))
    return (
        1900 <= born.year <= date.today().year and "10x98765432"[total % 11] == number[17].lower()
    )


_CARD = re.compile(
    r"(?<![0-9a-z])(?:62|4\d|5[1-5]|35|9[0-9])\d{2}(?:[ -]?\d{4}){2}[ -]?\d{2,7}(?![0-9a-z])"
)
_NOT_A_CARD = re.compile(r"(?:单号|快递|运单|订单|流水|编号|条码|编码|物流)[^\0]{0,6}$")


def bank_cards(batch: NormalizedBatch) -> Iterator[PatternHit]:
    """Find payment card numbers (ISO/IEC 7812: issuer prefix, 16 to 19 digits, Luhn check digit)."""
    for match in _in_digits(_CARD, batch):
        digits = re.sub(r"\D", "", match[0])
        before = batch.text[max(0, match.start() - 10) : match.start()]
        if 16 <= len(digits) <= 19 and luhn(digits) and not _NOT_A_CARD.search(before):
            yield PatternHit("personal_data", 0.97, *match.span(), "银行卡号，校验位正确")


def luhn(digits: str) -> bool:
    """Return whether the last digit is the Luhn check digit of the others."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


_PHONE = re.compile(r"(?<![0-9a-z])1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?![0-9a-z])")
_PERSON = re.compile(
    r"姓名|联系人|收件人|收货人|身份证|住址|家住|地址|家属|患者|学员|业主|机主|户主|病人|客户[^\0]{0,4}$|先生|女士|本人电话|他电话|她电话|家里电话"
)


def personal_phones(batch: NormalizedBatch) -> Iterator[PatternHit]:
    """Find mobile numbers that stand with a person: a bare number may be anybody's work phone."""
    for match in _in_digits(_PHONE, batch):
        before = batch.text[max(0, match.start() - 24) : match.start()].rpartition("\0")[2]
        after = batch.text[match.end() : match.end() + 16].partition("\0")[0]
        if _PERSON.search(before) or _PERSON.search(after):
            yield PatternHit("personal_data", 0.9, *match.span(), "手机号与个人信息同时出现")


_SECRETS = (
    (r"-{3,5}begin [a-z ]*private key-{3,5}", "私钥"),  # runs are read as three
    (r"(?<![a-z0-9])akia[0-9a-z]{16}(?![a-z0-9])", "云访问密钥"),
    (r"(?<![a-z0-9])gh[pousr]_[a-z0-9]{20,}", "代码仓库令牌"),
    (r"(?<![a-z0-9])sk-[a-z0-9_-]{16,}", "接口密钥"),
    (r"(?<![a-z0-9])eyj[a-z0-9_-]{8,}\.eyj[a-z0-9_-]{8,}\.[a-z0-9_-]{4,}", "登录令牌 JWT"),
    (
        r"(?<![a-z])[a-z][a-z0-9+]{2,15}://[^\s:/@\0]{1,40}:(?P<value>[^\s:/@\0]{3,60})@[^\s\0]{3,}",
        "连接串",
    ),
    (
        (
            r"(?:密码|口令|passwd|password|passcode|pwd|token|secret|api[ _-]?key|access[ _-]?key)"
            r"(?:还?是|为|改成|:|=|->|\s){1,3}[\"']?(?P<value>[a-z0-9!@#$%^&*._+/=-]{5,})"
        ),
        "密码或令牌",
    ),
    (r"(?:验证码|动态码|校验码)(?:还?是|为|:|\s){0,3}(?P<value>\d{4,8})(?!\d)", "验证码"),
)
_SECRET = [(re.compile(pattern), reason) for pattern, reason in _SECRETS]
_PLACEHOLDER = re.compile(
    r"^(?:x{3,}|\*{3,}|\.{3,}|your|example|changeme|<|\$\{|%s|null|none|true|false|placeholder|password|required|string)"
)


def credentials(batch: NormalizedBatch) -> Iterator[PatternHit]:
    """Find secrets that are in the text itself; placeholders and talk about passwords are not."""
    suspects = list(_messages_with(_SECRET_CLUE, batch.text))
    for pattern, reason in _SECRET:
        found = (m for low, high in suspects for m in pattern.finditer(batch.text, low, high))
        for match in found:
            value = match.groupdict().get("value") or match[0]
            if not _PLACEHOLDER.match(value) and len(set(value)) > 2:
                yield PatternHit("credential", 0.97, *match.span(), reason)


_SECRET_CLUE = re.compile(
    r"private key|akia|gh[pousr]_|sk-|eyj|://|密码|口令|pass|pwd|token|secret|key|验证码|动态码|校验码"
)

_MARK = re.compile(
    r"[\[(【〔](?:绝密|机密|秘密|内部|内部资料|内部文件|商密|confidential)[^\0\])】〕]{0,6}[\])】〕]"
    r"|(?:绝密|机密|秘密)[★☆*]?(?:[一二三五十]|\d{1,2})年"
    r"|(?:机密|绝密|内部)(?:文件|资料|版)?[-_(]?[^\s\0,。;]{0,20}\.(?:pdf|docx?|xlsx?|pptx?|dwg|zip|rar)"
)
_MARK_CLUE = re.compile(r"密|内部|confidential")


def confidentiality_marks(batch: NormalizedBatch) -> Iterator[PatternHit]:
    """Find the marks of a classified document: 【机密】, 内部资料.pdf."""
    for low, high in _messages_with(_MARK_CLUE, batch.text):
        for match in _MARK.finditer(batch.text, low, high):
            yield PatternHit("business_secret", 0.85, *match.span(), "带密级标志的文件")


_LURES = tuple(read_text(DATA / "links" / "lures.txt").split())
_HOST_CLUE = re.compile(r"[a-z0-9]\.[a-z]")


def _links(text: str) -> Iterator[links.Link]:
    for low, high in _messages_with(_HOST_CLUE, text):
        yield from links.find(text, low, high)


def suspicious_links(batch: NormalizedBatch) -> Iterator[PatternHit]:
    """Find look-alike hosts, programs from unknown hosts, and unknown hosts beside a lure."""
    for link in _links(batch.text):
        verdict = links.judge(link)
        if verdict is links.Verdict.LOOKALIKE:
            yield PatternHit("malicious_link", 0.97, link.start, link.end, "仿冒知名网站的域名")
        elif verdict is links.Verdict.PROGRAM:
            yield PatternHit("malicious_link", 0.97, link.start, link.end, "来路不明的安装包")
        elif verdict is links.Verdict.UNKNOWN:
            before = batch.text[max(0, link.start - 40) : link.start].rpartition("\0")[2]
            after = batch.text[link.end : link.end + 30].partition("\0")[0]
            if any(lure in before or lure in after for lure in _LURES):
                yield PatternHit("malicious_link", 0.9, link.start, link.end, "陌生链接带诱导语")


MIN_FLOOD = 12
"""Shortest repetition, in original characters, that counts as flooding."""
_MIN_REPEATS = 4
_UNIT = re.compile(r"(?P<unit>.{1,60}?)(?P=unit){3,}", re.DOTALL)


def repetition(batch: NormalizedBatch) -> Iterator[PatternHit]:
    """Find messages that are mostly one thing over and over, as written (not as read)."""
    for number, text in enumerate(batch.originals):
        if len(text) < MIN_FLOOD or not _may_repeat(text):
            continue
        span = _longest_repetition(text)
        base = int(batch.offsets[number])
        size = int(batch.offsets[number + 1]) - 1 - base
        if span and size:
            yield PatternHit("flooding", 0.98, base, base + size, "同一内容反复出现")


def _may_repeat(text: str) -> bool:
    """Return False, at little cost, for most texts that are not mostly repetition.

    Every character of a repeated unit stands in the text at least four times; of four places
    spread over a text that is mostly repetition some lie in it.
    """
    step = len(text) // 5
    if all(text.count(text[step * place]) < _MIN_REPEATS for place in range(1, 5)):
        return False
    return len(set(text)) * 3 <= len(text)


def _longest_repetition(text: str) -> bool:
    """Return whether repeated units make up at least 0.7 of `text` and it is no rule of dashes."""
    covered = sum(
        match.end() - match.start()
        for match in _UNIT.finditer(text)
        if match.end() - match.start() >= MIN_FLOOD and not _is_rule(match["unit"])
    )
    return covered >= 0.7 * len(text)


def _is_rule(unit: str) -> bool:
    """Return whether a unit is drawn as a line: dashes, dots, blanks, zeros."""
    return [char for char, _ in groupby(unit.strip())] in ([], ["-"], ["="], ["_"], ["."], ["0"])


RECOGNISERS: dict[str, Recogniser] = {
    "id_card": id_cards,
    "bank_card": bank_cards,
    "personal_phone": personal_phones,
    "credential": credentials,
    "confidentiality_mark": confidentiality_marks,
    "link": suspicious_links,
    "repetition": repetition,
}
