"""A model's report: one HTML file with every figure, which needs nothing else to be read.

Texts of public corpora never appear in it; a message of the project's own data set may, since it
is in the repository anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from moderation.taxonomy import taxonomy
from training import charts
from training.compare import Difference
from training.corpus import Sample
from training.gate import SHOWN, Figures
from training.sources import PREFIX

TEMPLATES = Path(__file__).parent / "templates"
NAME = "report.html"

Metrics = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Against:
    """Another version on the same messages: the differences from it, its scores, its recall by evasion."""

    version: str
    figures: Figures
    scores: NDArray[np.float64]
    evasions: Mapping[str, Mapping[str, float]]


def write_report(
    path: Path,
    metrics: Metrics,
    truth: NDArray[np.int8],
    scores: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    title: str,
    samples: Sequence[Sample] = (),
    against: Against | None = None,
) -> None:
    """Write `report.html`.

    Args:
        path: the file.
        metrics: what `evaluate` returns, and optionally `attacked` (kind -> figures), `trials` and
            `learning_curve`.
        truth: 0/1 `[samples, labels]`; without rows there are no curves.
        scores: calibrated probabilities `[samples, labels]`.
        thresholds: the `review` threshold per label.
        title: heading of the page.
        samples: messages whose text may be shown beside its place; corpora stay hidden.
        against: another version to compare with, judged on the same messages.
    """
    page = environment().get_template("report.html.j2")
    body = page.render(
        title=title,
        metrics=metrics,
        headline=_headline(metrics),
        tables=_tables(metrics),
        curves=_curves(truth, scores, thresholds, against),
        reliability=charts.reliability(truth, scores) if len(truth) else None,
        confusion=_confusion(metrics),
        attacked=attacked_rows(metrics),
        trials=trial_table(metrics.get("trials", ())),
        worst=_worst(metrics, samples),
        learning=_learning(metrics),
        against=against and _against(against, metrics, samples),
    )
    path.write_text(body, encoding="utf-8")


@cache
def environment() -> jinja2.Environment:
    """Return the templates' environment: HTML is escaped, a missing name is an error."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(("html.j2",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"percent": percent, "figure": figure, "points": points}
    return found


def percent(value: float | None) -> str:
    """Return `93.1 %`, or a dash for what was not measured."""
    return "–" if value is None else f"{100 * value:.1f} %"


def points(value: float) -> str:
    """Return a difference of two shares in hundredths, with its sign: `+1.3`."""
    return f"{100 * value:+.1f}"


def figure(value: object) -> str:
    """Return any value of a table in short: numbers with four places at most."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def attacked_rows(metrics: Metrics) -> list[dict[str, Any]]:
    """Return a row of figures per kind of attack, the plain text first, with the loss in label F1."""
    found = dict(metrics.get("attacked", {}))
    if not found:
        return []
    plain = found.pop("none", None) or metrics.get("macro", {})
    rows = [{"kind": "none (plain text)", **plain, "loss": None}]
    base = plain.get("label_f1")
    for kind, figures in found.items():
        own = figures.get("label_f1")
        loss = None if own is None or base is None else base - own
        rows.append({"kind": kind, **figures, "loss": loss})
    return rows


def trial_table(trials: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Return columns and rows of trials: every key of any trial is a column, nested ones dotted."""
    flat = [_flat(trial) for trial in trials]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    return columns, [[row.get(column) for column in columns] for row in flat]


def _flat(body: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in body.items():
        if isinstance(value, Mapping):
            out |= _flat(value, f"{prefix}{key}.")
        else:
            out[prefix + key] = value
    return out


def _headline(metrics: Metrics) -> list[tuple[str, str]]:
    """Return the few figures to begin with, those that were measured."""
    macro = metrics.get("macro", {})
    wrong = metrics.get("false_positives", {})
    found = [
        ("Messages judged", _number(metrics.get("samples"))),
        ("Macro-F1, labels", percent(macro.get("label_f1"))),
        ("Macro-F1, categories", percent(macro.get("category_f1"))),
        ("Clean messages flagged", percent(wrong.get("clean"))),
        ("Hard clean messages flagged", percent(wrong.get("hard"))),
        ("Calibration error", figure(metrics.get("calibration_error"))),
    ]
    return [(name, value) for name, value in found if value != "–"]


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _tables(metrics: Metrics) -> list[dict[str, Any]]:
    """Return the tables of labels and of categories, each row with its Chinese name."""
    names = {label.id: label.name for label in taxonomy()}
    names |= {label.category: label.category_name for label in taxonomy()}
    return [
        {
            "title": title,
            "rows": [{"id": id_, "name": names.get(id_, ""), **row} for id_, row in body.items()],
        }
        for title, body in (
            ("Categories", metrics.get("categories", {})),
            ("Labels", metrics.get("labels", {})),
        )
        if body
    ]


def _curves(
    truth: NDArray[np.int8],
    scores: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    against: Against | None,
) -> list[tuple[str, str]]:
    """Return a chart per category with the curves of its labels."""
    if not len(truth):
        return []
    ids, table = taxonomy().ids, taxonomy()
    charts_of = []
    for category in table.categories:
        own = [i for i, label in enumerate(ids) if table[label].category == category]
        names = [ids[i] for i in own]
        before = None if against is None else against.scores[:, own]
        chart = charts.precision_recall(
            names, truth[:, own], scores[:, own], thresholds[own], before
        )
        charts_of.append((category, chart))
    return charts_of


def _confusion(metrics: Metrics) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the columns and rows of the heat map: counts, and each as a share of its row."""
    counts = metrics.get("confusion", ())
    names = [*taxonomy().ids, "clean"]
    rows = []
    for name, row in zip(names, counts, strict=False):
        total = max(1, sum(row))
        rows.append({"name": name, "cells": [(count, count / total) for count in row]})
    return names, rows


def _worst(metrics: Metrics, samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return the worst errors, with the text where it may be shown."""
    shown = _texts(samples)
    return [{**row, "text": shown.get(row.get("place", ""))} for row in metrics.get("worst", ())]


def _texts(samples: Sequence[Sample]) -> dict[str, str]:
    """Return by its place what may be shown: no text of a public corpus."""
    return {
        sample.place: sample.text
        for sample in samples
        if sample.place and not sample.source.startswith(PREFIX)
    }


def _learning(metrics: Metrics) -> str | None:
    points = metrics.get("learning_curve")
    return charts.learning(points) if points else None


def _against(against: Against, metrics: Metrics, samples: Sequence[Sample]) -> dict[str, Any]:
    """Return what the page says of two versions: differences, bars by evasion, flips with their texts."""
    figures = against.figures
    heads: list[tuple[str, Difference | None]] = [
        ("Macro-F1, labels", figures.label_f1),
        ("Macro-F1, categories", figures.category_f1),
        ("Recall under attack", figures.attacked_recall),
        ("Clean messages flagged", figures.clean_flagged),
    ]
    body = figures.to_dict()
    ways = {
        kind: (against.evasions[kind]["recall"], row["recall"])
        for kind, row in metrics["evasion_recall"].items()
        if kind in against.evasions
    }
    shown = _texts(samples)
    return {
        "version": against.version,
        "heads": [(name, one) for name, one in heads if one is not None],
        "names": {label.id: label.name for label in taxonomy()},
        "labels": sorted(figures.labels.items(), key=lambda item: item[1].value),
        "chart": charts.differences(figures.labels) if figures.labels else None,
        "evasions": charts.pairs(ways, against.version) if ways else None,
        "flipped": body["flipped"],
        "flips": [row | {"text": shown.get(row["place"])} for row in body["flips"]],
        "hidden": max(0, len(figures.flips) - SHOWN),
    }
