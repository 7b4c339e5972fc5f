"""Thresholds keep the budget, and near those of the model before where they are to follow one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.taxonomy import taxonomy
from training import thresholds

IDS = taxonomy().ids


def messages(seed: int, count: int = 3000):
    """Truth and scores of a model that is fairly good; half of the messages are clean."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((count, len(IDS)), dtype=np.int8)
    rows = np.arange(0, count, 2)
    truth[rows, rng.integers(len(IDS), size=len(rows))] = 1
    scores = 1 / (1 + np.exp(-(rng.normal(-3.5, 1.2, truth.shape) + 4 * truth)))
    return truth, scores


def review(chosen) -> np.ndarray:
    return np.array([chosen[label]["review"]["value"] for label in IDS])


def logit(value: np.ndarray) -> np.ndarray:
    return np.log(value / (1 - value))


def flagged(truth, scores, chosen) -> float:
    clean = ~truth.any(axis=1)
    return float((scores[clean] >= review(chosen)).any(axis=1).mean())


def test_clean_messages_stay_within_the_budget():
    truth, scores = messages(1)
    chosen = thresholds.choose(IDS, truth, scores)
    assert flagged(truth, scores, chosen) <= thresholds.CLEAN_BUDGET
    assert all(one["block"]["value"] >= one["review"]["value"] for one in chosen.values())


@given(st.integers(0, 50), st.floats(0.15, 0.85))
def test_no_threshold_goes_farther_than_a_step(seed, before):
    truth, scores = messages(seed, 300)
    near = np.full(len(IDS), before)
    chosen = review(thresholds.choose(IDS, truth, scores, near))
    assert np.abs(logit(chosen) - logit(near)).max() <= thresholds.STEP + 1e-4


def test_what_fits_already_hardly_moves():
    """The same recipe on messages drawn anew: the summit may be elsewhere, the thresholds stay."""
    first = review(thresholds.choose(IDS, *messages(1)))
    free = review(thresholds.choose(IDS, *messages(2)))
    near = review(thresholds.choose(IDS, *messages(2), near=first))
    assert np.abs(near - first).max() < np.abs(free - first).max()


def test_near_thresholds_keep_the_budget_where_they_can():
    truth, scores = messages(3)
    free = thresholds.choose(IDS, truth, scores)
    near = thresholds.choose(IDS, truth, scores, review(free))
    assert flagged(truth, scores, near) <= thresholds.CLEAN_BUDGET


@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_a_threshold_that_nothing_reaches_stays(edge):
    truth, scores = messages(4, 300)
    near = np.full(len(IDS), 0.5)
    near[0] = edge
    assert review(thresholds.choose(IDS, truth, scores, near))[0] == pytest.approx(
        max(edge, 0.05), abs=1e-6
    )
