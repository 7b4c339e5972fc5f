"""A training from beginning to end on few messages: repeatable, and nothing learnt from what is held back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from typer.testing import CliRunner

from moderation.artifacts import load_model
from moderation.errors import ModerationError, UnknownNameError
from service import cli
from tests.support import SMALL
from training import fit, publish, robustness
from training.corpus import load_samples, of_split
from training.fit import NO_FOLD, Recipe, make_design, train
from training.sources import PREFIX

DAY = date(2000, 1, 1)
RECIPE = Recipe(spec=SMALL)


def silent(step: str) -> None:
    """Take no notice of progress."""


@pytest.fixture(scope="module")
def samples():
    """Every twentieth message, a fifth of them held back as the test split."""
    rows = load_samples()[::20]
    return [replace(row, split="test" if n % 5 == 0 else None) for n, row in enumerate(rows)]


@pytest.fixture(scope="module")
def folder(samples, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "one"
    publish.publish(train(samples, path, RECIPE, DAY, silent), path)
    return path


def test_the_same_messages_give_the_same_bytes(samples, folder, tmp_path):
    for jobs in (1, 3):
        train(samples, tmp_path / str(jobs), replace(RECIPE, jobs=jobs), DAY, silent)
        for name in ("weights.npz", "model.json"):
            assert (tmp_path / str(jobs) / name).read_bytes() == (folder / name).read_bytes()


def test_the_test_split_leaves_no_trace(samples, folder, tmp_path):
    """Without those messages the model is the same to the last byte, figures and all."""
    rest = [sample for sample in samples if sample.split != "test"]
    train(rest, tmp_path, RECIPE, DAY, silent)
    for name in ("weights.npz", "model.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_the_test_split_is_in_no_figure(samples, folder):
    model = load_model(folder)
    rest = [sample for sample in samples if sample.split != "test"]
    places = {sample.place for sample in samples if sample.split == "test"}
    assert model.about["data"]["samples"] == model.about["metrics"]["samples"] == len(rest)
    assert not places & {row["place"] for row in model.about["metrics"]["worst"]}


def test_the_test_split_is_judged_by_the_same_figures(samples, folder, tmp_path):
    model = load_model(folder)
    held_back = of_split(samples, "test")
    metrics = publish.judge(model, held_back, tmp_path / "report.html")
    assert metrics.keys() == model.about["metrics"].keys()
    assert metrics["attacked"].keys() == {robustness.PLAIN, *robustness.ATTACKED}
    assert metrics["samples"] == len(held_back)
    assert metrics["attacked"][robustness.PLAIN]["label_f1"] == metrics["macro"]["label_f1"]


def test_the_command_judges_a_split(samples, folder, tmp_path):
    path = tmp_path / "own.jsonl"
    keys = ("text", "labels", "group", "source", "split")
    rows = [{key: getattr(sample, key) for key in keys} for sample in samples]
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    options = ["evaluate", "--json", "--model", str(folder), "--input", str(path), "--split"]
    done = CliRunner().invoke(cli.app, [*options, "test"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["samples"] == len(of_split(samples, "test"))
    assert isinstance(CliRunner().invoke(cli.app, [*options, "tset"]).exception, UnknownNameError)
    assert isinstance(CliRunner().invoke(cli.app, [*options, "dev"]).exception, ModerationError)


def test_too_few_messages_are_refused(samples, tmp_path):
    held_back = of_split(samples, "test")
    with pytest.raises(ValueError, match="too few"):
        train([*held_back, *samples[1:4]], tmp_path, RECIPE, DAY, silent)


def test_a_copy_is_in_the_fold_of_its_message_and_corpora_in_none(samples):
    rows = [replace(row, split=None) for row in samples]
    rows += [replace(row, source=f"{PREFIX}cold/1", text=f"{row.text}。") for row in rows[:50]]
    design = make_design(rows, RECIPE)
    assert set(design.fold[: len(rows)].tolist()) == {-1, 0, 1, 2, 3}
    assert not design.judged[-50:].any()
    assert len(design.weight) > len(rows)
    assert (design.weight[len(rows) :] == RECIPE.copy_weight).all()


def test_a_fold_is_not_seen_by_its_model(samples):
    """Whatever stands in a fold, the model that leaves it out is the same."""
    design = make_design(samples, RECIPE)
    Y = design.Y.copy()
    Y[design.fold == 2] = 1 - Y[design.fold == 2]
    other = replace(design, Y=Y)
    without, whole = fit.fit_without(design, RECIPE, (2, NO_FOLD))
    again, changed = fit.fit_without(other, RECIPE, (2, NO_FOLD))
    np.testing.assert_array_equal(without.matrix_, again.matrix_)
    assert (whole.matrix_ != changed.matrix_).any()


def test_only_so_many_messages_are_disguised(monkeypatch):
    assert robustness.drawn(7).tolist() == list(range(7))
    monkeypatch.setattr(robustness, "AT_MOST", 3)
    assert len(set(robustness.drawn(7).tolist())) == 3
    assert robustness.drawn(7).tolist() == sorted(robustness.drawn(7).tolist())


def test_reviewed_cases_are_learnt_from_and_move_no_threshold(samples, folder, tmp_path):
    """However many there are of one kind, calibration and thresholds come from the other messages."""
    learnt = [sample for sample in samples if sample.split != "test"]
    case = replace(learnt[0], source="feedback/work/shenzhen", labels=("chatter",))
    cases = [replace(case, text=f"第{n}位同好在盘核桃", unit=str(n)) for n in range(200)]
    fair = fit.representative([*learnt, *cases])
    assert fair.sum() == len(learnt)
    assert fit.representative(cases).all()
    held_out = train([*learnt, *cases], tmp_path, RECIPE, DAY, silent).held_out
    alone = fit.thresholds.choose(
        load_model(tmp_path).labels, held_out.truth[fair], held_out.scores[fair]
    )
    assert load_model(tmp_path).about["thresholds"] == alone
    assert load_model(tmp_path).about["data"]["samples"] == len(learnt) + len(cases)
