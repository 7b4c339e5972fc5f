"""Hides what must not be shown to everybody: passwords, identity and card numbers, private phones.

The places stay marked and the length stays the same, so that evidence still points into the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from moderation.types import Decision, Evidence, Finding

SENSITIVE = ("credential", "personal_data")
DOT = "•"
SOMEBODY = "某某"
SHORTEST_NAME = 2
"""Characters from which on a name is looked for: a shorter one is any word."""
_MAIL = re.compile(r"([\w.+-]+)(@[\w-]+(?:\.[\w-]+)+)", re.ASCII)
_MENTION = re.compile(r"(?<![A-Za-z0-9_.+-])[@＠][^\s@＠，。！？、：,!?:]{1,20}")
_DIGIT = re.compile(r"[\d①-⑨⓪❶-❾⑴-⑼]")
_NUMBER = re.compile(r"[\d①-⑨⓪❶-❾⑴-⑼](?:[ .·•_-]{0,2}[\d①-⑨⓪❶-❾⑴-⑼]){4,}")
"""Five digits and more, whatever stands between them."""
_HANDLE = re.compile(r"(?=[A-Za-z0-9_-]*\d)(?=[A-Za-z0-9_-]*[A-Za-z])[A-Za-z0-9_-]{6,}")
"""Letters with digits: an account somewhere."""
_CHINESE_NUMBER = re.compile(r"[〇零一幺二三四五六七八九壹贰叁肆伍陆柒捌玖]{7,}")


def sensitive_spans(findings: Iterable[Finding]) -> list[tuple[int, int]]:
    """Return the ranges of the original text that patterns found to be private."""
    return [
        (piece.start, piece.end)
        for finding in findings
        if finding.label in SENSITIVE and finding.source == "pattern"
        for piece in finding.evidence
    ]


def stored_spans(decision: dict[str, Any]) -> list[tuple[int, int]]:
    """Return the same of a decision in its public form, as cases keep it."""
    return [
        (piece["start"], piece["end"])
        for finding in decision["findings"]
        if finding["label"] in SENSITIVE and finding["source"] == "pattern"
        for piece in finding["evidence"]
    ]


def number_spans(text: str, found: Iterable[tuple[str, str]]) -> list[tuple[int, int]]:
    """Return the ranges of all long numbers, if a finding, given by label and source, says that some are private.

    A model knows that there is something and not where: it points at the words around. So an identity
    number with a wrong check digit is dotted like a right one.
    """
    if not any(label in SENSITIVE and source != "pattern" for label, source in found):
        return []
    return _number_spans(text)


def mask_numbers(text: str) -> str:
    """Return a text with the inside of all long numbers dotted: it was not looked at for private things."""
    return mask_text(text, _number_spans(text))


def _number_spans(text: str) -> list[tuple[int, int]]:
    return [one.span() for sign in (_NUMBER, _CHINESE_NUMBER) for one in sign.finditer(text)]


def dotted(text: str | None, decision: dict[str, Any]) -> str | None:
    """Return the text of a case as everybody may see it; None, what was erased, stays None."""
    if text is None:
        return None
    found = [(one["label"], one["source"]) for one in decision["findings"]]
    return mask_text(text, [*stored_spans(decision), *number_spans(text, found)])


def mask_text(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return the text with the inside of each span dotted; its first and last character stay."""
    out = list(text)
    for start, end in spans:
        keep = 1 if end - start > 4 else 0
        for position in range(start + keep, min(end - keep, len(out))):
            out[position] = DOT
    return "".join(out)


def mask_decision(text: str, decision: Decision) -> Decision:
    """Return the decision with the private parts of all evidence dotted."""
    found = [(one.label, one.source) for one in decision.findings]
    spans = [*sensitive_spans(decision.findings), *number_spans(text, found)]
    if not spans:
        return decision
    masked = mask_text(text, spans)
    findings = tuple(
        replace(
            finding, evidence=tuple(_mask_piece(piece, masked, spans) for piece in finding.evidence)
        )
        for finding in decision.findings
    )
    return replace(decision, findings=findings)


def _mask_piece(piece: Evidence, masked: str, spans: list[tuple[int, int]]) -> Evidence:
    if not any(piece.start < end and start < piece.end for start, end in spans):
        return piece
    shown = masked[piece.start : piece.end]
    return replace(piece, text=shown, read_as=shown)


class Names:
    """Names to be looked for in texts, by their lengths: a thousand cost what one does."""

    def __init__(self, names: Iterable[str]) -> None:
        self._known = {name for name in names if len(name) >= SHORTEST_NAME}
        self._lengths = sorted({len(name) for name in self._known}, reverse=True)
        self._initials = {name[0] for name in self._known}

    def replace(self, text: str) -> str:
        """Return the text with each name, the longest first, replaced by `SOMEBODY`."""
        out: list[str] = []
        position = 0
        while position < len(text):
            length = self._length_at(text, position)
            out.append(SOMEBODY if length else text[position])
            position += length or 1
        return "".join(out)

    def _length_at(self, text: str, start: int) -> int:
        if text[start] not in self._initials:
            return 0
        return next((n for n in self._lengths if text[start : start + n] in self._known), 0)


def anonymous(text: str, spans: Iterable[tuple[int, int]], names: Names) -> str:
    """Return the text as it may leave the firm: for learning from, no longer to be pointed into.

    Private parts are dotted, addressed and known names stand for nobody, numbers are naught.
    """
    masked = names.replace(mask_text(text, spans))
    masked = _MAIL.sub(r"x\2", masked)
    masked = _MENTION.sub(f"@{SOMEBODY}", masked)
    for pattern in (_NUMBER, _HANDLE):
        masked = pattern.sub(lambda found: _DIGIT.sub("0", found[0]), masked)
    return _CHINESE_NUMBER.sub(lambda found: "零" * len(found[0]), masked)
