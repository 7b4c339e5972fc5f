"""One report for a version, and how it differs from another on messages that neither has learnt from.

messages ─┬─ version: every figure ───────────────────────┐
          └─ both: differences with intervals, flips ─────┴─ report.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.artifacts import Model
from training import evaluate, gate, publish, robustness
from training.corpus import Sample, label_matrix
from training.judge import text_scores
from training.report import Against, write_report
from training.retrain import board_of


@dataclass(frozen=True, slots=True)
class Measured:
    """Every figure of a version, and the differences from another where one was named."""

    metrics: dict[str, Any]
    figures: gate.Figures | None


def report(
    path: Path,
    version: Model,
    other: Model | None,
    samples: Sequence[Sample],
    curve: Sequence[dict[str, float]] = (),
) -> Measured:
    """Judge a version on labelled messages, compare it with the other, and write `report.html`.

    Args:
        path: the file.
        version: what is reported on.
        other: what it is compared with.
        samples: messages that neither has learnt from.
        curve: points of `learning.curve`, drawn where there are any.
    """
    metrics = publish.judge(version, samples, None)
    if curve:
        metrics["learning_curve"] = list(curve)
    figures = against = None
    if other is not None:
        board = _attacked(board_of(gate.TEST, samples, other, version), samples, other, version)
        figures = gate.measure(board)
        before = evaluate.evaluate(samples, board.old.scores, board.old.thresholds)
        against = Against(other.version, figures, board.old.scores, before["evasion_recall"])
    write_report(
        path,
        metrics,
        label_matrix(samples),
        text_scores(version, [sample.text for sample in samples]),
        _review(version),
        f"Model {version.version} on {len(samples):,} messages",
        samples,
        against,
    )
    return Measured(metrics, figures)


def _attacked(board: gate.Board, samples: Sequence[Sample], old: Model, new: Model) -> gate.Board:
    """Return a board with what both say of the messages rewritten by machine."""
    drawn = robustness.drawn(len(samples))
    some = [samples[number].text for number in drawn]
    attacked = {}
    for kind in robustness.ATTACKED:
        texts = robustness.disguised(some, kind)
        attacked[kind] = text_scores(old, texts), text_scores(new, texts)
    return replace(board, drawn=drawn, attacked=attacked)


def _review(model: Model) -> NDArray[np.float64]:
    return np.array([at.review for at in model.thresholds])
