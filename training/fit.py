"""Fit a model on labelled messages and write its folder.

samples ─ near-duplicate groups ─ folds ─ attacked copies ─ held-out logits ─ calibration ─ thresholds ─ metrics
        └────────────────────────────────── all samples and copies ─ weights ────────────────────── folder

Samples of the split `test` take no part in any of it. Reviewed cases are learnt from, yet calibration
and thresholds are chosen without them: hundreds alike of one new kind would move the thresholds that
every other kind is found by, and cases are no fair sample, since a model chose them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation.artifacts import save_model
from moderation.features import FeatureSpec
from moderation.taxonomy import taxonomy
from training import attack, clauses, evaluate, grouping, robustness, thresholds
from training.corpus import TEST, Sample, label_matrix
from training.estimators import HashedNgrams, LabelwiseLinear, calibrated
from training.sources import PREFIX

Progress = Callable[[str], None]
NO_FOLD = -2
"""Left out of nothing: the model that learns from every fold."""


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
    """Samples, their attacked copies and clauses of reviewed ones, ready to fit.

    Rows of `X`, `Y`, `weight`, `fold` belong together. The first `len(judged)` rows are the samples;
    `judged` marks those that count in figures and thresholds: all but public corpora. `origin` is
    the sample that a row is, is a copy or a part of, `group` a sample's near-duplicates.
    """

    X: csr_matrix
    Y: NDArray[np.int8]
    weight: NDArray[np.float64]
    fold: NDArray[np.int64]
    judged: NDArray[np.bool_]
    origin: NDArray[np.int64]
    group: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What models that did not see a sample's fold say of it, `[judged samples, labels]`.

    `attacked` holds the scores of the rows `drawn` by kind of attack, `disguised` their features.
    """

    truth: NDArray[np.int8]
    scores: NDArray[np.float64]
    drawn: NDArray[np.int64]
    attacked: dict[str, NDArray[np.float64]]
    disguised: dict[str, csr_matrix]
    slope: NDArray[np.float64]
    shift: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training: `model.json` as written, and the held-out scores behind its figures."""

    about: dict[str, Any]
    judged: list[Sample]
    held_out: HeldOut
    design: Design


def train(
    samples: Sequence[Sample],
    output: Path,
    recipe: Recipe,
    released: date,
    progress: Progress,
    near: NDArray[np.float64] | None = None,
) -> Trained:
    """Train, write `weights.npz` and `model.json`, and return what was measured on held-out messages.

    `near` holds the `review` thresholds of the model that this one is to follow.

    Raises:
        ValueError: fewer samples to learn from than folds.
    """
    learnt = [sample for sample in samples if sample.split != TEST]
    if len(learnt) < recipe.folds:
        raise ValueError(f"{len(learnt)} samples are too few for {recipe.folds} folds")
    progress("reading features")
    design = make_design(learnt, recipe)
    progress("fitting")
    final, *models = fit_without(design, recipe, (NO_FOLD, *range(recipe.folds)))
    progress("judging held-out messages")
    judged = [sample for sample, counts in zip(learnt, design.judged, strict=True) if counts]
    fair = representative(judged)
    held_out = judge_folds(judged, design, models, recipe, fair)
    chosen = thresholds.choose(taxonomy().ids, held_out.truth[fair], held_out.scores[fair], near)
    metrics = measure(judged, held_out, review_thresholds(chosen))
    final.slope_, final.shift_ = held_out.slope, held_out.shift
    progress("writing the model")
    about = _about(learnt, recipe, released, chosen, metrics)
    return Trained(save_model(output, final.export(), about), judged, held_out, design)


def make_design(samples: Sequence[Sample], recipe: Recipe) -> Design:
    """Return features, labels, weights and folds of the samples, of their attacked copies and of clauses.

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
    parts = clauses.parts(sample for sample in numbered if sample.is_feedback)
    rows = [*samples, *copies, *parts]
    own = [int(row.place) for row in (*copies, *parts)]
    origin = np.array([*range(len(samples)), *own])
    return Design(
        X=HashedNgrams(recipe.spec).fit_transform([row.text for row in rows]),
        Y=label_matrix(rows),
        weight=np.array([row.weight for row in rows]),
        fold=fold[origin],
        judged=judged,
        origin=origin,
        group=group,
    )


def fit_without(design: Design, recipe: Recipe, folds: Sequence[int]) -> list[LabelwiseLinear]:
    """Return for each fold a model that did not see it, fitted several at a time."""
    return list(
        Parallel(n_jobs=recipe.jobs, prefer="threads")(
            delayed(_estimator(recipe).fit)(
                design.X, design.Y, design.weight * (design.fold != number)
            )
            for number in folds
        )
    )


def judge_folds(
    judged: Sequence[Sample],
    design: Design,
    models: Sequence[LabelwiseLinear],
    recipe: Recipe,
    fair: NDArray[np.bool_],
    attacks: Sequence[str] = robustness.ATTACKED,
) -> HeldOut:
    """Return scores of every judged sample by the model that did not see its fold, calibrated on the `fair`."""
    drawn = robustness.drawn(len(judged))
    texts = [judged[number].text for number in drawn]
    disguised = {
        kind: HashedNgrams(recipe.spec).fit_transform(robustness.disguised(texts, kind))
        for kind in attacks
    }
    return judge_disguised(design, models, drawn, disguised, fair)


def representative(judged: Sequence[Sample]) -> NDArray[np.bool_]:
    """Return which samples no model has chosen: all but reviewed cases, or all if there are no others."""
    fair = np.array([not sample.is_feedback for sample in judged])
    return fair if fair.any() else ~fair


def judge_disguised(
    design: Design,
    models: Sequence[LabelwiseLinear],
    drawn: NDArray[np.int64],
    disguised: dict[str, csr_matrix],
    fair: NDArray[np.bool_],
) -> HeldOut:
    """Return what models say of every judged sample and of those disguised, calibrated on the `fair`."""
    rows = np.flatnonzero(design.judged)
    truth, fold = design.Y[rows], design.fold[rows]
    plain = logits(design.X[rows], fold, models)
    slope, shift = _calibration(plain[fair], truth[fair])
    return HeldOut(
        truth=truth,
        scores=calibrated(plain, slope, shift),
        drawn=drawn,
        attacked={
            kind: calibrated(logits(X, fold[drawn], models), slope, shift)
            for kind, X in disguised.items()
        },
        disguised=disguised,
        slope=slope,
        shift=shift,
    )


def measure(
    judged: Sequence[Sample], held_out: HeldOut, review: NDArray[np.float64]
) -> dict[str, Any]:
    """Return the figures of `evaluate`, with those under attack beside the plain ones."""
    metrics = evaluate.evaluate(judged, held_out.scores, review)
    scores = {robustness.PLAIN: held_out.scores[held_out.drawn], **held_out.attacked}
    metrics["attacked"] = robustness.figures(held_out.truth[held_out.drawn], scores, review)
    return metrics


def review_thresholds(chosen: dict[str, dict[str, Any]]) -> NDArray[np.float64]:
    """Return the `review` threshold per label in taxonomy order."""
    return np.array([chosen[label]["review"]["value"] for label in taxonomy().ids])


def logits(
    X: csr_matrix, fold: NDArray[np.int64], models: Sequence[LabelwiseLinear]
) -> NDArray[np.float64]:
    """Return the logits of each row by the model of its fold."""
    out = np.zeros((X.shape[0], models[0].matrix_.shape[1]))
    for number, model in enumerate(models):
        own = np.flatnonzero(fold == number)
        out[own] = model.decision_function(X[own])
    return out


def _calibration(
    logits: NDArray[np.float64], truth: NDArray[np.int8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    calibrator = LabelwiseLinear()
    calibrator.slope_, calibrator.shift_ = np.ones(truth.shape[1]), np.zeros(truth.shape[1])
    calibrator.calibrate(logits, truth)
    return calibrator.slope_, calibrator.shift_


def _estimator(recipe: Recipe) -> LabelwiseLinear:
    return LabelwiseLinear(recipe.C, recipe.balance, recipe.seed)


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
