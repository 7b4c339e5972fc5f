"""Fused weights -> calibrated probabilities. numpy alone; a numba kernel does the same faster.

The weights are whole numbers (int8) with one scale per label, so that sums are exact: numpy, the
kernel and the estimator that was trained agree whatever the order of addition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.features import Features


@dataclass(frozen=True, slots=True)
class Weights:
    """A linear model: `matrix` int8 `[buckets, labels]`, `scale`, `bias`, `slope`, `shift` float64 `[labels]`.

    The logit of a label is `scale * sum(matrix[buckets]) / sqrt(count) + bias`; its calibrated
    probability is `sigmoid(slope * logit + shift)` (Platt 1999).
    """

    matrix: NDArray[np.int8]
    scale: NDArray[np.float64]
    bias: NDArray[np.float64]
    slope: NDArray[np.float64]
    shift: NDArray[np.float64]


def sums(weights: Weights, features: Features) -> NDArray[np.int32]:
    """Return the sum of the weight rows of each message, int32 `[messages, labels]`."""
    out = np.zeros((len(features.starts) - 1, weights.matrix.shape[1]), dtype=np.int32)
    filled = np.flatnonzero(features.counts)
    if len(filled):
        rows = weights.matrix.take(features.buckets, axis=0)  # five times faster than [buckets]
        out[filled] = np.add.reduceat(rows, features.starts[filled], axis=0, dtype=np.int32)
    return out


def probabilities(
    weights: Weights, total: NDArray[np.int32], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return calibrated probabilities, float64 `[messages, labels]`."""
    return 1.0 / (1.0 + np.exp(-logits(weights, total, counts)))


def logits(
    weights: Weights, total: NDArray[np.int32], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return calibrated log-odds, float64 `[messages, labels]`."""
    norm = np.sqrt(np.maximum(counts, 1))[:, None]
    return (total * weights.scale / norm + weights.bias) * weights.slope + weights.shift
