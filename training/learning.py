"""Would more data help: the recipe's plain form fitted on growing shares of the data, judged on the test split.

    train split ─ a share of its groups of near-duplicates ─ fit ─ F1 on the test split

Without the disguised copies and the chosen thresholds of a real training, which would cost minutes:
the level is lower, the slope is what is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.pipeline import make_pipeline

from training import evaluate, grouping
from training.corpus import TEST, Sample, label_matrix
from training.estimators import HashedNgrams, LabelwiseLinear
from training.fit import Recipe

SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
_SEED = 0


def curve(
    samples: Sequence[Sample], progress: Callable[[str], None], recipe: Recipe | None = None
) -> list[dict[str, float]]:
    """Return per share of the training data the messages learnt from and both macro-F1."""
    recipe = recipe or Recipe()
    known = [sample for sample in samples if sample.split != TEST]
    test = [sample for sample in samples if sample.split == TEST]
    texts, truth = [sample.text for sample in known], label_matrix(known)
    group = grouping.groups(texts)
    place = np.random.default_rng(_SEED).permutation(len(known))
    points = []
    for share in SHARES:
        progress(f"learning from {share:.0%} of the data")
        rows = np.flatnonzero(place[group] < share * len(known))
        model = make_pipeline(
            HashedNgrams(recipe.spec), LabelwiseLinear(C=recipe.C, balance=recipe.balance)
        )
        model.fit([texts[row] for row in rows], truth[rows])
        scores = model.predict_proba([sample.text for sample in test])
        half = np.full(truth.shape[1], 0.5)
        found = evaluate.summary(label_matrix(test), scores, half)
        figures = {name: found[name] for name in ("label_f1", "category_f1")}
        points.append({"messages": float(len(rows)), **figures})
    return points
