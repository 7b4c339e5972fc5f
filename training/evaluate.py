"""How good are scores against the truth: per label and category, on clean and hard negatives, by evasion.

Takes 0/1 truth and probabilities, `[samples, labels]`, so that the same figures come from
cross-validation, from a file and from attacked text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from moderation.taxonomy import taxonomy
from training.corpus import EVASIONS, Sample, label_matrix

Matrix = NDArray[np.int8]
Scores = NDArray[np.float64]
Mask = NDArray[np.bool_]


def evaluate(
    samples: Sequence[Sample], scores: Scores, thresholds: NDArray[np.float64]
) -> dict[str, Any]:
    """Return every figure as plain numbers, ready for JSON.

    Args:
        samples: the messages with their labels.
        scores: calibrated probabilities `[samples, labels]`.
        thresholds: the `review` threshold per label.
    """
    truth = label_matrix(samples)
    found = (scores >= thresholds).astype(np.int8)
    return {
        "samples": len(samples),
        "labels": _per_column(taxonomy().ids, truth, found, scores),
        "categories": _per_column(
            taxonomy().categories, *(by_category(m) for m in (truth, found, scores))
        ),
        "macro": _macro(truth, found),
        "false_positives": _false_positives(samples, found),
        "evasion_recall": _evasion_recall(samples, truth, found),
        "domains": _per_domain(samples, truth, found),
        "confusion": _confusion(truth, found),
        "calibration_error": _calibration_error(truth, scores),
        "worst": _worst(samples, truth, scores),
    }


def summary(truth: Matrix, scores: Scores, thresholds: NDArray[np.float64]) -> dict[str, float]:
    """Return the few figures that plain and attacked text are compared by."""
    found = (scores >= thresholds).astype(np.int8)
    violation = truth.any(axis=1)
    right: Mask = np.asarray((truth & found).any(axis=1))
    return _macro(truth, found) | {
        "recall": round(float(right[violation].mean()), 4) if violation.any() else 0.0,
        "clean_flagged": round(float(found[~violation].any(axis=1).mean()), 4)
        if (~violation).any()
        else 0.0,
    }


def _per_column(
    names: Sequence[str], truth: Any, found: Any, scores: Any
) -> dict[str, dict[str, float]]:
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, found, average=None, zero_division=0.0
    )
    return {
        name: {
            "precision": round(float(precision[i]), 4),
            "recall": round(float(recall[i]), 4),
            "f1": round(float(f1[i]), 4),
            "average_precision": _average_precision(truth[:, i], scores[:, i]),
            "support": int(support[i]),
        }
        for i, name in enumerate(names)
    }


def _average_precision(truth: Matrix, scores: Scores) -> float:
    return round(float(average_precision_score(truth, scores)), 4) if truth.any() else 0.0


def by_category(matrix: Any) -> Any:
    """Return the highest value of each category's labels, `[samples, categories]`."""
    ids, table = taxonomy().ids, taxonomy()
    columns = [
        [i for i, label in enumerate(ids) if table[label].category == category]
        for category in table.categories
    ]
    return np.stack([matrix[:, own].max(axis=1) for own in columns], axis=1)


def _macro(truth: Matrix, found: Matrix) -> dict[str, float]:
    """Return macro-F1 over the labels and categories that occur."""
    return {
        name: round(float(np.mean(_f1(t, f))), 4)
        for name, t, f in (
            ("label_f1", truth, found),
            ("category_f1", by_category(truth), by_category(found)),
        )
    }


def _f1(truth: Matrix, found: Matrix) -> NDArray[np.float64]:
    used = truth.any(axis=0)
    right = (truth & found)[:, used].sum(axis=0)
    total = truth[:, used].sum(axis=0) + found[:, used].sum(axis=0)
    return np.asarray(2 * right / np.maximum(total, 1)) if used.any() else np.zeros(1)


def _false_positives(samples: Sequence[Sample], found: Matrix) -> dict[str, float]:
    flagged: Mask = np.asarray(found.any(axis=1))
    clean = np.array([sample.is_clean for sample in samples])
    hard = np.array([sample.is_hard for sample in samples])
    return {
        name: round(float(flagged[mask].mean()), 4) if mask.any() else 0.0
        for name, mask in (("clean", clean), ("plain", clean & ~hard), ("hard", clean & hard))
    }


def _evasion_recall(
    samples: Sequence[Sample], truth: Matrix, found: Matrix
) -> dict[str, dict[str, float]]:
    """Return per evasion kind the share of violations with a right label, and of those flagged at all."""
    right: Mask = np.asarray((truth & found).any(axis=1))
    flagged: Mask = np.asarray(found.any(axis=1))
    violation: Mask = np.asarray(truth.any(axis=1))
    kinds: dict[str, Mask] = {
        kind: np.array([kind in sample.evasions for sample in samples]) for kind in EVASIONS
    }
    evasive = np.array([bool(sample.evasions) for sample in samples])
    kinds |= {"any": evasive, "none": ~evasive}
    return {
        kind: {
            "recall": round(float(right[mask & violation].mean()), 4),
            "flagged": round(float(flagged[mask & violation].mean()), 4),
            "support": int((mask & violation).sum()),
        }
        for kind, mask in kinds.items()
        if (mask & violation).any()
    }


def _per_domain(
    samples: Sequence[Sample], truth: Matrix, found: Matrix
) -> dict[str, dict[str, float]]:
    rows: dict[str, list[int]] = defaultdict(list)
    for number, sample in enumerate(samples):
        rows[sample.domain].append(number)
    return {
        domain: {
            "label_f1": round(float(np.mean(_f1(truth[own], found[own]))), 4),
            "samples": len(own),
        }
        for domain, own in sorted(rows.items(), key=lambda item: -len(item[1]))
    }


def _confusion(truth: Matrix, found: Matrix) -> list[list[int]]:
    """Return counts `[true label or clean][found label or none]`; many-labelled messages count in each."""
    t = np.column_stack((truth, ~truth.any(axis=1)))
    f = np.column_stack((found, ~found.any(axis=1)))
    return [[int(n) for n in row] for row in t.T.astype(np.int64) @ f.astype(np.int64)]


def _calibration_error(truth: Matrix, scores: Scores, bins: int = 10) -> float:
    """Return the expected calibration error over all labels (Naeini et al. 2015)."""
    flat, hit = scores.ravel(), truth.ravel()
    slot = np.minimum((flat * bins).astype(int), bins - 1)
    error = 0.0
    for number in range(bins):
        inside = slot == number
        if inside.any():
            error += inside.mean() * abs(float(flat[inside].mean()) - float(hit[inside].mean()))
    return round(error, 4)


def _worst(samples: Sequence[Sample], truth: Matrix, scores: Scores) -> list[dict[str, Any]]:
    """Return the places of the forty messages whose score for some label is farthest from the truth."""
    gap = np.abs(truth - scores)
    order = np.argsort(-gap.max(axis=1), kind="stable")[:40]
    ids = taxonomy().ids
    return [
        {
            "place": samples[n].place,
            "labels": list(samples[n].labels),
            "label": ids[int(gap[n].argmax())],
            "score": round(float(scores[n, int(gap[n].argmax())]), 4),
        }
        for n in order.tolist()
    ]
