"""`moderation train` and `moderation evaluate`: need the extra `training`."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import show

if TYPE_CHECKING:
    from training.corpus import Sample

Json = Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")]


def train(
    output: Annotated[Path, typer.Option(help="Folder of the new model.")],
    add: Annotated[
        list[Path] | None, typer.Option(help="A firm's own labelled messages, JSON Lines.")
    ] = None,
    weight: Annotated[
        float, typer.Option(min=0.0, help="How much an added message counts against one of ours.")
    ] = 3.0,
    corpus: Annotated[
        list[str] | None, typer.Option(metavar="NAME=DIR", help="A public corpus to train on too.")
    ] = None,
    released: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Date in the version; default today."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processor cores to use.")] = 2,
    as_json: Json = False,
) -> None:
    """Train a model on the project's data, a firm's own messages and public corpora.

    Example: moderation train --output models/2026.11.23

    Example: moderation train --add our-200.jsonl --output /srv/model

    Example: moderation train --corpus cold=/data/cold --output /srv/model
    """
    from training import fit, placing, publish

    day = released.date() if released else date.today()
    with show.working() as step:
        step("reading data")
        samples = _samples(add or [], weight, corpus or [])
        with placing.part(output.absolute().parent) as folder:
            trained = fit.train(samples, folder, fit.Recipe(jobs=jobs), day, step)
            step("writing card and report")
            publish.publish(trained, folder)
            placing.place(folder, output)
    _report(trained.about["metrics"], as_json)


def evaluate(
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", help="Labelled JSON Lines; absent: the model's held-out figures."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Only messages of this split; `test` is what no model has learnt from."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model folder, version or alias.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write report.html here.")] = None,
    as_json: Json = False,
) -> None:
    """Measure a model on labelled messages.

    With `--input` the model judges those messages, which must not be its training data. With `--split
    test` it judges the messages of the data set, or of `--input`, that are kept out of all training.
    Without either, the model's own held-out figures are shown: every data file judged by a model that
    did not see it.

    Example: moderation evaluate --input our-messages.jsonl --model champion --report report.html

    Example: moderation evaluate --split test
    """
    from moderation.artifacts import load_model
    from moderation.registry import Registry

    loaded = load_model(Registry().resolve(model))
    if not inputs and not split:
        _report(loaded.about["metrics"], as_json)
        return
    from training import corpus, publish

    samples = corpus.load_samples(inputs or ())
    if split:
        samples = corpus.of_split(samples, split)
    _report(publish.judge(loaded, samples, report), as_json)


def _samples(added: list[Path], weight: float, corpora: list[str]) -> list[Sample]:
    from training import corpus, sources

    samples = corpus.load_samples()
    for option in corpora:
        samples += sources.load_corpus(*sources.parse_corpus(option), split="train")
    for path in added:
        samples += corpus.load_added(path, weight)
    return samples


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
    for name, head in (("evasion_recall", "violations by evasion"), ("attacked", "under attack")):
        table = metrics.get(name, {})
        if table:
            keys = list(next(iter(table.values())))
            rows = [[kind, *(str(row[key]) for key in keys)] for kind, row in table.items()]
            show.table(head, ["", *keys], rows)
