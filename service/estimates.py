"""Shares estimated from a sample, with how sure they are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

Z = 1.959964
"""Of a normal distribution 95 % lie within so many standard deviations."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A passed message that was drawn when the share `rate` was; `missed` is None until it is judged."""

    rate: float
    missed: bool | None


@dataclass(frozen=True, slots=True)
class RecallEstimate:
    """How many breaches pass unseen. `None` where nothing is known yet.

    `passed` is estimated from the sample. `found` counts confirmed cases and, of those not judged yet,
    the share that the judged ones let expect. Each pair holds the ends of a 95 % interval.
    """

    sampled: int
    reviewed: int
    missed: int
    miss_rate: float | None
    miss_interval: tuple[float, float] | None
    passed: float
    found: float
    recall: float | None
    recall_interval: tuple[float, float] | None

    def to_dict(self) -> dict[str, Any]:
        """Return the public form."""
        return asdict(self)


def wilson(share: float, size: float) -> tuple[float, float]:
    """Return the 95 % interval of a share seen in `size` draws (Wilson 1927); it holds for rare things too."""
    base = 1 + Z * Z / size
    middle = (share + Z * Z / (2 * size)) / base
    reach = Z * sqrt(share * (1 - share) / size + Z * Z / (4 * size * size)) / base
    return max(0.0, middle - reach), min(1.0, middle + reach)


def estimate(drawn: Sequence[Drawn], flagged: int, closed: int, breaches: int) -> RecallEstimate:
    """Return what the sample says: a message drawn at the rate r stands for 1/r of them.

    Where the rate was changed in between, the draws weigh unequally and count for fewer (Kish 1965).
    """
    passed = sum(1 / one.rate for one in drawn)
    found = flagged * breaches / closed if closed else 0.0
    judged = [one for one in drawn if one.missed is not None]
    missed = [one for one in judged if one.missed]
    if not judged:
        return RecallEstimate(len(drawn), 0, 0, None, None, passed, found, None, None)
    weight = sum(1 / one.rate for one in judged)
    share = sum(1 / one.rate for one in missed) / weight
    low, high = wilson(share, weight**2 / sum(1 / one.rate**2 for one in judged))
    return RecallEstimate(
        sampled=len(drawn),
        reviewed=len(judged),
        missed=len(missed),
        miss_rate=share,
        miss_interval=(low, high),
        passed=passed,
        found=found,
        recall=found / (found + share * passed) if found else None,
        recall_interval=(found / (found + high * passed), found / (found + low * passed))
        if found
        else None,
    )
