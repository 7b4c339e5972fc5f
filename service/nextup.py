"""What to label next: uncertain cases unlike each other, and terms worth adding. Pure.

open cases ─ scores ─ how near a threshold ─┐
        └ features ─ sketch ─ how far from those chosen ─┴ one at a time: the largest product

closed cases ─ words of confirmed ones that others lack ─ none that the lexicon finds ─ suggestions
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation import scorer
from moderation.artifacts import Model
from moderation.features import Features, extract
from moderation.lexicon import Lexicon
from moderation.normalize import normalize
from moderation.pipeline import BATCH
from service.storage.texts import Said
from service.wordstats import Piece, ngrams, rising, words

CHOSEN = 20
SKETCH = 1 << 10
"""Buckets of the sketch by which texts are compared."""
EXAMPLES = 3
SUGGESTED = 30
SURE = 2.0
"""Weight from which a word is worth a term."""
SHARE = 0.8
"""Share of the cases with a word that must be of the label."""


@dataclass(frozen=True, slots=True)
class Uncertain:
    """An open case; `label` is the one in doubt, `uncertainty` 1 where its score is the threshold."""

    case_id: str
    text: str
    label: str
    score: float
    uncertainty: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A term with the label it stands for: cases confirmed with it, other closed cases, examples."""

    term: str
    label: str
    count: int
    others: int
    examples: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def uncertain(waiting: Sequence[Said], model: Model, count: int = CHOSEN) -> list[Uncertain]:
    """Return open cases near a threshold of the model, no two alike as far as there are others."""
    if not waiting:
        return []
    scores, sketch = _looked_at([one.text for one in waiting], model)
    review = np.array([at.review for at in model.thresholds])
    distance = np.abs(_logit(scores) - _logit(review))
    doubt = np.exp(-distance.min(axis=1))
    column = distance.argmin(axis=1)
    return [
        Uncertain(
            waiting[row].case_id,
            waiting[row].text,
            model.labels[column[row]],
            round(float(scores[row, column[row]]), 4),
            round(float(doubt[row]), 4),
        )
        for row in spread(doubt, sketch, count)
    ]


def spread(doubt: NDArray[np.float64], sketch: NDArray[np.float32], count: int) -> list[int]:
    """Return rows one by one: each has the largest doubt times distance to the nearest one chosen.

    `sketch` holds rows of length 1. What equals a row that was chosen is never chosen.
    """
    apart = np.ones(len(doubt))
    chosen: list[int] = []
    while len(chosen) < min(count, len(doubt)):
        worth = doubt * apart
        best = int(worth.argmax())
        if worth[best] <= 1e-6:
            break
        chosen.append(best)
        apart = np.minimum(apart, np.clip(1.0 - sketch @ sketch[best], 0.0, 1.0))
    return chosen


def suggestions(closed: Sequence[Said], lexicon: Lexicon) -> list[Suggestion]:
    """Return words and short runs that stand in confirmed cases of a label and hardly in others.

    What the lexicon finds already is left out.
    """
    texts = [one.text for one in closed]
    pieces = [found | more for found, more in zip(words(texts), ngrams(texts), strict=True)]
    labels = sorted({label for one in closed if one.breach for label in one.labels})
    found: list[tuple[float, Suggestion]] = []
    for label in labels:
        own = [one.breach and label in one.labels for one in closed]
        for piece in rising(
            [p for p, is_own in zip(pieces, own, strict=True) if is_own],
            [p for p, is_own in zip(pieces, own, strict=True) if not is_own],
            least_weight=SURE,
        ):
            if piece.count >= SHARE * (piece.count + piece.before):
                found.append((piece.weight, _suggestion(piece, label, texts, pieces, own)))
    found.sort(key=lambda pair: -pair[0])
    new = _unknown([one for _, one in found], lexicon)
    return new[:SUGGESTED]


def _suggestion(
    piece: Piece, label: str, texts: Sequence[str], pieces: Sequence[set[str]], own: Sequence[bool]
) -> Suggestion:
    holding = [
        text
        for text, held, is_own in zip(texts, pieces, own, strict=True)
        if is_own and piece.text in held
    ]
    return Suggestion(
        piece.text, label, piece.count, piece.before, tuple(dict.fromkeys(holding))[:EXAMPLES]
    )


def _unknown(found: list[Suggestion], lexicon: Lexicon) -> list[Suggestion]:
    """Return each term once, those left out that the lexicon finds by themselves."""
    if not found:
        return []
    known = {hit.message for hit in lexicon.find(normalize([one.term for one in found]))}
    new = {one.term: one for number, one in reversed(list(enumerate(found))) if number not in known}
    return [one for one in found if new.get(one.term) is one]


def _looked_at(
    texts: Sequence[str], model: Model
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return calibrated scores `[texts, labels]` and sketches `[texts, SKETCH]` of length 1."""
    scores, sketches = [], []
    for low in range(0, len(texts), BATCH):
        features = extract(normalize(list(texts[low : low + BATCH])), model.spec)
        total = scorer.sums(model.weights, features)
        scores.append(scorer.probabilities(model.weights, total, features.counts))
        sketches.append(_sketch(features))
    return np.concatenate(scores), np.concatenate(sketches)


def _sketch(features: Features) -> NDArray[np.float32]:
    """Fold the buckets into few, with a sign by a further bit, so that what collides cancels out."""
    count = len(features.counts)
    row = np.repeat(np.arange(count), features.counts)
    column = features.buckets % SKETCH
    sign = np.where(features.buckets // SKETCH % 2, -1.0, 1.0)
    flat = np.bincount(row * SKETCH + column, weights=sign, minlength=count * SKETCH)
    out = flat.reshape(count, SKETCH).astype(np.float32)
    length = np.linalg.norm(out, axis=1, keepdims=True)
    return np.asarray(out / np.maximum(length, 1e-6))


def _logit(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(chance, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))
