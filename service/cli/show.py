"""What commands show to a person: decisions, tables, progress. Machines use `--json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from moderation.taxonomy import taxonomy
from moderation.types import Action, Decision, Penalty
from service.wording import KINDS

ACTION = {
    Action.PASS: ("通过", "green"),
    Action.REVIEW: ("待复核", "yellow"),
    Action.BLOCK: ("拦截", "red"),
}


def decision(text: str, judged: Decision) -> None:
    """Print a decision: the text with its evidence marked, findings, articles and penalty."""
    console = Console(highlight=False)
    name, style = ACTION[judged.action]
    line = Text(text)
    for finding in judged.findings:
        for piece in finding.evidence:
            line.stylize("bold underline", piece.start, piece.end)
    console.print(Text(f"[{name}] ", style=f"bold {style}") + line)
    for finding in judged.findings:
        read = [
            f"{p.text}→{p.read_as}" if p.text != p.read_as else p.text for p in finding.evidence
        ]
        label = taxonomy()[finding.label].name
        words = "、".join(dict.fromkeys(read))
        console.print(f"  {label} {finding.score:.2f}（{finding.source}）：{words}", markup=False)
    for article in judged.ruling.articles:
        console.print(f"  第{article.article}条：{article.summary}", markup=False)
    if judged.ruling.penalty:
        console.print(f"  拟处理：{penalty(judged.ruling.penalty)}", markup=False)
    if judged.ruling.uncovered:
        names = "、".join(taxonomy()[label].name for label in judged.ruling.uncovered)
        console.print(f"  制度未涉及：{names}", markup=False)
    if judged.degraded:
        console.print(f"  检测器异常：{'、'.join(judged.degraded)}", style="red", markup=False)


def penalty(proposed: Penalty) -> str:
    """Return a penalty in Chinese words."""
    words = KINDS[proposed.kind]
    amount = proposed.amount
    if proposed.kind == "fine" and amount is None:
        words += "（金额由复核人定）"
    elif amount is not None:
        low, high = f"{amount.minimum:f}", None if amount.maximum is None else f"{amount.maximum:f}"
        words += (
            f"{low}元以上" if high is None else f"{low}元" if low == high else f"{low}至{high}元"
        )
    return f"{words}，第{proposed.occurrence}次，待人工确认"


def as_json(body: Any) -> None:
    """Print a value for machines."""
    typer.echo(json.dumps(body, ensure_ascii=False, indent=1))


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Print a table."""
    grid = Table(title=title, title_justify="left")
    for column in columns:
        grid.add_column(column)
    for row in rows:
        grid.add_row(*row)
    Console(markup=False).print(grid)


@contextmanager
def progress(source: Path, output: Path | None) -> Iterator[Callable[[int], None]]:
    """Show a bar over the bytes of a long input on a terminal; give the function that moves it on."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    size = source.stat().st_size if source.is_file() else None
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden = output is None and not console.is_terminal
    with Progress(*columns, console=console, disable=hidden) as bar:
        task = bar.add_task("bytes", total=size)
        yield lambda done: bar.advance(task, done)


@contextmanager
def working() -> Iterator[Callable[[str], None]]:
    """Show what long work is at, with the time it has taken; give the function that names the step."""
    from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), "{task.description}", TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda text: bar.update(task, description=text)
