"""Two thresholds per label by declared objective, stored with what was reached.

- `review`: the highest sum of F1 over the labels under which clean messages are flagged (by any
  label) at most `CLEAN_BUDGET` of the time. A price per clean message flagged, the same for every
  label, is raised until the budget holds, so that no label wastes what another could use better;
- `block`: the lowest with precision of at least `BLOCK_PRECISION`, never below `review`.

Both are chosen on held-out probabilities.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CLEAN_BUDGET = 0.03
BLOCK_PRECISION = 0.98
_MIN_SUPPORT = 10
_LOWEST = 0.05
_HIGHEST_PRICE = 1000.0
_HALVINGS = 30


def choose(
    labels: tuple[str, ...], truth: NDArray[np.int8], scores: NDArray[np.float64]
) -> dict[str, dict[str, Any]]:
    """Return per label `{"review": {...}, "block": {...}}` with value, objective and what was reached."""
    review = _within_budget(truth, scores)
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


def _within_budget(truth: NDArray[np.int8], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the thresholds at the lowest price that keeps clean messages within the budget."""
    clean = truth.sum(axis=1) == 0
    curves = [_curve(truth[:, i], scores[:, i], clean) for i in range(truth.shape[1])]
    low, high = 0.0, _HIGHEST_PRICE
    for _ in range(_HALVINGS):
        price = (low + high) / 2
        value = _best_at(curves, price)
        if not clean.any() or (scores[clean] >= value).any(axis=1).mean() <= CLEAN_BUDGET:
            high = price
        else:
            low = price
    return np.clip(_best_at(curves, high), _LOWEST, 1.0)


def _curve(
    y: NDArray[np.int8], score: NDArray[np.float64], clean: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return every possible threshold, falling, with F1 and the share of clean messages it flags."""
    order = np.argsort(-score, kind="stable")
    right = np.cumsum(y[order])
    f1 = 2 * right / (np.arange(1, len(order) + 1) + y.sum())
    flagged = np.cumsum(clean[order]) / max(1, int(clean.sum()))
    return score[order], f1, flagged


def _best_at(
    curves: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]],
    price: float,
) -> NDArray[np.float64]:
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
