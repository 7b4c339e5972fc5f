"""Two thresholds per label by declared objective, stored with what was reached.

- `review`: best F1, then raised together for all labels until clean messages are flagged at most
  `CLEAN_BUDGET` of the time;
- `block`: the lowest with precision of at least `BLOCK_PRECISION`, never below `review`.

Both are chosen on held-out probabilities (cross-validation by whole domains).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

CLEAN_BUDGET = 0.02
BLOCK_PRECISION = 0.98
_MIN_SUPPORT = 10
_RAISES = np.arange(0.0, 6.0, 0.05)


def choose(
    labels: tuple[str, ...], truth: NDArray[np.int8], scores: NDArray[np.float64]
) -> dict[str, dict[str, Any]]:
    """Return per label `{"review": {...}, "block": {...}}` with value, objective and what was reached."""
    review = _within_budget(_best_f1(truth, scores), truth, scores)
    block = [_precise(truth[:, i], scores[:, i], review[i]) for i in range(len(labels))]
    chosen: dict[str, dict[str, Any]] = {}
    for column, label in enumerate(labels):
        y, score = truth[:, column], scores[:, column]
        chosen[label] = {
            "review": {
                "objective": f"best F1 with clean false positives of all labels <= {CLEAN_BUDGET}",
                **_reached(y, score, review[column]),
            },
            "block": {
                "objective": f"maximum recall at precision >= {BLOCK_PRECISION}",
                **_reached(y, score, block[column]),
            },
        }
    return chosen


def _best_f1(truth: NDArray[np.int8], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    best = []
    for column in range(truth.shape[1]):
        precision, recall, value = precision_recall_curve(truth[:, column], scores[:, column])
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        best.append(float(value[min(int(f1.argmax()), len(value) - 1)]))
    return np.asarray(np.clip(best, 0.05, 0.95))


def _within_budget(
    start: NDArray[np.float64], truth: NDArray[np.int8], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Raise all thresholds by the same log-odds until few enough clean messages are flagged."""
    clean = scores[truth.sum(axis=1) == 0]
    odds = np.log(start / (1 - start))
    for raise_ in _RAISES:
        value = 1 / (1 + np.exp(-(odds + raise_)))
        if not len(clean) or (clean >= value).any(axis=1).mean() <= CLEAN_BUDGET:
            break
    return np.asarray(value)


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
