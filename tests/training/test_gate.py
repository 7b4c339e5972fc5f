"""The gate lets through what is as good, and says of the rest which figure speaks against it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moderation.errors import DataFileError
from moderation.taxonomy import taxonomy
from training import gate
from training.compare import Contender
from training.gate import ATTACKED, CLEAN, HELD_OUT, LABEL, MACRO, REVIEWED, TEST, Board, Tolerances

IDS = taxonomy().ids
COUNT = 4000
AD = IDS.index("illicit_ad")


def board(name: str = HELD_OUT, count: int = COUNT, **given) -> Board:
    """A board on which both find everything and flag nothing clean; every second message is clean."""
    truth = np.eye(len(IDS), dtype=np.int8)[np.arange(count) % len(IDS)]
    truth[::2] = 0
    both = Contender(truth.astype(np.float64), np.full(len(IDS), 0.5))
    drawn = np.arange(count)
    attacked = {"homophone": (both.scores, both.scores)}
    places = [f"m-{number}" for number in range(count)]
    made = Board(name, places, truth, np.arange(count), both, both, drawn, attacked)
    return replace(made, **given)


def missing(scores, column: int, share: float):
    """Scores that miss a share of what is found in a column."""
    out = scores.copy()
    rows = np.flatnonzero(out[:, column])
    out[rows[: round(share * len(rows))], column] = 0
    return out


def verdict(*boards: Board) -> gate.Verdict:
    return gate.judge([gate.measure(one) for one in boards], Tolerances.load())


def rules(found: gate.Verdict) -> set[tuple[str, str, str | None]]:
    return {(reason.board, reason.rule, reason.label) for reason in found.reasons}


def changed(one: Board, scores) -> Board:
    return replace(one, new=Contender(scores, one.new.thresholds))


def test_a_model_like_the_champion_passes():
    found = verdict(board(), board(TEST), board(REVIEWED))
    assert found.passed
    assert found.to_dict() == {"passed": True, "reasons": []}


def test_a_label_that_falls_by_more_than_its_tolerance_refuses():
    one = board()
    assert verdict(changed(one, missing(one.new.scores, AD, 0.03))).passed
    found = verdict(changed(one, missing(one.new.scores, AD, 0.2)))
    assert rules(found) == {(HELD_OUT, LABEL, "illicit_ad")}
    (reason,) = found.to_dict()["reasons"]
    assert reason["new"] < reason["old"] - reason["tolerance"]
    assert reason["low"] < reason["new"] - reason["old"] < reason["high"] < 0


def test_a_fall_that_may_be_chance_does_not_refuse():
    """Of twenty messages of a label three more missed is much, and says nothing beyond doubt."""
    one = board(count=40 * len(IDS) // 2)
    scores = missing(one.new.scores, AD, 0.15)
    rows = np.flatnonzero(one.truth[:, IDS.index("fraud")])
    old = one.old.scores.copy()
    old[np.flatnonzero(one.truth[:, AD])[-2:], AD] = 0
    found = verdict(replace(changed(one, scores), old=Contender(old, one.old.thresholds)))
    assert len(rows) < 30
    assert found.passed


def test_recall_that_falls_under_attack_alone_refuses():
    one = board()
    plain = one.attacked["homophone"][0]
    worse = one
    for column in range(len(IDS)):
        plain = missing(plain, column, 0.1)
    worse = replace(one, attacked={"homophone": (one.old.scores, plain)})
    assert rules(verdict(worse)) == {(HELD_OUT, ATTACKED, None)}


def test_more_clean_messages_flagged_refuse():
    one = board()
    scores = one.new.scores.copy()
    scores[: round(0.02 * COUNT), AD] = 1
    assert (HELD_OUT, CLEAN, None) in rules(verdict(changed(one, scores)))


def test_on_the_few_messages_of_the_test_split_only_the_mean_beyond_doubt_counts():
    few = board(TEST, 400)
    assert verdict(changed(few, missing(few.new.scores, AD, 0.2))).passed
    scores = few.new.scores
    for column in range(len(IDS)):
        scores = missing(scores, column, 0.3)
    assert (TEST, MACRO, None) in rules(verdict(changed(few, scores)))


def test_reviewed_cases_are_shown_and_do_not_refuse():
    one = board(REVIEWED, 400)
    worse = changed(one, np.zeros_like(one.new.scores))
    assert verdict(worse).passed
    assert gate.measure(worse).label_f1.worse


def test_messages_that_flip_are_listed_with_those_that_break_first():
    one = board()
    truth = one.truth.copy()
    truth[0, AD] = 1  # missed by both
    scores = missing(one.new.scores, AD, 0.05)
    scores[0, AD] = 1
    found = gate.measure(changed(replace(one, truth=truth), scores)).to_dict()
    kinds = [flip["kind"] for flip in found["flips"]]
    assert found["flipped"] == {"fixed": 1, "broken": kinds.count("broken"), "other": 0}
    assert kinds == sorted(kinds)
    assert found["flips"][-1] == {
        "place": "m-0",
        "truth": ("illicit_ad",),
        "old": (),
        "new": ("illicit_ad",),
        "kind": "fixed",
    }


def test_a_board_without_a_breach_or_without_a_clean_message_tells_what_it_can():
    one = board(REVIEWED, 40)
    clean = gate.measure(replace(one, truth=np.zeros_like(one.truth)))
    assert clean.label_f1 is None
    assert clean.attacked_recall is None
    assert clean.clean_flagged.value == 0
    breach = gate.measure(replace(one, truth=np.ones_like(one.truth)))
    assert breach.clean_flagged is None


def test_every_label_states_its_tolerance(tmp_path):
    assert Tolerances.load().labels.keys() == set(IDS)
    path = tmp_path / "tolerances.toml"
    path.write_text(gate.TOLERANCES.read_text("utf-8").replace("gambling", "gamling"), "utf-8")
    with pytest.raises(DataFileError, match="gambling, gamling"):
        Tolerances.load(path)
