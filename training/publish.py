"""What stands beside a model's weights for people to read: its card, its report, its measurement."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.artifacts import Model
from moderation.datafiles import TomlFile
from training import evaluate, robustness
from training.card import write_card
from training.corpus import Sample, label_matrix
from training.fit import Trained, review_thresholds
from training.judge import text_scores
from training.report import write_report
from training.sources import PREFIX, licences

TRIALS = Path(__file__).parent / "data" / "trials.toml"


def publish(trained: Trained, folder: Path) -> None:
    """Write `CARD.md` and `report.html` into a model folder."""
    about = trained.about
    used = [name.removeprefix(PREFIX) for name in about["data"]["corpora"]]
    write_card(folder, about, trials(), licences(used))
    write_report(
        folder / "report.html",
        about["metrics"],
        trained.held_out.truth,
        trained.held_out.scores,
        review_thresholds(about["thresholds"]),
        f"Model {about['version']}, held-out messages",
    )


def judge(model: Model, samples: Sequence[Sample], report: Path | None) -> dict[str, Any]:
    """Return the figures of a finished model on labelled messages, and write a report where asked."""
    scores = text_scores(model, [sample.text for sample in samples])
    review = np.array([at.review for at in model.thresholds])
    metrics = evaluate.evaluate(samples, scores, review)
    metrics["attacked"] = _under_attack(model, samples, review)
    if report:
        title = f"Model {model.version} on {len(samples)} messages"
        write_report(report, metrics, label_matrix(samples), scores, review, title)
    return metrics


def _under_attack(
    model: Model, samples: Sequence[Sample], review: NDArray[np.float64]
) -> dict[str, Any]:
    """Return the figures of the samples, or of as many as are drawn, plain and disguised."""
    some = [samples[number] for number in robustness.drawn(len(samples))]
    texts = [sample.text for sample in some]
    scores = {
        kind: text_scores(model, robustness.disguised(texts, kind))
        for kind in (robustness.PLAIN, *robustness.ATTACKED)
    }
    return robustness.figures(label_matrix(some), scores, review)


def trials() -> list[dict[str, Any]]:
    """Return what was tried against the model that ships, with its figures, winners and losers."""
    rows: list[dict[str, Any]] = TomlFile(TRIALS).body["trial"]
    return rows
