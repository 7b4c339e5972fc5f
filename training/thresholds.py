"""Two thresholds per label by declared objective, stored with what was reached.

- `review`: the highest sum of F1 over the labels under which clean messages are flagged (by any
  label) at most `CLEAN_BUDGET` of the time. A price per clean message flagged, the same for every
  label, is raised until the budget holds, so that no label wastes what another could use better;
- `block`: the lowest with precision of at least `BLOCK_PRECISION`, never below `review`.

Both are chosen on held-out probabilities. A model that is to follow another one keeps near its
`review` thresholds: the sum has several summits of nearly the same height, and a few hundred messages
more decide which is the highest. `chatter` went from F1 0.42 to 0.28 and back between trainings that
differed in 200 harmless verdicts, for clean messages that other labels could then flag.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Curve = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Thresholds, falling; the F1 at each; the share of clean messages flagged at each."""
CLEAN_BUDGET = 0.03
BLOCK_PRECISION = 0.98
_MIN_SUPPORT = 10
_LOWEST = 0.05
_HIGHEST_PRICE = 1000.0
_HALVINGS = 30
STEP = 0.25
"""How far a threshold may move from that of the model before, in logits: 0.50 stays within 0.44 and 0.56."""


def choose(
    labels: tuple[str, ...],
    truth: NDArray[np.int8],
    scores: NDArray[np.float64],
    near: NDArray[np.float64] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return per label `{"review": {...}, "block": {...}}` with value, objective and what was reached.

    Args:
        labels: their names.
        truth: 0/1 `[messages, labels]`.
        scores: held-out probabilities `[messages, labels]`.
        near: `review` thresholds of the model before, from which these keep within `STEP`.
    """
    review = _within_budget(truth, scores, near)
    block = [_precise(truth[:, i], scores[:, i], review[i]) for i in range(len(labels))]
    chosen: dict[str, dict[str, Any]] = {}
    for column, label in enumerate(labels):
        y, score = truth[:, column], scores[:, column]
        chosen[label] = {
            "review": {
                "objective": f"best F1 with clean messages flagged by any label <= {CLEAN_BUDGET}",
                **_reached(y, score, review[column]),
            },
            "block": {
                "objective": f"maximum recall at precision >= {BLOCK_PRECISION}",
                **_reached(y, score, block[column]),
            },
        }
    return chosen


def _within_budget(
    truth: NDArray[np.int8], scores: NDArray[np.float64], near: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Return the thresholds at the lowest price that keeps clean messages within the budget."""
    clean = truth.sum(axis=1) == 0
    curves = [_curve(truth[:, i], scores[:, i], clean) for i in range(truth.shape[1])]
    if near is not None:
        curves = [_part(curve, value) for curve, value in zip(curves, near, strict=True)]
    low, high = 0.0, _HIGHEST_PRICE
    for _ in range(_HALVINGS):
        price = (low + high) / 2
        value = _best_at(curves, price)
        if not clean.any() or (scores[clean] >= value).any(axis=1).mean() <= CLEAN_BUDGET:
            high = price
        else:
            low = price
    return np.clip(_best_at(curves, high), _LOWEST, 1.0)


def _curve(y: NDArray[np.int8], score: NDArray[np.float64], clean: NDArray[np.bool_]) -> Curve:
    """Return every possible threshold, falling, with F1 and the share of clean messages it flags."""
    order = np.argsort(-score, kind="stable")
    right = np.cumsum(y[order])
    f1 = 2 * right / (np.arange(1, len(order) + 1) + y.sum())
    flagged = np.cumsum(clean[order]) / max(1, int(clean.sum()))
    return score[order], f1, flagged


def _part(curve: Curve, near: float) -> Curve:
    """Return the part of a curve within `STEP` of a threshold, or that threshold alone if nothing is there."""
    value, f1, flagged = curve
    centre = np.clip(near, 1e-6, 1 - 1e-6)
    low, high = 1 / (1 + (1 / centre - 1) * np.exp([STEP, -STEP]))
    inside = (value >= low) & (value <= high)
    if not inside.any():
        return np.array([near]), np.zeros(1), np.zeros(1)
    return value[inside], f1[inside], flagged[inside]


def _best_at(curves: list[Curve], price: float) -> NDArray[np.float64]:
    return np.array([value[int((f1 - price * flagged).argmax())] for value, f1, flagged in curves])


def _precise(y: NDArray[np.int8], score: NDArray[np.float64], review: float) -> float:
    """Return the lowest threshold with the precision asked for on enough messages, else one that nothing reaches."""
    order = np.argsort(-score, kind="stable")
    right = np.cumsum(y[order])
    count = np.arange(1, len(order) + 1)
    good = np.flatnonzero((right / count >= BLOCK_PRECISION) & (count >= _MIN_SUPPORT))
    return max(float(score[order[good[-1]]]), review) if len(good) else 1.0


def _reached(y: NDArray[np.int8], score: NDArray[np.float64], value: float) -> dict[str, float]:
    flagged = score >= value
    right = int((flagged & (y == 1)).sum())
    return {
        "value": round(float(value), 6),
        "precision": round(right / max(1, int(flagged.sum())), 4),
        "recall": round(right / max(1, int(y.sum())), 4),
    }
