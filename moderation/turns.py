"""What a message does in a conversation: it asks, it answers, it puts off.

    texts ─ normalize ─ features ─ weights ─ probability of each kind ─ asking or not ─ the likeliest

One linear model of hashed n-grams as in `scorer`, smaller, its probabilities shared out among the
kinds. Whether a message asks is decided first, since a rule hangs on that: three kinds of asking that
are each unlikely may be likely together. The model sees one message alone: who asked whom, and whether
that was answered, is for the rules of conduct. Kinds are told apart as `datasets/turns/README.md` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation import scorer
from moderation.artifacts import MODELS, read_folder, unpack
from moderation.errors import ModelError
from moderation.features import FeatureSpec, extract
from moderation.normalize import normalize
from moderation.scorer import Weights

ASKING = ("question", "request", "complaint")
"""Kinds after which somebody waits for an answer."""
KINDS = (*ASKING, "interim", "shirk", "ack", "thanks", "statement")
TURNS = MODELS / "turns"
ABOUT = "turns.json"
"""Not `model.json`: what lies in such a folder is no model of the registry."""
_BATCH = 1024


@dataclass(frozen=True, slots=True)
class TurnModel:
    """Tells the kinds of messages apart; `about` is the whole `turns.json`. Safe to share between threads."""

    version: str
    spec: FeatureSpec
    weights: Weights
    about: dict[str, Any]

    @classmethod
    def load(cls, folder: Path = TURNS) -> TurnModel:
        """Read a folder with `weights.npz` and `turns.json`.

        Raises:
            ModelError: a file is missing, truncated, tampered with, or of another format or other kinds.
        """
        about, packed = read_folder(folder, ABOUT)
        try:
            if tuple(about["kinds"]) != KINDS:
                raise ModelError(folder / ABOUT, f"kinds are not {', '.join(KINDS)}")
            spec = FeatureSpec.from_dict(about["features"])
            weights = unpack(folder, packed, spec.buckets, len(KINDS))
            return cls(str(about["version"]), spec, weights, about)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(folder / ABOUT, f"missing or wrong field: {error}") from error

    def kinds(self, texts: Sequence[str]) -> list[str]:
        """Return the likeliest kind of each text, which holds no NUL and no lone surrogate."""
        return likeliest(self.probabilities(texts))

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the probability of each of `KINDS`, float64 `[texts, kinds]`, rows summing to 1."""
        parts = [self._batch(texts[low : low + _BATCH]) for low in range(0, len(texts), _BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, len(KINDS)))

    def _batch(self, texts: Sequence[str]) -> NDArray[np.float64]:
        features = extract(normalize(texts), self.spec)
        total = scorer.sums(self.weights, features)
        return shared(scorer.logits(self.weights, total, features.counts))


def shared(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities that sum to 1 in each row (softmax)."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def likeliest(probabilities: NDArray[np.float64]) -> list[str]:
    """Return the likeliest asking kind where asking is likelier than not, else the likeliest other."""
    first = len(ASKING)
    asks = probabilities[:, :first].sum(axis=1) >= 0.5
    asking = probabilities[:, :first].argmax(axis=1)
    other = probabilities[:, first:].argmax(axis=1) + first
    return [KINDS[number] for number in np.where(asks, asking, other).tolist()]
