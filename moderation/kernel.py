"""The compiled twin of `features.extract` + `scorer.sums` (extra `fast`, numba); numpy is the reference.

It reads the same rows of symbols, hashes the same n-grams and adds the same whole numbers, so the
results are equal to the last bit; tests hold it to that.
"""

from __future__ import annotations

import importlib.util

import numpy as np
from numpy.typing import NDArray

from moderation.features import FeatureSpec, row_seed, symbol_row
from moderation.normalize import NormalizedBatch
from moderation.scorer import Weights


def available() -> bool:
    """Return whether numba is installed; does not import it."""
    return importlib.util.find_spec("numba") is not None


def extract_and_sum(
    batch: NormalizedBatch, spec: FeatureSpec, weights: Weights
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the sums of the weight rows, int32 `[messages, labels]`, and the bucket counts."""
    from moderation._numba import add_windows

    total = np.zeros((len(batch), weights.matrix.shape[1]), dtype=np.int32)
    counts = np.zeros(len(batch), dtype=np.int64)
    rows = [symbol_row(batch, name) for name, _ in spec.orders]
    lengths = np.cumsum([0, *(len(row) for row in rows[:-1])])
    edges = np.stack(
        [np.flatnonzero(row == 0) + base for row, base in zip(rows, lengths, strict=True)]
    )
    plan = np.array(
        [
            (number, order, row_seed(name, order))
            for number, (name, orders) in enumerate(spec.orders)
            for order in orders
        ],
        dtype=np.int64,
    )
    add_windows(np.concatenate(rows), edges, plan, 32 - spec.bits, weights.matrix, total, counts)
    return total, counts
