"""Fit a model on labelled messages and write its folder.

samples ─ groups and folds ─ held-out logits of every fold ─ calibration ─ thresholds ─ metrics
        └─ all samples ─ weights ──────────────────────────────────────────────────── folder
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation.artifacts import save_model
from moderation.features import FeatureSpec
from moderation.taxonomy import taxonomy
from training import evaluate, grouping, thresholds
from training.corpus import Sample, label_matrix
from training.estimators import HashedNgrams, LabelwiseLinear, calibrated

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that shapes a model besides its data."""

    C: float = 1.0
    balance: float = 0.3
    folds: int = 4
    seed: int = 0
    jobs: int = 2
    spec: FeatureSpec = FeatureSpec()


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What models that did not see a sample's file say of it: logits and calibrated `[samples, labels]`."""

    logits: NDArray[np.float64]
    scores: NDArray[np.float64]
    estimator: LabelwiseLinear


def train(
    samples: Sequence[Sample], output: Path, recipe: Recipe, released: date, progress: Progress
) -> dict[str, Any]:
    """Train, write the model folder and return the held-out metrics.

    Raises:
        ValueError: fewer than two samples.
    """
    if len(samples) < recipe.folds:
        raise ValueError(f"{len(samples)} samples are too few for {recipe.folds} folds")
    X, Y, weight = design(samples, recipe.spec)
    held_out = cross_validate(samples, X, Y, weight, recipe, progress)
    progress("choosing thresholds")
    chosen = thresholds.choose(taxonomy().ids, Y, held_out.scores)
    review = review_thresholds(chosen)
    metrics = evaluate.evaluate(samples, held_out.scores, review)
    progress("fitting all samples")
    final = _estimator(recipe).fit(X, Y, weight)
    final.slope_, final.shift_ = held_out.estimator.slope_, held_out.estimator.shift_
    progress("writing the model")
    save_model(output, final.export(), _about(samples, recipe, released, chosen, metrics))
    return metrics


def design(
    samples: Sequence[Sample], spec: FeatureSpec
) -> tuple[csr_matrix, NDArray[np.int8], NDArray[np.float64]]:
    """Return features `[samples, buckets]`, labels `[samples, labels]` and weights `[samples]`."""
    X = HashedNgrams(spec).fit_transform([sample.text for sample in samples])
    return X, label_matrix(samples), np.array([sample.weight for sample in samples])


def cross_validate(
    samples: Sequence[Sample],
    X: csr_matrix,
    Y: NDArray[np.int8],
    weight: NDArray[np.float64],
    recipe: Recipe,
    progress: Progress,
) -> HeldOut:
    """Return held-out logits by whole files, and scores calibrated on them."""
    group = grouping.groups([sample.text for sample in samples])
    fold = grouping.folds([sample.unit for sample in samples], group, recipe.folds)
    logits = np.zeros(Y.shape)
    for number in range(recipe.folds):
        progress(f"fold {number + 1} of {recipe.folds}")
        seen, unseen = fold != number, fold == number
        if unseen.any() and seen.any():
            fitted = _estimator(recipe).fit(X[seen], Y[seen], weight[seen])
            logits[unseen] = fitted.decision_function(X[unseen])
    calibrator = _estimator(recipe)
    calibrator.slope_, calibrator.shift_ = np.ones(Y.shape[1]), np.zeros(Y.shape[1])
    calibrator.calibrate(logits, Y)
    scores = calibrated(logits, calibrator.slope_, calibrator.shift_)
    return HeldOut(logits, scores, calibrator)


def review_thresholds(chosen: dict[str, dict[str, Any]]) -> NDArray[np.float64]:
    """Return the `review` threshold per label in taxonomy order."""
    return np.array([chosen[label]["review"]["value"] for label in taxonomy().ids])


def _estimator(recipe: Recipe) -> LabelwiseLinear:
    return LabelwiseLinear(recipe.C, recipe.balance, recipe.seed, recipe.jobs)


def _about(
    samples: Sequence[Sample],
    recipe: Recipe,
    released: date,
    chosen: dict[str, Any],
    metrics: dict[str, Any],
) -> dict[str, Any]:
    shaping = asdict(recipe)
    shaping["spec"] = recipe.spec.to_dict()
    del shaping["jobs"]
    return {
        "released": released.strftime("%Y.%m.%d"),
        "labels": list(taxonomy().ids),
        "features": recipe.spec.to_dict(),
        "thresholds": chosen,
        "recipe": shaping,
        "data": {"samples": len(samples), "sha256": data_hash(samples)},
        "metrics": metrics,
    }


def data_hash(samples: Sequence[Sample]) -> str:
    """Return a hash of texts, labels and weights in order: the same data give the same model."""
    digest = hashlib.sha256()
    for sample in samples:
        row = [sample.text, list(sample.labels), sample.weight]
        digest.update(json.dumps(row, ensure_ascii=False).encode())
    return digest.hexdigest()
