"""Labels that are probably wrong: confident learning (Northcutt, Jiang, Chuang 2021), per origin.

    samples ─ held-out probabilities ─ confident joint per origin ─ rate of wrong labels
                      └─ how little the given labels are believed ─ suspects, the least believed first

No message is judged by a model that learnt from it or its like. Origins are ranked apart: the project's
messages were read twice and the hard ones among them would stand before verdicts that are plainly wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from moderation.features import FeatureSpec
from moderation.taxonomy import taxonomy
from training import grouping
from training.corpus import Sample, label_matrix
from training.estimators import HashedNgrams, LabelwiseLinear, calibrated

LISTED = 300
"""Suspects kept of each origin."""
FOLDS = 4


@dataclass(frozen=True, slots=True)
class Suspect:
    """A message whose labels are little believed; `belief` 0..1, `likely` what a model would say."""

    place: str
    text: str
    labels: tuple[str, ...]
    likely: tuple[str, ...]
    belief: float


@dataclass(frozen=True, slots=True)
class Noise:
    """What is suspected of one origin: `wrong` is the share of labels that are confidently contradicted."""

    messages: int
    wrong: float
    suspects: tuple[Suspect, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "messages": self.messages,
            "wrong": round(self.wrong, 4),
            "suspects": [asdict(one) | {"belief": round(one.belief, 4)} for one in self.suspects],
        }


def suspects(
    samples: Sequence[Sample], origin: Sequence[str], limit: int = LISTED, jobs: int = 2
) -> dict[str, Noise]:
    """Return what is suspected of each origin; `origin` names that of each sample.

    Raises:
        ValueError: fewer messages than folds.
    """
    if len(samples) < FOLDS:
        raise ValueError(f"{len(samples)} messages are too few for {FOLDS} folds")
    given = label_matrix(samples)
    scores = held_out(samples, given, jobs)
    contradicted = confidently_wrong(given, scores)
    out = {}
    for name in dict.fromkeys(origin):
        own = np.flatnonzero(np.array([one == name for one in origin]))
        out[name] = Noise(
            len(own),
            float(contradicted[own].mean()),
            tuple(
                least_believed(
                    [samples[row] for row in own.tolist()], given[own], scores[own], limit
                )
            ),
        )
    return out


def least_believed(
    samples: Sequence[Sample], given: NDArray[np.int8], scores: NDArray[np.float64], limit: int
) -> list[Suspect]:
    """Return the messages whose labels are believed least, from models that did not learn them."""
    believed = belief(given, scores)
    order = np.argsort(believed, kind="stable")[:limit].tolist()
    return [_suspect(samples[row], scores[row], believed[row]) for row in order]


def belief(given: NDArray[np.int8], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far labels are believed, 0..1 per message.

    A breach is as likely as the likeliest of its labels, a clean message as its likeliest breach is not.
    """
    positive = np.where(given == 1, scores, 0.0).max(axis=1)
    return np.where(given.any(axis=1), positive, 1.0 - scores.max(axis=1))


def confidently_wrong(given: NDArray[np.int8], scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which messages stand off the diagonal of the confident joint, label by label.

    A message is confidently of a side when its probability is at least the mean of those given that
    side. A side that nobody was given is never confident.
    """
    wrong = np.zeros(len(given), dtype=np.bool_)
    for true, chance in ((0, scores), (1, 1.0 - scores)):
        other = given == 1 - true
        count = other.sum(axis=0)
        mean = np.where(other, chance, 0.0).sum(axis=0) / np.maximum(count, 1)
        confident = (chance >= np.where(count > 0, mean, np.inf)) & (chance > 0.5)
        wrong |= ((given == true) & confident).any(axis=1)
    return wrong


def held_out(samples: Sequence[Sample], given: NDArray[np.int8], jobs: int) -> NDArray[np.float64]:
    """Return calibrated probabilities by models that saw neither a message nor its near-duplicates."""
    texts = [sample.text for sample in samples]
    X = HashedNgrams(FeatureSpec()).fit_transform(texts)
    fold = grouping.folds([str(n) for n in range(len(texts))], grouping.groups(texts), FOLDS)
    weight = np.array([sample.weight for sample in samples])
    models = Parallel(n_jobs=jobs, prefer="threads")(
        delayed(LabelwiseLinear().fit)(X, given, weight * (fold != number))
        for number in range(FOLDS)
    )
    logits = np.zeros(given.shape)
    for number, model in enumerate(models):
        logits[fold == number] = model.decision_function(X[fold == number])
    last = models[-1].calibrate(logits, given)
    return calibrated(logits, last.slope_, last.shift_)


def _suspect(sample: Sample, scores: NDArray[np.float64], belief: float) -> Suspect:
    likely = tuple(taxonomy().ids[column] for column in np.flatnonzero(scores >= 0.5).tolist())
    return Suspect(sample.place, sample.text, sample.labels, likely, float(belief))
