"""Whether new verdicts can be believed: flipped ones are noticed, honest ones and new kinds are not."""

from __future__ import annotations

import numpy as np
import pytest

from moderation.taxonomy import taxonomy
from training import gate, verdicts
from training.corpus import Sample
from training.gate import BATCH, Tolerances
from training.verdicts import DENIED, MADE_UP, Judged

IDS = taxonomy().ids
COUNT = 400


def honest(count: int = COUNT, wrong: float = 0.05) -> Judged:
    """Messages, half of them clean, of which the model is right except for a share."""
    given = np.zeros((count, len(IDS)), dtype=np.int8)
    given[np.arange(0, count, 2), np.arange(0, count, 2) % len(IDS)] = 1
    scores = np.where(given == 1, 0.95, 0.02)
    off = np.arange(count)[:: round(1 / wrong)] if wrong else np.zeros(0, dtype=int)
    for row in off:
        scores[row] = 0.95 if not given[row].any() else 0.3
    return Judged(given, scores)


def flipped(judged: Judged, count: int) -> tuple[Judged, set[int]]:
    """Half of `count` breaches said to be none, half of it harmless messages said to be one."""
    given = judged.given.copy()
    breach = np.flatnonzero(given.any(axis=1))[: count // 2]
    clean = np.flatnonzero(~given.any(axis=1))[: count // 2]
    given[breach] = 0
    given[clean, 3] = 1
    return Judged(given, judged.scores), {*breach.tolist(), *clean.tolist()}


def samples(judged: Judged) -> list[Sample]:
    return [
        Sample(f"第{n}条", tuple(IDS[c] for c in np.flatnonzero(row)), "work", "x", place=str(n))
        for n, row in enumerate(judged.given)
    ]


def refusals(batch: verdicts.Batch) -> set[tuple[str, str]]:
    found = gate.judge([], Tolerances.load(), batch)
    return {(reason.board, reason.rule) for reason in found.reasons}


def measure(batch: Judged, **given) -> verdicts.Batch:
    return verdicts.measure(samples(batch), batch, honest(2000), **given)


def test_honest_verdicts_pass():
    batch = measure(honest())
    assert refusals(batch) == set()


def test_flipped_verdicts_refuse_and_lead_the_suspects():
    judged, wrong = flipped(honest(), 160)
    batch = measure(judged)
    assert refusals(batch) == {(BATCH, DENIED), (BATCH, MADE_UP)}
    first = {int(one.place) for one in batch.suspects[: len(wrong)]}
    assert len(first & wrong) >= 0.9 * len(wrong)


def test_a_kind_that_the_other_half_has_taught_is_no_contradiction():
    given = np.zeros((COUNT, len(IDS)), dtype=np.int8)
    given[:, 1] = 1
    assert refusals(measure(Judged(given, np.where(given == 1, 0.97, 0.01)))) == set()


def test_of_few_contradictions_nothing_is_said():
    judged, _ = flipped(honest(wrong=0), 2 * (verdicts.LEAST - 1))
    batch = measure(judged)
    assert (batch.denied, batch.made_up) == (None, None)


def test_what_earlier_verdicts_had_too_is_usual():
    """Reviewers whose groups differ from the data set are not refused for ever."""
    judged, _ = flipped(honest(), 160)
    assert refusals(measure(judged, earlier=judged)) == set()
    few = Judged(judged.given[:100], judged.scores[:100])
    assert refusals(measure(judged, earlier=few)) == {(BATCH, DENIED), (BATCH, MADE_UP)}


def test_the_interval_is_that_of_the_batch():
    judged, _ = flipped(honest(), 160)
    one = measure(judged).denied
    assert one.old == pytest.approx(verdicts.denied(honest(2000)).mean())
    assert one.new == pytest.approx(verdicts.denied(judged).mean())
    assert one.low < one.value < one.high


def test_no_text_of_a_case_stands_in_the_model_folder():
    judged, _ = flipped(honest(), 160)
    told = measure(judged).to_dict()
    assert len(told["suspects"]) == verdicts.LISTED
    assert "text" not in told["suspects"][0]
