"""Linear classifiers of all labels at once by dual coordinate descent, compiled by numba.

    for every label: min over w of |w|^2 / 2 + sum over samples of cost * max(0, 1 - y (w x + b))^2

Hsieh et al. (2008), as in liblinear, for the squared hinge. The labels share their samples: weights
lie as `[features, labels]`, so that one look-up of a feature's row serves every label, and a pass
over the samples costs a fraction of one pass per label.

The bias is the weight of one more feature, worth `_CONSTANT` in every sample. It is small on purpose:
a large one moves with every step and makes all other steps short. At 3 a solution takes ten times
as many passes.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

TOLERANCE = 0.008
"""Mean size of the projected gradients in a pass after which there is no other: about the fifth."""
MAX_PASSES = 30
_LANES = 8
"""Labels are filled up to a multiple of what a processor adds at once; a rest takes as long as three times that."""
_CONSTANT = np.float32(0.5)
_ONE, _ZERO = np.float32(1), np.float32(0)


def solve(
    X: csr_matrix,
    Y: NDArray[np.int8],
    cost: NDArray[np.float64],
    weight: NDArray[np.float64],
    seed: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights, float32 `[features, labels]`, and biases, float32 `[labels]`.

    One thread visits the samples in orders drawn from `seed`: the same input gives the same bytes.
    Samples of weight 0 are not visited. The arithmetic is that of 32 bits.

    Args:
        X: CSR `[samples, features]`.
        Y: 0/1 `[samples, labels]`.
        cost: of errors on negatives (row 0) and on positives (row 1) of each label, `[2, labels]`.
        weight: of each sample, by which its costs are multiplied.
        seed: of the orders.
    """
    count, labels = Y.shape
    filler = -labels % _LANES
    truth = np.pad(Y, ((0, 0), (0, filler)))
    slack = np.pad(0.5 / cost, ((0, 0), (0, filler)), constant_values=1).astype(np.float32)
    share = (1 / np.where(weight > 0, weight, 1)).astype(np.float32)
    alpha = np.zeros(truth.shape, dtype=np.float32)
    matrix = np.zeros((X.shape[1], labels + filler), dtype=np.float32)
    # Labels that fill up are never true and begin where no sample can move them.
    constant = np.repeat(np.array([0, -4], dtype=np.float32), (labels, filler))
    visited = np.flatnonzero(weight > 0)
    rng = np.random.default_rng(seed)
    for _ in range(MAX_PASSES):
        order = rng.permutation(visited)
        total = _visit(
            *(order, X.indptr, X.indices, X.data, truth, slack, share),
            *(alpha, matrix, constant),
        )
        if total <= TOLERANCE * len(visited) * labels:
            break
    return matrix[:, :labels], constant[:labels] * _CONSTANT


@numba.njit(nogil=True, cache=True)
def _visit(
    order: NDArray[np.int64],
    indptr: NDArray[np.int32],
    indices: NDArray[np.int32],
    data: NDArray[np.float32],
    truth: NDArray[np.int8],
    slack: NDArray[np.float32],
    share: NDArray[np.float32],
    alpha: NDArray[np.float32],
    matrix: NDArray[np.float32],
    constant: NDArray[np.float32],
) -> float:
    """Visit samples in order, change `alpha`, `matrix`, `constant`, return the total size of the gradients."""
    labels = matrix.shape[1]
    score = np.zeros(labels, dtype=np.float32)
    step = np.zeros(labels, dtype=np.float32)
    total = 0.0
    for sample in order:
        low, high = indptr[sample], indptr[sample + 1]
        for label in range(labels):
            score[label] = constant[label] * _CONSTANT
        square = _CONSTANT * _CONSTANT
        for place in range(low, high):
            row, value = matrix[indices[place]], data[place]
            square += value * value
            for label in range(labels):
                score[label] += row[label] * value
        moved = False
        for label in range(labels):
            true = truth[sample, label]
            sign = _ONE if true else -_ONE
            own = slack[true, label] * share[sample]
            before = alpha[sample, label]
            gradient = sign * score[label] - _ONE + before * own
            after = max(before - gradient / (square + own), _ZERO)
            alpha[sample, label] = after
            step[label] = (after - before) * sign
            moved |= after != before
            # At the bound only a gradient that leads away from it counts.
            total += abs(gradient) if before > _ZERO else max(-gradient, _ZERO)
        if moved:
            for label in range(labels):
                constant[label] += step[label] * _CONSTANT
            for place in range(low, high):
                row, value = matrix[indices[place]], data[place]
                for label in range(labels):
                    row[label] += step[label] * value
    return total
