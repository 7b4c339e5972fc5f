"""Words and runs of characters that some texts hold and others do not. Pure.

texts ─ as read ─ words and n-grams, once per text ─ difference of log odds ─ those that stand out

The weight is the difference of log odds in standard deviations (half a text added to each count,
Haldane and Anscombe). So a common word needs no stop list, and a rare one must be rare by more than chance.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from moderation import segment
from moderation.normalize import normalize

GRAMS = (2, 3, 4)
LEAST = 3
"""Texts that must hold a piece: what one person wrote once is nobody's business."""
_HAN = re.compile(r"[\u3400-\u9fff]+")
_WORD = re.compile(r"[\u3400-\u9fff]{2,}|[a-z][a-z]{2,}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A word or run of characters with the number of texts that hold it on both sides."""

    text: str
    count: int
    before: int
    weight: float


def words(texts: Sequence[str]) -> list[set[str]]:
    """Return the words of each text as it is read, of two characters and more."""
    return [
        {word for word in segment.words(one) if _WORD.fullmatch(word)} for one in _as_read(texts)
    ]


def ngrams(texts: Sequence[str]) -> list[set[str]]:
    """Return the runs of 2 to 4 Chinese characters of each text as it is read."""
    return [
        {
            run[low : low + size]
            for run in _HAN.findall(one)
            for size in GRAMS
            for low in range(len(run) - size + 1)
        }
        for one in _as_read(texts)
    ]


def rising(
    now: Sequence[set[str]], before: Sequence[set[str]], least_weight: float = 2.0, limit: int = 20
) -> list[Piece]:
    """Return the pieces that stand out in `now` against `before`, the weightiest first."""
    here, there = _counted(now), _counted(before)
    found = []
    for text, count in here.items():
        if count < LEAST:
            continue
        weight = _weight(count, len(now), there[text], len(before))
        if weight >= least_weight:
            found.append(Piece(text, count, there[text], round(weight, 2)))
    found.sort(key=lambda one: (-one.weight, -len(one.text), one.text))
    return _apart(found)[:limit]


def _weight(count: int, of: int, other: int, of_other: int) -> float:
    cells = [n + 0.5 for n in (count, of - count, other, of_other - other)]
    here, rest, there, rest_there = cells
    spread = math.sqrt(sum(1 / n for n in cells))
    return (math.log(here / rest) - math.log(there / rest_there)) / spread


def _apart(found: Iterable[Piece]) -> list[Piece]:
    """Leave out what overlaps a weightier piece that is there as often."""
    kept: list[tuple[Piece, set[str]]] = []
    for one in found:
        pairs = {one.text[low : low + 2] for low in range(len(one.text) - 1)}
        if not any(one.count <= other.count and pairs & theirs for other, theirs in kept):
            kept.append((one, pairs))
    return [one for one, _ in kept]


def _counted(texts: Iterable[set[str]]) -> Counter[str]:
    return Counter(piece for pieces in texts for piece in pieces)


def _as_read(texts: Sequence[str]) -> list[str]:
    return normalize(list(texts)).text.split("\0")[: len(texts)] if texts else []
