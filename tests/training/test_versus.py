"""A report of one version against another: what differs is shown, with how sure that is."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from moderation.artifacts import load_model
from moderation.taxonomy import taxonomy
from service import cli
from tests.support import SMALL, quiet_weights, save
from tests.training.test_report import Page
from training import learning, versus
from training.corpus import TEST, load_samples, of_split
from training.fit import Recipe

LOUD = "gambling"


@pytest.fixture(scope="module")
def samples():
    return of_split(load_samples(), TEST)[::4]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model that finds nothing, and one that finds gambling in everything."""
    folder = tmp_path_factory.mktemp("models")
    weights = quiet_weights()
    bias = np.array(weights.bias)
    bias[taxonomy().ids.index(LOUD)] = 8.0
    weights.bias[:] = bias
    return save(folder / "quiet", quiet_weights()), save(folder / "loud", weights)


@pytest.fixture(scope="module")
def compared(models, samples, tmp_path_factory):
    quiet, loud = (load_model(folder) for folder in models)
    path = tmp_path_factory.mktemp("out") / "report.html"
    found = versus.report(path, loud, quiet, samples)
    return found, path.read_text("utf-8")


def test_the_differences_are_those_of_the_two(compared, samples):
    found, _ = compared
    assert found.figures.clean_flagged.old == 0
    assert found.figures.clean_flagged.new == 1
    assert found.figures.labels[LOUD].better
    assert found.figures.attacked_recall.better
    right = sum(LOUD in sample.labels and len(sample.labels) == 1 for sample in samples)
    assert found.figures.to_dict()["flipped"]["fixed"] == right


def test_the_page_shows_them(compared):
    found, html = compared
    page = Page(html)
    assert not page.open
    assert {"against", "flips", "tables", "curves", "confusion"} <= page.ids
    one = found.figures.labels[LOUD]
    assert f"[{100 * one.low:+.1f}, {100 * one.high:+.1f}]" in page.text
    assert f"{found.figures.to_dict()['flipped']['broken']} that only the other gets right" in html
    assert "Dotted lines" in html
    assert not re.search(
        r"(?i)https?:|@import|url\(", re.sub(r"base64,[^\"]+|<td.*?</td>", "", html)
    )


def test_flips_are_listed_with_their_texts_the_broken_ones_first(compared, samples):
    found, html = compared
    listed = found.figures.to_dict()["flips"]
    kinds = [flip["kind"] for flip in listed]
    assert kinds == sorted(kinds, key=("broken", "fixed", "other").index)
    texts = {sample.place: sample.text for sample in samples}
    seen = Page(html).text
    assert all(texts[flip["place"]] in seen for flip in listed[:20])


def test_a_report_alone_says_nothing_of_another(models, samples, tmp_path):
    path = tmp_path / "report.html"
    found = versus.report(path, load_model(models[0]), None, samples)
    assert found.figures is None
    html = path.read_text("utf-8")
    assert 'id="against"' not in html
    assert 'id="learning"' not in html


def test_more_data_is_seen_in_the_learning_curve(models, samples, tmp_path):
    told: list[str] = []
    every = [sample for sample in load_samples() if sample.split != TEST][::12]
    points = learning.curve([*every, *samples], told.append, Recipe(spec=SMALL))
    assert len(points) == len(told) == len(learning.SHARES)
    messages = [point["messages"] for point in points]
    assert messages == sorted(messages)
    assert messages[-1] == len(every)
    assert points[-1]["label_f1"] > points[0]["label_f1"]
    path = tmp_path / "report.html"
    versus.report(path, load_model(models[0]), None, samples, points)
    assert "learning" in Page(path.read_text("utf-8")).ids


def test_the_command_writes_the_file_and_tells_the_figures(models, tmp_path):
    lines = [
        {"text": "今晚开盘，买大买小", "labels": [LOUD]},
        {"text": "周会改到三点", "labels": []},
    ]
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    output = tmp_path / "out.html"
    args = ["report", str(models[1]), "--against", str(models[0]), "--json"]
    args += ["--input", str(tmp_path / "own.jsonl"), "--output", str(output)]
    result = CliRunner().invoke(cli.app, args)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["metrics"]["samples"] == 2
    assert told["against"]["labels"][LOUD]["new"] > told["against"]["labels"][LOUD]["old"]
    assert '<h2 id="against">' in output.read_text("utf-8")
    told = CliRunner().invoke(cli.app, [*args[:4], *args[5:]]).output
    assert "label F1" in told
