"""`moderation report`: one HTML file about a version, or about two: needs the extra `training`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli import show


def report(
    version: Annotated[str, typer.Argument(help="Model folder, version or alias.")],
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path("report.html"),
    against: Annotated[
        str | None, typer.Option(help="Another one to compare it with, label by label.")
    ] = None,
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", help="Labelled JSON Lines; neither has seen them."),
    ] = None,
    curve: Annotated[
        bool, typer.Option("--curve", help="Draw a learning curve of the project's data too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Write report.html of a version, judged on messages kept out of all training: the split `test`.

    Precision against recall, calibration, confusion, recall by way of hiding and under attack, worst
    errors; with `--against` the differences with their intervals, and the messages that flip.

    Example: moderation report champion --output report.html

    Example: moderation report 2026.11.30-1f2e3d --against champion --output compare.html
    """
    from moderation.artifacts import load_model
    from service.settings import Settings
    from training import corpus, learning, versus

    registry = Settings().registry
    loaded = load_model(registry.resolve(version))
    other = None if against is None else load_model(registry.resolve(against))
    with show.working() as step:
        step("reading data")
        project = corpus.load_samples()
        samples = corpus.load_samples(inputs) if inputs else corpus.of_split(project, corpus.TEST)
        points = learning.curve(project, step) if curve else []
        step("judging and drawing")
        found = versus.report(output, loaded, other, samples, points)
    if as_json:
        figures = found.figures and found.figures.to_dict()
        show.as_json({"file": str(output), "metrics": found.metrics, "against": figures})
        return
    typer.echo(f"{output}: {loaded.version} on {len(samples)} messages")
    if found.figures is not None and found.figures.label_f1 is not None:
        one = found.figures.label_f1
        typer.echo(
            f"label F1 {one.new:.3f}, {one.value:+.3f} against {against} ({one.low:+.3f} … {one.high:+.3f})"
        )
