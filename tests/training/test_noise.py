"""Suspects among the labels: flipped verdicts come first, and what is right is left alone."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from moderation.taxonomy import taxonomy
from training import noise
from training.corpus import TEST, load_samples

PROJECT, VERDICTS = 12_000, 1_000


def flipped(sample, rng):
    """Return the sample as somebody would label it who says the opposite."""
    labels = () if sample.labels else (rng.choice(taxonomy().ids),)
    return replace(sample, labels=labels)


@pytest.fixture(scope="module")
def drawn():
    samples = [sample for sample in load_samples() if sample.split != TEST]
    random.Random(1).shuffle(samples)
    return samples[: PROJECT + VERDICTS]


def test_flipped_verdicts_are_suspected(drawn):
    rng = random.Random(2)
    verdicts = range(PROJECT, PROJECT + VERDICTS)
    breaches = [row for row in verdicts if drawn[row].labels][:100]
    clean = [row for row in verdicts if not drawn[row].labels][:100]
    samples = list(drawn)
    for row in breaches + clean:
        samples[row] = flipped(samples[row], rng)
    origin = ["project"] * PROJECT + ["verdicts"] * VERDICTS
    found = noise.suspects(samples, origin)
    wrong = {samples[row].place for row in breaches + clean}
    first = [one.place for one in found["verdicts"].suspects]
    assert len(first) == 300
    assert len(wrong & set(first)) >= 140
    assert len(wrong & set(first[:100])) >= 70
    assert found["verdicts"].wrong > 1.5 * found["project"].wrong


def test_belief_is_that_of_the_likeliest_label():
    given = np.array([[1, 1], [1, 0], [0, 0]], dtype=np.int8)
    scores = np.array([[0.9, 0.2], [0.1, 0.8], [0.3, 0.05]])
    assert noise.belief(given, scores).tolist() == pytest.approx([0.9, 0.1, 0.7])


def test_the_confident_joint_counts_both_ways():
    """Northcutt's thresholds: the mean probability of those that were given the label."""
    given = np.array([[1], [1], [1], [0], [0], [0]], dtype=np.int8)
    scores = np.array([[0.9], [0.8], [0.05], [0.1], [0.02], [0.95]])
    wrong = noise.confidently_wrong(given, scores)
    assert wrong.tolist() == [False, False, True, False, False, True]


def test_a_label_that_nobody_was_given_is_never_confident():
    given = np.zeros((3, 1), dtype=np.int8)
    assert not noise.confidently_wrong(given, np.full((3, 1), 0.99)).any()


def test_too_few_messages_are_refused(drawn):
    with pytest.raises(ValueError, match="too few"):
        noise.suspects(drawn[:3], ["project"] * 3)
