"""What a model's report shows, and what it must not show."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest

from moderation.taxonomy import taxonomy
from training import charts, evaluate
from training.corpus import Sample, label_matrix
from training.report import attacked_rows, trial_table, write_report
from training.sources import PREFIX

IDS = taxonomy().ids
THRESHOLDS = np.full(len(IDS), 0.5)
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Tags that were opened and closed, addresses, and the text that a reader sees."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.ids: set[str] = set()
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in {"href", "src"}:
                self.addresses.append(value or "")
            if name == "id":
                self.ids.add(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data + " "


def make_samples() -> list[Sample]:
    own = [
        Sample(
            f"第{n}条<b>消息</b>",
            (IDS[n % 19],),
            "work",
            f"place{n % 40}/x",
            (),
            place=f"own.jsonl:{n}",
        )
        for n in range(95)
    ]
    hidden = [
        Sample(f"语料里的第{n}句", (), "work", f"{PREFIX}cold", ("hard",), place=f"cold:{n}")
        for n in range(60)
    ]
    return own + hidden


@pytest.fixture(scope="module")
def measured():
    samples = make_samples()
    truth = label_matrix(samples)
    noise = np.random.default_rng(0).normal(size=truth.shape)
    scores = 1 / (1 + np.exp(-(truth * 5 - 3 + noise)))
    return samples, truth, scores, evaluate.evaluate(samples, scores, THRESHOLDS)


def render(path, metrics, truth, scores, samples=(), title="Model 1"):
    write_report(path, metrics, truth, scores, THRESHOLDS, title, samples)
    return path.read_text("utf-8")


@pytest.fixture
def html(measured, tmp_path):
    samples, truth, scores, metrics = measured
    return render(tmp_path / "report.html", metrics, truth, scores, samples)


def test_every_label_and_category_is_shown(html):
    text = Page(html).text
    for label in taxonomy():
        assert label.id in text
        assert label.name in text
        assert label.category in text


def test_figures_are_those_of_the_metrics(html, measured):
    metrics = measured[3]
    text = Page(html).text
    wanted = [metrics["macro"]["label_f1"], metrics["false_positives"]["hard"]]
    wanted += [row["average_precision"] for row in metrics["labels"].values()]
    for value in wanted:
        assert f"{100 * value:.1f} %" in text


def test_the_page_needs_nothing_from_elsewhere(html):
    page = Page(html)
    assert not page.open
    assert not re.search(r"(?i)https?:|@import|url\(|//[a-z]", re.sub(r"base64,[^\"]+", "", html))
    assert {"script", "link", "iframe"}.isdisjoint(page.tags)
    for address in page.addresses:
        assert address.startswith("data:image/svg+xml;base64,") or address[1:] in page.ids


def test_charts_are_valid_drawings_that_load_nothing(html):
    drawings = re.findall(r"base64,([^\"]+)", html)
    assert len(drawings) == len(taxonomy().categories) + 1
    for drawing in drawings:
        root = ET.fromstring(base64.b64decode(drawing))
        for node in root.iter():
            target = node.get("{http://www.w3.org/1999/xlink}href", "#")
            assert target.startswith("#")


def test_own_messages_are_shown_escaped_and_those_of_corpora_never(html, measured):
    metrics = measured[3]
    places = {row["place"] for row in metrics["worst"]}
    assert any(place.startswith("own") for place in places)
    assert any(place.startswith("cold") for place in places)
    assert "&lt;b&gt;消息" in html
    assert "<b>消息" not in html
    assert "语料里的" not in html


def test_without_samples_no_text_is_shown(measured, tmp_path):
    _, truth, scores, metrics = measured
    page = render(tmp_path / "report.html", metrics, truth, scores)
    assert "条&lt;b&gt;" not in page
    assert metrics["worst"][0]["place"] in page


def test_the_same_figures_give_the_same_bytes(html, measured, tmp_path):
    samples, truth, scores, metrics = measured
    assert render(tmp_path / "again.html", metrics, truth, scores, samples) == html


def test_attacked_text_stands_beside_plain_text(measured, tmp_path):
    samples, truth, scores, metrics = measured
    metrics = metrics | {"attacked": {"cloak": {"label_f1": 0.1234, "recall": 0.4321}}}
    text = Page(render(tmp_path / "r.html", metrics, truth, scores)).text
    assert "cloak" in text
    assert "12.3 %" in text
    assert "43.2 %" in text


def test_the_loss_is_against_plain_text():
    attacked = {"none": {"label_f1": 0.8}, "emoji": {"label_f1": 0.7}, "odd": {"recall": 0.5}}
    plain, emoji, odd = attacked_rows({"attacked": attacked})
    assert plain["loss"] is None
    assert emoji["loss"] == pytest.approx(0.1)
    assert odd["loss"] is None
    assert attacked_rows({}) == []


def test_trials_keep_every_key_and_those_that_lost(measured, tmp_path):
    _, truth, scores, metrics = measured
    trials = [{"name": "first", "recipe": {"C": 2.0}}, {"name": "second", "kept": False}]
    assert trial_table(trials) == (
        ["name", "recipe.C", "kept"],
        [["first", 2.0, None], ["second", None, False]],
    )
    text = Page(render(tmp_path / "r.html", metrics | {"trials": trials}, truth, scores)).text
    assert "first" in text
    assert "second" in text


def test_absent_figures_are_left_out(measured, tmp_path):
    metrics = measured[3]
    none = np.zeros((0, len(IDS)))
    bare = Page(render(tmp_path / "bare.html", {}, none.astype(np.int8), none, title="<Bare>"))
    assert "<Bare>" in bare.text
    assert "img" not in bare.tags
    for key in metrics:
        rest = {name: value for name, value in metrics.items() if name != key}
        assert not Page(render(tmp_path / "r.html", rest, none.astype(np.int8), none)).open


def test_a_curve_ends_at_full_recall_and_stays_within_bounds():
    rng = np.random.default_rng(1)
    truth = (rng.random(5000) < 0.2).astype(np.int8)
    recall, precision = charts._curve(truth, np.round(rng.random(5000), 2))
    assert len(recall) <= 201
    assert (np.diff(recall) >= 0).all()
    assert recall[-1] == 1.0
    assert precision[-1] == pytest.approx(truth.mean(), abs=0.01)
    assert ((precision >= 0) & (precision <= 1)).all()


def test_a_label_without_violations_draws_no_curve():
    none = np.zeros((5, 2), dtype=np.int8)
    chart = charts.precision_recall(("a", "b"), none, np.full((5, 2), 0.1), np.full(2, 0.5))
    assert chart.startswith("data:image/svg+xml;base64,")
