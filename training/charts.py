"""Charts of a model's report: figures as SVG data URIs, the same bytes for the same numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.compare import Difference

Matrix = NDArray[np.int8]
Scores = NDArray[np.float64]

BINS = 10
_POINTS = 200
_COLORS = ("#1f5fa8", "#c2571a", "#2b8a57", "#8a3fa0", "#a08a1f")
_BETTER, _WORSE = "#2b8a57", "#b8442c"
_INK, _GRID = "#333333", "#dddddd"
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "report",
    "svg.fonttype": "none",
    "font.size": 11,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _GRID,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def precision_recall(
    names: Sequence[str],
    truth: Matrix,
    scores: Scores,
    thresholds: NDArray[np.float64],
    before: Scores | None = None,
) -> str:
    """Draw a curve per column with a dot where its threshold lies; columns never true are left out.

    Args:
        names: the columns' names.
        truth: 0/1 `[samples, columns]`.
        scores: probabilities `[samples, columns]`.
        thresholds: `[columns]`.
        before: probabilities of another model, dotted lines of the same colours.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 3.6), layout="constrained")
        axes = figure.add_subplot()
        drawn = 0
        for column, name in enumerate(names):
            if truth[:, column].any():
                color = _COLORS[column % len(_COLORS)]
                recall, precision = _curve(truth[:, column], scores[:, column])
                axes.plot(recall, precision, color=color, label=name)
                if before is not None:
                    axes.plot(*_curve(truth[:, column], before[:, column]), ":", color=color)
                found = scores[:, column] >= thresholds[column]
                right = int((found & (truth[:, column] == 1)).sum())
                at = right / truth[:, column].sum(), right / max(1, found.sum())
                axes.plot(*at, "o", color=color, markersize=7, markeredgecolor="white")
                drawn += 1
        axes.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
        if drawn:
            axes.legend(loc="lower left", frameon=False, fontsize=10)
        return _data_uri(figure)


def reliability(truth: Matrix, scores: Scores) -> str:
    """Draw the share that was true against the probability said, and how many scores each step has."""
    slots = np.minimum((scores.ravel() * BINS).astype(int), BINS - 1)
    count = np.bincount(slots, minlength=BINS).astype(np.float64)
    said = np.bincount(slots, weights=scores.ravel(), minlength=BINS)
    true = np.bincount(slots, weights=truth.ravel(), minlength=BINS).astype(np.float64)
    used = count > 0
    low, high = _wilson(true[used], count[used])
    share = true[used] / count[used]
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 4.6), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color="#999999", linestyle="--", linewidth=1)
        upper.errorbar(
            said[used] / count[used],
            share,
            yerr=(np.maximum(share - low, 0), np.maximum(high - share, 0)),
            fmt="o-",
            color=_COLORS[0],
            capsize=3,
        )
        upper.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share that was true")
        lower.bar((np.arange(BINS) + 0.5) / BINS, count, width=0.9 / BINS, color=_COLORS[0])
        lower.set(xlabel="probability said", ylabel="scores", yscale="symlog")
        return _data_uri(figure)


def differences(labels: Mapping[str, Difference]) -> str:
    """Draw a difference in F1 per label with its interval, the worst at the bottom; doubtful ones are grey."""
    rows = sorted(labels.items(), key=lambda item: item[1].value)
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 1.2 + 0.3 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        axes.axvline(0, color="#999999", linewidth=1)
        for place, (_, one) in enumerate(rows):
            color = _WORSE if one.worse else _BETTER if one.better else "#888888"
            axes.plot([100 * one.low, 100 * one.high], [place, place], color=color, linewidth=2)
            axes.plot(100 * one.value, place, "o", color=color, markersize=6)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.set(xlabel="difference in F1, points", ylim=(-0.7, len(rows) - 0.3))
        return _data_uri(figure)


def pairs(ways: Mapping[str, tuple[float, float]], before: str) -> str:
    """Draw two bars per way of hiding: the share found by the other version, and by this one."""
    place = np.arange(len(ways))
    values = np.array(list(ways.values())) * 100
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 1.6 + 0.45 * len(ways)), layout="constrained")
        axes = figure.add_subplot()
        axes.barh(place + 0.2, values[:, 0], 0.36, color="#a9bfd8", label=before)
        axes.barh(place - 0.2, values[:, 1], 0.36, color=_COLORS[0], label="this version")
        axes.set_yticks(place, list(ways))
        axes.invert_yaxis()
        axes.set(xlim=(0, 100), xlabel="recall, %")
        figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=10)
        return _data_uri(figure)


def learning(points: Sequence[Mapping[str, float]]) -> str:
    """Draw macro-F1 against the number of messages learnt from."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 3.6), layout="constrained")
        axes = figure.add_subplot()
        many = [point["messages"] for point in points]
        for color, (name, about) in zip(
            _COLORS, (("label_f1", "labels"), ("category_f1", "categories")), strict=False
        ):
            axes.plot(many, [100 * one[name] for one in points], "o-", color=color, label=about)
        axes.set(xlabel="messages learnt from", ylabel="macro-F1, %", xlim=(0, None))
        axes.legend(loc="lower right", frameon=False)
        return _data_uri(figure)


def _curve(truth: Matrix, scores: Scores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return recall and precision at falling thresholds, thinned to what a chart can show."""
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.diff(scores[order], append=-1.0))
    right = np.cumsum(truth[order], dtype=np.int64)[last]
    if len(last) > _POINTS:
        wanted = np.linspace(0, right[-1], _POINTS)
        keep = np.unique(np.minimum(np.searchsorted(right, wanted), len(last) - 1))
        last, right = last[keep], right[keep]
    return right / right[-1], right / (last + 1)


def _wilson(
    hits: NDArray[np.float64], count: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 95 % interval of shares (Wilson 1927)."""
    z = 1.96
    share, spread = hits / count, z * z / count
    middle = (share + spread / 2) / (1 + spread)
    half = z * np.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return middle - half, middle + half


def _data_uri(figure: Figure) -> str:
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()
