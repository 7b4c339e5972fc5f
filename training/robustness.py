"""Held-out messages rewritten by machine, so that a model is judged on disguises beside plain text."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import attack, evaluate

PLAIN = "none"
ATTACKED = ("homophone", "emoji", "separator", "cloak")
"""Kinds of attack that messages are judged under beside their plain form."""
AT_MOST = 20_000
"""So many messages are rewritten at most; the standard error of their label macro F1 is 0.27 points."""
_SHARE = 0.4
_SEED = 1_000_003
"""Another seed than the copies have: nothing is judged under the very change it was trained with."""


def drawn(count: int) -> NDArray[np.int64]:
    """Return which of `count` messages are rewritten, ascending: all up to `AT_MOST`."""
    order = np.random.default_rng(_SEED).permutation(count) if count > AT_MOST else np.arange(count)
    return np.sort(order[:AT_MOST])


def disguised(texts: Sequence[str], kind: str) -> list[str]:
    """Return the texts under one kind of attack; `PLAIN` leaves them as they are."""
    return list(texts) if kind == PLAIN else [_disguise(text, kind) for text in texts]


def figures(
    truth: NDArray[np.int8],
    scores: Mapping[str, NDArray[np.float64]],
    thresholds: NDArray[np.float64],
) -> dict[str, Any]:
    """Return the figures of the same messages under each kind of attack."""
    return {kind: evaluate.summary(truth, own, thresholds) for kind, own in scores.items()}


def _disguise(text: str, kind: str) -> str:
    rng = np.random.default_rng([_SEED, zlib.crc32(text.encode())])
    return attack.attack(text, kind, rng, _SHARE)
