"""Scores of a finished model on many texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from moderation import scorer
from moderation.artifacts import Model
from moderation.features import extract
from moderation.normalize import normalize

_BATCH = 1024


def text_scores(model: Model, texts: Sequence[str]) -> NDArray[np.float64]:
    """Return calibrated probabilities, float64 `[texts, labels]`."""
    parts = [_scores(model, texts[low : low + _BATCH]) for low in range(0, len(texts), _BATCH)]
    return np.concatenate(parts) if parts else np.zeros((0, len(model.labels)))


def _scores(model: Model, texts: Sequence[str]) -> NDArray[np.float64]:
    features = extract(normalize(texts), model.spec)
    total = scorer.sums(model.weights, features)
    return scorer.probabilities(model.weights, total, features.counts)
