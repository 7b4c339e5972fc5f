"""Whether texts of one time can be told from those of another: a domain classifier and its null.

    texts of both times ─ one of each near-duplicate group ─ folds ─ held-out logits ─ AUC
                                        └─ the same with the times shuffled ─ null

The shuffled times are further labels of the same fit, so a hundred of them cost little more than one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from moderation.features import FeatureSpec
from training import grouping
from training.estimators import HashedNgrams, LabelwiseLinear

LEAST = 20
"""Texts that each time must have."""
MOST = 2000
"""Texts of a time beyond which a random part is as good."""
SHUFFLES = 99
FOLDS = 2
SPEC = FeatureSpec(bits=14)
"""Few buckets: a hundred labels lie side by side, and a week has few texts."""


@dataclass(frozen=True, slots=True)
class Told:
    """How well texts are told apart: `auc`, its 95 % quantile under shuffling, the share that does as well."""

    auc: float
    null: float
    p: float


def told_apart(
    reference: Sequence[str], recent: Sequence[str], seed: int = 0, shuffles: int = SHUFFLES
) -> Told | None:
    """Return how well `recent` is told from `reference`, None where one of them has too few texts.

    Of near-duplicates within a time one counts: a message sent a hundred times is one thing said.
    """
    rng = np.random.default_rng(seed)
    sides = [_once(_drawn(texts, rng)) for texts in (reference, recent)]
    if min(map(len, sides)) < LEAST:
        return None
    texts = [*sides[0], *sides[1]]
    time = np.repeat(np.array([0, 1], dtype=np.int8), [len(side) for side in sides])
    Y = np.stack([time, *(rng.permutation(time) for _ in range(shuffles))], axis=1)
    logits = _held_out(texts, Y)
    aucs = np.array([roc_auc_score(Y[:, n], logits[:, n]) for n in range(Y.shape[1])])
    null = aucs[1:]
    as_good = int((null >= aucs[0]).sum())
    return Told(float(aucs[0]), float(np.quantile(null, 0.95)), (1 + as_good) / (1 + shuffles))


def _drawn(texts: Sequence[str], rng: np.random.Generator) -> list[str]:
    if len(texts) <= MOST:
        return list(texts)
    return [texts[row] for row in sorted(rng.choice(len(texts), MOST, replace=False).tolist())]


def _once(texts: list[str]) -> list[str]:
    if not texts:
        return []
    return [texts[row] for row in np.unique(grouping.groups(texts)).tolist()]


def _held_out(texts: list[str], Y: NDArray[np.int8]) -> NDArray[np.float64]:
    X = HashedNgrams(SPEC).fit_transform(texts)
    fold = grouping.folds([str(n) for n in range(len(texts))], grouping.groups(texts), FOLDS)
    logits = np.zeros(Y.shape)
    for number in range(FOLDS):
        own = fold == number
        model = LabelwiseLinear().fit(X, Y, (~own).astype(np.float64))
        logits[own] = model.decision_function(X[own])
    return logits
