"""A model's card (after Mitchell et al. 2019), written from `model.json`: `CARD.md`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from moderation.taxonomy import taxonomy
from training import report

NAME = "CARD.md"
SHOWN_DOMAIN = 100
"""A domain of fewer messages stands in the report alone: its figures say little."""


def write_card(
    folder: Path,
    about: Mapping[str, Any],
    trials: Sequence[Mapping[str, Any]] = (),
    licences: Sequence[Mapping[str, str]] = (),
) -> None:
    """Write `CARD.md` into a model folder.

    Args:
        folder: the model's folder.
        about: the whole `model.json`; what it lacks is left out of the card.
        trials: every recipe tried, with those that lost; metrics' own trials if none are given.
        licences: of the public corpora trained on: name, title, licence, origin, commit, citation.
    """
    metrics = about.get("metrics", {})
    columns, rows = report.trial_table(trials or metrics.get("trials", ()))
    environment = report.environment()
    body = environment.get_template("CARD.md.j2").render(
        about=about,
        metrics=metrics,
        categories=[_category(category) for category in taxonomy().categories],
        domains=_domains(metrics),
        shown_domain=SHOWN_DOMAIN,
        attacked=report.attacked_rows(metrics),
        recipe=[[key, _plain(value)] for key, value in about.get("recipe", {}).items()],
        thresholds=_thresholds(about),
        columns=columns,
        rows=[[_cell(report.figure(value)) for value in row] for row in rows],
        licences=[{key: _cell(str(value)) for key, value in row.items()} for row in licences],
        unreached=_unreached(about),
    )
    (folder / NAME).write_text(re.sub(r"\n{3,}", "\n\n", body), encoding="utf-8")


def _category(category: str) -> dict[str, Any]:
    labels = [label for label in taxonomy() if label.category == category]
    return {"id": category, "name": labels[0].category_name, "labels": labels}


def _domains(metrics: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the larger domains, the worst first."""
    large = [
        item for item in metrics.get("domains", {}).items() if item[1]["samples"] >= SHOWN_DOMAIN
    ]
    return sorted(large, key=lambda item: (item[1]["label_f1"], item[0]))


def _thresholds(about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return per label both thresholds with what each reached."""
    return [
        {"label": label, "review": at.get("review", {}), "block": at.get("block", {})}
        for label, at in about.get("thresholds", {}).items()
    ]


def _unreached(about: Mapping[str, Any]) -> list[str]:
    """Return labels whose `block` threshold nothing can reach, so that they are never blocked."""
    found = about.get("thresholds", {}).items()
    return [label for label, at in found if at.get("block", {}).get("value", 0) >= 1]


def _plain(value: Any) -> str:
    """Return a value of the recipe on one line, nested ones as `key: value`."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_plain(own)}" for key, own in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(own) for own in value)
    return _cell(str(value))


def _cell(text: str) -> str:
    """Return text that cannot end its table cell."""
    return text.replace("|", "\\|").replace("\n", " ")
