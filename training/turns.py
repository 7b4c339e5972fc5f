"""Fit the model of turns and write its folder.

    turns ─ near-duplicate groups ─ a fold per file ─ held-out logits ─ figures, one slope for all kinds
          └────────────────── all but the split `test` ─ weights ─────── folder

Held out is one whole file at a time, with whatever is nearly alike in others, so that every industry
is judged by a model that has never seen it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.metrics import precision_recall_fscore_support

from moderation.artifacts import save_model
from moderation.features import FeatureSpec
from moderation.turns import ABOUT, ASKING, KINDS, likeliest, shared
from training import grouping
from training.corpus import Sample
from training.estimators import HashedNgrams, LabelwiseLinear
from training.fit import data_hash
from training.turncorpus import divided, kind_matrix

Progress = Callable[[str], None]
Logits = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that shapes the model besides its data."""

    C: float = 6.0
    balance: float = 0.3
    seed: int = 0
    jobs: int = 2
    spec: FeatureSpec = FeatureSpec(
        17,
        (
            ("char", (1, 2)),
            ("sound", (1, 2)),
            ("shape", (1, 2, 3)),
            ("meta", (1,)),
            ("frame", (1, 2, 3, 4, 5)),
        ),
    )


def train(
    samples: Sequence[Sample], output: Path, recipe: Recipe, released: date, progress: Progress
) -> dict[str, Any]:
    """Train on all but the split `test`, write the folder and return its `turns.json`.

    Raises:
        ValueError: fewer than two files to learn from.
    """
    learnt, _ = divided(samples)
    files = sorted({sample.unit for sample in learnt})
    if len(files) < 2:
        raise ValueError(f"{len(files)} files are too few to hold one out")
    progress("holding out each file in turn")
    logits = held_out(learnt, recipe)
    truth = kind_matrix(learnt)
    progress("fitting")
    X = HashedNgrams(recipe.spec).fit_transform([sample.text for sample in learnt])
    model = _estimator(recipe).fit(X, truth)
    model.slope_[:] = slope = steepness(logits, truth)
    progress("writing the model")
    about = {
        "released": released.strftime("%Y.%m.%d"),
        "kinds": list(KINDS),
        "features": recipe.spec.to_dict(),
        "recipe": {k: v for k, v in asdict(recipe).items() if k not in ("jobs", "spec")},
        "data": {"messages": len(learnt), "files": files, "sha256": data_hash(learnt)},
        "metrics": figures(learnt, likeliest(shared(logits * slope))),
    }
    return save_model(output, model.export(), about, ABOUT)


def held_out(samples: Sequence[Sample], recipe: Recipe) -> Logits:
    """Return the logits of each sample by a model that saw neither its file nor its near-duplicates."""
    group = grouping.groups([sample.text for sample in samples])
    units = np.array([sample.unit for sample in samples])
    X = HashedNgrams(recipe.spec).fit_transform([sample.text for sample in samples])
    Y = kind_matrix(samples)

    def judge(unit: str) -> Logits:
        own = units == unit
        weight = (~np.isin(group, group[own])).astype(np.float64)
        return _estimator(recipe).fit(X, Y, weight).decision_function(X[own])

    names = np.unique(units)
    parts = Parallel(n_jobs=recipe.jobs, prefer="threads")(delayed(judge)(unit) for unit in names)
    out = np.zeros(Y.shape)
    for unit, logits in zip(names, parts, strict=True):
        out[units == unit] = logits
    return out


def steepness(logits: Logits, truth: NDArray[np.int8]) -> float:
    """Return the slope under which shared-out probabilities give the truth the highest likelihood."""

    def loss(slope: float) -> float:
        return -float(np.log(shared(logits * slope)[truth == 1] + 1e-12).mean())

    return round(float(minimize_scalar(loss, bounds=(0.1, 20), method="bounded").x), 3)


def figures(samples: Sequence[Sample], found: Sequence[str]) -> dict[str, Any]:
    """Return how well kinds were found: of asking or not, of each kind, and of asking in each file."""
    truth = np.array([sample.labels[0] for sample in samples])
    answer = np.array(found)
    asks, said = np.isin(truth, ASKING), np.isin(answer, ASKING)
    kinds = {kind: _row(truth == kind, answer == kind) for kind in KINDS}
    present = [row["f1"] for row in kinds.values() if row["messages"]]
    units = np.array([sample.unit for sample in samples])
    return {
        "messages": len(truth),
        "asks": _row(asks, said),
        "macro_f1": round(float(np.mean(present)), 4) if present else 0.0,
        "kinds": kinds,
        "files": {
            str(unit): _row(asks[units == unit], said[units == unit]) for unit in np.unique(units)
        },
    }


def _row(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> dict[str, Any]:
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, found, average="binary", zero_division=0.0
    )
    return {
        "precision": round(float(precision), 4),
        "recall": round(float(recall), 4),
        "f1": round(float(f1), 4),
        "messages": int(truth.sum()),
    }


def _estimator(recipe: Recipe) -> LabelwiseLinear:
    return LabelwiseLinear(recipe.C, recipe.balance, recipe.seed)
