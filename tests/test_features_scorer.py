"""What was trained is what is served: estimator, numpy and compiled kernel are one function."""

from __future__ import annotations

import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from moderation import kernel, scorer
from moderation.artifacts import load_model
from moderation.features import FeatureSpec, extract
from moderation.normalize import normalize
from moderation.scorer import Weights
from moderation.taxonomy import taxonomy
from moderation.types import Message
from tests.support import CLEAN, FOUL, SMALL, any_text, moderator, obfuscated, save
from training.estimators import HashedNgrams, LabelwiseLinear

TEXTS = (*CLEAN, *FOUL, "好的", "1", "\u200b", "\n", "a" * 500, "我" * 300, "加 微 信" * 50)
LABELS = {
    "illicit_ad": FOUL[:2],
    "insult": FOUL[2:3],
    "flooding": FOUL[4:5],
    "credential": FOUL[5:6],
    "violence": FOUL[8:],
}


def _matrix(texts) -> np.ndarray:
    rows = [[text in LABELS.get(label, ()) for label in taxonomy().ids] for text in texts]
    return np.array(rows, dtype=np.int8)


@pytest.fixture(scope="module")
def fitted():
    texts = [*CLEAN, *FOUL] * 3
    model = make_pipeline(HashedNgrams(SMALL), LabelwiseLinear())
    return model.fit(texts, _matrix(texts))


def _random_weights(spec: FeatureSpec) -> Weights:
    draw = np.random.default_rng(7)
    labels = len(taxonomy())
    return Weights(
        matrix=draw.integers(-127, 128, (spec.buckets, labels), dtype=np.int8),
        scale=draw.uniform(0.001, 0.05, labels),
        bias=draw.normal(size=labels),
        slope=draw.uniform(0.5, 2, labels),
        shift=draw.normal(size=labels),
    )


WEIGHTS = _random_weights(SMALL)


def _assert_same_sums(texts: list[str], spec: FeatureSpec, weights: Weights) -> None:
    batch = normalize(texts)
    features = extract(batch, spec)
    compiled = kernel.extract(batch, spec)
    np.testing.assert_array_equal(compiled.starts, features.starts)
    for low, high in pairwise(features.starts.tolist()):
        assert sorted(compiled.buckets[low:high]) == features.buckets[low:high].tolist()
    total, counts = kernel.extract_and_sum(batch, spec, weights)
    np.testing.assert_array_equal(total, scorer.sums(weights, features))
    np.testing.assert_array_equal(counts, features.counts)
    by_kernel = scorer.probabilities(weights, total, counts)
    by_numpy = scorer.probabilities(weights, scorer.sums(weights, features), features.counts)
    assert by_kernel.tobytes() == by_numpy.tobytes()


needs_numba = pytest.mark.skipif(not kernel.available(), reason="the extra `fast` is not installed")


@needs_numba
@pytest.mark.parametrize(
    "spec",
    [
        SMALL,
        FeatureSpec(bits=12, orders=(("char", (1, 2, 3, 4, 5)),)),
        FeatureSpec(bits=12, orders=(("sound", (2,)), ("shape", (4, 1)))),
        FeatureSpec(bits=12, orders=(("meta", (1, 2)),)),
    ],
    ids=["all", "long", "few", "meta"],
)
def test_kernel_equals_numpy_to_the_last_bit(spec):
    _assert_same_sums(list(TEXTS), spec, WEIGHTS)


@needs_numba
@settings(max_examples=40)
@given(st.lists(st.one_of(any_text(), obfuscated()), min_size=1, max_size=6))
def test_kernel_equals_numpy_on_anything(texts):
    _assert_same_sums(texts, SMALL, WEIGHTS)


@needs_numba
def test_a_compiled_moderator_decides_the_same(champion):
    compiled = type(champion)(champion.model, champion.policies, champion.lexicon, compiled=True)
    messages = [Message(text) for text in TEXTS]
    for one, other in zip(
        champion.moderate(messages, with_scores=True),
        compiled.moderate(messages, with_scores=True),
        strict=True,
    ):
        assert one.scores == other.scores
        assert one.findings == other.findings


@given(st.lists(st.one_of(any_text(), obfuscated()), min_size=1, max_size=6))
def test_a_batch_has_the_features_of_its_messages(texts):
    together = extract(normalize(texts), SMALL)
    for number, text in enumerate(texts):
        alone = extract(normalize([text]), SMALL).buckets.tolist()
        low, high = together.starts[number], together.starts[number + 1]
        assert together.buckets[low:high].tolist() == alone
        assert alone == sorted(set(alone)), "presence only, ascending"
        assert all(0 <= bucket < SMALL.buckets for bucket in alone)


def test_no_messages_have_no_features():
    features = extract(normalize([]), SMALL)
    assert len(features.counts) == 0
    assert scorer.sums(WEIGHTS, features).shape == (0, len(taxonomy()))
    if kernel.available():
        assert len(kernel.extract(normalize([]), SMALL).counts) == 0


def test_the_same_sound_shares_features():
    plain, homophone, other = (
        set(extract(normalize([text]), SMALL).buckets.tolist())
        for text in ("请加我的卫星", "请加我的未醒", "明早交班记录")
    )
    assert len(plain & homophone) > len(plain & other)


@pytest.mark.parametrize(
    "body",
    [
        {"bits": 12, "orders": {"words": [1]}},
        {"bits": 40, "orders": {"char": [1]}},
        {"bits": "many", "orders": {"char": [1]}},
        {"orders": {"char": [1]}},
    ],
)
def test_feature_spec_refuses_what_it_does_not_know(body):
    with pytest.raises((KeyError, TypeError, ValueError)):
        FeatureSpec.from_dict(body)


def test_feature_spec_reads_back_what_it_wrote():
    assert FeatureSpec.from_dict(SMALL.to_dict()) == SMALL


def test_estimator_and_served_model_agree(fitted, tmp_path: Path):
    folder = save(tmp_path / "model", fitted[-1].export())
    by = moderator(folder)
    expected = fitted.predict_proba(list(TEXTS))
    decisions = by.moderate([Message(text) for text in TEXTS], with_scores=True)
    served = [[d.scores[label] for label in taxonomy().ids] for d in decisions]
    np.testing.assert_allclose(served, expected, atol=1e-5)


def test_calibration_is_served_too(fitted, tmp_path: Path):
    estimator = clone(fitted[-1]).fit(fitted[0].transform(CLEAN + FOUL), _matrix(CLEAN + FOUL))
    X = fitted[0].transform([*CLEAN, *FOUL] * 2)
    estimator.calibrate(estimator.decision_function(X), _matrix([*CLEAN, *FOUL] * 2))
    folder = save(tmp_path / "model", estimator.export())
    model = load_model(folder)
    features = extract(normalize(list(TEXTS)), model.spec)
    served = scorer.probabilities(
        model.weights, scorer.sums(model.weights, features), features.counts
    )
    expected = estimator.predict_proba(fitted[0].transform(TEXTS))
    np.testing.assert_allclose(served, expected, atol=1e-5)


def test_the_trained_model_tells_its_labels_apart(fitted):
    scores = fitted.predict_proba([*CLEAN, *FOUL])
    wanted = _matrix([*CLEAN, *FOUL])
    for column, label in enumerate(taxonomy().ids):
        if label in LABELS:
            inside = scores[wanted[:, column] == 1, column]
            outside = scores[wanted[:, column] == 0, column]
            assert inside.min() > outside.max(), label


def test_a_label_never_seen_is_never_found(fitted):
    column = taxonomy().ids.index("cult")
    assert (fitted.predict_proba(list(TEXTS))[:, column] < 0.01).all()


def test_predict_is_probability_over_one_half(fitted):
    scores = fitted.predict_proba(list(TEXTS))
    assert ((scores >= 0) & (scores <= 1)).all()
    np.testing.assert_array_equal(fitted.predict(list(TEXTS)), scores >= 0.5)


def test_transform_gives_unit_rows(fitted):
    X = HashedNgrams(SMALL).fit_transform(CLEAN)
    assert X.shape == (len(CLEAN), SMALL.buckets)
    np.testing.assert_allclose(X.multiply(X).sum(axis=1), 1.0, rtol=1e-6)


def test_transform_of_nothing_has_no_rows():
    assert HashedNgrams(SMALL).fit([]).transform([]).shape == (0, SMALL.buckets)


def test_before_fit_nothing_is_answered():
    with pytest.raises(NotFittedError):
        HashedNgrams().transform(["好"])
    with pytest.raises(NotFittedError):
        LabelwiseLinear().predict_proba(HashedNgrams(SMALL).fit([]).transform(["好"]))


def test_init_only_stores_and_fit_does_not_change_it():
    vectors, classes = HashedNgrams(SMALL), LabelwiseLinear(C=2.0, balance=0.1, seed=3)
    before = (vectors.get_params(), classes.get_params())
    assert not [name for name in vars(vectors) | vars(classes) if name.endswith("_")]
    classes.fit(vectors.fit_transform(CLEAN + FOUL), _matrix(CLEAN + FOUL))
    assert (vectors.get_params(), classes.get_params()) == before
    assert clone(classes).get_params() == classes.get_params()
    assert not hasattr(clone(classes), "matrix_")


def test_fit_twice_gives_the_same_weights(fitted):
    X, Y = fitted[0].transform(CLEAN + FOUL), _matrix(CLEAN + FOUL)
    one, other = clone(fitted[-1]).fit(X, Y), clone(fitted[-1]).fit(X, Y)
    np.testing.assert_array_equal(one.matrix_, other.matrix_)
    np.testing.assert_array_equal(one.bias_, other.bias_)


def test_a_fitted_pipeline_can_be_kept(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(CLEAN), fitted.predict_proba(CLEAN))


@pytest.mark.parametrize("Y", [np.zeros(14, dtype=np.int8), np.zeros((3, 19), dtype=np.int8)])
def test_fit_refuses_labels_of_another_shape(fitted, Y):
    with pytest.raises(ValueError, match="must be"):
        LabelwiseLinear().fit(fitted[0].transform(CLEAN + FOUL), Y)
