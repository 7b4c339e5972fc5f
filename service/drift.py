"""Drift: how the last weeks differ from those before. Pure.

texts ─ weeks ─ the earlier half is the reference, each later one is compared with it
             ├ input: how well a classifier tells them apart (given by the caller)
             ├ scores: population stability index per label
             ├ labels found, terms that hit
             └ words and runs of characters new among the flagged of the last week, and those of the missed
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from moderation.taxonomy import taxonomy
from service.cases import Origin
from service.storage.texts import Said
from service.wordstats import ngrams, rising, words

WEEK = timedelta(days=7)
WEEKS = 8
"""Weeks looked back on unless somebody asks otherwise."""
BINS = np.linspace(0, 1, 11)
SHIFTED = 0.25
"""A stability index from which scores count as shifted, by the custom of scorecards."""
SURE = 0.01
"""Share of shuffles that may do as well as a week that is marked."""
TERMS = 30


class Told(Protocol):
    """How well texts are told apart."""

    @property
    def auc(self) -> float:
        """Return the area under the curve."""

    @property
    def null(self) -> float:
        """Return what 95 % of shuffles stay below."""

    @property
    def p(self) -> float:
        """Return the share of shuffles that do as well."""


@dataclass(frozen=True, slots=True)
class Instruments:
    """What the caller measures with: on texts, in order; terms as `(term, label)`, once per text."""

    told_apart: Callable[[Sequence[str], Sequence[str]], Told | None]
    scores: Callable[[Sequence[str]], NDArray[np.float64]]
    terms: Callable[[Sequence[str]], list[set[tuple[str, str]]]]


def report(
    said: Sequence[Said], weeks: int, now: datetime, by: Instruments, alert: float
) -> dict[str, Any]:
    """Return the comparison of the last `weeks` weeks, ready for JSON; from `alert` on a week is marked."""
    start = now - weeks * WEEK
    said = [one for one in said if start <= one.at < now]
    number = np.array([(one.at - start) // WEEK for one in said], dtype=np.int64)
    half = weeks // 2
    drawn = np.array([one.flagged or one.origin is Origin.SAMPLE for one in said], dtype=np.bool_)
    texts = [one.text for one in said]
    scores = by.scores(texts)
    rows = []
    for week in range(weeks):
        own, before = drawn & (number == week), drawn & (number < half)
        row = _week(
            start + week * WEEK, [one for one, n in zip(said, number, strict=True) if n == week]
        )
        if week >= half:
            row |= _shift(texts, scores, own, before, by, alert)
        rows.append(row)
    last = [one for one, n in zip(said, number, strict=True) if n == weeks - 1]
    earlier = [one for one, n in zip(said, number, strict=True) if n < weeks - 1]
    missed = [one for one, n in zip(said, number, strict=True) if n >= half and one.missed]
    return {
        "weeks": rows,
        "reference": half,
        "auc": rows[-1]["auc"],
        "alert": rows[-1]["alert"],
        "threshold": alert,
        "terms": _terms(by.terms(texts), number, weeks, half),
        "flagged": _news(_flagged(last), _flagged(earlier)),
        "missed": _news(missed, [one for one in said if not one.missed]),
    }


def stability_index(reference: NDArray[np.float64], recent: NDArray[np.float64]) -> float:
    """Return the population stability index of scores 0..1 in ten equal bins, half a score added to each."""
    shares = []
    for scores in (reference, recent):
        counts = np.histogram(scores, BINS)[0] + 0.5
        shares.append(counts / counts.sum())
    before, now = shares
    return float(((now - before) * np.log(now / before)).sum())


def _week(since: datetime, said: Sequence[Said]) -> dict[str, Any]:
    flagged = _flagged(said)
    counts = Counter(label for one in flagged for label in one.found)
    return {
        "since": since.isoformat(),
        "texts": len(said),
        "flagged": len(flagged),
        "labels": {label: counts[label] for label in taxonomy().ids if counts[label]},
    }


def _shift(
    texts: Sequence[str],
    scores: NDArray[np.float64],
    own: NDArray[np.bool_],
    before: NDArray[np.bool_],
    by: Instruments,
    alert: float,
) -> dict[str, Any]:
    sides = [[texts[row] for row in np.flatnonzero(which).tolist()] for which in (before, own)]
    told = by.told_apart(*sides)
    if told is None:
        return {"auc": None, "null": None, "p": None, "alert": False, "psi": {}}
    index = {
        label: round(stability_index(scores[before, column], scores[own, column]), 4)
        for column, label in enumerate(taxonomy().ids)
    }
    return {
        "auc": round(told.auc, 4),
        "null": round(told.null, 4),
        "p": round(told.p, 4),
        "alert": told.auc >= alert and told.p <= SURE,
        "psi": {label: value for label, value in index.items() if value >= 0.01},
    }


def _terms(
    hits: Sequence[set[tuple[str, str]]], number: NDArray[np.int64], weeks: int, half: int
) -> list[dict[str, Any]]:
    """Return the terms that hit most, with their texts per week; `change` is per week, late to early."""
    per_week: dict[tuple[str, str], list[int]] = {}
    for found, week in zip(hits, number.tolist(), strict=True):
        for term in found:
            per_week.setdefault(term, [0] * weeks)[week] += 1
    ordered = sorted(per_week.items(), key=lambda item: (-sum(item[1]), item[0]))[:TERMS]
    return [
        {
            "term": term,
            "label": label,
            "weeks": counts,
            "change": round((sum(counts[half:]) + 0.5) / (sum(counts[:half]) + 0.5), 2),
        }
        for (term, label), counts in ordered
    ]


def _flagged(said: Sequence[Said]) -> list[Said]:
    return [one for one in said if one.flagged]


def _news(now: Sequence[Said], before: Sequence[Said]) -> dict[str, Any]:
    here, there = [one.text for one in now], [one.text for one in before]
    return {
        "texts": len(here),
        "words": [asdict(one) for one in rising(words(here), words(there))],
        "ngrams": [asdict(one) for one in rising(ngrams(here), ngrams(there))],
    }
