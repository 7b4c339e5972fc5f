"""May new verdicts be believed: each is judged by a model that learnt everything but its half of them.

    new verdicts ─ two halves ─ a model without each ─┬─ denied: it is sure of a breach, they say there is none
                                                      ├─ made up: they name a breach, it sees nothing of it
    messages judged before ─ the same two shares ─────┴─ by how much the new ones have more of both
                                                      └─ suspects, the least believed first

A poisoned batch need not harm what is held out: two hundred verdicts among thirteen thousand messages
move hardly a label, and the one kind that they lie about may not be there. But they contradict what
everybody else said, and each other. A kind that is new to the champion contradicts nothing: the
model has met it in the other half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import noise
from training.compare import Difference, shares
from training.corpus import Sample

DENIED, MADE_UP = "denied", "made_up"
SURE, UNSEEN = 0.9, 0.05
"""Probability from which a model is sure of a label, and below which it sees nothing of one."""
LEAST = 20
"""Contradictions below which no share is spoken of."""
ENOUGH = 200
"""Earlier verdicts from which on they say what is usual, where they have more of it than the data set."""
LISTED = 300


@dataclass(frozen=True, slots=True)
class Judged:
    """Messages with the labels given, 0/1 `[messages, labels]`, and what models said that did not learn them."""

    given: NDArray[np.int8]
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Batch:
    """What contradicts the models in a batch of verdicts; a share is None where it has too few.

    `old` of a difference is the usual share, `new` that of the batch.
    """

    verdicts: int
    denied: Difference | None
    made_up: Difference | None
    suspects: tuple[noise.Suspect, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without texts: what is erased must not stand in a model's folder."""
        return {
            "verdicts": self.verdicts,
            DENIED: self.denied and asdict(self.denied),
            MADE_UP: self.made_up and asdict(self.made_up),
            "suspects": [_plain(one) for one in self.suspects],
        }


def _plain(one: noise.Suspect) -> dict[str, Any]:
    return {
        "place": one.place,
        "labels": list(one.labels),
        "likely": list(one.likely),
        "belief": round(one.belief, 4),
    }


def measure(
    samples: Sequence[Sample], batch: Judged, data: Judged, earlier: Judged | None = None
) -> Batch:
    """Return what contradicts the models in new verdicts, beside what is usual.

    Args:
        samples: the new verdicts.
        batch: the same, as judged.
        data: the data set's messages.
        earlier: verdicts that the champion has learnt from.
    """
    usual = [data] if earlier is None or len(earlier.given) < ENOUGH else [data, earlier]
    return Batch(
        len(samples),
        _more(denied(batch), [denied(one) for one in usual]),
        _more(made_up(batch), [made_up(one) for one in usual]),
        tuple(noise.least_believed(samples, batch.given, batch.scores, LISTED)),
    )


def denied(judged: Judged) -> NDArray[np.bool_]:
    """Return, of the messages in which a model is sure of a label, which were not given it."""
    sure = judged.scores >= SURE
    return np.asarray((sure & (judged.given == 0)).any(axis=1)[sure.any(axis=1)])


def made_up(judged: Judged) -> NDArray[np.bool_]:
    """Return, of the messages that were given labels, in which a model sees nothing of any of them."""
    named = judged.given.any(axis=1)
    seen = np.where(judged.given == 1, judged.scores, 0.0).max(axis=1)
    return np.asarray(seen[named] < UNSEEN)


def _more(own: NDArray[np.bool_], usual: Sequence[NDArray[np.bool_]]) -> Difference | None:
    """Return the share in the batch against the usual one, the highest of those given."""
    if own.sum() < LEAST:
        return None
    expected = max(float(one.mean()) if len(one) else 0.0 for one in usual)
    share = shares(np.zeros_like(own), own, np.arange(len(own)))
    return Difference(expected, share.new, share.low - expected, share.high - expected)
