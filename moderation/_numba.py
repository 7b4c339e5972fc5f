"""The numba functions behind `moderation.kernel`; importing this module imports numba.

Both walk over the n-grams of each message, in the order of a plan: `edges[r, m]` is the NUL before
message m in row r of `symbols`, and `plan` has a line `(row, order, seed)` per kind of n-gram.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from moderation.features import _MIX_1, _MIX_2, _PLACE


@numba.njit(cache=True)
def add_windows(
    symbols: NDArray[np.uint32],
    edges: NDArray[np.int64],
    plan: NDArray[np.int64],
    shift: int,
    matrix: NDArray[np.int8],
    total: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Add each message's distinct weight rows to `total` and count them in `counts`."""
    labels = matrix.shape[1]
    seen = np.full(matrix.shape[0], -1, dtype=np.int32)
    for message in range(total.shape[0]):
        for step in range(plan.shape[0]):
            row, order = plan[step, 0], plan[step, 1]
            first, last = _positions(edges[row, message], edges[row, message + 1], order)
            for position in range(first, last):
                bucket = _bucket(symbols, position, order, plan[step, 2], shift)
                if seen[bucket] != message:
                    seen[bucket] = message
                    counts[message] += 1
                    for label in range(labels):
                        total[message, label] += matrix[bucket, label]


@numba.njit(cache=True, nogil=True)
def list_windows(
    symbols: NDArray[np.uint32],
    edges: NDArray[np.int64],
    plan: NDArray[np.int64],
    shift: int,
    out: NDArray[np.int32],
    starts: NDArray[np.int64],
) -> None:
    """Write each message's distinct buckets to `out`, as they come, and where they begin to `starts`."""
    seen = np.full(1 << (32 - shift), -1, dtype=np.int32)
    found = 0
    for message in range(len(starts) - 1):
        for step in range(plan.shape[0]):
            row, order = plan[step, 0], plan[step, 1]
            first, last = _positions(edges[row, message], edges[row, message + 1], order)
            for position in range(first, last):
                bucket = _bucket(symbols, position, order, plan[step, 2], shift)
                if seen[bucket] != message:
                    seen[bucket] = message
                    out[found] = bucket
                    found += 1
        starts[message + 1] = found


@numba.njit(cache=True, inline="always")
def _positions(low: int, high: int, order: int) -> tuple[int, int]:
    """Return the range where n-grams of a message between two NULs begin.

    Unigrams leave both edges out; longer n-grams take them in, but need a symbol inside.
    """
    if high - low < 2:
        return low, low
    return (low + 1, high) if order == 1 else (low, high + 2 - order)


@numba.njit(cache=True, inline="always")
def _bucket(symbols: NDArray[np.uint32], position: int, order: int, seed: int, shift: int) -> int:
    value = np.uint32(seed)
    for place in range(order):
        # numba widens sums and products to 64 bits; each step cuts back to 32.
        value = np.uint32(value + symbols[position + place] * _PLACE[place])
    value = np.uint32(value ^ (value >> 16))
    value = np.uint32(value * _MIX_1)
    value = np.uint32(value ^ (value >> 15))
    value = np.uint32(value * _MIX_2)
    value = np.uint32(value ^ (value >> 16))
    return int(value >> shift)
