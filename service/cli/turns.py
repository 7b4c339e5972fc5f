"""`moderation turns`: what messages do in a conversation. Training and measuring need the extra `training`."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli import show

app = typer.Typer(
    no_args_is_help=True,
    help="Tell questions, requests, complaints, promises, refusals, receipts and thanks apart.",
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Model = Annotated[
    Path | None, typer.Option(help="Folder of a model of turns; default: the shipped one.")
]


@app.command()
def classify(
    texts: Annotated[list[str], typer.Argument(metavar="TEXT…", help="Messages.")],
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Say of each message what it does.

    Example: moderation turns classify "发票什么时候开" "收到，我去问一下"
    """
    from moderation.turns import KINDS, TURNS, TurnModel, likeliest
    from moderation.types import check_text

    loaded = TurnModel.load(model or TURNS)
    judged = loaded.probabilities([check_text(text) for text in texts])
    rows = [
        {"text": text, "kind": kind, "probability": round(float(row[KINDS.index(kind)]), 4)}
        for text, kind, row in zip(texts, likeliest(judged), judged, strict=True)
    ]
    if as_json:
        show.as_json(rows)
    else:
        show.table("turns", list(rows[0]), [[str(cell) for cell in row.values()] for row in rows])


@app.command()
def train(
    output: Annotated[Path, typer.Option(help="Folder of the new model.")],
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", help="Labelled JSON Lines; default: the project's own."),
    ] = None,
    released: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Date in the version; default today."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a model of turns and show its figures, each file judged by a model that did not see it.

    Messages of the split `test` are left out.

    Example: moderation turns train --output models/turns
    """
    from training import turncorpus, turns

    day = released.date() if released else date.today()
    with show.working() as step:
        step("reading data")
        samples = turncorpus.load_turns(inputs or ())
        about = turns.train(samples, output, turns.Recipe(), day, step)
    _report(about["metrics"], as_json)


@app.command()
def evaluate(
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", help="Labelled JSON Lines; default: the model's held-out figures."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Only messages of this split; `test` is what no model has learnt from."),
    ] = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Measure a model of turns on labelled messages, or show its held-out figures.

    Example: moderation turns evaluate

    Example: moderation turns evaluate --split test --json
    """
    from moderation.turns import TURNS, TurnModel

    loaded = TurnModel.load(model or TURNS)
    if not inputs and not split:
        _report(loaded.about["metrics"], as_json)
        return
    from training import corpus, turncorpus, turns

    samples = turncorpus.load_turns(inputs or ())
    if split:
        samples = corpus.of_split(samples, split)
    found = loaded.kinds([sample.text for sample in samples])
    _report(turns.figures(samples, found), as_json)


def _report(metrics: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show.as_json(metrics)
        return
    rows = [("asks", metrics["asks"]), *metrics["kinds"].items(), *metrics["files"].items()]
    columns = ["", "precision", "recall", "F1", "messages"]
    table = [[name, *(str(value) for value in row.values())] for name, row in rows]
    show.table("kinds, and asking or not in each file", columns, table)
    typer.echo(f"messages {metrics['messages']}, macro F1 over kinds {metrics['macro_f1']}")
