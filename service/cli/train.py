"""`moderation train` and `moderation evaluate`: need the extra `training`."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli import show

Json = Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")]


def train(
    output: Annotated[Path, typer.Option(help="Folder of the new model.")],
    released: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Date in the version; default today."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processor cores to use.")] = 2,
    as_json: Json = False,
) -> None:
    """Train a model on the project's data.

    Example: moderation train --output models/2026.11.23
    """
    from training import corpus, fit

    day = released.date() if released else date.today()
    with show.working() as step:
        step("reading data")
        samples = corpus.load_samples()
        metrics = fit.train(samples, output, fit.Recipe(jobs=jobs), day, step)
    _report(metrics, as_json)


def evaluate(
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", help="Labelled JSON Lines; default the project's data."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model folder, version or alias.")] = None,
    as_json: Json = False,
) -> None:
    """Measure a model on labelled messages, or training itself by cross-validation.

    With `--input` the model judges those messages, which must not be its training data. Without, the
    model's own held-out figures are shown: every data file judged by a model that did not see it.

    Example: moderation evaluate --input our-messages.jsonl --model champion
    """
    from moderation.artifacts import load_model, resolve_model

    about = load_model(resolve_model(model))
    if not inputs:
        _report(about.about["metrics"], as_json)
        return
    import numpy as np

    from training import corpus
    from training.evaluate import evaluate as measure
    from training.judge import model_scores

    samples = corpus.load_samples(inputs)
    thresholds = np.array([at.review for at in about.thresholds])
    _report(measure(samples, model_scores(about, samples), thresholds), as_json)


def _report(metrics: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(metrics, ensure_ascii=False, indent=1))
        return
    columns = ["", "precision", "recall", "F1", "average precision", "messages"]
    for kind in ("labels", "categories"):
        rows = [
            [name, *(str(value) for value in row.values())] for name, row in metrics[kind].items()
        ]
        show.table(kind, columns, rows)
    for name in ("macro", "false_positives"):
        typer.echo(
            f"{name}: " + ", ".join(f"{key} {value}" for key, value in metrics[name].items())
        )
    rows = [
        [kind, *(str(value) for value in row.values())]
        for kind, row in metrics["evasion_recall"].items()
    ]
    show.table("violations by evasion", ["", "right label", "flagged", "messages"], rows)
