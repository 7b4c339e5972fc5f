"""The runner of trials: rows that can be read back, on the folds of the default recipe."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from moderation.errors import UnknownNameError
from tests.support import SMALL
from training import publish, trials
from training.corpus import load_samples
from training.trials import Row, run, with_recipe, with_share


@pytest.fixture(scope="module")
def samples():
    return load_samples()[::25]


def test_a_variant_stands_beside_the_default(samples):
    variants = {"fewer buckets": with_recipe(spec=SMALL), "a fifth": with_share(0.2)}
    default, small, few = run(samples, variants, resamples=50)
    assert [default.name, small.name, few.name] == ["default", *variants]
    assert default.low == default.high == 0
    assert small.low <= small.f1 - default.f1 <= small.high
    assert few.high < 0, "less is learnt from a fifth of the messages"
    assert few.ap < default.ap


def test_the_same_recipe_makes_no_difference(samples):
    _, same = run(samples, {"same": with_recipe()}, resamples=20)
    assert same.low == same.high == 0


def test_the_test_split_takes_no_part(samples):
    held_back = [replace(s, text=f"{s.text}。", split="test") for s in samples[:200]]
    assert list(run([*samples, *held_back], {}, 20)) == list(run(samples, {}, 20))


def test_a_row_is_a_table_of_the_trials():
    row = Row('with "quotes"', ap=0.91234, f1=0.8, category_f1=0.7, low=-0.01, high=0.02)
    (table,) = tomllib.loads(row.to_toml())["trial"]
    assert table == {
        "name": 'with "quotes"',
        "ap": 0.9123,
        "f1": 0.8,
        "category_f1": 0.7,
        "low": -0.01,
        "high": 0.02,
    }


def test_recorded_trials_have_what_a_row_has():
    for trial in publish.trials():
        assert {"name", "kept", "f1"} <= trial.keys()
        assert trial.keys() <= {"name", "ap", "f1", "category_f1", "low", "high", "kept"}
        assert ("low" in trial) == ("high" in trial)


def test_the_command_line_names_the_variants(capsys):
    assert trials.main(["--list"]) == 0
    assert capsys.readouterr().out.splitlines() == list(trials.VARIANTS)
    with pytest.raises(UnknownNameError, match="did you mean 'C 2'"):
        trials.main(["C 3"])
