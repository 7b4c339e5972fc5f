"""The solver finds what liblinear finds, for all labels at once, and the same bytes every time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix, vstack
from sklearn.svm import LinearSVC

from training import solver
from training.solver import solve

LABELS = 5


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(3)
    dense = rng.random((300, 40)) * (rng.random((300, 40)) < 0.3)
    truth = (dense @ rng.normal(size=(40, LABELS)) > 0.6).astype(np.int8)
    cost = np.stack([np.ones(LABELS), np.linspace(1, 3, LABELS)])
    weight = rng.choice([0.5, 1.0, 3.0], size=300)
    return csr_matrix(dense.astype(np.float32)), truth, cost, weight


def test_it_finds_the_solution_of_liblinear(problem, monkeypatch):
    monkeypatch.setattr(solver, "TOLERANCE", 1e-7)
    monkeypatch.setattr(solver, "MAX_PASSES", 2000)
    X, truth, cost, weight = problem
    matrix, bias = solve(X, truth, cost, weight, 0)
    for label in range(LABELS):
        about = {0: cost[0, label], 1: cost[1, label]}
        known = LinearSVC(class_weight=about, intercept_scaling=0.5, tol=1e-8, max_iter=100_000)
        known.fit(X.astype(np.float64), truth[:, label], sample_weight=weight)
        np.testing.assert_allclose(matrix[:, label], known.coef_[0], atol=2e-3)
        assert bias[label] == pytest.approx(known.intercept_[0], abs=2e-3)


def test_few_passes_already_tell_the_labels_apart(problem):
    X, truth, cost, weight = problem
    matrix, bias = solve(X, truth, cost, weight, 0)
    assert (((X @ matrix + bias) > 0) == truth).mean() > 0.93


def test_the_same_input_gives_the_same_bytes(problem):
    one, other = solve(*problem, 0), solve(*problem, 0)
    assert [a.tobytes() for a in one] == [a.tobytes() for a in other]
    assert solve(*problem, 1)[0].tobytes() != one[0].tobytes()


def test_a_label_does_not_depend_on_those_beside_it(problem):
    """As long as as many passes are made."""
    X, truth, cost, weight = problem
    alone, _ = solve(X, truth[:, :1], cost[:, :1], weight, 0)
    many, _ = solve(X, np.repeat(truth[:, :1], 11, axis=1), cost[:, [0] * 11], weight, 0)
    assert many.shape == (40, 11)
    for column in many.T:
        np.testing.assert_array_equal(column, alone[:, 0])


def test_samples_of_weight_zero_are_not_seen(problem):
    X, truth, cost, weight = problem
    wrong = csr_matrix(np.full((50, 40), 9, dtype=np.float32))
    matrix, bias = solve(
        vstack([wrong, X], format="csr"),
        np.concatenate((np.ones((50, LABELS), dtype=np.int8), truth)),
        cost,
        np.concatenate((np.zeros(50), weight)),
        0,
    )
    expected, expected_bias = solve(X, truth, cost, weight, 0)
    np.testing.assert_array_equal(matrix, expected)
    np.testing.assert_array_equal(bias, expected_bias)


def test_nothing_to_learn_from_gives_no_weights(problem):
    X, truth, cost, weight = problem
    matrix, bias = solve(X, truth, cost, np.zeros_like(weight), 0)
    assert not matrix.any()
    assert not bias.any()
