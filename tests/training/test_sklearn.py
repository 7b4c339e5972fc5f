"""The estimators in scikit-learn's own tools: what an analyst would try works."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from tests.support import SMALL
from training.corpus import label_matrix, load_samples
from training.estimators import HashedNgrams, LabelwiseLinear


@pytest.fixture(scope="module")
def data():
    """A few hundred messages of three labels and clean ones."""
    wanted = {(), ("fraud",), ("insult",), ("porn",)}
    samples = [sample for sample in load_samples() if sample.labels in wanted][::8]
    return [sample.text for sample in samples], label_matrix(samples)


def model() -> Pipeline:
    return make_pipeline(HashedNgrams(SMALL), LabelwiseLinear(C=0.5))


def test_cross_validate_scores_a_pipeline(data):
    """A tenth of the messages has each label: so high would be the average precision of guessing."""
    texts, truth = data
    used = truth[:, truth.any(axis=0)]
    found = cross_validate(
        model(),
        texts,
        used,
        scoring=["f1_micro", "average_precision"],
        cv=KFold(3, shuffle=True, random_state=0),
        error_score="raise",
    )
    assert found["test_f1_micro"].shape == (3,)
    assert (found["test_f1_micro"] > 0.2).all()
    assert (found["test_average_precision"] > 0.5).all()


def test_near_duplicates_can_be_kept_together_as_groups(data):
    texts, truth = data
    groups = np.arange(len(texts)) // 5
    scores = cross_val_predict(
        model(), texts, truth, groups=groups, cv=GroupKFold(3), method="predict_proba"
    )
    assert scores.shape == truth.shape
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_grid_is_searched(data):
    texts, truth = data
    grid = {"labelwiselinear__C": [0.001, 1.0], "labelwiselinear__balance": [0.3]}
    search = GridSearchCV(model(), grid, scoring="f1_micro", cv=2, error_score="raise")
    search.fit(texts, truth)
    assert search.best_params_["labelwiselinear__C"] == 1.0
    assert search.best_estimator_.predict(texts[:3]).shape == (3, truth.shape[1])


def test_texts_come_as_list_array_or_series_and_features_are_joined(data):
    texts, truth = data
    expected = model().fit(texts, truth).predict_proba(texts)
    for given in (np.array(texts), np.array(texts, dtype=object), pd.Series(texts)):
        assert np.array_equal(model().fit(given, truth).predict_proba(given), expected)
    both = FeatureUnion([("one", HashedNgrams(SMALL)), ("two", HashedNgrams(SMALL))])
    joined = make_pipeline(both, LabelwiseLinear()).fit(texts, truth)
    assert joined.predict(texts).shape == truth.shape


def test_a_clone_has_the_settings_and_nothing_learnt(data):
    fitted = model().fit(*data)
    fresh = clone(fitted)
    assert fresh.get_params()["labelwiselinear__C"] == 0.5
    assert fresh.get_params()["hashedngrams__spec"] == SMALL
    assert not hasattr(fresh[-1], "matrix_")
    assert np.array_equal(fresh.fit(*data).predict(data[0]), fitted.predict(data[0]))
