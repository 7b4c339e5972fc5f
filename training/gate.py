"""May a candidate take the champion's place: both judged on the same messages, and what must not get worse.

    boards (messages, truth, what both say) ─ differences with intervals ─┐
    new verdicts (training/verdicts.py) ─ how much more is contradicted ──┴─ tolerances ─ verdict with reasons

Pure: it is given scores and gives figures. `training/retrain.py` says which messages stand on which
board and which models speak for the two.

A figure refuses when it gets worse by more than its tolerance, and beyond doubt: the whole interval on
one side. Of nineteen labels one falls by chance; and with a hundred thousand messages every label falls
or rises beyond doubt, by nothing that anybody would notice.

`held_out` has hundreds of messages of every label: there each label counts. `test` has few of each:
there the mean over the labels counts. `reviewed` is shown and never refuses: a case is there because
the champion flagged it, so that it has missed none of the breaches, and any other model will. The new
verdicts themselves refuse when they contradict what is known, and each other, far more than usual.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.datafiles import TomlFile
from moderation.taxonomy import taxonomy
from training.compare import Contender, Difference, compare, shares
from training.verdicts import DENIED, MADE_UP, Batch

TOLERANCES = Path(__file__).parent / "data" / "tolerances.toml"
HELD_OUT, TEST, REVIEWED, BATCH = "held_out", "test", "reviewed", "batch"
LABEL, MACRO, ATTACKED, CLEAN = "label", "label_f1", "attacked_recall", "clean_flagged"
_WHOLE = (MACRO, ATTACKED, CLEAN, DENIED, MADE_UP)
_RISES = (CLEAN, DENIED, MADE_UP)
"""Figures that get worse by rising."""
SHOWN = 200
"""Flips listed per board; all are counted."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """By how much a figure may get worse: F1 per label and its mean, recall under attack, clean flagged.

    `denied` and `made_up` are by how much more of the new verdicts than usual may be contradicted.
    """

    labels: Mapping[str, float]
    label_f1: float
    attacked_recall: float
    clean_flagged: float
    denied: float
    made_up: float

    @classmethod
    def load(cls, path: Path = TOLERANCES) -> Tolerances:
        """Read a file; raises `DataFileError` where a label lacks its tolerance."""
        file = TomlFile(path)
        labels = {name: float(value) for name, value in file.body["labels"].items()}
        if missing := set(taxonomy().ids) ^ labels.keys():
            raise file.error(1, f"not one tolerance for each label: {', '.join(sorted(missing))}")
        return cls(labels, *(float(file.body[name]) for name in _WHOLE))


@dataclass(frozen=True, slots=True)
class Board:
    """Messages that both models are judged on, and what they say of them.

    `group` holds a number per message, the same for near-duplicates. `attacked` has the scores of
    both by kind of attack, of the messages `drawn`.
    """

    name: str
    places: Sequence[str]
    truth: NDArray[np.int8]
    group: NDArray[np.int64]
    old: Contender
    new: Contender
    drawn: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    attacked: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True)
class Flip:
    """A message of which the two find different labels; `kind` says for whom that speaks."""

    place: str
    truth: tuple[str, ...]
    old: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Return `fixed`, `broken`, or `other` where both or neither are right."""
        if (self.old == self.truth) == (self.new == self.truth):
            return "other"
        return "fixed" if self.new == self.truth else "broken"


@dataclass(frozen=True, slots=True)
class Figures:
    """The differences on one board; None where no message of it can tell."""

    board: str
    messages: int
    label_f1: Difference | None
    category_f1: Difference | None
    labels: Mapping[str, Difference]
    attacked_recall: Difference | None
    clean_flagged: Difference | None
    flips: tuple[Flip, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: flips counted by kind, the first of them listed, broken ones first."""
        kinds = [flip.kind for flip in self.flips]
        listed = sorted(self.flips, key=lambda flip: ("broken", "fixed", "other").index(flip.kind))
        return {
            "board": self.board,
            "messages": self.messages,
            MACRO: self.label_f1 and _plain(self.label_f1),
            "category_f1": self.category_f1 and _plain(self.category_f1),
            "labels": {name: _plain(one) for name, one in self.labels.items()},
            ATTACKED: self.attacked_recall and _plain(self.attacked_recall),
            CLEAN: self.clean_flagged and _plain(self.clean_flagged),
            "flipped": {kind: kinds.count(kind) for kind in ("fixed", "broken", "other")},
            "flips": [{**asdict(flip), "kind": flip.kind} for flip in listed[:SHOWN]],
        }


@dataclass(frozen=True, slots=True)
class Reason:
    """A figure and the tolerance that it is held to; in a verdict, one that got worse by more than that."""

    board: str
    rule: str
    label: str | None
    difference: Difference
    tolerance: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "board": self.board,
            "rule": self.rule,
            "label": self.label,
            **_plain(self.difference),
            "tolerance": self.tolerance,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the candidate passes; the reasons why it does not."""

    reasons: tuple[Reason, ...]

    @property
    def passed(self) -> bool:
        """Return whether nothing speaks against the candidate."""
        return not self.reasons

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"passed": self.passed, "reasons": [reason.to_dict() for reason in self.reasons]}


def measure(board: Board) -> Figures:
    """Return the differences between the two on a board, and the messages that flip."""
    found = None
    if board.truth.any():
        found = compare(board.truth, board.old, board.new, board.group)
    old, new = _found(board.old), _found(board.new)
    clean = ~board.truth.any(axis=1)
    before, after = (np.asarray(one[clean].any(axis=1)) for one in (old, new))
    return Figures(
        board=board.name,
        messages=len(board.truth),
        label_f1=found.label_f1 if found else None,
        category_f1=found.category_f1 if found else None,
        labels=found.labels if found else {},
        attacked_recall=_attacked_recall(board),
        clean_flagged=shares(before, after, board.group[clean]) if clean.any() else None,
        flips=tuple(_flips(board, old, new)),
    )


def judge(
    figures: Iterable[Figures], tolerances: Tolerances, batch: Batch | None = None
) -> Verdict:
    """Return whether the candidate may be promoted."""
    asked = [one for board in figures for one in _asked(board, tolerances)]
    if batch is not None:
        asked += _asked_of(batch, tolerances)
    return Verdict(tuple(one for one in asked if _refuses(one)))


def _refuses(asked: Reason) -> bool:
    """Return whether a figure got worse by more than its tolerance, and beyond doubt."""
    one = asked.difference
    harm = one.value if asked.rule in _RISES else -one.value
    return harm > asked.tolerance and not one.low <= 0 <= one.high


def _asked_of(batch: Batch, tolerances: Tolerances) -> Iterable[Reason]:
    """Yield what the new verdicts are asked about."""
    if batch.denied is not None:
        yield Reason(BATCH, DENIED, None, batch.denied, tolerances.denied)
    if batch.made_up is not None:
        yield Reason(BATCH, MADE_UP, None, batch.made_up, tolerances.made_up)


def _asked(figures: Figures, tolerances: Tolerances) -> Iterable[Reason]:
    """Yield everything that the board can tell and is asked for, with its tolerance."""
    if figures.board == REVIEWED:
        return
    if figures.board == HELD_OUT:
        for label, difference in figures.labels.items():
            yield Reason(HELD_OUT, LABEL, label, difference, tolerances.labels[label])
    for rule, one, tolerance in (
        (MACRO, figures.label_f1 if figures.board == TEST else None, tolerances.label_f1),
        (ATTACKED, figures.attacked_recall, tolerances.attacked_recall),
        (CLEAN, figures.clean_flagged, tolerances.clean_flagged),
    ):
        if one is not None:
            yield Reason(figures.board, rule, None, one, tolerance)


def _attacked_recall(board: Board) -> Difference | None:
    """Return the shares of violations of which a right label is found under attack, all kinds together."""
    truth = board.truth[board.drawn]
    violation = truth.any(axis=1)
    if not board.attacked or not violation.any():
        return None
    hits = [
        [((scores >= side.thresholds) & (truth == 1))[violation].any(axis=1) for scores in of_side]
        for side, of_side in zip(
            (board.old, board.new), zip(*board.attacked.values(), strict=True), strict=True
        )
    ]
    group = np.tile(board.group[board.drawn][violation], len(board.attacked))
    return shares(np.concatenate(hits[0]), np.concatenate(hits[1]), group)


def _flips(board: Board, old: NDArray[np.bool_], new: NDArray[np.bool_]) -> Iterable[Flip]:
    for row in np.flatnonzero((old != new).any(axis=1)).tolist():
        yield Flip(board.places[row], _names(board.truth[row]), _names(old[row]), _names(new[row]))


def _found(side: Contender) -> NDArray[np.bool_]:
    return np.asarray(side.scores >= side.thresholds)


def _names(row: NDArray[Any]) -> tuple[str, ...]:
    return tuple(taxonomy().ids[column] for column in np.flatnonzero(row).tolist())


def _plain(difference: Difference) -> dict[str, float]:
    return {key: round(value, 5) for key, value in asdict(difference).items()}
