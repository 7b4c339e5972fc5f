"""Training the model of turns on few lines: repeatable, judged by files left out, the split `test` unseen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from typer.testing import CliRunner

from moderation.errors import DataFileError
from moderation.features import FeatureSpec
from moderation.turns import ABOUT, KINDS, TurnModel
from service import cli
from training.check import check
from training.turncorpus import TURNS, divided, kind_matrix, load_turns
from training.turns import Recipe, figures, held_out, steepness, train

DAY = date(2000, 1, 1)
RECIPE = Recipe(spec=FeatureSpec(12, (("char", (1, 2)), ("frame", (1, 2)))))


def silent(step: str) -> None:
    """Take no notice of progress."""


def write(folder, *rows, name="own.jsonl"):
    (folder / "turns").mkdir(exist_ok=True)
    path = folder / "turns" / name
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def line(text, kind="statement", **more):
    return {"text": text, "kind": kind, "group": "work", "source": "bank/teller/work_group"} | more


@pytest.fixture(scope="module")
def samples():
    """Every tenth line of the data set, a part of it of the split `test`."""
    return load_turns()[::10]


@pytest.fixture(scope="module")
def folder(samples, tmp_path_factory):
    path = tmp_path_factory.mktemp("turns")
    train(samples, path, RECIPE, DAY, silent)
    return path


def test_the_same_lines_give_the_same_bytes(samples, folder, tmp_path):
    for jobs in (1, 3):
        train(samples, tmp_path / str(jobs), replace(RECIPE, jobs=jobs), DAY, silent)
        for name in ("weights.npz", ABOUT):
            assert (tmp_path / str(jobs) / name).read_bytes() == (folder / name).read_bytes()


def test_the_test_split_leaves_no_trace(samples, folder, tmp_path):
    learnt, kept = divided(samples)
    assert kept
    train(learnt, tmp_path, RECIPE, DAY, silent)
    for name in ("weights.npz", ABOUT):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_what_was_trained_is_loaded_and_tells_kinds(samples, folder):
    model = TurnModel.load(folder)
    learnt, _ = divided(samples)
    found = figures(learnt, model.kinds([sample.text for sample in learnt]))
    assert found["asks"]["f1"] > 0.9
    assert model.version.startswith("2000.01.01-")


def test_a_file_is_judged_by_a_model_that_knows_nothing_of_it(samples):
    """Turning the labels of one file round changes nothing of what is said of that file."""
    learnt, _ = divided(samples)
    file = learnt[0].unit
    turned = [replace(s, labels=("ack",)) if s.unit == file else s for s in learnt]
    own = np.array([sample.unit == file for sample in learnt])
    before, after = (held_out(rows, RECIPE)[own] for rows in (learnt, turned))
    np.testing.assert_array_equal(before, after)


def test_one_file_cannot_be_held_out(tmp_path):
    path = write(tmp_path, line("到货了"), line("几点到", "question"))
    with pytest.raises(ValueError, match="too few"):
        train(load_turns([path]), tmp_path, RECIPE, DAY, silent)


def test_figures_count_asking_as_one(tmp_path):
    rows = [line("几点到", "question"), line("发我一份", "request"), line("到货了")]
    samples = load_turns([write(tmp_path, *rows)])
    found = figures(samples, ["request", "complaint", "question"])
    assert found["asks"] == {"precision": 0.6667, "recall": 1.0, "f1": 0.8, "messages": 2}
    assert found["kinds"]["question"]["f1"] == 0
    assert found["files"]["own.jsonl"] == found["asks"]


def test_the_slope_makes_sure_logits_steeper():
    truth = np.eye(len(KINDS), dtype=np.int8)[np.arange(80) % 8]
    sure, doubtful = truth * 2.0, truth * 0.5
    wrong = np.roll(truth[:8], 1, axis=1) * 2.0
    assert steepness(sure, truth) > 5
    assert steepness(np.concatenate([sure[:8], wrong]), np.concatenate([truth[:8]] * 2)) < 1
    assert steepness(doubtful, truth) > steepness(sure, truth)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (line("几点到", "qestion"), "unknown kind 'qestion'; did you mean 'question'"),
        (line("几点到", split="tset"), "unknown split 'tset'; did you mean 'test'"),
        (line("几点到", label="ad"), "unknown key 'label'"),
        ({"text": "几点到"}, "unknown kind 'None'"),
        (line(3), "object with a text"),
        (line(""), "text"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, row, problem):
    path = write(tmp_path, line("到货了"), row)
    with pytest.raises(DataFileError, match=problem) as caught:
        load_turns([path])
    assert (caught.value.path, caught.value.line) == (str(path), 2)


def test_kinds_as_a_matrix(tmp_path):
    path = write(tmp_path, line("几点到", "question"), line("到货了"))
    rows = kind_matrix(load_turns([path]))
    assert [KINDS[number] for number in rows.argmax(axis=1)] == ["question", "statement"]
    assert rows.sum() == 2


def test_the_checker_looks_at_turns(tmp_path):
    path = write(
        tmp_path,
        line("货到了没", "question"),
        line("货到了没！", "question"),
        line("货到了没", "complaint"),
        line("电话 13912345678 找我"),
    )
    assert [problem.rule for problem in check([path])] == [
        "duplicate",
        "contradiction",
        "personal-data",
    ]
    assert [p.rule for p in check([write(tmp_path, line("到了", "turn"))])] == ["contract"]


def test_a_question_mark_may_make_another_turn(tmp_path):
    assert check([write(tmp_path, line("货到了"), line("货到了？", "question"))]) == []


def test_every_kind_and_a_test_split_are_in_the_data_set():
    learnt, kept = divided(load_turns())
    for rows in (learnt, kept):
        assert {sample.labels[0] for sample in rows} == set(KINDS)
    assert {sample.unit.split("_")[0] for sample in kept} == {"holdout"}


def test_train_and_evaluate_on_the_command_line(tmp_path):
    one = write(tmp_path, *(line(f"{c}到了没", "question") for c in "甲乙丙丁"), name="one.jsonl")
    two = write(tmp_path, *(line(f"{c}已经发出") for c in "甲乙丙丁"), name="two.jsonl")
    inputs = ["--input", str(one), "--input", str(two)]
    output = tmp_path / "model"
    command = ["turns", "train", *inputs, "--output", str(output), "--released", "2000-01-01"]
    assert CliRunner().invoke(cli.app, [*command, "--json"]).exit_code == 0
    measured = ["turns", "evaluate", *inputs, "--model", str(output), "--json"]
    assert json.loads(CliRunner().invoke(cli.app, measured).stdout)["asks"]["f1"] == 1


def test_evaluate_on_the_test_split():
    result = CliRunner().invoke(cli.app, ["turns", "evaluate", "--split", "test", "--json"])
    assert set(json.loads(result.stdout)["files"]) == {
        path.name for path in TURNS.glob("holdout_*.jsonl")
    }
