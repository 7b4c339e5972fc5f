"""Is one model better than another on the same messages: paired bootstrap over groups of messages.

    hits per group and label ─ groups drawn with replacement, the same for both ─ macro-F1 ─ differences

Near-duplicates, or the messages of one file, stand or fall together; drawing messages one by one
would make the intervals too narrow. Give whole groups instead (`grouping.groups`, or a number per
file). Thresholds are taken as given: what choosing them on the same messages flatters is in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.taxonomy import taxonomy
from training import evaluate

LEVEL = 0.95
RESAMPLES = 1000
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Contender:
    """A model's probabilities `[messages, labels]` and its threshold per label."""

    scores: NDArray[np.float64]
    thresholds: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of the old model and of the new one; new minus old lies within `[low, high]` at `LEVEL`."""

    old: float
    new: float
    low: float
    high: float

    @property
    def value(self) -> float:
        """Return by how much the new model's figure is higher."""
        return self.new - self.old

    @property
    def better(self) -> bool:
        """Return whether the new model is better beyond doubt."""
        return self.low > 0

    @property
    def worse(self) -> bool:
        """Return whether the new model is worse beyond doubt."""
        return self.high < 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences in macro-F1 over labels and categories, and in F1 of each label that occurs."""

    label_f1: Difference
    category_f1: Difference
    labels: dict[str, Difference]


def compare(
    truth: NDArray[np.int8],
    old: Contender,
    new: Contender,
    group: NDArray[np.int64],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Return how much better `new` is than `old`; the same input gives the same intervals.

    Args:
        truth: 0/1 `[messages, labels]`.
        old: what is in use.
        new: what might take its place.
        group: a number per message; messages of one number are drawn together.
        resamples: how often groups are drawn.
        seed: of the draws.

    Raises:
        ValueError: the shapes do not fit, or there are no messages.
    """
    shapes = {truth.shape, old.scores.shape, new.scores.shape, (len(group), truth.shape[1])}
    if len(shapes) > 1 or not len(truth):
        raise ValueError(f"truth, scores and groups must be of the same messages: {shapes}")
    _, own = np.unique(group, return_inverse=True)
    counts = np.concatenate([_counts(truth, _found(one), own) for one in (old, new)], axis=2)
    before, after = np.split(_resampled(counts, resamples, seed), 2, axis=1)
    names = taxonomy().ids
    used = np.flatnonzero(_with_categories(truth).any(axis=0))
    labels, categories = used[used < len(names)], used[used >= len(names)]
    return Comparison(
        label_f1=_difference(before[:, labels], after[:, labels]),
        category_f1=_difference(before[:, categories], after[:, categories]),
        labels={names[i]: _difference(before[:, [i]], after[:, [i]]) for i in labels.tolist()},
    )


def shares(
    old: NDArray[np.bool_],
    new: NDArray[np.bool_],
    group: NDArray[np.int64],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Return the difference between two shares of the same messages, such as of those flagged.

    Raises:
        ValueError: the shapes do not fit, or there are no messages.
    """
    if not len(old) == len(new) == len(group) or not len(group):
        raise ValueError(f"both must be of the same messages: {len(old)}, {len(new)}, {len(group)}")
    _, own = np.unique(group, return_inverse=True)
    counts = np.zeros((int(own.max()) + 1, 3))
    np.add.at(counts, own, np.stack((old, new, np.ones(len(old))), axis=1))
    sums = np.concatenate([draw @ counts for draw in _draws(len(counts), resamples, seed)])
    before, after = sums[:, [0]] / sums[:, [2]], sums[:, [1]] / sums[:, [2]]
    return _difference(before, after)


def _difference(old: NDArray[np.float64], new: NDArray[np.float64]) -> Difference:
    """Return the difference of means over columns; the first row is of the messages as they are."""
    rest = (1 - LEVEL) / 2
    one, other = old.mean(axis=1), new.mean(axis=1)
    low, high = np.quantile((other - one)[1:], (rest, 1 - rest))
    return Difference(float(one[0]), float(other[0]), float(low), float(high))


def _found(one: Contender) -> NDArray[np.int8]:
    return (one.scores >= one.thresholds).astype(np.int8)


def _with_categories(matrix: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return columns of labels and, behind them, of categories."""
    return np.concatenate((matrix, evaluate.by_category(matrix)), axis=1)


def _counts(
    truth: NDArray[np.int8], found: NDArray[np.int8], group: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return right, true and found messages per group and column, `[groups, 3, columns]`."""
    true, said = _with_categories(truth), _with_categories(found)
    out = np.zeros((int(group.max()) + 1, 3, true.shape[1]))
    np.add.at(out, group, np.stack((true & said, true, said), axis=1))
    return out


def _resampled(counts: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Return F1 per draw and column, `[1 + resamples, columns]`."""
    groups, _, columns = counts.shape
    flat = counts.reshape(groups, -1)
    sums = np.concatenate([draw @ flat for draw in _draws(groups, resamples, seed)])
    right, true, said = np.moveaxis(sums.reshape(-1, 3, columns), 1, 0)
    return np.asarray(2 * right / np.maximum(true + said, 1))


def _draws(groups: int, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield how often each group is drawn, `[some draws, groups]`; at first every group once."""
    rng = np.random.default_rng(seed)
    yield np.ones((1, groups))
    for low in range(0, resamples, _AT_ONCE):
        count = min(_AT_ONCE, resamples - low)
        drawn = rng.integers(groups, size=(count, groups)) + groups * np.arange(count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=count * groups)
        yield times.reshape(count, groups).astype(np.float64)
