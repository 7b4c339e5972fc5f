"""From verdicts to a candidate: trained, compared with the champion, written whole or not at all.

    project data + feedback ─ train ─┬─ board `held_out`: what both may know, by cross-validation
    the same without what is new ────┘
    champion and candidate as served ── board `test`: the split that nobody learns from
    champion as served, candidate's folds ─ board `reviewed`: verdicts since the champion's training
    a model without each half of the new verdicts ── whether these can be believed

The champion has learnt from most of what it could be judged on. So its recipe is fitted again: this
program's, on the data without the new verdicts, in the candidate's own folds, which keep
near-duplicates together. Each message is then judged by two models that saw neither it nor its like,
and no part of the data is lost to judging. The new verdicts are kept apart: the champion itself
judges them, having come before them. Whether they are right the two other boards tell as far as what is
wrong does harm there; `training/verdicts.py` asks the verdicts themselves.

Candidate and rival choose their thresholds in the same way, near the champion's: what is compared
is what was learnt, not on which of several summits a threshold came to lie.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.artifacts import Model, load_model
from moderation.errors import ModerationError
from moderation.taxonomy import taxonomy
from training import fit, gate, grouping, placing, publish, thresholds, verdicts
from training.compare import Contender
from training.corpus import TEST, Sample, label_matrix
from training.estimators import calibrated
from training.judge import text_scores

COMPARISON = "compare.json"


@dataclass(frozen=True, slots=True)
class Feedback:
    """Reviewed messages; `new` marks those that the champion has not learnt from.

    `until` is the time of the last verdict, as text: what comes later is new to the candidate.
    """

    samples: Sequence[Sample] = ()
    new: Sequence[bool] = ()
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Retrained:
    """A candidate's folder, and how it compares with the champion: `compare.json`."""

    folder: Path
    comparison: dict[str, Any]

    @property
    def version(self) -> str:
        """Return the candidate's version."""
        return str(self.comparison["candidate"])

    @property
    def passed(self) -> bool:
        """Return whether the gate lets the candidate through."""
        return bool(self.comparison["verdict"]["passed"])


def retrain(
    project: Sequence[Sample],
    feedback: Feedback,
    champion: Path,
    models: Path,
    recipe: fit.Recipe,
    released: date,
    progress: fit.Progress,
    output: Path | None = None,
) -> Retrained:
    """Train a candidate, compare it with the champion and write its folder.

    Args:
        project: the data set, with its split `test`.
        feedback: what people said was right.
        champion: folder of the model in force.
        models: where the version is added, unless `output` names a folder.
        recipe: of both.
        released: date in the version.
        progress: is told each step.
        output: the folder to write, which must not exist.

    Raises:
        ModerationError: the champion cannot be loaded, `output` exists, or there is too little data.
    """
    if output is not None and output.exists():
        raise ModerationError(f"{output} exists already")
    old = load_model(champion)
    with placing.part(models if output is None else output.parent) as folder:
        try:
            samples = [*project, *feedback.samples]
            trained = fit.train(samples, folder, recipe, released, progress, _review(old))
        except ValueError as error:
            raise ModerationError(str(error)) from error
        progress("comparing with the champion")
        boards = list(_boards(trained, project, feedback, old, load_model(folder), recipe))
        batch = _batch(trained, _fresh(trained, feedback), recipe)
        comparison = compared(old.version, trained.about["version"], boards, batch)
        comparison["feedback"] = {
            "messages": len(feedback.samples),
            "new": sum(feedback.new),
            "until": feedback.until,
        }
        progress("writing card and report")
        publish.publish(trained, folder)
        text = json.dumps(comparison, ensure_ascii=False, indent=1) + "\n"
        (folder / COMPARISON).write_text(text, encoding="utf-8")
        target = output or models / str(comparison["candidate"])
        placing.place(folder, target)
    return Retrained(target, comparison)


def compared(
    old: str, new: str, boards: Sequence[gate.Board], batch: verdicts.Batch | None = None
) -> dict[str, Any]:
    """Return the differences on every board and the gate's verdict, ready for JSON."""
    figures = [gate.measure(board) for board in boards]
    verdict = gate.judge(figures, gate.Tolerances.load(), batch)
    return {
        "champion": old,
        "candidate": new,
        "verdict": verdict.to_dict(),
        "boards": [one.to_dict() for one in figures],
        "batch": batch and batch.to_dict(),
    }


def board_of(name: str, samples: Sequence[Sample], old: Model, new: Model) -> gate.Board:
    """Return messages that neither model has learnt from, judged by both as they are served."""
    texts = [sample.text for sample in samples]
    return gate.Board(
        name,
        [sample.place for sample in samples],
        label_matrix(samples),
        grouping.groups(texts),
        old=Contender(text_scores(old, texts), _review(old)),
        new=Contender(text_scores(new, texts), _review(new)),
    )


def _boards(
    trained: fit.Trained,
    project: Sequence[Sample],
    feedback: Feedback,
    old: Model,
    new: Model,
    recipe: fit.Recipe,
) -> list[gate.Board]:
    fresh = _fresh(trained, feedback)
    boards = [_held_out(trained, fresh, recipe, _review(old))]
    test = [sample for sample in project if sample.split == TEST]
    if test:
        boards.append(board_of(gate.TEST, test, old, new))
    if fresh.any():
        boards.append(_reviewed(trained, fresh, old))
    return boards


def _fresh(trained: fit.Trained, feedback: Feedback) -> NDArray[np.bool_]:
    """Return which judged samples are new verdicts: feedback stands at the end of them."""
    fresh = np.zeros(len(trained.judged), dtype=np.bool_)
    if len(feedback.new):
        fresh[-len(feedback.new) :] = feedback.new
    return fresh


def _held_out(
    trained: fit.Trained, fresh: NDArray[np.bool_], recipe: fit.Recipe, near: NDArray[np.float64]
) -> gate.Board:
    """Return what both may know, each message judged by models that saw neither it nor its like."""
    own, known = trained.held_out, ~fresh
    design = trained.design
    unseen = np.zeros(len(design.judged), dtype=np.bool_)
    unseen[np.flatnonzero(design.judged)] = fresh
    before = replace(design, weight=design.weight * ~unseen[design.origin])
    models = fit.fit_without(before, recipe, range(recipe.folds))
    fair = fit.representative(trained.judged)
    rival = fit.judge_disguised(before, models, own.drawn, own.disguised, fair)
    chosen = thresholds.choose(taxonomy().ids, rival.truth[fair], rival.scores[fair], near)
    drawn = known[own.drawn]
    return gate.Board(
        name=gate.HELD_OUT,
        places=_places(trained, known),
        truth=own.truth[known],
        group=_groups(trained)[known],
        old=Contender(rival.scores[known], fit.review_thresholds(chosen)),
        new=_candidate(trained, known),
        drawn=(np.cumsum(known) - 1)[own.drawn[drawn]],
        attacked={
            kind: (rival.attacked[kind][drawn], scores[drawn])
            for kind, scores in own.attacked.items()
        },
    )


def _reviewed(trained: fit.Trained, fresh: NDArray[np.bool_], old: Model) -> gate.Board:
    """Return the new verdicts: the champion never saw them, of the candidate each the fold without it."""
    rows = np.flatnonzero(fresh)
    texts = [trained.judged[row].text for row in rows]
    return gate.Board(
        name=gate.REVIEWED,
        places=_places(trained, fresh),
        truth=trained.held_out.truth[fresh],
        group=_groups(trained)[fresh],
        old=Contender(text_scores(old, texts), _review(old)),
        new=_candidate(trained, fresh),
    )


def _batch(
    trained: fit.Trained, fresh: NDArray[np.bool_], recipe: fit.Recipe
) -> verdicts.Batch | None:
    """Return what of the new verdicts contradicts models that learnt the other half of them."""
    if not fresh.any():
        return None
    design, own = trained.design, trained.held_out
    rows = np.flatnonzero(design.judged)[fresh]
    half = np.full(len(design.judged), -1)
    half[rows] = np.arange(len(rows)) % 2
    models = fit.fit_without(replace(design, fold=half[design.origin]), recipe, range(2))
    scores = calibrated(fit.logits(design.X[rows], half[rows], models), own.slope, own.shift)
    feedback = np.array([sample.is_feedback for sample in trained.judged])
    data, earlier = (
        verdicts.Judged(own.truth[which], own.scores[which])
        for which in (~feedback, feedback & ~fresh)
    )
    samples = [trained.judged[row] for row in np.flatnonzero(fresh)]
    return verdicts.measure(samples, verdicts.Judged(own.truth[fresh], scores), data, earlier)


def _candidate(trained: fit.Trained, rows: NDArray[np.bool_]) -> Contender:
    review = fit.review_thresholds(trained.about["thresholds"])
    return Contender(trained.held_out.scores[rows], review)


def _groups(trained: fit.Trained) -> NDArray[np.int64]:
    return trained.design.group[trained.design.judged]


def _places(trained: fit.Trained, rows: NDArray[np.bool_]) -> list[str]:
    return [trained.judged[row].place for row in np.flatnonzero(rows)]


def _review(model: Model) -> NDArray[np.float64]:
    return np.array([at.review for at in model.thresholds])
