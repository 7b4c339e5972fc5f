"""scikit-learn estimators of what is served: hashed n-grams and one linear model per label.

    make_pipeline(HashedNgrams(), LabelwiseLinear()).fit(texts, matrix).predict_proba(texts)

Weights are rounded to int8 at the end of `fit`, so that the estimator and the served model are the
same function.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from moderation.features import FeatureSpec
from moderation.kernel import extract
from moderation.normalize import normalize
from moderation.scorer import Weights
from training.solver import solve

_BATCH = 4096


class HashedNgrams(TransformerMixin, BaseEstimator):
    """Texts -> sparse matrix `[texts, buckets]` of `1 / sqrt(number of buckets)`."""

    def __init__(self, spec: FeatureSpec | None = None) -> None:
        self.spec = spec

    def fit(self, texts: Iterable[str], y: object = None) -> HashedNgrams:
        """Learn nothing: hashing keeps no vocabulary."""
        self.spec_ = self.spec or FeatureSpec()
        return self

    def transform(self, texts: Iterable[str]) -> csr_matrix:
        """Return float32 CSR `[texts, buckets]`."""
        check_is_fitted(self, "spec_")
        rows = list(texts)
        parts = [self._part(rows[low : low + _BATCH]) for low in range(0, len(rows), _BATCH)]
        return vstack(parts, format="csr") if parts else csr_matrix((0, self.spec_.buckets))

    def _part(self, texts: list[str]) -> csr_matrix:
        features = extract(normalize(texts), self.spec_)
        value = (1.0 / np.sqrt(np.maximum(features.counts, 1))).astype(np.float32)
        data = np.repeat(value, features.counts)
        shape = (len(texts), self.spec_.buckets)
        return csr_matrix((data, features.buckets, features.starts), shape=shape)


class LabelwiseLinear(ClassifierMixin, BaseEstimator):
    """One linear model per column of a 0/1 matrix, its weights rounded to int8.

    Squared hinge loss with L2 penalty, `C` its inverse; positives weigh
    `(negatives / positives) ** balance`. Repeatable by `seed`. Probabilities come from Platt's
    calibration (1999).
    """

    def __init__(self, C: float = 1.0, balance: float = 0.3, seed: int = 0) -> None:
        self.C = C
        self.balance = balance
        self.seed = seed

    def fit(
        self, X: csr_matrix, Y: NDArray[np.int8], sample_weight: NDArray[np.float64] | None = None
    ) -> LabelwiseLinear:
        """Fit on CSR `[samples, buckets]` and 0/1 `[samples, labels]`; weight 0 leaves a sample out."""
        Y = np.asarray(Y)
        if Y.ndim != 2 or X.shape[0] != Y.shape[0]:
            raise ValueError(f"Y must be [samples, labels] for {X.shape[0]} samples: {Y.shape}")
        weight = np.ones(len(Y)) if sample_weight is None else np.asarray(sample_weight)
        dense, self.bias_ = self._solve(X, Y, weight)
        self.scale_ = np.maximum(np.abs(dense).max(axis=0), 1e-12) / 127
        self.matrix_ = np.rint(dense / self.scale_).astype(np.int8)
        self.slope_ = np.ones(Y.shape[1])
        self.shift_ = np.zeros(Y.shape[1])
        self.classes_ = np.arange(Y.shape[1])
        return self

    def decision_function(self, X: csr_matrix) -> NDArray[np.float64]:
        """Return uncalibrated logits, float64 `[samples, labels]`."""
        check_is_fitted(self, "matrix_")
        return np.asarray(X @ self.matrix_.astype(np.float64)) * self.scale_ + self.bias_

    def calibrate(self, logits: NDArray[np.float64], Y: NDArray[np.int8]) -> LabelwiseLinear:
        """Set Platt's slope and shift per label from logits of samples that were not fitted on."""
        for column in range(Y.shape[1]):
            if 0 < Y[:, column].sum() < len(Y):
                platt = LogisticRegression(C=1e4, solver="newton-cholesky").fit(
                    logits[:, [column]], Y[:, column]
                )
                self.slope_[column] = max(float(platt.coef_[0, 0]), 1e-3)
                self.shift_[column] = float(platt.intercept_[0])
        return self

    def predict_proba(self, X: csr_matrix) -> NDArray[np.float64]:
        """Return calibrated probabilities, float64 `[samples, labels]`."""
        return calibrated(self.decision_function(X), self.slope_, self.shift_)

    def predict(self, X: csr_matrix) -> NDArray[np.int8]:
        """Return 0/1 at one half, int8 `[samples, labels]`."""
        return (self.predict_proba(X) >= 0.5).astype(np.int8)

    def export(self) -> Weights:
        """Return the served form of what was learned."""
        return Weights(self.matrix_, self.scale_, self.bias_, self.slope_, self.shift_)

    def _solve(
        self, X: csr_matrix, Y: NDArray[np.int8], weight: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return weights and biases; a label that is always or never true gets its bias alone."""
        positive = Y[weight > 0].sum(axis=0, dtype=np.int64)
        negative = int((weight > 0).sum()) - positive
        open_ = np.flatnonzero((positive > 0) & (negative > 0))
        dense = np.zeros((X.shape[1], Y.shape[1]), dtype=np.float32)
        bias = np.where(positive > 0, 8.0, -8.0)
        favour = (negative[open_] / positive[open_]) ** self.balance
        cost = self.C * np.stack((np.ones(len(open_)), favour))
        dense[:, open_], bias[open_] = solve(
            X, np.ascontiguousarray(Y[:, open_]), cost, weight, self.seed
        )
        return dense, bias


def calibrated(
    logits: NDArray[np.float64], slope: NDArray[np.float64], shift: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return `sigmoid(slope * logits + shift)`."""
    return np.asarray(1.0 / (1.0 + np.exp(-(logits * slope + shift))))
