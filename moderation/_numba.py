"""The numba function behind `moderation.kernel`; importing this module imports numba."""

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
    """Add each message's distinct weight rows to `total` and count them in `counts`.

    `edges[r, m]` is the NUL before message m in row r of `symbols`; `plan` has a line
    `(row, order, seed)` per kind of n-gram.
    """
    labels = matrix.shape[1]
    seen = np.full(matrix.shape[0], -1, dtype=np.int32)
    for message in range(total.shape[0]):
        for step in range(plan.shape[0]):
            row, order = plan[step, 0], plan[step, 1]
            low, high = edges[row, message], edges[row, message + 1]
            # Unigrams leave both edges out; longer n-grams take them in, but need a symbol inside.
            first = low + 1 if order == 1 else low
            last = high - 1 if order == 1 else high + 1 - order
            if high - low < 2:
                continue
            for position in range(first, last + 1):
                value = np.uint32(plan[step, 2])
                for place in range(order):
                    # numba widens sums and products to 64 bits; each step cuts back to 32.
                    value = np.uint32(value + symbols[position + place] * _PLACE[place])
                value = np.uint32(value ^ (value >> 16))
                value = np.uint32(value * _MIX_1)
                value = np.uint32(value ^ (value >> 15))
                value = np.uint32(value * _MIX_2)
                value = np.uint32(value ^ (value >> 16))
                bucket = value >> shift
                if seen[bucket] != message:
                    seen[bucket] = message
                    counts[message] += 1
                    for label in range(labels):
                        total[message, label] += matrix[bucket, label]
