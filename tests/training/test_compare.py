"""The paired bootstrap finds what differs, finds nothing where nothing does, and repeats."""

from __future__ import annotations

import numpy as np
import pytest

from moderation.taxonomy import taxonomy
from training import evaluate
from training.compare import Contender, compare

LABELS = len(taxonomy())
HALF = np.full(LABELS, 0.5)
COUNT = 1900
ALONE = np.arange(COUNT)


@pytest.fixture(scope="module")
def truth():
    """Every label a hundred times, every tenth message clean."""
    out = np.eye(LABELS, dtype=np.int8)[np.arange(COUNT) % LABELS]
    out[::10] = 0
    return out


def contender(truth, errors: float, seed: int, thresholds=HALF) -> Contender:
    """Return scores that are wrong at random in a share of all places where the truth is 1."""
    wrong = (np.random.default_rng(seed).random(truth.shape) < errors) & (truth == 1)
    return Contender(np.where(wrong, 0.1, truth * 0.9), thresholds)


def test_the_same_scores_differ_by_nothing(truth):
    one = contender(truth, 0.2, 1)
    found = compare(truth, one, one, ALONE)
    for difference in (found.label_f1, found.category_f1, *found.labels.values()):
        assert difference.old == difference.new
        assert (difference.low, difference.value, difference.high) == (0, 0, 0)
        assert not difference.better
        assert not difference.worse


def test_a_known_difference_is_found(truth):
    poor, good = contender(truth, 0.3, 1), contender(truth, 0.2, 2)
    up, down = compare(truth, poor, good, ALONE), compare(truth, good, poor, ALONE)
    expected = 2 * 0.8 / 1.8 - 2 * 0.7 / 1.7  # no false alarms: F1 is 2 recall / (1 + recall)
    assert up.label_f1.value == pytest.approx(expected, abs=0.015)
    assert up.label_f1.low < expected < up.label_f1.high
    assert up.label_f1.better
    assert up.category_f1.better
    assert down.label_f1.worse
    assert not down.label_f1.better


def test_noise_is_no_difference(truth):
    """Of twenty pairs equally good, one may differ by chance at 95 %."""
    found = [
        compare(truth, contender(truth, 0.2, seed), contender(truth, 0.2, 100 + seed), ALONE, 200)
        for seed in range(20)
    ]
    assert sum(one.label_f1.better or one.label_f1.worse for one in found) <= 3


def test_figures_are_those_of_the_evaluation(truth):
    one, other = contender(truth, 0.3, 1), contender(truth, 0.1, 2)
    found = compare(truth, one, other, ALONE, resamples=10)
    for contestant, label_f1, category_f1 in (
        (one, found.label_f1.old, found.category_f1.old),
        (other, found.label_f1.new, found.category_f1.new),
    ):
        known = evaluate.summary(truth, contestant.scores, contestant.thresholds)
        assert known["label_f1"] == pytest.approx(label_f1, abs=1e-4)
        assert known["category_f1"] == pytest.approx(category_f1, abs=1e-4)


def test_one_label_is_told_from_the_others(truth):
    old = contender(truth, 0.2, 1)
    scores = old.scores.copy()
    scores[:, 3] = truth[:, 3]
    found = compare(truth, old, Contender(scores, HALF), ALONE)
    names = taxonomy().ids
    assert [name for name in names if found.labels[name].better] == [names[3]]


def test_each_model_has_its_own_thresholds(truth):
    one = contender(truth, 0.2, 1)
    strict = Contender(one.scores, np.full(LABELS, 0.95))
    assert compare(truth, one, strict, ALONE).label_f1.new == 0


def test_a_label_that_never_occurs_is_left_out(truth):
    rest = truth.copy()
    rest[:, 0] = 0
    found = compare(rest, contender(rest, 0.2, 1), contender(rest, 0.1, 2), ALONE, 50)
    assert taxonomy().ids[0] not in found.labels
    assert len(found.labels) == LABELS - 1


def test_messages_drawn_together_widen_the_interval(truth):
    """Ten times the same hundred and ninety messages are no more than those."""
    few = truth[:190]
    one, other = contender(few, 0.3, 1), contender(few, 0.25, 2)
    many = np.tile(few, (10, 1))
    tiled = [Contender(np.tile(c.scores, (10, 1)), HALF) for c in (one, other)]
    alone = compare(many, *tiled, ALONE).label_f1
    together = compare(many, *tiled, np.tile(np.arange(190), 10)).label_f1
    single = compare(few, one, other, np.arange(190)).label_f1
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert together.low == pytest.approx(single.low, abs=1e-9)
    assert together.value == pytest.approx(alone.value)


def test_it_repeats_by_seed(truth):
    pair = contender(truth, 0.3, 1), contender(truth, 0.25, 2)
    assert compare(truth, *pair, ALONE, 100) == compare(truth, *pair, ALONE, 100)
    assert compare(truth, *pair, ALONE, 100) != compare(truth, *pair, ALONE, 100, seed=1)


def test_the_number_of_a_group_does_not_matter(truth):
    pair = contender(truth, 0.3, 1), contender(truth, 0.25, 2)
    group = np.arange(COUNT) // 7
    assert compare(truth, *pair, group, 100) == compare(truth, *pair, group * 13 + 5, 100)


def test_what_does_not_fit_is_refused(truth):
    one = contender(truth, 0.3, 1)
    for group in (ALONE[:-1], np.zeros(0, dtype=np.int64)):
        with pytest.raises(ValueError, match="same messages"):
            compare(truth, one, one, group)
    nothing = Contender(one.scores[:0], HALF)
    with pytest.raises(ValueError, match="same messages"):
        compare(truth[:0], nothing, nothing, ALONE[:0])
