"""Why the model found a label: the weights that fired, per character, joined into words.

The contribution of an n-gram is spread evenly over its characters; jieba joins characters into
words; the words that carry most become evidence in the original text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from moderation import segment
from moderation.features import FeatureSpec, all_windows
from moderation.normalize import Normalized, NormalizedBatch, normalize
from moderation.scorer import Weights
from moderation.types import Evidence

MAX_PIECES = 4
_BREAK = re.compile(r"[,。;!?\s]")
_MARGIN = 5
"""Characters around a strong one that jieba is shown, enough to find the word it stands in."""
_STRONG = 0.4
"""A character is strong if it carries at least this share of what the strongest one carries."""
_SHARE = 0.3
"""A word is evidence if it carries at least this share of what the strongest word carries."""


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    weight: float


def explain(
    texts: Sequence[str], labels: Sequence[int], weights: Weights, spec: FeatureSpec
) -> list[tuple[Evidence, ...]]:
    """Return for each text the evidence for the label (column number) of the same position."""
    batch = normalize(texts)
    carried = _per_character(batch, np.asarray(labels), weights, spec)
    return [
        _evidence(batch[i], carried[batch.offsets[i] : batch.offsets[i + 1] - 1])
        for i in range(len(batch))
    ]


def _per_character(
    batch: NormalizedBatch, labels: NDArray[np.int64], weights: Weights, spec: FeatureSpec
) -> NDArray[np.float64]:
    """Return the sum of weights that each character as read takes part in, float64 `[characters]`."""
    carried = np.zeros(batch.codes.size + 2)
    readable = tuple(item for item in spec.orders if item[0] in ("char", "sound"))
    for _, order, windows in all_windows(batch, replace(spec, orders=readable)):
        label = labels[windows.message]
        worth = weights.matrix[windows.buckets, label] * weights.scale[label] / order
        for place in range(order):
            carried[windows.position + place] += worth  # no two windows begin at one position
    return carried[1:-1]


def _evidence(one: Normalized, carried: NDArray[np.float64]) -> tuple[Evidence, ...]:
    strongest = sorted(_words(one.text, carried), key=lambda word: -word.weight)[: MAX_PIECES * 2]
    if not strongest:
        return ()
    floor = strongest[0].weight * _SHARE
    chosen = sorted((w for w in strongest if w.weight >= floor), key=lambda word: word.start)
    return tuple(_piece(one, word) for word in _joined(chosen)[:MAX_PIECES])


def _words(text: str, carried: NDArray[np.float64]) -> list[_Word]:
    """Return words that speak for the label; jieba cuts only around strong characters."""
    peak = carried.max(initial=0.0)
    if peak <= 0:
        return []
    shares = carried.tolist()
    found: list[_Word] = []
    for low, high in _strong_stretches(text, carried >= peak * _STRONG):
        for word in segment.words(text[low:high]):
            end = low + len(word)
            weight = sum(shares[low:end])
            if weight > 0 and (word.isalnum() or any(char.isalnum() for char in word)):
                found.append(_Word(low, end, weight))
            low = end
    return found


def _strong_stretches(text: str, strong: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return ranges around strong characters that end at punctuation or `_MARGIN` characters on."""
    stretches: list[tuple[int, int]] = []
    for at in np.flatnonzero(strong).tolist():
        if stretches and at < stretches[-1][1]:
            low = stretches.pop()[0]
        else:
            before = _BREAK.split(text[max(0, at - _MARGIN) : at])[-1]
            low = max(at - len(before), stretches[-1][1] if stretches else 0)
        after = _BREAK.split(text[at + 1 : at + 1 + _MARGIN], maxsplit=1)[0]
        stretches.append((low, at + 1 + len(after)))
    return stretches


def _joined(words: list[_Word]) -> list[_Word]:
    """Return words with neighbours that touch made one, strongest evidence kept in text order."""
    out: list[_Word] = []
    for word in words:
        if out and out[-1].end == word.start:
            out[-1] = _Word(out[-1].start, word.end, out[-1].weight + word.weight)
        else:
            out.append(word)
    return out


def _piece(one: Normalized, word: _Word) -> Evidence:
    start, end = one.original_span(word.start, word.end)
    return Evidence(
        start=start,
        end=end,
        text=one.original[start:end],
        read_as=one.text[word.start : word.end],
        reason=f"模型依据，权重 {word.weight:.2f}",
    )
