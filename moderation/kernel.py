"""The compiled twins of `features.extract` and `scorer.sums` (extra `fast`, numba); numpy is the reference.

They read the same rows of symbols, hash the same n-grams and add the same whole numbers, so the
results are equal to the last bit; tests hold them to that.
"""

from __future__ import annotations

import importlib.util

import numpy as np
from numpy.typing import NDArray

from moderation.features import Features, FeatureSpec, row_seed, symbol_row
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
    add_windows(*_windows(batch, spec), 32 - spec.bits, weights.matrix, total, counts)
    return total, counts


def extract(batch: NormalizedBatch, spec: FeatureSpec) -> Features:
    """Return the set of buckets of each message as `features.extract` does, but in no order."""
    from moderation._numba import list_windows

    symbols, edges, plan = _windows(batch, spec)
    most = sum(len(orders) * (len(batch) + 1) for _, orders in spec.orders)
    most += sum(int(edges[row, -1] - edges[row, 0]) for row in plan[:, 0])
    out = np.empty(most, dtype=np.int32)
    starts = np.zeros(len(batch) + 1, dtype=np.int64)
    list_windows(symbols, edges, plan, 32 - spec.bits, out, starts)
    return Features(out[: starts[-1]], starts)


def _windows(
    batch: NormalizedBatch, spec: FeatureSpec
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of symbols end to end, where the NULs of each row are, and what to hash."""
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
    return np.concatenate(rows), edges, plan
