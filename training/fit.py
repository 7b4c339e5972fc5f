"""Fit a model on labelled messages and write its folder.

samples ─ near-duplicate groups ─ folds ─ attacked copies ─ held-out logits ─ calibration ─ thresholds ─ metrics
        └────────────────────────────────── all samples and copies ─ weights ────────────────────── folder
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation.artifacts import save_model
from moderation.features import FeatureSpec
from moderation.taxonomy import taxonomy
from training import attack, evaluate, grouping, thresholds
from training.corpus import Sample, label_matrix
from training.estimators import HashedNgrams, LabelwiseLinear, calibrated
from training.sources import PREFIX

Progress = Callable[[str], None]
ATTACKED = ("homophone", "emoji", "separator", "cloak")
"""Kinds of attack that held-out messages are judged under beside their plain form."""
_ATTACK_SHARE = 0.4
_ATTACK_SEED = 1_000_003
"""Another seed than the copies have: nothing is judged under the very change it was trained with."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that shapes a model besides its data."""

    C: float = 1.0
    balance: float = 0.3
    folds: int = 4
    seed: int = 0
    copies: float = 1.0
    copy_weight: float = 0.5
    homophones: float = 0.5
    jobs: int = 2
    spec: FeatureSpec = FeatureSpec()


@dataclass(frozen=True, slots=True)
class Design:
    """Samples and their attacked copies, ready to fit: rows of `X`, `Y`, `weight`, `fold` belong together.

    The first `len(judged)` rows are the samples; `judged` marks those that count in figures and
    thresholds: all but public corpora.
    """

    X: csr_matrix
    Y: NDArray[np.int8]
    weight: NDArray[np.float64]
    fold: NDArray[np.int64]
    judged: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What models that did not see a sample's fold say of it, `[judged samples, labels]`, plain and attacked."""

    truth: NDArray[np.int8]
    scores: NDArray[np.float64]
    attacked: dict[str, NDArray[np.float64]]
    slope: NDArray[np.float64]
    shift: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training: `model.json` as written, and the held-out scores behind its figures."""

    about: dict[str, Any]
    judged: list[Sample]
    held_out: HeldOut


def train(
    samples: Sequence[Sample], output: Path, recipe: Recipe, released: date, progress: Progress
) -> Trained:
    """Train, write `weights.npz` and `model.json`, and return what was measured on held-out messages.

    Raises:
        ValueError: fewer samples than folds.
    """
    if len(samples) < recipe.folds:
        raise ValueError(f"{len(samples)} samples are too few for {recipe.folds} folds")
    progress("reading features")
    design = make_design(samples, recipe)
    held_out = cross_validate(samples, design, recipe, progress)
    progress("choosing thresholds")
    chosen = thresholds.choose(taxonomy().ids, held_out.truth, held_out.scores)
    judged = [sample for sample, counts in zip(samples, design.judged, strict=True) if counts]
    metrics = measure(judged, held_out, review_thresholds(chosen))
    progress("fitting all samples")
    final = _estimator(recipe).fit(design.X, design.Y, design.weight)
    final.slope_, final.shift_ = held_out.slope, held_out.shift
    progress("writing the model")
    about = _about(samples, recipe, released, chosen, metrics)
    return Trained(save_model(output, final.export(), about), judged, held_out)


def make_design(samples: Sequence[Sample], recipe: Recipe) -> Design:
    """Return features, labels, weights and folds of the samples and of their attacked copies.

    A copy is in its original's fold, so that no fold is judged by copies of its own messages.
    """
    group = grouping.groups([sample.text for sample in samples])
    fold = grouping.folds([sample.unit for sample in samples], group, recipe.folds)
    judged = np.array([not sample.source.startswith(PREFIX) for sample in samples])
    fold[~judged] = -1  # a corpus always helps and is never judged
    numbered = [replace(sample, place=str(n)) for n, sample in enumerate(samples)]
    copies = attack.augment(
        numbered, recipe.seed, recipe.copies, recipe.copy_weight, recipe.homophones
    )
    rows = [*samples, *copies]
    return Design(
        X=HashedNgrams(recipe.spec).fit_transform([row.text for row in rows]),
        Y=label_matrix(rows),
        weight=np.array([row.weight for row in rows]),
        fold=np.concatenate((fold, fold[[int(copy.place) for copy in copies]])),
        judged=judged,
    )


def cross_validate(
    samples: Sequence[Sample], design: Design, recipe: Recipe, progress: Progress
) -> HeldOut:
    """Return calibrated scores of every judged sample by models that did not see its fold."""
    count = len(samples)
    disguised = _attacked_features(samples, recipe)
    logits = {kind: np.zeros((count, design.Y.shape[1])) for kind in ("", *disguised)}
    for number in range(recipe.folds):
        progress(f"fold {number + 1} of {recipe.folds}")
        seen = design.fold != number
        unseen = np.flatnonzero(~seen[:count] & design.judged)
        if len(unseen) and seen.any():
            fitted = _estimator(recipe).fit(design.X[seen], design.Y[seen], design.weight[seen])
            for kind, X in (("", design.X), *disguised.items()):
                logits[kind][unseen] = fitted.decision_function(X[unseen])
    truth = design.Y[:count][design.judged]
    plain = logits.pop("")[design.judged]
    slope, shift = _calibration(plain, truth)
    return HeldOut(
        truth=truth,
        scores=calibrated(plain, slope, shift),
        attacked={k: calibrated(z[design.judged], slope, shift) for k, z in logits.items()},
        slope=slope,
        shift=shift,
    )


def measure(
    judged: Sequence[Sample], held_out: HeldOut, review: NDArray[np.float64]
) -> dict[str, Any]:
    """Return the figures of `evaluate`, with those under attack beside the plain ones."""
    metrics = evaluate.evaluate(judged, held_out.scores, review)
    metrics["attacked"] = {
        kind: evaluate.summary(held_out.truth, scores, review)
        for kind, scores in {"none": held_out.scores, **held_out.attacked}.items()
    }
    return metrics


def review_thresholds(chosen: dict[str, dict[str, Any]]) -> NDArray[np.float64]:
    """Return the `review` threshold per label in taxonomy order."""
    return np.array([chosen[label]["review"]["value"] for label in taxonomy().ids])


def _attacked_features(samples: Sequence[Sample], recipe: Recipe) -> dict[str, csr_matrix]:
    return {
        kind: HashedNgrams(recipe.spec).fit_transform(
            [_disguise(sample.text, kind) for sample in samples]
        )
        for kind in ATTACKED
    }


def _disguise(text: str, kind: str) -> str:
    rng = np.random.default_rng([_ATTACK_SEED, zlib.crc32(text.encode())])
    return attack.attack(text, kind, rng, _ATTACK_SHARE)


def _calibration(
    logits: NDArray[np.float64], truth: NDArray[np.int8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    calibrator = LabelwiseLinear()
    calibrator.slope_, calibrator.shift_ = np.ones(truth.shape[1]), np.zeros(truth.shape[1])
    calibrator.calibrate(logits, truth)
    return calibrator.slope_, calibrator.shift_


def _estimator(recipe: Recipe) -> LabelwiseLinear:
    return LabelwiseLinear(recipe.C, recipe.balance, recipe.seed, recipe.jobs)


def _about(
    samples: Sequence[Sample],
    recipe: Recipe,
    released: date,
    chosen: dict[str, Any],
    metrics: dict[str, Any],
) -> dict[str, Any]:
    shaping = asdict(recipe) | {"spec": recipe.spec.to_dict()}
    del shaping["jobs"]
    return {
        "released": released.strftime("%Y.%m.%d"),
        "labels": list(taxonomy().ids),
        "features": recipe.spec.to_dict(),
        "thresholds": chosen,
        "recipe": shaping,
        "data": {
            "samples": len(samples),
            "corpora": sorted(
                {s.source.split("/")[0] for s in samples if s.source.startswith(PREFIX)}
            ),
            "sha256": data_hash(samples),
        },
        "metrics": metrics,
    }


def data_hash(samples: Sequence[Sample]) -> str:
    """Return a hash of texts, labels and weights in order: the same data give the same model."""
    digest = hashlib.sha256()
    for sample in samples:
        row = [sample.text, list(sample.labels), sample.weight]
        digest.update(json.dumps(row, ensure_ascii=False).encode())
    return digest.hexdigest()
